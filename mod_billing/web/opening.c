/* SPDX-License-Identifier: Apache-2.0
 * The way to the provider's own pages. */
#include "web/opening.h"

#include "service/checkout.h"
#include "service/portal.h"
#include "service/provider.h"
#include "web/problem.h"

#include <apr_strings.h>
#include <http_protocol.h>

bool opening_allowed(request_rec *r, const struct member *member, int *answered)
{
    if (!member->may_manage) {
        *answered = problem_send(r, HTTP_FORBIDDEN, "role_not_allowed", "Your role may not manage billing.");
    }
    return member->may_manage;
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

/* The only plan that is sold; NULL where the problem was sent. */
static const struct plan *plan_only(request_rec *r, const struct catalogue *catalogue, bool livemode, int *answered)
{
    const struct plan *plan = NULL;
    size_t sold = 0;

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

/* Plans without a price in this mode cannot be sold. */
static const struct plan *plan_asked(request_rec *r, const char *key, bool livemode, int *answered)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    const struct plan *plan;

    if (!key) {
        return plan_only(r, catalogue, livemode, answered);
    }
    plan = catalogue_plan_by_key(catalogue, key);
    if (!plan || !plan_price(plan, PROVIDER_NAME, livemode)) {
        *answered = problem_send(r, HTTP_BAD_REQUEST, "unknown_plan", "There is no such plan for sale.");
        return NULL;
    }
    return plan;
}

static int checkout_problem(request_rec *r, const struct checkout_answer *answer)
{
    switch (answer->outcome) {
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

bool opening_checkout(request_rec *r, const struct member *member, const char *plan_key, struct opening *opening,
                      int *answered)
{
    const struct plan *plan = plan_asked(r, plan_key, member->livemode, answered);
    struct checkout_answer answer;

    if (!plan) {
        return false;
    }
    answer = checkout_open(r->pool, config_server(r->server), member->org, plan);
    if (answer.outcome != CHECKOUT_READY) {
        *answered = checkout_problem(r, &answer);
        return false;
    }
    *opening = (struct opening){answer.url, plan, answer.expires_at};
    return true;
}

static bool flow_parse(request_rec *r, const char *name, enum portal_flow *flow, int *answered)
{
    if (!name) {
        *flow = PORTAL_HOME;
    } else if (!strcmp(name, "payment_method_update")) {
        *flow = PORTAL_PAYMENT_METHOD;
    } else {
        *answered = problem_send(r, HTTP_BAD_REQUEST, "unknown_flow", "The one flow there is: payment_method_update.");
        return false;
    }
    return true;
}

static int portal_problem(request_rec *r, const struct portal_answer *answer)
{
    switch (answer->outcome) {
    case PORTAL_NO_CUSTOMER:
        return problem_send(r, HTTP_CONFLICT, "no_customer", "There is nothing to manage yet. Subscribe first.");
    case PORTAL_REFUSED:
        return provider_refused(r);
    case PORTAL_NO_STATE:
        return state_unavailable(r, answer->retry_after);
    default:
        return problem_unavailable(r, "provider_unavailable",
                                   "The payment provider cannot be asked now. Try again shortly.", answer->retry_after);
    }
}

bool opening_portal(request_rec *r, const struct member *member, const char *flow_name, struct opening *opening,
                    int *answered)
{
    struct portal_answer answer;
    enum portal_flow flow;

    if (!flow_parse(r, flow_name, &flow, answered)) {
        return false;
    }
    answer = portal_open(r->pool, config_server(r->server), member->org, flow);
    if (answer.outcome != PORTAL_READY) {
        *answered = portal_problem(r, &answer);
        return false;
    }
    *opening = (struct opening){.url = answer.url};
    return true;
}
