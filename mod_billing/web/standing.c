/* SPDX-License-Identifier: Apache-2.0
 * How things stand. */
#include "web/standing.h"

#include "service/state.h"

/* A state is called stale in an answer once the change feed has missed this many passes, but not before STALE_AFTER. */
#define STALE_PASSES 10
#define STALE_AFTER  INT64_C(10) /* seconds */

static bool state_is_stale(const struct member *member)
{
    int64_t limit = STALE_PASSES * apr_time_sec(config_global()->cache_refresh);

    return member->context.now - member->state.verified_at > (limit > STALE_AFTER ? limit : STALE_AFTER);
}

/* What the org has open in Checkout. An org that has a subscription waits for nothing. */
static struct checkout_pending standing_sync(request_rec *r, struct member *member)
{
    struct checkout_pending pending = {NULL, 0};

    if (member->known && !member->state.has_subscription &&
        checkout_sync(r->pool, config_server(r->server), member->org, &pending)) {
        state_find(r->pool, member->org, member->livemode, &member->state);
    }
    return member->may_manage ? pending : (struct checkout_pending){NULL, 0};
}

bool standing_find(request_rec *r, struct standing *standing, int *answered)
{
    struct member *member = &standing->member;

    if (!member_find(r, member, answered)) {
        return false;
    }
    standing->pending = standing_sync(r, member);
    standing->may_checkout = member->known && member->may_manage && !member->state.has_subscription;
    standing->may_portal = member->known && member->may_manage && member->state.has_customer;
    standing->stale = member->known && state_is_stale(member);
    return true;
}

const struct decision *standing_decisions(request_rec *r, const struct standing *standing)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    const struct member *member = &standing->member;
    struct decision *decisions = apr_palloc(r->pool, (catalogue->feature_count + 1) * sizeof(*decisions));

    for (size_t i = 0; i < catalogue->feature_count; ++i) {
        decisions[i] =
            gate_decide(&catalogue->features[i], catalogue, &member->context, member->known ? &member->state : NULL);
    }
    return decisions;
}

int64_t standing_grace_until(const struct standing *standing, const struct decision *decisions)
{
    int64_t until = 0;

    for (size_t i = 0; i < config_global()->catalogue.feature_count; ++i) {
        if (decisions[i].grace_until > until) {
            until = decisions[i].grace_until;
        }
    }
    return standing->member.state.status == STATUS_PAST_DUE ? until : 0;
}

const struct standing_limit *standing_limits(request_rec *r, const struct standing *standing, size_t *count)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    const struct member *member = &standing->member;
    struct standing_limit *limits = apr_palloc(r->pool, (catalogue->limits.count + 1) * sizeof(*limits));

    *count = 0;
    for (size_t i = 0; i < catalogue->limits.count; ++i) {
        const struct key_ref *limit = &catalogue->limits.items[i];
        int64_t value = limit_in_force(catalogue, &member->state, limit->hash, member->context.now);

        if (value != LIMIT_NOT_SET) {
            limits[(*count)++] = (struct standing_limit){limit->key, value};
        }
    }
    return limits;
}
