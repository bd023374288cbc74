/* SPDX-License-Identifier: Apache-2.0
 * GET /summary: how things stand for the org, for a front end. */
#include "web/answer.h"
#include "web/decision_json.h"
#include "web/json_body.h"
#include "web/problem.h"
#include "web/routes.h"
#include "web/standing.h"

#include <http_protocol.h>

static json_t *summary_features(const struct decision *decisions)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    json_t *json = json_object();

    for (size_t i = 0; i < catalogue->feature_count; ++i) {
        json_object_set_new(json, catalogue->features[i].ref.key, decision_json(&decisions[i]));
    }
    return json;
}

static json_t *summary_subscription(const struct standing *standing, const struct decision *decisions)
{
    const struct org_state *state = &standing->member.state;
    const struct plan *plan = catalogue_plan(&config_global()->catalogue, state->plan);
    json_t *json = json_object();

    json_object_set_new(json, "status", json_string(status_name(state->status)));
    json_object_set_new(json, "planKey", json_text_or_null(plan ? plan->ref.key : NULL));
    json_object_set_new(json, "planName", json_text_or_null(plan ? plan->name : NULL));
    json_object_set_new(json, "currentPeriodEnd", json_time(state->period_end));
    json_object_set_new(json, "cancelAt", json_time(state->cancel_at));
    json_object_set_new(json, "pastDueSince", json_time(state->past_due_since));
    json_object_set_new(json, "graceUntil", json_time(standing_grace_until(standing, decisions)));
    return json;
}

/* A number, or null for unlimited. */
static json_t *summary_limits(request_rec *r, const struct standing *standing)
{
    size_t count;
    const struct standing_limit *limits = standing_limits(r, standing, &count);
    json_t *json = json_object();

    for (size_t i = 0; i < count; ++i) {
        json_object_set_new(json, limits[i].key, limit_json(limits[i].value));
    }
    return json;
}

static json_t *summary_org(const struct member *member)
{
    json_t *json = json_object();

    json_object_set_new(json, "id", json_string(member->org));
    json_object_set_new(json, "createdAt", json_time(member->state.created_at));
    return json;
}

static json_t *summary_actions(const struct standing *standing)
{
    json_t *json = json_object();

    json_object_set_new(json, "checkout", json_boolean(standing->may_checkout));
    json_object_set_new(json, "portal", json_boolean(standing->may_portal));
    return json;
}

static json_t *summary_pending(const struct checkout_pending *pending)
{
    json_t *json;

    if (!pending->url) {
        return json_null();
    }
    json = json_object();
    json_object_set_new(json, "url", json_string(pending->url));
    json_object_set_new(json, "expiresAt", json_time(pending->expires_at));
    return json;
}

int summary_handler(request_rec *r, const char *tail)
{
    const struct decision *decisions;
    struct standing standing;
    json_t *json;
    int answered;

    (void)tail;
    if (!query_is_clean(r, &answered) || !standing_find(r, &standing, &answered)) {
        return answered;
    }
    if (!standing.member.known) {
        return problem_unavailable(r, "state_unavailable", "The billing status cannot be read now. Try again shortly.",
                                   5);
    }
    decisions = standing_decisions(r, &standing);
    json = json_object();
    json_object_set_new(json, "org", summary_org(&standing.member));
    json_object_set_new(json, "subscription", summary_subscription(&standing, decisions));
    json_object_set_new(json, "features", summary_features(decisions));
    json_object_set_new(json, "limits", summary_limits(r, &standing));
    json_object_set_new(json, "actions", summary_actions(&standing));
    json_object_set_new(json, "pendingCheckout", summary_pending(&standing.pending));
    json_object_set_new(json, "livemode", json_boolean(standing.member.livemode));
    json_object_set_new(json, "asOf", json_time(standing.member.state.verified_at));
    json_object_set_new(json, "stale", json_boolean(standing.stale));
    return answer_json_etag(r, json, "asOf");
}
