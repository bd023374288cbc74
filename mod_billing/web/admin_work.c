/* SPDX-License-Identifier: Apache-2.0
 * /sweep and /verify at the admin mount: asking the provider now. */
#include "domain/key.h"
#include "service/sweep.h"
#include "service/verify.h"
#include "web/admin.h"
#include "web/answer.h"
#include "web/json_body.h"
#include "web/problem.h"
#include "web/routes.h"

#include <http_protocol.h>

static int no_account(request_rec *r)
{
    return problem_send(r, HTTP_CONFLICT, "no_provider_account",
                        "This server has no account at the provider: configure BillingStripeSecretKey.");
}

int admin_sweep_handler(request_rec *r, const char *tail)
{
    static const char *const members[] = {NULL};
    struct operator_call call;
    struct sweep_report report;
    enum lease_result taken;
    json_t *body;
    int answered;

    (void)tail;
    if (!operator_change(r, &call, &answered) || !operator_body_read(r, members, &body, &answered)) {
        return answered;
    }
    if (!sweep_now(r->pool, config_server(r->server), &taken, &report)) {
        return no_account(r);
    }
    switch (taken) {
    case LEASE_TAKEN:
        return answer_json(r, HTTP_OK, "application/json", sweep_report_json(&report));
    case LEASE_BUSY:
        return problem_send(r, HTTP_CONFLICT, "sweep_running", "A sweep is running. GET health tells what came of it.");
    default:
        return operator_unavailable(r);
    }
}

static json_t *drift_json(const struct drift *drift)
{
    json_t *json = json_object();

    json_object_set_new(json, "org", json_string(drift->org));
    json_object_set_new(json, "subscription", json_text_or_null(drift->subscription));
    json_object_set_new(json, "what", json_string(drift->what));
    json_object_set_new(json, "here", json_text_or_null(drift->here));
    json_object_set_new(json, "there", json_text_or_null(drift->there));
    json_object_set_new(json, "repair", json_text_or_null(drift->repair));
    json_object_set_new(json, "error", json_text_or_null(drift->error));
    return json;
}

static json_t *verify_json(const struct verify_report *report, bool livemode)
{
    json_t *json = json_object(), *drift = json_array();

    for (size_t i = 0; i < report->drift_count; ++i) {
        json_array_append_new(drift, drift_json(&report->drift[i]));
    }
    json_object_set_new(json, "livemode", json_boolean(livemode));
    json_object_set_new(json, "checked", json_integer(report->checked));
    json_object_set_new(json, "unreachable", json_integer(report->unreachable));
    json_object_set_new(json, "repaired", json_integer(report->repaired));
    json_object_set_new(json, "drift", drift);
    json_object_set_new(json, "complete", json_boolean(report->complete));
    json_object_set_new(json, "next", report->complete ? json_null() : json_string(report->next));
    return json;
}

/* {"repair":true} mends; "after" is the next of an earlier answer. */
static bool verify_parse(request_rec *r, const json_t *body, struct verify_request *request, int *answered)
{
    const json_t *repair = json_object_get(body, "repair"), *after = json_object_get(body, "after");
    const char *org = json_string_value(after);

    if (repair && !json_is_boolean(repair)) {
        *answered = problem_send(r, HTTP_BAD_REQUEST, "invalid_member", "repair is true or false.");
        return false;
    }
    if (after && !json_is_null(after) && !(org && (!*org || org_id_valid(org, strlen(org))))) {
        *answered = problem_send(r, HTTP_BAD_REQUEST, "invalid_member", "after is the next of an earlier answer.");
        return false;
    }
    request->repair = json_is_true(repair);
    request->after = org ? org : "";
    return true;
}

int admin_verify_handler(request_rec *r, const char *tail)
{
    static const char *const members[] = {"repair", "after", NULL};
    struct operator_call call;
    struct verify_request request = {.config = config_server(r->server)};
    struct verify_report report;
    enum store_result result;
    json_t *body;
    int answered;

    (void)tail;
    if (!operator_change(r, &call, &answered) || !operator_body_read(r, members, &body, &answered) ||
        !verify_parse(r, body, &request, &answered)) {
        return answered;
    }
    if (!verify_run(r->pool, &request, &result, &report)) {
        return no_account(r);
    }
    if (result != STORE_OK && !report.checked) {
        return operator_unavailable(r);
    }
    return answer_json(r, HTTP_OK, "application/json", verify_json(&report, call.livemode));
}
