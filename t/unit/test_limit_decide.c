/* SPDX-License-Identifier: Apache-2.0
 * The decision about a counted limit. */
#include "gate_world.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* The org has used all of its limit, of which the policy knows nothing. */
static void world_used_up(struct world *world)
{
    world_set_up(world);
    world->context.has_usage = true;
    world->context.usage = PLAN_LIMIT;
}

static struct decision decide_limit(const struct world *world)
{
    return limit_decide(&world->feature, key_hash_str(LIMIT_KEY), &world->catalogue, &world->context,
                        world->no_state ? NULL : &world->state);
}

static void expect(const struct world *world, bool allowed, bool would_deny, enum decision_reason reason)
{
    struct decision decision = decide_limit(world);
    CU_ASSERT_EQUAL(decision.allowed, allowed);
    CU_ASSERT_EQUAL(decision.would_deny, would_deny);
    CU_ASSERT_EQUAL(decision.reason, reason);
}

static void test_usage(void)
{
    static const struct {
        int64_t usage;
        bool allowed;
    } cases[] = {{0, true}, {PLAN_LIMIT - 1, true}, {PLAN_LIMIT, false}, {PLAN_LIMIT + 1, false}, {INT64_MAX, false},
                 {-1, true}};
    for (size_t i = 0; i < COUNT(cases); ++i) {
        struct world world;
        world_used_up(&world);
        world.context.usage = cases[i].usage;
        expect(&world, cases[i].allowed, false, cases[i].allowed ? REASON_PLAN : REASON_LIMIT);
        CU_ASSERT_EQUAL(decide_limit(&world).limit, PLAN_LIMIT);
    }
}

static void test_no_limit_is_set(void)
{
    struct world world;
    world_used_up(&world);
    world.plan.limit_count = 0;
    expect(&world, true, false, REASON_PLAN);
    world_override(&world, LIMIT_KEY, OVERRIDE_LIMIT, LIMIT_UNLIMITED, 0);
    expect(&world, true, false, REASON_PLAN);
    world.context.has_usage = false;
    expect(&world, true, false, REASON_PLAN);
    world.feature.stale_allow = false; /* nothing needs to be counted */
    expect(&world, true, false, REASON_PLAN);
    world.state.overrides[0].limit = 0;
    world.context = (struct gate_context){.org = ORG, .now = NOW, .has_usage = true};
    expect(&world, false, false, REASON_LIMIT);
}

/* Roles, grants, excepted methods and the subscription's status are for features. */
static void test_only_the_limit_is_judged(void)
{
    struct world world;
    world_used_up(&world);
    break_role(&world);
    world.feature.except_methods = UINT64_MAX;
    break_canceled(&world);
    world.plan.grants.count = 0;
    expect(&world, false, false, REASON_LIMIT);
    world.context.usage = 0;
    expect(&world, true, false, REASON_PLAN);
}

static void test_what_is_not_known(void)
{
    struct world world;
    for (int allow = 0; allow < 2; ++allow) {
        world_used_up(&world);
        world.feature.stale_allow = allow;
        world.context.has_usage = false;
        expect(&world, allow, false, REASON_UNVERIFIED);
        world.context.has_usage = true;
        world.state.verified_at = NOW - STALE_DEFAULT - 1;
        expect(&world, allow, false, REASON_UNVERIFIED);
        world.no_state = true;
        expect(&world, allow, false, REASON_UNVERIFIED);
    }
}

static void test_enforcement(void)
{
    struct world world;
    world_used_up(&world);
    world.feature.enforcement = ENFORCE_OFF;
    expect(&world, true, false, REASON_MODE_OFF);
    world.feature.enforcement = ENFORCE_MONITOR;
    expect(&world, true, true, REASON_LIMIT);
    world.feature.enforcement = ENFORCE_NEW_ORGS;
    expect(&world, false, false, REASON_LIMIT);
    world.state.created_at = NEW_SINCE - 1;
    expect(&world, true, true, REASON_LIMIT);
    world.feature.enforcement = ENFORCE_FULL;
    world.feature.percent = ORG_FIRST_IN - 1;
    expect(&world, true, true, REASON_LIMIT);
    world.feature.percent = ORG_FIRST_IN;
    expect(&world, false, false, REASON_LIMIT);
    world.context.kill_switch = true;
    expect(&world, true, true, REASON_LIMIT);
}

static void test_no_org(void)
{
    struct world world;
    world_used_up(&world);
    world.context.org = NULL;
    world.no_state = true;
    world.feature.enforcement = ENFORCE_NEW_ORGS;
    expect(&world, false, false, REASON_NO_ORG);
    world.feature.enforcement = ENFORCE_MONITOR;
    expect(&world, true, true, REASON_NO_ORG);
}

static const struct unit_test tests[] = {
    {"usage", test_usage},
    {"no limit is set", test_no_limit_is_set},
    {"only the limit is judged", test_only_the_limit_is_judged},
    {"what is not known", test_what_is_not_known},
    {"enforcement", test_enforcement},
    {"no org", test_no_org},
};
UNIT_MAIN(tests)
