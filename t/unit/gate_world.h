/* SPDX-License-Identifier: Apache-2.0
 * One org, one plan and one feature, all well: what the tests of the gate start from, and the ways to break it. */
#ifndef BILLING_UNIT_GATE_WORLD_H
#define BILLING_UNIT_GATE_WORLD_H

#include "domain/gate.h"
#include "domain/key.h"

#define NOW          INT64_C(1800000000)
#define METHOD_POST  UINT64_C(4)
#define PLAN_LIMIT   INT64_C(5)
#define NEW_SINCE    (NOW - 1000)
#define FEATURE_KEY  "trucking.dispatch"
#define LIMIT_KEY    "trucking.maxLocations"
#define ORG          "org_1" /* is in from percent=46 on: printf 'trucking.dispatch\0org_1' | sha256sum */
#define ORG_FIRST_IN 46

struct world {
    struct key_ref grants[1];
    struct key_ref roles[2];
    struct key_ref app_types[2];
    struct plan_limit limits[1];
    struct plan plan;
    struct catalogue catalogue;
    struct feature feature;
    struct gate_context context;
    struct org_state state;
    bool no_state;
};

static inline struct key_ref world_ref(const char *key)
{
    return (struct key_ref){key, key_hash_str(key)};
}

/* An active org whose plan grants the feature under full enforcement. */
static inline void world_set_up(struct world *world)
{
    *world = (struct world){.grants = {world_ref(FEATURE_KEY)},
                            .roles = {world_ref("owner"), world_ref("dispatcher")},
                            .app_types = {world_ref("trucking"), world_ref("towing")},
                            .limits = {{world_ref(LIMIT_KEY), PLAN_LIMIT}}};
    world->plan = (struct plan){.ref = world_ref("founding"), .grants = {world->grants, 1}, .limits = world->limits};
    world->plan.limit_count = 1;
    world->feature = (struct feature){.ref = world_ref(FEATURE_KEY),
                                      .enforcement = ENFORCE_FULL,
                                      .percent = 100,
                                      .past_due = PAST_DUE_GRACE,
                                      .grace = GRACE_DEFAULT,
                                      .stale_max = STALE_DEFAULT,
                                      .stale_allow = true};
    world->catalogue =
        (struct catalogue){.plans = &world->plan, .plan_count = 1, .features = &world->feature, .feature_count = 1};
    world->catalogue.new_orgs_since = NEW_SINCE;
    world->context = (struct gate_context){.org = ORG, .method = METHOD_POST, .now = NOW};
    world->state = (struct org_state){.status = STATUS_ACTIVE,
                                      .plan = world->plan.ref.hash,
                                      .created_at = NEW_SINCE,
                                      .version = 1,
                                      .verified_at = NOW};
}

static inline void world_override(struct world *world, const char *key, enum override_kind kind, int64_t limit,
                                  int64_t expires)
{
    world->state.overrides[world->state.override_count++] = (struct override){key_hash_str(key), kind, limit, expires};
}

static inline struct decision world_decide(const struct world *world)
{
    return gate_decide(&world->feature, &world->catalogue, &world->context, world->no_state ? NULL : &world->state);
}

static inline void break_nothing(struct world *world)
{
    (void)world;
}

static inline void break_method(struct world *world)
{
    world->feature.except_methods = METHOD_POST | METHOD_BIT_HEAD;
    world->context.org = NULL;
}

static inline void break_org(struct world *world)
{
    world->context.org = NULL;
    world->no_state = true;
}

static inline void break_app_type(struct world *world)
{
    world->feature.app_types = (struct key_list){world->app_types, 2};
    world->context.app_type = "baking";
}

static inline void break_role(struct world *world)
{
    world->feature.roles = (struct key_list){world->roles, 2};
    world->context.roles = "driver";
}

static inline void break_refuse(struct world *world)
{
    world_override(world, FEATURE_KEY, OVERRIDE_REFUSE, 0, 0);
}

static inline void break_grant(struct world *world)
{
    world->state.status = STATUS_CANCELED;
    world->state.verified_at = 0;
    world_override(world, FEATURE_KEY, OVERRIDE_GRANT, 0, NOW + 1);
}

static inline void break_stale(struct world *world)
{
    world->feature.stale_allow = false;
    world->state.verified_at = NOW - STALE_DEFAULT - 1;
}

static inline void break_stale_allowed(struct world *world)
{
    break_stale(world);
    world->feature.stale_allow = true;
    world->state.status = STATUS_CANCELED;
}

static inline void break_plan(struct world *world)
{
    world->plan.grants.count = 0;
}

static inline void break_plan_unknown(struct world *world)
{
    world->state.plan = key_hash_str("another");
}

static inline void break_grace(struct world *world)
{
    world->state.status = STATUS_PAST_DUE;
    world->state.past_due_since = NOW - GRACE_DEFAULT + 1;
}

static inline void break_past_due(struct world *world)
{
    world->state.status = STATUS_PAST_DUE;
    world->state.past_due_since = NOW - GRACE_DEFAULT;
}

static inline void break_past_due_plan(struct world *world)
{
    break_grace(world);
    break_plan(world);
}

static inline void break_canceled(struct world *world)
{
    world->state.status = STATUS_CANCELED;
}

static inline void break_none(struct world *world)
{
    world->state.status = STATUS_NONE;
}

static inline void break_status_garbled(struct world *world)
{
    world->state.status = (enum billing_status)77;
}

static inline void break_limit(struct world *world)
{
    world->feature.uses = world_ref(LIMIT_KEY);
    world->context.has_usage = true;
    world->context.usage = PLAN_LIMIT;
}

static inline void break_grant_limit(struct world *world)
{
    break_grant(world);
    break_limit(world);
}

#endif
