/* SPDX-License-Identifier: Apache-2.0
 * Stripe's event bodies: each shape and each bad input, in a body as small as can be. */
#include "provider/stripe/event.h"
#include "tap_apr.h"

#include <apr_strings.h>

static apr_pool_t *pool;

static struct billing_event parse(const char *body)
{
    struct billing_event event;
    const char *error = stripe_event_parse(pool, body, strlen(body), "attune_org", &event);
    if (error) {
        printf("# %s\n", error);
    }
    CU_ASSERT_PTR_NULL_FATAL(error);
    return event;
}

/* An event of this type about this object. */
static struct billing_event about(const char *type, const char *object)
{
    return parse(apr_psprintf(pool,
                              "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"%s\",\"created\":1793232000,"
                              "\"livemode\":false,\"api_version\":\"2026-10-28.endive\",\"data\":{\"object\":%s}}",
                              type, object));
}

static const char *refusal(const char *body)
{
    struct billing_event event;
    const char *error = stripe_event_parse(pool, body, strlen(body), "attune_org", &event);
    return error ? error : "";
}

static void envelope(void)
{
    struct billing_event event =
        parse("{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"plan.created\",\"created\":12,\"livemode\":true,"
              "\"account\":\"acct_9\",\"api_version\":null,\"data\":{\"object\":{\"id\":\"plan_1\",\"customer\":"
              "\"cus_1\",\"metadata\":{\"attune_install\":\"here\"}}}}");
    CU_ASSERT_STRING_EQUAL(event.id, "evt_1");
    CU_ASSERT_STRING_EQUAL(event.type, "plan.created");
    CU_ASSERT_PTR_NULL(event.api_version);
    CU_ASSERT_EQUAL(event.created, 12);
    CU_ASSERT(event.livemode);
    CU_ASSERT_STRING_EQUAL(event.account, "acct_9");
    CU_ASSERT_STRING_EQUAL(event.object_id, "plan_1");
    CU_ASSERT_STRING_EQUAL(event.customer, "cus_1");
    CU_ASSERT_STRING_EQUAL(event.installation, "here");
    CU_ASSERT_EQUAL(event.kind, EVENT_UNHANDLED);
    CU_ASSERT_PTR_NOT_NULL(event.error);
}

static void thin(void)
{
    struct billing_event event =
        parse("{\"id\":\"evt_2\",\"object\":\"v2.core.event\",\"type\":\"v1.customer.subscription.updated\","
              "\"created\":\"2026-10-29T15:13:32.232Z\",\"livemode\":false,\"related_object\":{\"id\":\"sub_1\"}}");
    CU_ASSERT_EQUAL(event.kind, EVENT_UNHANDLED);
    CU_ASSERT_EQUAL(event.created, 1793286812);
    CU_ASSERT_STRING_EQUAL(event.object_id, "sub_1");
    static const char *const odd[] = {"\"yesterday\"",
                                      "\"2026-10-29T15:13:32\"",
                                      "\"2026-10-29T15:13:32+02:00\"",
                                      "\"1066-10-14T09:00:00Z\"",
                                      "12",
                                      "null",
                                      "{}",
                                      "\"\""};
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); ++i) {
        event = parse(apr_psprintf(pool,
                                   "{\"id\":\"evt_2\",\"object\":\"v2.core.event\",\"type\":\"v1.x\",\"created\":%s,"
                                   "\"livemode\":false}",
                                   odd[i]));
        CU_ASSERT_EQUAL(event.created, 0);
        CU_ASSERT_EQUAL(event.kind, EVENT_UNHANDLED);
    }
}

/* Bodies with nothing to keep, and a word of the sentence that says why. */
static void no_event(void)
{
    static const struct {
        const char *body, *why;
    } cases[] = {
        {"", "ends too early"},
        {"{", "ends too early"},
        {"}", "not JSON"},
        {"[]", "no event"},
        {"null", "not JSON"},
        {"\"x\"", "not JSON"},
        {"{}", "no event"},
        {"{} x", "not JSON"},
        {"\xef\xbb\xbf{}", "not JSON"},
        {"{\"id\":\"a\xff\"}", "UTF-8"},
        {"{\"id\":\"a\\u0000b\",\"object\":\"event\",\"type\":\"t\",\"created\":1,\"livemode\":true}", "control"},
        {"{\"a\\u0000b\":1}", "NUL"},
        {"{\"id\":\"1\",\"id\":\"2\"}", "twice"},
        {"{\"n\":99999999999999999999}", "range"},
        {"{\"id\":\"e\",\"object\":\"subscription\",\"type\":\"t\",\"created\":1,\"livemode\":true}", "no event"},
        {"{\"id\":\"e\",\"object\":5,\"type\":\"t\",\"created\":1,\"livemode\":true}", "object"},
        {"{\"object\":\"event\",\"type\":\"t\",\"created\":1,\"livemode\":true}", "lacks"},
        {"{\"id\":null,\"object\":\"event\",\"type\":\"t\",\"created\":1,\"livemode\":true}", "lacks"},
        {"{\"id\":7,\"object\":\"event\",\"type\":\"t\",\"created\":1,\"livemode\":true}", "id is not text"},
        {"{\"id\":{\"id\":\"e\"},\"object\":\"event\",\"type\":\"t\",\"created\":1,\"livemode\":true}",
         "id is not text"},
        {"{\"id\":\"\",\"object\":\"event\",\"type\":\"t\",\"created\":1,\"livemode\":true}", "id is empty"},
        {"{\"id\":\"a\\nb\",\"object\":\"event\",\"type\":\"t\",\"created\":1,\"livemode\":true}", "control"},
        {"{\"id\":\"e\",\"object\":\"event\",\"created\":1,\"livemode\":true}", "lacks"},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"a\\u007fb\",\"created\":1,\"livemode\":true}", "type is"},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"livemode\":true}", "lacks"},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"created\":\"1\",\"livemode\":true}", "created is"},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"created\":1.0,\"livemode\":true}", "created is"},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"created\":-1,\"livemode\":true}", "created is"},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"created\":253402300800,\"livemode\":true}", "created is"},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"created\":1}", "lacks"},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"created\":1,\"livemode\":\"true\"}", "livemode"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); ++i) {
        const char *why = refusal(cases[i].body);
        if (!strstr(why, cases[i].why)) {
            printf("# %s: '%s' does not say '%s'\n", cases[i].body, why, cases[i].why);
            CU_FAIL("refusal");
        }
    }
    struct billing_event event;
    CU_ASSERT_PTR_NOT_NULL(stripe_event_parse(pool, "{}\0", 3, "attune_org", &event));
    CU_ASSERT_PTR_NOT_NULL(stripe_event_parse(pool, "\0{}", 3, "attune_org", &event));
}

static const char *with_id(const char *id)
{
    return apr_pstrcat(pool, "{\"id\":\"", id,
                       "\",\"object\":\"event\",\"type\":\"t\",\"created\":1,\"livemode\":true}", NULL);
}

static void sizes(void)
{
    char id[257];
    memset(id, 'x', 256);
    id[256] = 0;
    CU_ASSERT_PTR_NOT_NULL(strstr(refusal(with_id(id)), "longer than 255"));
    id[255] = 0;
    CU_ASSERT_STRING_EQUAL(parse(with_id(id)).id, id);
    char *deep = apr_palloc(pool, 100001);
    memset(deep, '[', 100000);
    deep[100000] = 0;
    CU_ASSERT_PTR_NOT_NULL(strstr(refusal(deep), "nested too deep"));
}

#define NEW_SUBSCRIPTION                                                                                               \
    "{\"id\":\"sub_1\",\"customer\":\"cus_1\",\"created\":100,\"status\":\"active\",\"cancel_at\":null,"               \
    "\"cancel_at_period_end\":false,\"metadata\":{\"attune_org\":\"acme\",\"attune_install\":\"i1\"},\"items\":"       \
    "{\"data\":[{\"current_period_end\":300,\"price\":{\"id\":\"price_a\"},\"plan\":{\"id\":\"other\"}},"              \
    "{\"current_period_end\":200,\"price\":{\"id\":\"price_b\"}}]}}"

static void subscription_new_shape(void)
{
    struct billing_event event = about("customer.subscription.updated", NEW_SUBSCRIPTION);
    CU_ASSERT_EQUAL(event.kind, EVENT_SUBSCRIPTION);
    CU_ASSERT_PTR_NULL(event.error);
    CU_ASSERT_STRING_EQUAL(event.customer, "cus_1");
    CU_ASSERT_STRING_EQUAL(event.subscription_id, "sub_1");
    CU_ASSERT_STRING_EQUAL(event.object_id, "sub_1");
    CU_ASSERT_STRING_EQUAL(event.installation, "i1");
    CU_ASSERT_STRING_EQUAL(event.snapshot.id, "sub_1");
    CU_ASSERT_STRING_EQUAL(event.snapshot.customer, "cus_1");
    CU_ASSERT_STRING_EQUAL(event.snapshot.raw_status, "active");
    CU_ASSERT_STRING_EQUAL(event.snapshot.org, "acme");
    CU_ASSERT_EQUAL(event.snapshot.created, 100);
    CU_ASSERT_EQUAL(event.snapshot.period_end, 300);
    CU_ASSERT_EQUAL(event.snapshot.cancel_at, 0);
    CU_ASSERT_EQUAL_FATAL(event.snapshot.price_count, 2);
    CU_ASSERT_STRING_EQUAL(event.snapshot.prices[0], "price_a");
    CU_ASSERT_STRING_EQUAL(event.snapshot.prices[1], "price_b");
}

static void subscription_old_shape(void)
{
    struct billing_event event =
        about("customer.subscription.created",
              "{\"id\":\"sub_1\",\"customer\":{\"id\":\"cus_1\",\"object\":\"customer\"},\"created\":100,"
              "\"status\":\"past_due\",\"current_period_end\":300,\"cancel_at_period_end\":true,"
              "\"items\":{\"data\":[{\"plan\":{\"id\":\"gold\"}}]},\"metadata\":{}}");
    CU_ASSERT_EQUAL(event.kind, EVENT_SUBSCRIPTION);
    CU_ASSERT_STRING_EQUAL(event.customer, "cus_1");
    CU_ASSERT_EQUAL(event.snapshot.status, STATUS_PAST_DUE);
    CU_ASSERT_EQUAL(event.snapshot.period_end, 300);
    CU_ASSERT_EQUAL(event.snapshot.cancel_at, 300);
    CU_ASSERT_EQUAL_FATAL(event.snapshot.price_count, 1);
    CU_ASSERT_STRING_EQUAL(event.snapshot.prices[0], "gold");
    CU_ASSERT_PTR_NULL(event.snapshot.org);
    CU_ASSERT_PTR_NULL(event.installation);
}

/* The portal's own way to cancel at the period's end since 2025-09-30. */
static void subscription_cancel_at(void)
{
    struct billing_event event =
        about("customer.subscription.updated", "{\"id\":\"sub_1\",\"status\":\"active\",\"cancel_at\":250,"
                                               "\"cancel_at_period_end\":true,\"current_period_end\":300}");
    CU_ASSERT_EQUAL(event.snapshot.cancel_at, 250);
    CU_ASSERT_PTR_NULL(event.customer);
    CU_ASSERT_EQUAL(event.snapshot.price_count, 0);
}

static void statuses(void)
{
    static const struct {
        const char *word;
        enum billing_status status;
        bool ended, grace_over;
    } words[] = {
        {"trialing", STATUS_ACTIVE, false, false},   {"active", STATUS_ACTIVE, false, false},
        {"past_due", STATUS_PAST_DUE, false, false}, {"unpaid", STATUS_PAST_DUE, false, true},
        {"canceled", STATUS_CANCELED, true, false},  {"incomplete_expired", STATUS_CANCELED, true, false},
        {"paused", STATUS_CANCELED, false, false},   {"incomplete", STATUS_NONE, false, false},
    };
    static const char *const types[] = {"customer.subscription.created", "customer.subscription.updated",
                                        "customer.subscription.paused", "customer.subscription.resumed"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); ++i) {
        const char *object = apr_psprintf(pool, "{\"id\":\"sub_1\",\"status\":\"%s\"}", words[i].word);
        struct billing_event event = about(types[i % 4], object);
        CU_ASSERT_EQUAL(event.kind, EVENT_SUBSCRIPTION);
        CU_ASSERT_STRING_EQUAL(event.snapshot.raw_status, words[i].word);
        CU_ASSERT_EQUAL(event.snapshot.status, words[i].status);
        CU_ASSERT_EQUAL(event.snapshot.ended, words[i].ended);
        CU_ASSERT_EQUAL(event.snapshot.grace_over, words[i].grace_over);
        event = about("customer.subscription.deleted", object);
        CU_ASSERT_EQUAL(event.kind, EVENT_SUBSCRIPTION);
        CU_ASSERT(event.snapshot.ended);
        CU_ASSERT_EQUAL(event.snapshot.status, STATUS_CANCELED);
        CU_ASSERT_STRING_EQUAL(event.snapshot.raw_status, words[i].ended ? words[i].word : "canceled");
    }
    struct billing_event event = about("customer.subscription.deleted", "{\"id\":\"sub_1\",\"status\":\"novel\"}");
    CU_ASSERT_EQUAL(event.kind, EVENT_SUBSCRIPTION);
    CU_ASSERT_STRING_EQUAL(event.snapshot.raw_status, "canceled");
}

/* Well-formed events that can never be applied. */
static void unusable(void)
{
    static const struct {
        const char *type, *object, *why;
    } cases[] = {
        {"customer.subscription.updated", "{\"id\":\"sub_1\",\"status\":\"novel\"}", "\"novel\""},
        {"customer.subscription.updated", "{\"id\":\"sub_1\",\"status\":\"a\\\"\\\\\xc3\xbc\"}", "\"a????\""},
        {"customer.subscription.updated", "{\"id\":\"sub_1\"}", "no status"},
        {"customer.subscription.updated", "{\"id\":\"sub_1\",\"status\":3}", "status is not text"},
        {"customer.subscription.updated", "{\"status\":\"active\"}", "no id"},
        {"customer.subscription.updated", "{\"id\":\"\",\"status\":\"active\"}", "id is empty"},
        {"customer.subscription.updated", "{\"id\":\"s\",\"status\":\"active\",\"customer\":[]}",
         "customer is not text"},
        {"customer.subscription.updated", "{\"id\":\"s\",\"status\":\"active\",\"customer\":{}}", "without an id"},
        {"customer.subscription.updated", "{\"id\":\"s\",\"status\":\"active\",\"created\":\"x\"}", "created"},
        {"customer.subscription.updated", "{\"id\":\"s\",\"status\":\"active\",\"cancel_at\":-5}", "cancel_at"},
        {"customer.subscription.updated", "{\"id\":\"s\",\"status\":\"active\",\"cancel_at_period_end\":1}",
         "cancel_at_period_end"},
        {"customer.subscription.updated",
         "{\"id\":\"s\",\"status\":\"active\",\"items\":{\"data\":[{\"price\":{\"id\":7}}]}}", "price is not text"},
        {"customer.subscription.deleted", "{}", "no id"},
        {"customer.subscription.updated", "null", "no data.object"},
        {"customer.subscription.updated", "[]", "no data.object"},
        {"customer.deleted", "{}", "no id"},
        {"checkout.session.completed", "{\"id\":\"cs_1\",\"mode\":\"subscription\",\"payment_status\":\"soon\"}",
         "\"soon\""},
        {"checkout.session.completed", "{\"id\":\"cs_1\",\"mode\":\"subscription\"}", "no payment_status"},
        {"checkout.session.expired", "{\"mode\":\"subscription\"}", "no id"},
        {"invoice.paid", "{\"id\":\"in_1\",\"subscription\":5}", "subscription is not text"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); ++i) {
        struct billing_event event = about(cases[i].type, cases[i].object);
        CU_ASSERT_EQUAL(event.kind, EVENT_UNUSABLE);
        if (!event.error || !strstr(event.error, cases[i].why)) {
            printf("# %s: '%s' does not say '%s'\n", cases[i].object, event.error ? event.error : "", cases[i].why);
            CU_FAIL("reason");
        }
    }
}

static void too_many_items(void)
{
    for (int count = 100; count <= 101; ++count) {
        const char *items = "{\"price\":\"p\"}";
        for (int i = 1; i < count; ++i) {
            items = apr_pstrcat(pool, items, ",{\"price\":\"p\"}", NULL);
        }
        struct billing_event event =
            about("customer.subscription.updated",
                  apr_psprintf(pool, "{\"id\":\"s\",\"status\":\"active\",\"items\":{\"data\":[%s]}}", items));
        CU_ASSERT_EQUAL(event.kind, count > 100 ? EVENT_UNUSABLE : EVENT_SUBSCRIPTION);
    }
}

/* A long unknown word is cut before it reaches a log. */
static void error_is_bounded(void)
{
    char word[256];
    memset(word, 'w', 255);
    word[255] = 0;
    struct billing_event event =
        about("customer.subscription.updated", apr_psprintf(pool, "{\"id\":\"sub_1\",\"status\":\"%s\"}", word));
    CU_ASSERT_EQUAL(event.kind, EVENT_UNUSABLE);
    CU_ASSERT(strlen(event.error) < 120);
    CU_ASSERT_PTR_NOT_NULL(strstr(event.error, "www...\""));
}

static struct billing_event checkout(const char *type, const char *mode, const char *payment_status)
{
    return about(type, apr_psprintf(pool,
                                    "{\"id\":\"cs_1\",\"object\":\"checkout.session\",\"mode\":\"%s\","
                                    "\"payment_status\":\"%s\",\"customer\":\"cus_1\",\"subscription\":\"sub_1\","
                                    "\"client_reference_id\":\"acme\",\"metadata\":{\"attune_install\":\"i1\"}}",
                                    mode, payment_status));
}

static void checkouts(void)
{
    struct billing_event event = checkout("checkout.session.completed", "subscription", "paid");
    CU_ASSERT_EQUAL(event.kind, EVENT_CHECKOUT_COMPLETED);
    CU_ASSERT_STRING_EQUAL(event.checkout_id, "cs_1");
    CU_ASSERT_STRING_EQUAL(event.object_id, "cs_1");
    CU_ASSERT_STRING_EQUAL(event.customer, "cus_1");
    CU_ASSERT_STRING_EQUAL(event.subscription_id, "sub_1");
    CU_ASSERT_STRING_EQUAL(event.client_reference, "acme");
    CU_ASSERT_STRING_EQUAL(event.installation, "i1");
    event = checkout("checkout.session.completed", "subscription", "no_payment_required");
    CU_ASSERT_EQUAL(event.kind, EVENT_CHECKOUT_COMPLETED);
    event = checkout("checkout.session.completed", "subscription", "unpaid");
    CU_ASSERT_EQUAL(event.kind, EVENT_CHECKOUT_PENDING);
    event = checkout("checkout.session.async_payment_succeeded", "subscription", "paid");
    CU_ASSERT_EQUAL(event.kind, EVENT_CHECKOUT_COMPLETED);
    event = checkout("checkout.session.async_payment_failed", "subscription", "unpaid");
    CU_ASSERT_EQUAL(event.kind, EVENT_CHECKOUT_FAILED);
    event = checkout("checkout.session.expired", "subscription", "unpaid");
    CU_ASSERT_EQUAL(event.kind, EVENT_CHECKOUT_EXPIRED);
    event = checkout("checkout.session.completed", "payment", "paid");
    CU_ASSERT_EQUAL(event.kind, EVENT_UNHANDLED);
    event = checkout("checkout.session.expired", "setup", "unpaid");
    CU_ASSERT_EQUAL(event.kind, EVENT_UNHANDLED);
}

static void invoices(void)
{
    static const char *const shapes[] = {
        "{\"id\":\"in_1\",\"customer\":\"cus_1\",\"total\":500,\"subscription\":\"sub_1\","
        "\"subscription_details\":{\"metadata\":{\"attune_install\":\"i1\"}}}",
        "{\"id\":\"in_1\",\"customer\":\"cus_1\",\"total\":500,\"subscription\":{\"id\":\"sub_1\"},"
        "\"lines\":{\"data\":[{},{\"metadata\":{\"attune_install\":\"i1\"}}]}}",
        "{\"id\":\"in_1\",\"customer\":\"cus_1\",\"amount_paid\":500,\"parent\":{\"subscription_details\":"
        "{\"subscription\":\"sub_1\",\"metadata\":{\"attune_install\":\"i1\"}}}}",
        "{\"id\":\"in_1\",\"customer\":\"cus_1\",\"total\":500,\"amount_paid\":0,\"metadata\":{\"attune_install\":"
        "\"i1\"},\"parent\":{\"subscription_details\":{\"subscription\":\"sub_1\",\"metadata\":null}}}",
    };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); ++i) {
        struct billing_event event = about("invoice.paid", shapes[i]);
        CU_ASSERT_EQUAL(event.kind, EVENT_PAYMENT_PAID);
        CU_ASSERT_STRING_EQUAL(event.subscription_id, "sub_1");
        CU_ASSERT_STRING_EQUAL(event.customer, "cus_1");
        CU_ASSERT_STRING_EQUAL(event.installation, "i1");
        CU_ASSERT_STRING_EQUAL(event.object_id, "in_1");
        CU_ASSERT_EQUAL(about("invoice.payment_succeeded", shapes[i]).kind, EVENT_PAYMENT_PAID);
        CU_ASSERT_EQUAL(about("invoice.payment_failed", shapes[i]).kind, EVENT_PAYMENT_FAILED);
        CU_ASSERT_EQUAL(about("invoice.created", shapes[i]).kind, EVENT_UNHANDLED);
    }
    CU_ASSERT_EQUAL(about("invoice.paid", "{\"id\":\"in_1\",\"total\":0,\"subscription\":\"sub_1\"}").kind,
                    EVENT_UNHANDLED);
    CU_ASSERT_EQUAL(about("invoice.paid", "{\"id\":\"in_1\",\"total\":-7,\"subscription\":\"sub_1\"}").kind,
                    EVENT_UNHANDLED);
    CU_ASSERT_EQUAL(about("invoice.payment_failed", "{\"id\":\"in_1\",\"total\":0,\"subscription\":\"sub_1\"}").kind,
                    EVENT_PAYMENT_FAILED);
    CU_ASSERT_EQUAL(about("invoice.paid", "{\"id\":\"in_1\",\"total\":500,\"parent\":null}").kind, EVENT_UNHANDLED);
    CU_ASSERT_EQUAL(about("invoice.payment_failed", "{\"id\":\"in_1\"}").kind, EVENT_UNHANDLED);
}

static void customer_deleted(void)
{
    struct billing_event event =
        about("customer.deleted", "{\"id\":\"cus_1\",\"metadata\":{\"attune_install\":\"i1\"}}");
    CU_ASSERT_EQUAL(event.kind, EVENT_CUSTOMER_DELETED);
    CU_ASSERT_STRING_EQUAL(event.customer, "cus_1");
    CU_ASSERT_STRING_EQUAL(event.installation, "i1");
}

static const struct unit_test tests[] = {
    {"envelope", envelope},
    {"thin", thin},
    {"no_event", no_event},
    {"sizes", sizes},
    {"subscription_new_shape", subscription_new_shape},
    {"subscription_old_shape", subscription_old_shape},
    {"subscription_cancel_at", subscription_cancel_at},
    {"statuses", statuses},
    {"unusable", unusable},
    {"too_many_items", too_many_items},
    {"error_is_bounded", error_is_bounded},
    {"checkouts", checkouts},
    {"invoices", invoices},
    {"customer_deleted", customer_deleted},
};

UNIT_MAIN_APR(tests, pool, NULL)
