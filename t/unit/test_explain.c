/* SPDX-License-Identifier: Apache-2.0
 * The trace of a decision: which rules were looked at, in which order, and where it ended. */
#include "domain/explain.h"
#include "gate_world.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define BEFORE_ROLE  "off method no_org app_type "
#define FIRST_RULES  BEFORE_ROLE "role "

static struct explanation explain_world(const struct world *world)
{
    return explain_decision(&world->feature, &world->catalogue, &world->context,
                            world->no_state ? NULL : &world->state);
}

/* The rules looked at, with ! behind those that matched. */
static const char *traced(const struct world *world)
{
    struct explanation explanation = explain_world(world);
    const struct gate_trace *trace = &explanation.trace;
    static char text[256];
    text[0] = '\0';
    for (size_t i = 0; i < trace->count; ++i) {
        strcat(text, rule_name(trace->steps[i].rule));
        strcat(text, trace->steps[i].matched ? "! " : " ");
    }
    return text;
}

static void test_each_way(void)
{
    static const struct {
        void (*breaks)(struct world *);
        const char *trace;
    } ways[] = {
        {break_nothing, FIRST_RULES "override unverified subscription! limit "},
        {break_method, "off method! "},
        {break_org, "off method no_org! kill_switch monitor "},
        {break_app_type, "off method no_org app_type! kill_switch monitor old_org percent "},
        {break_role, BEFORE_ROLE "role! kill_switch monitor old_org percent "},
        {break_refuse, FIRST_RULES "override! kill_switch monitor old_org percent "},
        {break_grant, FIRST_RULES "override! limit "},
        {break_stale, FIRST_RULES "override unverified! kill_switch monitor old_org percent "},
        {break_stale_allowed, FIRST_RULES "override unverified! "},
        {break_plan, FIRST_RULES "override unverified subscription! kill_switch monitor old_org percent "},
        {break_grace, FIRST_RULES "override unverified subscription! limit "},
        {break_limit, FIRST_RULES "override unverified subscription! limit! kill_switch monitor old_org percent "},
        {break_grant_limit, FIRST_RULES "override! limit! kill_switch monitor old_org percent "},
    };
    for (size_t i = 0; i < COUNT(ways); ++i) {
        struct world world;
        world_set_up(&world);
        ways[i].breaks(&world);
        CU_ASSERT_STRING_EQUAL(traced(&world), ways[i].trace);
        CU_ASSERT_EQUAL(explain_world(&world).decision.reason, world_decide(&world).reason);
    }
}

static void test_softening(void)
{
    struct world world;
    world_set_up(&world);
    break_canceled(&world);
    world.feature.enforcement = ENFORCE_OFF;
    CU_ASSERT_STRING_EQUAL(traced(&world), "off! ");
    world.feature.enforcement = ENFORCE_MONITOR;
    const char *decided = FIRST_RULES "override unverified subscription! ";
    char wanted[256];
    CU_ASSERT_STRING_EQUAL(traced(&world), strcat(strcpy(wanted, decided), "kill_switch monitor! "));
    world.feature.enforcement = ENFORCE_NEW_ORGS;
    world.state.created_at = 0;
    CU_ASSERT_STRING_EQUAL(traced(&world), strcat(strcpy(wanted, decided), "kill_switch monitor old_org! "));
    CU_ASSERT_FALSE(explain_world(&world).org_is_new);
    world.state.created_at = NEW_SINCE;
    CU_ASSERT_TRUE(explain_world(&world).org_is_new);
    world.feature.percent = ORG_FIRST_IN - 1;
    CU_ASSERT_STRING_EQUAL(traced(&world), strcat(strcpy(wanted, decided), "kill_switch monitor old_org percent! "));
    CU_ASSERT_EQUAL(explain_world(&world).bucket, ORG_FIRST_IN - 1);
    CU_ASSERT_TRUE(explain_world(&world).decision.would_deny);
    world.context.kill_switch = true;
    CU_ASSERT_STRING_EQUAL(traced(&world), strcat(strcpy(wanted, decided), "kill_switch! "));
}

static void test_facts(void)
{
    struct world world;
    world_set_up(&world);
    break_grant_limit(&world);
    world.state.verified_at = NOW - 12;
    world_override(&world, LIMIT_KEY, OVERRIDE_LIMIT, 3, 0);
    struct explanation explanation = explain_world(&world);
    CU_ASSERT_EQUAL(explanation.age, 12);
    CU_ASSERT_PTR_EQUAL(explanation.override, &world.state.overrides[0]);
    CU_ASSERT_PTR_EQUAL(explanation.limit_override, &world.state.overrides[1]);
    CU_ASSERT_PTR_EQUAL(explanation.plan, &world.plan);
    CU_ASSERT_TRUE(explanation.plan_grants);
    world.no_state = true;
    world.context.org = NULL;
    explanation = explain_world(&world);
    CU_ASSERT_EQUAL(explanation.age, -1);
    CU_ASSERT_EQUAL(explanation.bucket, PERCENT_NO_BUCKET);
    CU_ASSERT_PTR_NULL(explanation.override);
    CU_ASSERT_PTR_NULL(explanation.plan);
    CU_ASSERT_FALSE(explanation.plan_grants);
}

/* A denial has a way out, an allowance needs none. */
static void test_remedies(void)
{
    static const struct remedy none;
    for (int reason = 0; reason < REASON_COUNT; ++reason) {
        struct remedy remedy = reason_remedy((enum decision_reason)reason);
        bool allows = reason == REASON_MODE_OFF || reason == REASON_METHOD || reason == REASON_GRACE;
        CU_ASSERT_EQUAL(!memcmp(&remedy, &none, sizeof(none)), allows);
        CU_ASSERT_EQUAL(remedy.plan, reason_denial_kind((enum decision_reason)reason) == DENIAL_PAYMENT &&
                                         reason != REASON_PAST_DUE);
    }
}

static void test_plan_unblocks(void)
{
    struct world world;
    world_set_up(&world);
    CU_ASSERT_TRUE(plan_unblocks(&world.plan, &world.feature, REASON_CANCELED, LIMIT_NOT_SET));
    world.feature.uses = world_ref(LIMIT_KEY);
    CU_ASSERT_TRUE(plan_unblocks(&world.plan, &world.feature, REASON_CANCELED, PLAN_LIMIT));
    CU_ASSERT_FALSE(plan_unblocks(&world.plan, &world.feature, REASON_LIMIT, PLAN_LIMIT));
    CU_ASSERT_TRUE(plan_unblocks(&world.plan, &world.feature, REASON_LIMIT, PLAN_LIMIT - 1));
    world.limits[0].value = LIMIT_UNLIMITED;
    CU_ASSERT_TRUE(plan_unblocks(&world.plan, &world.feature, REASON_LIMIT, PLAN_LIMIT));
    world.plan.limit_count = 0;
    CU_ASSERT_TRUE(plan_unblocks(&world.plan, &world.feature, REASON_LIMIT, PLAN_LIMIT));
    world.plan.grants.count = 0;
    CU_ASSERT_FALSE(plan_unblocks(&world.plan, &world.feature, REASON_CANCELED, LIMIT_NOT_SET));
}

static const struct unit_test tests[] = {
    {"each way", test_each_way}, {"softening", test_softening},         {"facts", test_facts},
    {"remedies", test_remedies}, {"plan unblocks", test_plan_unblocks},
};
UNIT_MAIN(tests)
