/* SPDX-License-Identifier: Apache-2.0
 * Plans, prices, grants, limits; the words for statuses and enforcement; overrides in force. */
#include "domain/catalogue.h"
#include "domain/key.h"
#include "domain/state.h"
#include "domain/status.h"
#include "tap.h"

#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct catalogue catalogue;

static struct key_ref ref(const char *key)
{
    return (struct key_ref){key, key_hash_str(key)};
}

static const struct plan_price basic_prices[] = {
    {"stripe", PRICE_TEST, "price_basic_test"},
    {"stripe", PRICE_LIVE, "price_basic_live"},
    {"stripe", PRICE_LIVE, "price_basic_old"},
    {"other", PRICE_BOTH, "shared"},
};
static const struct plan_price fleet_prices[] = {
    {"stripe", PRICE_BOTH, "price_fleet"},
    {"stripe", PRICE_BOTH, "shared"},
    {"stripe", PRICE_BOTH, "price_basic_old"},
};

static void catalogue_set_up(void)
{
    static struct key_ref grants[2];
    static struct plan_limit limits[2];
    static struct plan plans[3];
    static struct feature features[2];
    grants[0] = ref("trucking.dispatch");
    grants[1] = ref("trucking.reports");
    limits[0] = (struct plan_limit){ref("trucking.maxLocations"), 5};
    limits[1] = (struct plan_limit){ref("seats"), LIMIT_UNLIMITED};
    plans[0] = (struct plan){.ref = ref("basic"), .prices = basic_prices, .price_count = COUNT(basic_prices)};
    plans[0].grants = (struct key_list){grants, 2};
    plans[0].limits = limits;
    plans[0].limit_count = 2;
    plans[1] = (struct plan){.ref = ref("fleet"), .prices = fleet_prices, .price_count = COUNT(fleet_prices)};
    plans[2] = (struct plan){.ref = ref("unsold")};
    features[0].ref = grants[0];
    features[1].ref = grants[1];
    catalogue = (struct catalogue){.plans = plans, .plan_count = 3, .features = features, .feature_count = 2};
}

static void test_lookup(void)
{
    catalogue_set_up();
    CU_ASSERT_PTR_EQUAL(catalogue_plan(&catalogue, key_hash_str("fleet")), &catalogue.plans[1]);
    CU_ASSERT_PTR_NULL(catalogue_plan(&catalogue, key_hash_str("gone")));
    CU_ASSERT_PTR_NULL(catalogue_plan(&catalogue, 0));
    CU_ASSERT_PTR_EQUAL(catalogue_plan_by_key(&catalogue, "basic"), &catalogue.plans[0]);
    CU_ASSERT_PTR_NULL(catalogue_plan_by_key(&catalogue, "Basic"));
    CU_ASSERT_PTR_NULL(catalogue_plan_by_key(&catalogue, ""));
    CU_ASSERT_PTR_EQUAL(catalogue_feature(&catalogue, "trucking.reports"), &catalogue.features[1]);
    CU_ASSERT_PTR_NULL(catalogue_feature(&catalogue, "trucking"));
}

static void test_same_hash_is_not_same_key(void)
{
    /* Two keys of one hash cannot be had by searching; one whose entry says so can. */
    struct plan plan = {.ref = {"basic", key_hash_str("fleet")}};
    struct feature feature = {.ref = {"one", key_hash_str("two")}};
    const struct catalogue odd = {.plans = &plan, .plan_count = 1, .features = &feature, .feature_count = 1};
    CU_ASSERT_PTR_NULL(catalogue_plan_by_key(&odd, "fleet"));
    plan.ref.hash = 0;
    CU_ASSERT_PTR_NULL(catalogue_plan(&odd, 0));
    CU_ASSERT_PTR_NULL(catalogue_feature(&odd, "two"));
}

static const char *plan_of(const char *provider, bool livemode, const char *first, const char *second)
{
    const char *prices[] = {first, second};
    catalogue_set_up();
    const struct plan *plan = catalogue_plan_of_prices(&catalogue, provider, livemode, prices, second ? 2 : 1);
    return plan ? plan->ref.key : "";
}

static void test_plan_of_prices(void)
{
    CU_ASSERT_STRING_EQUAL(plan_of("stripe", false, "price_basic_test", NULL), "basic");
    CU_ASSERT_STRING_EQUAL(plan_of("stripe", true, "price_basic_test", NULL), "");
    CU_ASSERT_STRING_EQUAL(plan_of("stripe", true, "price_fleet", NULL), "fleet");
    CU_ASSERT_STRING_EQUAL(plan_of("stripe", true, "unknown", "price_fleet"), "fleet");
    /* The first of the catalogue, not the first of the subscription. */
    CU_ASSERT_STRING_EQUAL(plan_of("stripe", true, "price_fleet", "price_basic_live"), "basic");
    CU_ASSERT_STRING_EQUAL(plan_of("stripe", true, "price_basic_old", NULL), "basic");
    CU_ASSERT_STRING_EQUAL(plan_of("stripe", false, "price_basic_old", NULL), "fleet");
    CU_ASSERT_STRING_EQUAL(plan_of("other", false, "shared", NULL), "basic");
    CU_ASSERT_STRING_EQUAL(plan_of("stripe", false, "shared", NULL), "fleet");
    CU_ASSERT_STRING_EQUAL(plan_of("other", false, "price_fleet", NULL), "");
    CU_ASSERT_PTR_NULL(catalogue_plan_of_prices(&catalogue, "stripe", true, NULL, 0));
}

static void test_price_sold(void)
{
    catalogue_set_up();
    CU_ASSERT_STRING_EQUAL(plan_price(&catalogue.plans[0], "stripe", false), "price_basic_test");
    CU_ASSERT_STRING_EQUAL(plan_price(&catalogue.plans[0], "stripe", true), "price_basic_live");
    CU_ASSERT_STRING_EQUAL(plan_price(&catalogue.plans[0], "other", true), "shared");
    CU_ASSERT_PTR_NULL(plan_price(&catalogue.plans[1], "other", true));
    CU_ASSERT_PTR_NULL(plan_price(&catalogue.plans[2], "stripe", true));
}

static void test_grants_and_limits(void)
{
    catalogue_set_up();
    const struct plan *basic = &catalogue.plans[0];
    CU_ASSERT_TRUE(plan_grants(basic, key_hash_str("trucking.reports")));
    CU_ASSERT_FALSE(plan_grants(basic, key_hash_str("invoicing")));
    CU_ASSERT_FALSE(plan_grants(&catalogue.plans[1], key_hash_str("trucking.reports")));
    CU_ASSERT_EQUAL(plan_limit_value(basic, key_hash_str("trucking.maxLocations")), 5);
    CU_ASSERT_EQUAL(plan_limit_value(basic, key_hash_str("seats")), LIMIT_UNLIMITED);
    CU_ASSERT_EQUAL(plan_limit_value(basic, key_hash_str("other")), LIMIT_NOT_SET);
    CU_ASSERT_EQUAL(plan_limit_value(NULL, key_hash_str("seats")), LIMIT_NOT_SET);
}

static void test_words(void)
{
    CU_ASSERT_STRING_EQUAL(enforcement_name(ENFORCE_OFF), "off");
    CU_ASSERT_STRING_EQUAL(enforcement_name(ENFORCE_MONITOR), "monitor");
    CU_ASSERT_STRING_EQUAL(enforcement_name(ENFORCE_NEW_ORGS), "new-orgs");
    CU_ASSERT_STRING_EQUAL(enforcement_name(ENFORCE_FULL), "enforce");
    static const char *const words[] = {"none", "active", "past_due", "canceled"};
    for (size_t i = 0; i < COUNT(words); ++i) {
        enum billing_status status = STATUS_NONE;
        CU_ASSERT_STRING_EQUAL(status_name((enum billing_status)i), words[i]);
        CU_ASSERT_TRUE(status_parse(words[i], &status));
        CU_ASSERT_EQUAL(status, i);
    }
    enum billing_status untouched = STATUS_PAST_DUE;
    CU_ASSERT_FALSE(status_parse("trialing", &untouched));
    CU_ASSERT_FALSE(status_parse("", &untouched));
    CU_ASSERT_EQUAL(untouched, STATUS_PAST_DUE);
    CU_ASSERT_STRING_EQUAL(status_name((enum billing_status)200), "none");
}

static void test_overrides(void)
{
    struct org_state state = {.override_count = 5};
    state.overrides[0] = (struct override){7, OVERRIDE_GRANT, 0, 100};
    state.overrides[1] = (struct override){7, OVERRIDE_LIMIT, 3, 0};
    state.overrides[2] = (struct override){7, OVERRIDE_REFUSE, 0, 200};
    state.overrides[3] = (struct override){8, OVERRIDE_GRANT, 0, 0};
    state.overrides[4] = (struct override){7, OVERRIDE_LIMIT, 4, 0};
    CU_ASSERT_PTR_EQUAL(state_feature_override(&state, 7, 99), &state.overrides[0]);
    CU_ASSERT_PTR_EQUAL(state_feature_override(&state, 7, 100), &state.overrides[2]);
    CU_ASSERT_PTR_NULL(state_feature_override(&state, 7, 200));
    CU_ASSERT_PTR_EQUAL(state_feature_override(&state, 8, INT64_MAX), &state.overrides[3]);
    CU_ASSERT_PTR_EQUAL(state_limit_override(&state, 7, INT64_MAX), &state.overrides[1]);
    CU_ASSERT_PTR_NULL(state_limit_override(&state, 8, 0));
    state.override_count = 3;
    CU_ASSERT_PTR_NULL(state_feature_override(&state, 8, 0));
}

static void test_override_count_out_of_range(void)
{
    struct org_state *state = calloc(1, sizeof(*state)); /* on the heap, where a read past the end is seen */
    CU_ASSERT_PTR_NOT_NULL_FATAL(state);
    state->override_count = SIZE_MAX;
    CU_ASSERT_PTR_NULL(state_feature_override(state, 7, 0));
    free(state);
}

static void test_fingerprint(void)
{
    static const struct plan_price prices[] = {{"stripe", PRICE_BOTH, "one"}, {"stripe", PRICE_BOTH, "two"}};
    struct plan plans[] = {{.ref = {"a", 1}, .prices = prices, .price_count = 1},
                           {.ref = {"b", 2}, .prices = prices + 1, .price_count = 1}};
    struct catalogue one = {.plans = plans, .plan_count = 2}, none = {0};
    uint64_t before = catalogue_fingerprint(&one);
    plans[0].name = "another name";
    CU_ASSERT_EQUAL(catalogue_fingerprint(&one), before);
    plans[0].price_count = 2;
    CU_ASSERT_NOT_EQUAL(catalogue_fingerprint(&one), before);
    plans[0].price_count = 1;
    one.plan_count = 1;
    CU_ASSERT_NOT_EQUAL(catalogue_fingerprint(&one), before);
    CU_ASSERT_NOT_EQUAL(catalogue_fingerprint(&none), 0);
}

static const struct unit_test tests[] = {
    {"lookup", test_lookup},
    {"lookup: same hash, another key", test_same_hash_is_not_same_key},
    {"plan of prices", test_plan_of_prices},
    {"price sold", test_price_sold},
    {"fingerprint", test_fingerprint},
    {"grants and limits", test_grants_and_limits},
    {"words", test_words},
    {"overrides", test_overrides},
    {"overrides: count out of range", test_override_count_out_of_range},
};
UNIT_MAIN(tests)
