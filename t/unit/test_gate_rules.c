/* SPDX-License-Identifier: Apache-2.0
 * The rules of the decision one by one, with their edges. */
#include "gate_world.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void test_roles(void)
{
    static const struct {
        const char *claim;
        bool allowed;
    } claims[] = {
        {"owner", true},
        {"dispatcher", true},
        {"driver,owner", true},
        {"owner,driver", true},
        {" owner ", true},
        {"\towner\t", true},
        {"a, dispatcher ,b", true},
        {",,owner,,", true},
        {NULL, false},
        {"", false},
        {",", false},
        {" , ", false},
        {"Owner", false},
        {"owners", false},
        {"own", false},
        {"owner dispatcher", false},
        {"co-owner", false},
        {"owner;driver", false},
        {"\"owner\"", false},
        {"owner\n", false},
    };
    for (size_t i = 0; i < COUNT(claims); ++i) {
        struct world world;
        world_set_up(&world);
        break_role(&world);
        world.context.roles = claims[i].claim;
        struct decision decision = world_decide(&world);
        CU_ASSERT_EQUAL(decision.allowed, claims[i].allowed);
        CU_ASSERT_EQUAL(decision.reason, claims[i].allowed ? REASON_PLAN : REASON_ROLE);
        world.feature.roles.count = 0;
        CU_ASSERT_TRUE(world_decide(&world).allowed);
    }
}

/* Hashes only sort out: names decide. Two of one hash cannot be had by searching, entries that say so can. */
static void test_role_of_the_same_hash(void)
{
    struct world world;
    world_set_up(&world);
    break_role(&world);
    world.roles[0] = (struct key_ref){"owner", key_hash_str("driver")};
    CU_ASSERT_EQUAL(world_decide(&world).reason, REASON_ROLE);
    world.roles[0].key = "driver2";
    CU_ASSERT_EQUAL(world_decide(&world).reason, REASON_ROLE);
    world.roles[0].key = "driver";
    CU_ASSERT_EQUAL(world_decide(&world).reason, REASON_PLAN);
}

static void test_app_types(void)
{
    static const struct {
        const char *told, *recorded;
        enum decision_reason reason;
    } cases[] = {
        {"towing", NULL, REASON_PLAN},     {"trucking", "baking", REASON_PLAN},
        {NULL, "towing", REASON_PLAN},     {"", "trucking", REASON_PLAN},
        {NULL, NULL, REASON_APP_TYPE},     {"baking", "trucking", REASON_APP_TYPE},
        {"Towing", NULL, REASON_APP_TYPE}, {NULL, "baking", REASON_APP_TYPE},
        {"", NULL, REASON_APP_TYPE},       {"towing,trucking", NULL, REASON_APP_TYPE},
    };
    for (size_t i = 0; i < COUNT(cases); ++i) {
        struct world world;
        world_set_up(&world);
        break_app_type(&world);
        world.context.app_type = cases[i].told;
        world.state.app_type = cases[i].recorded ? key_hash_str(cases[i].recorded) : 0;
        CU_ASSERT_EQUAL(world_decide(&world).reason, cases[i].reason);
    }
}

/* With the database away an org nobody remembers has no app type either: the stale policy must decide. */
static void test_app_type_of_unknown_state(void)
{
    struct world world;
    world_set_up(&world);
    break_app_type(&world);
    world.no_state = true;
    CU_ASSERT_EQUAL(world_decide(&world).reason, REASON_APP_TYPE);
    world.context.app_type = NULL;
    CU_ASSERT_EQUAL(world_decide(&world).reason, REASON_UNVERIFIED);
    CU_ASSERT_TRUE(world_decide(&world).allowed);
    break_role(&world);
    CU_ASSERT_EQUAL(world_decide(&world).reason, REASON_ROLE);
}

static void test_past_due_policies(void)
{
    static const int64_t since = NOW - GRACE_DEFAULT;
    static const struct {
        enum past_due_policy policy;
        bool reading, grace_over;
        int64_t since, now;
        bool allowed;
        int64_t grace_until;
    } cases[] = {
        {PAST_DUE_GRACE, false, false, since, NOW - 1, true, NOW},
        {PAST_DUE_GRACE, false, false, since, NOW, false, NOW},
        {PAST_DUE_GRACE, true, false, since, NOW, false, NOW},
        {PAST_DUE_GRACE, false, true, since, NOW - 1, false, 0},
        {PAST_DUE_GRACE, false, false, 0, INT64_MAX, true, 0},
        {PAST_DUE_GRACE, false, true, 0, NOW, false, 0},
        {PAST_DUE_GRACE, false, false, INT64_MAX, NOW, true, INT64_MAX},
        {PAST_DUE_GRACE, false, false, INT64_MIN, NOW, false, INT64_MIN + GRACE_DEFAULT},
        {PAST_DUE_ALLOW, false, false, 1, NOW, true, 0},
        {PAST_DUE_ALLOW, false, true, 1, NOW, true, 0},
        {PAST_DUE_READ_ONLY, true, false, 1, NOW, true, 0},
        {PAST_DUE_READ_ONLY, true, true, 1, NOW, true, 0},
        {PAST_DUE_READ_ONLY, false, false, NOW, NOW, false, 0},
        {PAST_DUE_DENY, true, false, NOW, NOW, false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); ++i) {
        struct world world;
        world_set_up(&world);
        world.feature.past_due = cases[i].policy;
        world.context.reading = cases[i].reading;
        world.context.now = world.state.verified_at = cases[i].now;
        world.state.status = STATUS_PAST_DUE;
        world.state.grace_over = cases[i].grace_over;
        world.state.past_due_since = cases[i].since;
        struct decision decision = world_decide(&world);
        CU_ASSERT_EQUAL(decision.allowed, cases[i].allowed);
        CU_ASSERT_EQUAL(decision.reason, cases[i].allowed ? REASON_GRACE : REASON_PAST_DUE);
        CU_ASSERT_EQUAL(decision.grace_until, cases[i].grace_until);
        break_plan(&world);
        decision = world_decide(&world);
        CU_ASSERT_TRUE(!decision.allowed && decision.reason == REASON_PLAN && !decision.grace_until);
    }
}

static void test_age(void)
{
    static const struct {
        int64_t now, verified_at, max;
        bool verified;
    } cases[] = {
        {NOW, NOW - 60, 60, true},         {NOW, NOW - 61, 60, false},
        {NOW, NOW + 99, 0, true},          {NOW, NOW, 0, true},
        {INT64_MAX, INT64_MIN, 60, false}, {INT64_MIN, INT64_MAX, 60, true},
        {NOW, 0, STALE_DEFAULT, false},    {INT64_MAX, INT64_MIN, INT64_MAX, true},
        {-1, INT64_MAX, 60, true},         {0, INT64_MIN, 60, false},
    };
    for (size_t i = 0; i < COUNT(cases); ++i) {
        struct world world;
        world_set_up(&world);
        world.feature.stale_allow = false;
        world.feature.stale_max = cases[i].max;
        world.context.now = cases[i].now;
        world.state.verified_at = cases[i].verified_at;
        struct decision decision = world_decide(&world);
        CU_ASSERT_EQUAL(decision.allowed, cases[i].verified);
        CU_ASSERT_EQUAL(decision.reason, cases[i].verified ? REASON_PLAN : REASON_UNVERIFIED);
    }
}

static void test_limit(void)
{
    static const struct {
        bool has_usage;
        int64_t usage, override, plan;
        int64_t limit;
        bool allowed;
    } cases[] = {
        {true, 4, LIMIT_NOT_SET, PLAN_LIMIT, PLAN_LIMIT, true},
        {true, 5, LIMIT_NOT_SET, PLAN_LIMIT, PLAN_LIMIT, false},
        {true, INT64_MAX, LIMIT_NOT_SET, PLAN_LIMIT, PLAN_LIMIT, false},
        {true, INT64_MIN, LIMIT_NOT_SET, PLAN_LIMIT, PLAN_LIMIT, true},
        {false, 5, LIMIT_NOT_SET, PLAN_LIMIT, PLAN_LIMIT, true},
        {true, 5, 6, PLAN_LIMIT, 6, true},
        {true, 6, 6, PLAN_LIMIT, 6, false},
        {true, 0, 0, PLAN_LIMIT, 0, false},
        {true, INT64_MAX, LIMIT_UNLIMITED, PLAN_LIMIT, LIMIT_UNLIMITED, true},
        {true, INT64_MAX, LIMIT_NOT_SET, LIMIT_UNLIMITED, LIMIT_UNLIMITED, true},
    };
    for (size_t i = 0; i < COUNT(cases); ++i) {
        struct world world;
        world_set_up(&world);
        break_limit(&world);
        world.limits[0].value = cases[i].plan;
        world.context.has_usage = cases[i].has_usage;
        world.context.usage = cases[i].usage;
        if (cases[i].override != LIMIT_NOT_SET) {
            world_override(&world, LIMIT_KEY, OVERRIDE_LIMIT, cases[i].override, NOW + 1);
        }
        world_override(&world, LIMIT_KEY, OVERRIDE_LIMIT, 0, NOW); /* expired */
        world_override(&world, FEATURE_KEY, OVERRIDE_LIMIT, 0, 0); /* a limit of that name is no grant */
        struct decision decision = world_decide(&world);
        CU_ASSERT_EQUAL(decision.limit, cases[i].limit);
        CU_ASSERT_EQUAL(decision.allowed, cases[i].allowed);
        CU_ASSERT_EQUAL(decision.reason, cases[i].allowed ? REASON_PLAN : REASON_LIMIT);
    }
}

static void test_limit_not_set(void)
{
    struct world world;
    world_set_up(&world);
    break_limit(&world);
    world.feature.uses = world_ref("seats");
    CU_ASSERT_TRUE(world_decide(&world).allowed);
    CU_ASSERT_EQUAL(world_decide(&world).limit, LIMIT_NOT_SET);
    world.feature.uses = (struct key_ref){NULL, 0};
    CU_ASSERT_TRUE(world_decide(&world).allowed);
    CU_ASSERT_EQUAL(world_decide(&world).limit, LIMIT_NOT_SET);
    CU_ASSERT_EQUAL(limit_in_force(&world.catalogue, NULL, key_hash_str(LIMIT_KEY), NOW), LIMIT_NOT_SET);
    CU_ASSERT_EQUAL(limit_in_force(&world.catalogue, &world.state, 0, NOW), LIMIT_NOT_SET);
    world.state.plan = 0;
    CU_ASSERT_EQUAL(limit_in_force(&world.catalogue, &world.state, key_hash_str(LIMIT_KEY), NOW), LIMIT_NOT_SET);
}

static void test_limit_in_grace(void)
{
    struct world world;
    world_set_up(&world);
    break_grace(&world);
    break_limit(&world);
    struct decision decision = world_decide(&world);
    CU_ASSERT_EQUAL(decision.reason, REASON_LIMIT);
    CU_ASSERT_EQUAL(decision.grace_until, 0);
}

static void test_limit_of_unverified_state(void)
{
    struct world world;
    world_set_up(&world);
    break_stale_allowed(&world);
    break_limit(&world);
    struct decision decision = world_decide(&world);
    CU_ASSERT_TRUE(decision.allowed && decision.reason == REASON_UNVERIFIED);
}

static void test_expired_overrides(void)
{
    struct world world;
    world_set_up(&world);
    world_override(&world, FEATURE_KEY, OVERRIDE_REFUSE, 0, NOW);
    CU_ASSERT_EQUAL(world_decide(&world).reason, REASON_PLAN);
    world.context.now = NOW - 1;
    CU_ASSERT_EQUAL(world_decide(&world).reason, REASON_OVERRIDE);
    world_set_up(&world);
    break_canceled(&world);
    world_override(&world, FEATURE_KEY, OVERRIDE_GRANT, 0, NOW);
    CU_ASSERT_EQUAL(world_decide(&world).reason, REASON_CANCELED);
}

static void test_method_bits(void)
{
    struct world world;
    world_set_up(&world);
    break_canceled(&world);
    world.feature.except_methods = METHOD_BIT_HEAD;
    CU_ASSERT_FALSE(world_decide(&world).allowed);
    world.context.method = METHOD_BIT_HEAD;
    CU_ASSERT_TRUE(world_decide(&world).allowed);
    world.context.method = 0;
    world.feature.except_methods = UINT64_MAX;
    CU_ASSERT_FALSE(world_decide(&world).allowed);
}

static const struct unit_test tests[] = {
    {"roles", test_roles},
    {"role of the same hash", test_role_of_the_same_hash},
    {"app types", test_app_types},
    {"app type of an unknown state", test_app_type_of_unknown_state},
    {"past due policies", test_past_due_policies},
    {"age", test_age},
    {"limit", test_limit},
    {"limit: not set", test_limit_not_set},
    {"limit: in grace", test_limit_in_grace},
    {"limit: of an unverified state", test_limit_of_unverified_state},
    {"expired overrides", test_expired_overrides},
    {"methods", test_method_bits},
};
UNIT_MAIN(tests)
