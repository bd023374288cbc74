/* SPDX-License-Identifier: Apache-2.0
 * POST /webhook: the provider's events come in here. */
#include "config/config.h"
#include "provider/stripe/event.h"
#include "provider/stripe/signature.h"
#include "service/event.h"
#include "service/metrics.h"
#include "service/provider.h"
#include "service/runtime.h"
#include "store/operate.h"
#include "web/answer.h"
#include "web/body.h"
#include "web/problem.h"
#include "web/routes.h"

#include <http_log.h>
#include <http_protocol.h>

APLOG_USE_MODULE(attune_billing);

#define WEBHOOK_BODY_MAX (1024 * 1024)

/* Whatever is wrong with a signature, its sender is told the same; the reason is in the log. */
static int webhook_bad_signature(request_rec *r, const char *reason)
{
    metrics_webhook(config_server(r->server)->mode == MODE_LIVE, WEBHOOK_INVALID_SIGNATURE);
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "ATB0401: webhook refused: %s", reason);
    return problem_send(r, HTTP_BAD_REQUEST, "invalid_signature", "The signature is missing or wrong.");
}

/* True where the body was signed with one of our secrets; else the problem was sent. */
static bool webhook_verify(request_rec *r, const struct server_config *config, const struct body *body, int *answered)
{
    const apr_array_header_t *secrets = config->webhook_secrets;
    enum signature_verdict verdict;

    if (!secrets || !secrets->nelts) {
        *answered = webhook_bad_signature(r, "no BillingStripeWebhookSecret is configured here");
        return false;
    }
    verdict = stripe_signature_verify(apr_table_get(r->headers_in, "Stripe-Signature"), body->data, body->length,
                                      (const char *const *)secrets->elts, (size_t)secrets->nelts, runtime_now());
    if (verdict != SIGNATURE_OK) {
        *answered = webhook_bad_signature(r, signature_verdict_text(verdict));
        return false;
    }
    return true;
}

static int webhook_answer(request_rec *r, const struct billing_event *event, const struct event_result *result)
{
    json_t *json;

    if (result->outcome == EVENT_FAILED) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "ATB0402: event %s (%s) was not written; the provider sends it again", event->id, event->type);
        return problem_unavailable(r, "database_unavailable", "The event could not be stored. Send it again.", 5);
    }
    ap_log_rerror(APLOG_MARK, result->outcome == EVENT_DEAD ? APLOG_ERR : APLOG_INFO, 0, r,
                  "ATB0403: event %s (%s): %s%s%s", event->id, event->type, event_outcome_name(result->outcome),
                  result->error ? ": " : "", result->error ? result->error : "");
    json = json_object();
    json_object_set_new(json, "received", json_true());
    json_object_set_new(json, "outcome", json_string(event_outcome_name(result->outcome)));
    return answer_json(r, HTTP_OK, "application/json", json);
}

/* Refused rather than kept, so that the provider shows the endpoint as failing too. */
static int webhook_other_mode(request_rec *r, const struct billing_event *event)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "ATB0405: event %s is of %s mode, this server of %s mode: the endpoint at the provider, or "
                  "BillingMode, is the wrong one",
                  event->id, event->livemode ? "live" : "test", event->livemode ? "test" : "live");
    store_mismatch_count(runtime()->database, r->pool, !event->livemode, event->id);
    return problem_send(r, HTTP_BAD_REQUEST, "livemode_mismatch", "This server takes events of the other mode.");
}

int webhook_handler(request_rec *r, const char *tail)
{
    const struct server_config *config = config_server(r->server);
    struct billing_event event;
    struct event_delivery delivery = {.provider = PROVIDER_NAME, .config = config, .event = &event};
    struct event_result result;
    struct body body;
    bool livemode = config->mode == MODE_LIVE;
    const char *error;
    int status = body_read(r, WEBHOOK_BODY_MAX, &body);

    (void)tail;
    if (status != OK) {
        metrics_webhook(livemode, WEBHOOK_UNREADABLE);
        return status;
    }
    if (!webhook_verify(r, config, &body, &status)) {
        return status;
    }
    error = stripe_event_parse(r->pool, body.data, body.length,
                               config->org_metadata ? config->org_metadata : CONFIG_ORG_METADATA_DEFAULT, &event);
    if (error) {
        metrics_webhook(livemode, WEBHOOK_INVALID_EVENT);
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "ATB0404: webhook body refused: %s", error);
        return problem_send(r, HTTP_BAD_REQUEST, "invalid_event", "The body is not an event.");
    }
    /* A connected account's events come in both modes to one endpoint, and are none of ours in either. */
    if (!event.account && event.livemode != livemode) {
        metrics_webhook(livemode, WEBHOOK_OTHER_MODE);
        return webhook_other_mode(r, &event);
    }
    delivery.body = body.data;
    delivery.judge = provider_judge(r->pool, config, PROVIDER_TIMEOUT_WEBHOOK);
    result = event_receive(r->pool, &delivery);
    metrics_webhook_event(livemode, result.outcome, event.created);
    return webhook_answer(r, &event, &result);
}
