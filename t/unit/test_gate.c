/* SPDX-License-Identifier: Apache-2.0
 * The decision, rule by rule, and what each kind of enforcement makes of each denial. */
#include "gate_world.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* What happens under full enforcement. */
static const struct scenario {
    void (*arrange)(struct world *world);
    bool allowed;
    enum decision_reason reason;
} scenarios[] = {
    {break_nothing, true, REASON_PLAN},
    {break_method, true, REASON_METHOD},
    {break_org, false, REASON_NO_ORG},
    {break_app_type, false, REASON_APP_TYPE},
    {break_role, false, REASON_ROLE},
    {break_refuse, false, REASON_OVERRIDE},
    {break_grant, true, REASON_OVERRIDE},
    {break_stale, false, REASON_UNVERIFIED},
    {break_stale_allowed, true, REASON_UNVERIFIED},
    {break_plan, false, REASON_PLAN},
    {break_plan_unknown, false, REASON_PLAN},
    {break_grace, true, REASON_GRACE},
    {break_past_due, false, REASON_PAST_DUE},
    {break_past_due_plan, false, REASON_PLAN},
    {break_canceled, false, REASON_CANCELED},
    {break_none, false, REASON_NO_SUBSCRIPTION},
    {break_status_garbled, false, REASON_NO_SUBSCRIPTION},
    {break_limit, false, REASON_LIMIT},
    {break_grant_limit, false, REASON_LIMIT},
};

/* Who is spared a denial: with `no_org` or with any other reason. */
static const struct enforcing {
    enum enforcement enforcement;
    unsigned percent;
    int64_t created_at;
    bool kill_switch;
    bool spares_no_org, spares_others;
} enforcings[] = {
    {ENFORCE_MONITOR, 100, NEW_SINCE, false, true, true},
    {ENFORCE_MONITOR, 0, 0, true, true, true},
    {ENFORCE_NEW_ORGS, 100, NEW_SINCE, false, false, false},
    {ENFORCE_NEW_ORGS, 100, NOW, false, false, false},
    {ENFORCE_NEW_ORGS, 100, NEW_SINCE - 1, false, false, true},
    {ENFORCE_NEW_ORGS, 100, 0, false, false, true},
    {ENFORCE_NEW_ORGS, 100, INT64_MIN, false, false, true},
    {ENFORCE_NEW_ORGS, ORG_FIRST_IN - 1, NEW_SINCE, false, false, true},
    {ENFORCE_NEW_ORGS, ORG_FIRST_IN, NEW_SINCE, false, false, false},
    {ENFORCE_NEW_ORGS, 100, NEW_SINCE, true, true, true},
    {ENFORCE_FULL, 100, 0, false, false, false},
    {ENFORCE_FULL, ORG_FIRST_IN, NEW_SINCE - 1, false, false, false},
    {ENFORCE_FULL, ORG_FIRST_IN - 1, NEW_SINCE, false, false, true},
    {ENFORCE_FULL, 0, NEW_SINCE, false, false, true},
    {ENFORCE_FULL, 100, NEW_SINCE, true, true, true},
};

static void test_every_reason_and_enforcement(void)
{
    for (size_t i = 0; i < COUNT(scenarios); ++i) {
        for (size_t j = 0; j < COUNT(enforcings); ++j) {
            const struct scenario *scenario = &scenarios[i];
            const struct enforcing *enforcing = &enforcings[j];
            struct world world;
            world_set_up(&world);
            scenario->arrange(&world);
            world.feature.enforcement = enforcing->enforcement;
            world.feature.percent = enforcing->percent;
            world.state.created_at = enforcing->created_at;
            world.context.kill_switch = enforcing->kill_switch;
            struct decision decision = world_decide(&world);
            bool spared = scenario->reason == REASON_NO_ORG ? enforcing->spares_no_org : enforcing->spares_others;
            bool as_expected =
                decision.reason == scenario->reason && decision.allowed == (scenario->allowed || spared) &&
                decision.would_deny == (!scenario->allowed && spared) && decision.enforcement == enforcing->enforcement;
            if (!as_expected) {
                printf("# scenario %zu under enforcing %zu: %s %d %d\n", i, j, reason_name(decision.reason),
                       decision.allowed, decision.would_deny);
            }
            CU_ASSERT_TRUE(as_expected);
        }
    }
}

static void test_off(void)
{
    for (size_t i = 0; i < COUNT(scenarios); ++i) {
        struct world world;
        world_set_up(&world);
        scenarios[i].arrange(&world);
        world.feature.enforcement = ENFORCE_OFF;
        struct decision decision = world_decide(&world);
        CU_ASSERT_TRUE(decision.allowed && !decision.would_deny);
        CU_ASSERT_EQUAL(decision.reason, REASON_MODE_OFF);
    }
}

/* Whatever comes earlier in the list of rules hides what comes later. */
static void test_order_of_rules(void)
{
    static const struct scenario rules[] = {
        {break_method, true, REASON_METHOD},      {break_org, false, REASON_NO_ORG},
        {break_app_type, false, REASON_APP_TYPE}, {break_role, false, REASON_ROLE},
        {break_refuse, false, REASON_OVERRIDE},   {break_stale, false, REASON_UNVERIFIED},
        {break_canceled, false, REASON_CANCELED}, {break_limit, false, REASON_LIMIT},
    };
    for (size_t first = 0; first < COUNT(rules); ++first) {
        struct world world;
        world_set_up(&world);
        for (size_t i = COUNT(rules); i-- > first;) {
            rules[i].arrange(&world);
        }
        world.no_state = false;
        struct decision decision = world_decide(&world);
        CU_ASSERT_EQUAL(decision.reason, rules[first].reason);
        CU_ASSERT_EQUAL(decision.allowed, rules[first].allowed);
    }
}

static void test_no_date_means_no_org_is_new(void)
{
    struct world world;
    world_set_up(&world);
    break_canceled(&world);
    world.feature.enforcement = ENFORCE_NEW_ORGS;
    world.catalogue.new_orgs_since = INT64_MAX;
    world.state.created_at = INT64_MAX;
    CU_ASSERT_TRUE(world_decide(&world).would_deny);
    world.no_state = true;
    world.feature.stale_allow = false;
    CU_ASSERT_TRUE(world_decide(&world).would_deny);
    break_org(&world);
    CU_ASSERT_FALSE(world_decide(&world).allowed);
}

static const struct unit_test tests[] = {
    {"every reason under every enforcement", test_every_reason_and_enforcement},
    {"off", test_off},
    {"order of rules", test_order_of_rules},
    {"no date: no org is new", test_no_date_means_no_org_is_new},
};
UNIT_MAIN(tests)
