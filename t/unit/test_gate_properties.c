/* SPDX-License-Identifier: Apache-2.0
 * What must hold of the decision for any input, over random worlds; the words and numbers that others rely on. */
#include "gate_world.h"
#include "random.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define WORLDS       20000

static int64_t random_time(uint64_t *seed)
{
    static const int64_t odd[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1, NOW, NEW_SINCE};
    return random_one_in(seed, 3) ? odd[random_below(seed, COUNT(odd))]
                                  : NOW - GRACE_DEFAULT + (int64_t)random_below(seed, 2 * GRACE_DEFAULT);
}

static void random_policy(uint64_t *seed, struct world *world)
{
    struct feature *feature = &world->feature;
    feature->enforcement = (enum enforcement)random_below(seed, 4);
    feature->percent = (unsigned)random_below(seed, 101);
    feature->roles = (struct key_list){world->roles, random_below(seed, 3)};
    feature->app_types = (struct key_list){world->app_types, random_below(seed, 3)};
    feature->past_due = (enum past_due_policy)random_below(seed, 4);
    feature->grace = random_one_in(seed, 5) ? INT64_MAX : GRACE_DEFAULT;
    feature->stale_max = random_one_in(seed, 5) ? random_time(seed) : GRACE_DEFAULT;
    feature->stale_allow = random_one_in(seed, 2);
    feature->except_methods = random_one_in(seed, 8) ? METHOD_POST : 0;
    feature->uses = random_one_in(seed, 2) ? world_ref(LIMIT_KEY) : (struct key_ref){NULL, 0};
    world->plan.grants.count = random_below(seed, 4) ? 1 : 0;
    world->catalogue.new_orgs_since = random_time(seed);
}

static void random_world(uint64_t *seed, struct world *world)
{
    static const char *const orgs[] = {"org_1", "acme", "a", "x:y", NULL};
    static const char *const names[] = {"owner", "dispatcher", "driver, owner", "trucking", "towing", "", NULL};
    world_set_up(world);
    random_policy(seed, world);
    world->context.org = orgs[random_below(seed, COUNT(orgs))];
    world->context.roles = names[random_below(seed, COUNT(names))];
    world->context.app_type = names[random_below(seed, COUNT(names))];
    world->context.reading = random_one_in(seed, 2);
    world->context.kill_switch = random_one_in(seed, 4);
    world->context.has_usage = random_one_in(seed, 2);
    world->context.usage = random_one_in(seed, 3) ? random_time(seed) : PLAN_LIMIT;
    world->context.now = random_one_in(seed, 3) ? random_time(seed) : NOW;
    world->no_state = random_one_in(seed, 10);
    world->state.status = (enum billing_status)random_below(seed, 4);
    world->state.grace_over = random_one_in(seed, 4);
    world->state.plan = random_one_in(seed, 5) ? random_next(seed) : world->state.plan;
    world->state.past_due_since = random_time(seed);
    world->state.created_at = random_time(seed);
    world->state.verified_at = random_one_in(seed, 3) ? random_time(seed) : NOW;
    for (size_t i = random_below(seed, 3); i--;) {
        world_override(world, random_one_in(seed, 2) ? FEATURE_KEY : LIMIT_KEY,
                       (enum override_kind)random_below(seed, 3), random_one_in(seed, 3) ? LIMIT_UNLIMITED : 3,
                       random_one_in(seed, 2) ? 0 : random_time(seed));
    }
}

static struct decision decide_under(struct world world, enum enforcement enforcement, unsigned percent,
                                    bool kill_switch)
{
    world.plan.grants.items = world.grants;
    world.plan.limits = world.limits;
    world.feature.roles.items = world.roles;
    world.feature.app_types.items = world.app_types;
    world.catalogue.plans = &world.plan;
    world.feature.enforcement = enforcement;
    world.feature.percent = percent;
    world.context.kill_switch = kill_switch;
    return world_decide(&world);
}

/* Enforcement softens a denial; it never changes the reason, and never turns an allowance into a denial. */
static void test_softening(void)
{
    uint64_t seed = 1;
    for (unsigned i = 0; i < WORLDS; ++i) {
        struct world world;
        random_world(&seed, &world);
        struct decision full = decide_under(world, ENFORCE_FULL, 100, false);
        struct decision monitor = decide_under(world, ENFORCE_MONITOR, world.feature.percent, false);
        struct decision killed = decide_under(world, ENFORCE_FULL, 100, true);
        struct decision drawn = world_decide(&world);
        CU_ASSERT_FALSE_FATAL(full.would_deny);
        CU_ASSERT_TRUE_FATAL(monitor.allowed && killed.allowed);
        CU_ASSERT_TRUE_FATAL(monitor.would_deny == !full.allowed && killed.would_deny == !full.allowed);
        CU_ASSERT_TRUE_FATAL(monitor.reason == full.reason && killed.reason == full.reason);
        CU_ASSERT_TRUE_FATAL(monitor.limit == full.limit && monitor.grace_until == full.grace_until);
        CU_ASSERT_FALSE_FATAL(drawn.would_deny && !drawn.allowed);
        if (world.feature.enforcement == ENFORCE_OFF) {
            CU_ASSERT_TRUE_FATAL(drawn.allowed && !drawn.would_deny && drawn.reason == REASON_MODE_OFF);
        } else {
            CU_ASSERT_TRUE_FATAL(drawn.reason == full.reason);
            CU_ASSERT_TRUE_FATAL(full.allowed ? drawn.allowed && !drawn.would_deny : drawn.allowed == drawn.would_deny);
        }
        if (world.context.kill_switch) {
            CU_ASSERT_TRUE_FATAL(drawn.allowed);
        }
    }
}

/* The traced way is the same way, and a decision ends at the last rule that matched before what softens it. */
static void test_the_trace_never_drifts(void)
{
    uint64_t seed = 4;
    for (unsigned i = 0; i < WORLDS; ++i) {
        struct world world;
        struct gate_trace trace;
        random_world(&seed, &world);
        struct decision decided = world_decide(&world);
        struct decision traced = gate_explain(&world.feature, &world.catalogue, &world.context,
                                              world.no_state ? NULL : &world.state, &trace);
        CU_ASSERT_TRUE_FATAL(decided.allowed == traced.allowed && decided.would_deny == traced.would_deny);
        CU_ASSERT_TRUE_FATAL(decided.reason == traced.reason && decided.enforcement == traced.enforcement);
        CU_ASSERT_TRUE_FATAL(decided.limit == traced.limit && decided.grace_until == traced.grace_until);
        CU_ASSERT_TRUE_FATAL(trace.count && trace.count <= RULE_COUNT);
        const struct gate_step *last = &trace.steps[trace.count - 1];
        CU_ASSERT_TRUE_FATAL(traced.would_deny == (last->rule >= RULE_KILL_SWITCH && last->matched));
        CU_ASSERT_TRUE_FATAL(traced.allowed == (last->rule < RULE_KILL_SWITCH || last->matched));
        for (size_t k = 1; k < trace.count; ++k) {
            CU_ASSERT_TRUE_FATAL(trace.steps[k].rule > trace.steps[k - 1].rule);
        }
    }
}

static void test_unknown_age_is_never_locked_out(void)
{
    uint64_t seed = 2;
    for (unsigned i = 0; i < WORLDS; ++i) {
        struct world world;
        random_world(&seed, &world);
        world.state.created_at = 0;
        struct decision decision = decide_under(world, ENFORCE_NEW_ORGS, 100, false);
        CU_ASSERT_TRUE_FATAL(decision.allowed || decision.reason == REASON_NO_ORG);
        decision = decide_under(world, ENFORCE_FULL, 0, false);
        CU_ASSERT_TRUE_FATAL(decision.allowed || decision.reason == REASON_NO_ORG);
    }
}

static void test_widening_never_flips_back(void)
{
    uint64_t seed = 3;
    unsigned first_in[101] = {0};
    for (unsigned i = 0; i < 500; ++i) {
        char org[32];
        snprintf(org, sizeof(org), "org_%llx", (unsigned long long)random_next(&seed));
        bool in = false;
        for (unsigned percent = 0; percent <= 100; ++percent) {
            bool now_in = feature_percent_includes(FEATURE_KEY, org, percent);
            CU_ASSERT_TRUE_FATAL(now_in || !in);
            first_in[percent] += now_in && !in;
            in = now_in;
        }
        CU_ASSERT_TRUE_FATAL(in);
    }
    CU_ASSERT_EQUAL(first_in[0], 0);
    unsigned half = 0;
    for (unsigned percent = 0; percent <= 50; ++percent) {
        half += first_in[percent];
    }
    CU_ASSERT_TRUE(half > 200 && half < 300);
}

/* printf '%s\0%s' FEATURE ORG | sha256sum | cut -c1-8, modulo 100 */
static void test_percent_known_values(void)
{
    static const struct {
        const char *feature, *org;
        unsigned number;
    } known[] = {
        {"trucking.dispatch", "org_1", 0xd70d2f05u % 100},
        {"trucking.dispatch", "acme", 0xe092ef54u % 100},
        {"trucking.reports", "acme", 0xbe7a657du % 100},
        {"trucking.dispatch", "org:42", 0xe2ae7de3u % 100},
    };
    CU_ASSERT_EQUAL(known[0].number, ORG_FIRST_IN - 1);
    for (size_t i = 0; i < COUNT(known); ++i) {
        CU_ASSERT_FALSE(feature_percent_includes(known[i].feature, known[i].org, known[i].number));
        CU_ASSERT_TRUE(feature_percent_includes(known[i].feature, known[i].org, known[i].number + 1));
    }
}

static void test_percent_lengths(void)
{
    char feature[KEY_MAX + 2] = {0};
    char org[ORG_ID_MAX + 2] = {0};
    memset(feature, 'f', KEY_MAX);
    memset(org, 'o', ORG_ID_MAX);
    CU_ASSERT_TRUE(feature_percent_includes(feature, org, 100));
    org[ORG_ID_MAX] = 'o';
    CU_ASSERT_FALSE(feature_percent_includes(feature, org, 100));
    org[ORG_ID_MAX] = '\0';
    feature[KEY_MAX] = 'f';
    CU_ASSERT_FALSE(feature_percent_includes(feature, org, 100));
}

static void test_can_deny(void)
{
    struct world world;
    world_set_up(&world);
    static const bool can[] = {
        [ENFORCE_OFF] = false, [ENFORCE_MONITOR] = false, [ENFORCE_NEW_ORGS] = true, [ENFORCE_FULL] = true};
    for (size_t i = 0; i < COUNT(can); ++i) {
        world.feature.enforcement = (enum enforcement)i;
        world.feature.percent = 0; /* nobody is in, but one without an org is still refused */
        CU_ASSERT_EQUAL(feature_can_deny(&world.feature), can[i]);
        world.context.org = NULL;
        CU_ASSERT_EQUAL(!world_decide(&world).allowed, can[i]);
    }
}

static void test_words(void)
{
    static const struct {
        const char *name;
        enum denial_kind kind;
    } words[REASON_COUNT] = {
        [REASON_MODE_OFF] = {"mode_off", DENIAL_FORBIDDEN},
        [REASON_METHOD] = {"method", DENIAL_FORBIDDEN},
        [REASON_NO_ORG] = {"no_org", DENIAL_IDENTITY},
        [REASON_APP_TYPE] = {"app_type", DENIAL_FORBIDDEN},
        [REASON_ROLE] = {"role", DENIAL_FORBIDDEN},
        [REASON_OVERRIDE] = {"override", DENIAL_FORBIDDEN},
        [REASON_UNVERIFIED] = {"unverified", DENIAL_UNVERIFIED},
        [REASON_PLAN] = {"plan", DENIAL_PAYMENT},
        [REASON_GRACE] = {"grace", DENIAL_FORBIDDEN},
        [REASON_PAST_DUE] = {"past_due", DENIAL_PAYMENT},
        [REASON_CANCELED] = {"canceled", DENIAL_PAYMENT},
        [REASON_NO_SUBSCRIPTION] = {"no_subscription", DENIAL_PAYMENT},
        [REASON_LIMIT] = {"limit", DENIAL_PAYMENT},
    };
    for (size_t i = 0; i < REASON_COUNT; ++i) {
        CU_ASSERT_STRING_EQUAL(reason_name((enum decision_reason)i), words[i].name);
        CU_ASSERT_EQUAL(reason_denial_kind((enum decision_reason)i), words[i].kind);
    }
}

static const struct unit_test tests[] = {
    {"softening", test_softening},
    {"the trace never drifts", test_the_trace_never_drifts},
    {"unknown age", test_unknown_age_is_never_locked_out},
    {"widening", test_widening_never_flips_back},
    {"percent: known values", test_percent_known_values},
    {"percent: lengths", test_percent_lengths},
    {"can deny", test_can_deny},
    {"words", test_words},
};
UNIT_MAIN(tests)
