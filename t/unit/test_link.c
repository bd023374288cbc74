/* SPDX-License-Identifier: Apache-2.0
 * Which subscription speaks for the org. */
#include "domain/link.h"
#include "tap.h"

static const struct plan_price prices[] = {{"stripe", PRICE_TEST, "price_1"}};
static const struct plan plans[] = {{.ref = {"founding", 1}, .prices = prices, .price_count = 1}};
static const struct catalogue catalogue = {.plans = plans, .plan_count = 1};
static const char *const price_ids[] = {"price_0", "price_1"};

static struct subscription subscription(const char *id, int64_t created, enum billing_status status, bool ended)
{
    struct subscription made = {.status = status};
    made.snapshot = (struct subscription_snapshot){
        .id = id, .customer = "cus_of_it", .status = status, .ended = ended, .created = created, .period_end = 77};
    made.snapshot.cancel_at = 66;
    made.snapshot.prices = price_ids;
    made.snapshot.price_count = 2;
    return made;
}

static struct link derive(const struct subscription *subscriptions, size_t count)
{
    return link_derive(subscriptions, count, &catalogue, "stripe", false, "cus_1");
}

static void test_none(void)
{
    struct link link = derive(NULL, 0);
    CU_ASSERT_STRING_EQUAL(link.customer, "cus_1");
    CU_ASSERT_PTR_NULL(link.subscription);
    CU_ASSERT_PTR_NULL(link.plan_key);
    CU_ASSERT_EQUAL(link.status, STATUS_NONE);
    CU_ASSERT_EQUAL(link.live_count, 0);
}

static void test_fields(void)
{
    struct subscription one = subscription("sub_1", 5, STATUS_PAST_DUE, false);
    one.past_due_since = 55;
    one.snapshot.grace_over = true;
    struct link link = derive(&one, 1);
    CU_ASSERT_STRING_EQUAL(link.subscription, "sub_1");
    CU_ASSERT_STRING_EQUAL(link.plan_key, "founding");
    CU_ASSERT_TRUE(link.status == STATUS_PAST_DUE && link.grace_over && link.past_due_since == 55);
    CU_ASSERT_TRUE(link.period_end == 77 && link.cancel_at == 66 && link.live_count == 1);
    one.status = STATUS_ACTIVE; /* bent by a payment */
    CU_ASSERT_FALSE(derive(&one, 1).grace_over);
}

static void test_customer_is_the_row_s(void)
{
    struct subscription one = subscription("sub_1", 5, STATUS_CANCELED, true);
    CU_ASSERT_PTR_NULL(link_derive(&one, 1, &catalogue, "stripe", false, NULL).customer);
}

static void test_plan_unknown(void)
{
    struct subscription one = subscription("sub_1", 5, STATUS_ACTIVE, false);
    CU_ASSERT_PTR_NULL(link_derive(&one, 1, &catalogue, "stripe", true, NULL).plan_key);
    CU_ASSERT_PTR_NULL(link_derive(&one, 1, &catalogue, "other", false, NULL).plan_key);
    one.snapshot.price_count = 1;
    CU_ASSERT_PTR_NULL(derive(&one, 1).plan_key);
}

/* The first of each pair is chosen, whichever comes first. */
static void test_choice(void)
{
    const struct subscription pairs[][2] = {
        {subscription("sub_1", 5, STATUS_PAST_DUE, false), subscription("sub_2", 9, STATUS_CANCELED, true)},
        {subscription("sub_1", 9, STATUS_ACTIVE, false), subscription("sub_2", 5, STATUS_ACTIVE, false)},
        {subscription("sub_2", 5, STATUS_ACTIVE, false), subscription("sub_1", 5, STATUS_ACTIVE, false)},
        {subscription("sub_1", 9, STATUS_CANCELED, true), subscription("sub_2", 5, STATUS_CANCELED, true)},
        {subscription("sub_2", 5, STATUS_CANCELED, true), subscription("sub_1", 5, STATUS_CANCELED, true)},
        /* Paused shows as canceled, but is not over. */
        {subscription("sub_1", 5, STATUS_CANCELED, false), subscription("sub_2", 9, STATUS_CANCELED, true)},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); ++i) {
        const struct subscription turned[2] = {pairs[i][1], pairs[i][0]};
        CU_ASSERT_PTR_EQUAL(derive(pairs[i], 2).subscription, pairs[i][0].snapshot.id);
        CU_ASSERT_PTR_EQUAL(derive(turned, 2).subscription, pairs[i][0].snapshot.id);
    }
    CU_ASSERT_EQUAL(derive(pairs[0], 2).live_count, 1);
    CU_ASSERT_EQUAL(derive(pairs[1], 2).live_count, 2);
    CU_ASSERT_EQUAL(derive(pairs[3], 2).live_count, 0);
}

static const struct unit_test tests[] = {
    {"none", test_none},
    {"fields", test_fields},
    {"customer", test_customer_is_the_row_s},
    {"plan unknown", test_plan_unknown},
    {"choice", test_choice},
};
UNIT_MAIN(tests)
