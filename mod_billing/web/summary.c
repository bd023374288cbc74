/* SPDX-License-Identifier: Apache-2.0
 * GET /summary: how things stand for the org, for a front end. */
#include "domain/gate.h"
#include "gate/identity.h"
#include "gate/judge.h"
#include "service/checkout.h"
#include "service/runtime.h"
#include "service/state.h"
#include "web/answer.h"
#include "web/decision_json.h"
#include "web/json_body.h"
#include "web/member.h"
#include "web/problem.h"
#include "web/routes.h"

#include <http_protocol.h>

/* A state is called stale in an answer once the change feed has missed this many passes, but not before STALE_AFTER. */
#define STALE_PASSES 10
#define STALE_AFTER  INT64_C(10) /* seconds */

static json_t *summary_features(const struct member *member, int64_t *grace_until)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    json_t *json = json_object();

    for (size_t i = 0; i < catalogue->feature_count; ++i) {
        struct decision decision =
            gate_decide(&catalogue->features[i], catalogue, &member->context, member->known ? &member->state : NULL);

        json_object_set_new(json, catalogue->features[i].ref.key, decision_json(&decision));
        if (decision.grace_until > *grace_until) {
            *grace_until = decision.grace_until;
        }
    }
    return json;
}

static json_t *summary_subscription(const struct member *member, int64_t grace_until)
{
    const struct org_state *state = &member->state;
    const struct plan *plan = catalogue_plan(&config_global()->catalogue, state->plan);
    json_t *json = json_object();

    json_object_set_new(json, "status", json_string(status_name(state->status)));
    json_object_set_new(json, "planKey", json_text_or_null(plan ? plan->ref.key : NULL));
    json_object_set_new(json, "planName", json_text_or_null(plan ? plan->name : NULL));
    json_object_set_new(json, "currentPeriodEnd", json_time(state->period_end));
    json_object_set_new(json, "cancelAt", json_time(state->cancel_at));
    json_object_set_new(json, "pastDueSince", json_time(state->past_due_since));
    json_object_set_new(json, "graceUntil", json_time(state->status == STATUS_PAST_DUE ? grace_until : 0));
    return json;
}

/* Every limit that any plan names, as it is in force for this org: a number, or null for unlimited. Where neither plan
 * nor override sets one, it is left out. */
static json_t *summary_limits(const struct member *member)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    json_t *json = json_object();

    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        for (size_t k = 0; k < catalogue->plans[i].limit_count; ++k) {
            const struct key_ref *limit = &catalogue->plans[i].limits[k].limit;
            json_t *value = limit_json(limit_in_force(catalogue, &member->state, limit->hash, member->context.now));

            if (value) {
                json_object_set_new(json, limit->key, value);
            }
        }
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

static json_t *summary_actions(const struct member *member)
{
    json_t *json = json_object();

    json_object_set_new(json, "checkout", json_boolean(member->may_manage && !member->state.has_subscription));
    json_object_set_new(json, "portal", json_boolean(member->may_manage && member->state.has_customer));
    return json;
}

static bool summary_stale(const struct member *member)
{
    int64_t limit = STALE_PASSES * apr_time_sec(config_global()->cache_refresh);

    return member->context.now - member->state.verified_at > (limit > STALE_AFTER ? limit : STALE_AFTER);
}

/* What the org has open in Checkout, for those who may act; and a look at the provider where the person may be back
 * from there before the webhook. An org that has a subscription waits for nothing. */
static struct checkout_pending summary_sync(request_rec *r, struct member *member)
{
    struct checkout_pending pending = {NULL, 0};

    if (member->known && !member->state.has_subscription &&
        checkout_sync(r->pool, config_server(r->server), member->org, &pending)) {
        state_find(r->pool, member->org, member->livemode, &member->state);
    }
    return member->may_manage ? pending : (struct checkout_pending){NULL, 0};
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
    struct checkout_pending pending;
    struct member member;
    int64_t grace_until = 0;
    json_t *json, *features;
    int answered;

    (void)tail;
    if (!query_is_clean(r, &answered) || !member_find(r, &member, &answered)) {
        return answered;
    }
    pending = summary_sync(r, &member);
    if (!member.known) {
        return problem_unavailable(r, "state_unavailable", "The billing status cannot be read now. Try again shortly.",
                                   5);
    }
    features = summary_features(&member, &grace_until);
    json = json_object();
    json_object_set_new(json, "org", summary_org(&member));
    json_object_set_new(json, "subscription", summary_subscription(&member, grace_until));
    json_object_set_new(json, "features", features);
    json_object_set_new(json, "limits", summary_limits(&member));
    json_object_set_new(json, "actions", summary_actions(&member));
    json_object_set_new(json, "pendingCheckout", summary_pending(&pending));
    json_object_set_new(json, "livemode", json_boolean(member.livemode));
    json_object_set_new(json, "asOf", json_time(member.state.verified_at));
    json_object_set_new(json, "stale", json_boolean(summary_stale(&member)));
    return answer_json_etag(r, json, "asOf");
}
