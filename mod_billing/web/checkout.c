/* SPDX-License-Identifier: Apache-2.0
 * POST /checkout-session and POST /portal-session: the way to the provider's own pages. */
#include "service/checkout.h"
#include "service/portal.h"
#include "service/provider.h"
#include "web/answer.h"
#include "web/json_body.h"
#include "web/member.h"
#include "web/origin.h"
#include "web/problem.h"
#include "web/routes.h"

#include <apr_strings.h>
#include <http_protocol.h>

/* A member who may manage billing, with a clean body; else the problem was sent. */
static bool manager_find(request_rec *r, const char *const *members, struct member *member, json_t **body,
                         int *answered)
{
    if (!member_find(r, member, answered) || !origin_may_change(r, answered)) {
        return false;
    }
    if (!member->may_manage) {
        *answered = problem_send(r, HTTP_FORBIDDEN, "role_not_allowed", "Your role may not manage billing.");
        return false;
    }
    return json_body_read(r, members, body, answered);
}

static int provider_refused(request_rec *r)
{
    return problem_send(r, HTTP_BAD_GATEWAY, "provider_refused",
                        "The payment provider refused. This needs the site's operator.");
}

static int state_unavailable(request_rec *r, int retry_after)
{
    return problem_unavailable(r, "state_unavailable", "The billing status cannot be read now. Try again shortly.",
                               retry_after);
}

/* The plan that is asked for; NULL where the problem was sent. Plans without a price in this mode cannot be sold. */
static const struct plan *checkout_plan(request_rec *r, const json_t *body, bool livemode, int *answered)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    const json_t *key = json_object_get(body, "planKey");
    const struct plan *plan = NULL;
    size_t sold = 0;

    if (key && !json_is_null(key)) {
        plan = json_is_string(key) ? catalogue_plan_by_key(catalogue, json_string_value(key)) : NULL;
        if (!plan || !plan_price(plan, PROVIDER_NAME, livemode)) {
            *answered = problem_send(r, HTTP_BAD_REQUEST, "unknown_plan", "There is no such plan for sale.");
            return NULL;
        }
        return plan;
    }
    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        if (plan_price(&catalogue->plans[i], PROVIDER_NAME, livemode)) {
            plan = &catalogue->plans[i];
            ++sold;
        }
    }
    if (sold != 1) {
        *answered = sold ? problem_send(r, HTTP_BAD_REQUEST, "plan_required", "Say which plan, by planKey.")
                         : problem_send(r, HTTP_BAD_REQUEST, "unknown_plan", "There is no plan for sale.");
        return NULL;
    }
    return plan;
}

static int checkout_answer(request_rec *r, const struct plan *plan, const struct checkout_answer *answer)
{
    json_t *json;

    switch (answer->outcome) {
    case CHECKOUT_READY:
        json = json_object();
        json_object_set_new(json, "url", json_string(answer->url));
        json_object_set_new(json, "planKey", json_string(plan->ref.key));
        json_object_set_new(json, "expiresAt", json_time(answer->expires_at));
        return answer_json(r, HTTP_OK, "application/json", json);
    case CHECKOUT_SUBSCRIBED:
        return problem_send(r, HTTP_CONFLICT, "already_subscribed",
                            "There is a subscription already. Manage it in the portal.");
    case CHECKOUT_TOO_MANY:
        apr_table_setn(r->headers_out, "Retry-After", apr_itoa(r->pool, answer->retry_after));
        return problem_send(r, HTTP_TOO_MANY_REQUESTS, "too_many_checkouts",
                            "Too many checkouts were begun within an hour. Try again later.");
    case CHECKOUT_REFUSED:
        return provider_refused(r);
    case CHECKOUT_NO_STATE:
        return state_unavailable(r, answer->retry_after);
    default:
        return problem_unavailable(r, "provider_unavailable",
                                   "The payment provider cannot be asked now. Nothing was charged. Try again shortly.",
                                   answer->retry_after);
    }
}

int checkout_handler(request_rec *r, const char *tail)
{
    static const char *const members[] = {"planKey", NULL};
    const struct plan *plan;
    struct checkout_answer answer;
    struct member member;
    json_t *body;
    int answered;

    (void)tail;
    if (!manager_find(r, members, &member, &body, &answered) ||
        !(plan = checkout_plan(r, body, member.livemode, &answered))) {
        return answered;
    }
    answer = checkout_open(r->pool, config_server(r->server), member.org, plan);
    return checkout_answer(r, plan, &answer);
}

static bool portal_flow_parse(request_rec *r, const json_t *body, enum portal_flow *flow, int *answered)
{
    const json_t *name = json_object_get(body, "flow");

    *flow = PORTAL_HOME;
    if (!name || json_is_null(name)) {
        return true;
    }
    if (json_is_string(name) && !strcmp(json_string_value(name), "payment_method_update")) {
        *flow = PORTAL_PAYMENT_METHOD;
        return true;
    }
    *answered = problem_send(r, HTTP_BAD_REQUEST, "unknown_flow", "The one flow there is: payment_method_update.");
    return false;
}

int portal_handler(request_rec *r, const char *tail)
{
    static const char *const members[] = {"flow", NULL};
    struct portal_answer answer;
    struct member member;
    enum portal_flow flow;
    json_t *body, *json;
    int answered;

    (void)tail;
    if (!manager_find(r, members, &member, &body, &answered) || !portal_flow_parse(r, body, &flow, &answered)) {
        return answered;
    }
    answer = portal_open(r->pool, config_server(r->server), member.org, flow);
    switch (answer.outcome) {
    case PORTAL_READY:
        json = json_object();
        json_object_set_new(json, "url", json_string(answer.url));
        return answer_json(r, HTTP_OK, "application/json", json);
    case PORTAL_NO_CUSTOMER:
        return problem_send(r, HTTP_CONFLICT, "no_customer", "There is nothing to manage yet. Subscribe first.");
    case PORTAL_REFUSED:
        return provider_refused(r);
    case PORTAL_NO_STATE:
        return state_unavailable(r, answer.retry_after);
    default:
        return problem_unavailable(r, "provider_unavailable",
                                   "The payment provider cannot be asked now. Try again shortly.", answer.retry_after);
    }
}
