/* SPDX-License-Identifier: Apache-2.0
 * Each request to Stripe, byte for byte, and its answers, good and odd. */
#include "provider/stripe/stripe.h"
#include "stripe_world.h"

#include <jansson.h>
#include <stdlib.h>

/* The body of a recorded answer of the real API, or NULL where there are none. */
static const char *recorded(const char *name)
{
    char *path = apr_pstrcat(world.pool, SRCDIR "/../shared/fixtures/api-recorded/", name, ".json", NULL);
    json_t *exchange = json_load_file(path, 0, NULL);
    if (!exchange) {
        printf("# %s is not here\n", name);
        return NULL;
    }
    char *text = json_dumps(json_object_get(json_object_get(exchange, "response"), "body"), 0);
    const char *copy = apr_pstrdup(world.pool, text);
    free(text);
    json_decref(exchange);
    return copy;
}

static void customer_create(void)
{
    const char *id = NULL, *real = recorded("2025-10-29.clover__POST_v1_customers__200__1");
    struct customer_request request = {"acme:1", "key-1"};
    world_answer(200, "", real ? real : "{\"id\":\"cus_TL2wOKapdYV2oF\",\"object\":\"customer\"}");
    world_answer(200, "", "{\"id\":\"cus_2\"}");
    world_answer(200, "", "{\"id\":7}");
    world_answer(200, "", "{}");
    world_begin();
    CU_ASSERT_EQUAL(stripe_customer_create(&world.call, &request, &id).outcome, PROVIDER_OK);
    CU_ASSERT_STRING_EQUAL(id, "cus_TL2wOKapdYV2oF");
    CU_ASSERT_STRING_EQUAL(world_request(0)->line, "POST /v1/customers HTTP/1.1");
    CU_ASSERT_STRING_EQUAL(world_request(0)->body, "metadata[attune_org]=acme%3A1&metadata[attune_install]=install-1");
    CU_ASSERT_STRING_EQUAL(loopback_header(world.pool, world_request(0), "Idempotency-Key"), "key-1");
    world.account.installation = NULL;
    CU_ASSERT_EQUAL(stripe_customer_create(&world.call, &request, &id).outcome, PROVIDER_OK);
    CU_ASSERT_STRING_EQUAL(world_request(1)->body, "metadata[attune_org]=acme%3A1");
    for (int i = 0; i < 2; ++i) {
        struct provider_result result = stripe_customer_create(&world.call, &request, &id);
        CU_ASSERT_EQUAL(result.outcome, PROVIDER_AMBIGUOUS);
        CU_ASSERT_PTR_NOT_NULL(strstr(result.detail, "no id"));
        CU_ASSERT_PTR_NULL(id);
    }
    world_end();
}

#define CUSTOMER(id, org, install)                                                                                     \
    "{\"id\":\"" id "\",\"metadata\":{\"attune_org\":\"" org "\",\"attune_install\":\"" install "\"}}"

static void customer_find(void)
{
    const char *id = NULL;
    struct customer_query query = {"acme", 1000, 2000};
    world_answer(200, "",
                 "{\"has_more\":true,\"data\":[" CUSTOMER("cus_9", "acme", "install-1") "," CUSTOMER(
                     "cus_8", "other", "install-1") ",{\"id\":\"cus_7\"}]}");
    world_answer(200, "",
                 "{\"has_more\":false,\"data\":[" CUSTOMER("cus_6", "acme", "install-1") "," CUSTOMER(
                     "cus_5", "acme", "install-2") ",5,{\"metadata\":[]}]}");
    world_answer(200, "", "{\"has_more\":false,\"data\":[]}");
    world_begin();
    CU_ASSERT_EQUAL(stripe_customer_find(&world.call, &query, &id).outcome, PROVIDER_OK);
    CU_ASSERT_STRING_EQUAL(id, "cus_6");
    CU_ASSERT_STRING_EQUAL(world_request(0)->line,
                           "GET /v1/customers?created[gte]=1000&created[lte]=2000&limit=50 HTTP/1.1");
    CU_ASSERT_STRING_EQUAL(
        world_request(1)->line,
        "GET /v1/customers?created[gte]=1000&created[lte]=2000&limit=50&starting_after=cus_7 HTTP/1.1");
    query = (struct customer_query){"acme", 0, 0};
    struct provider_result result = stripe_customer_find(&world.call, &query, &id);
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_NOT_FOUND);
    CU_ASSERT_PTR_NULL(id);
    CU_ASSERT_STRING_EQUAL(world_request(2)->line, "GET /v1/customers?limit=50 HTTP/1.1");
    world_end();
}

#define OPEN_SESSION                                                                                                   \
    "{\"id\":\"cs_test_1\",\"object\":\"checkout.session\",\"status\":\"open\",\"expires_at\":1800000000,"             \
    "\"url\":\"https://checkout.stripe.com/c/pay/cs_test_1#x\",\"customer\":\"cus_1\",\"subscription\":null,"          \
    "\"client_reference_id\":\"acme\",\"livemode\":false}"

#define DONE_SESSION                                                                                                   \
    "{\"id\":\"cs_test_1\",\"status\":\"complete\",\"expires_at\":1800000000,\"url\":null,\"customer\":"               \
    "{\"id\":\"cus_1\"},\"subscription\":{\"id\":\"sub_1\"}}"

static void checkout_create(void)
{
    struct checkout_session session;
    struct checkout_request request = {.org = "acme",
                                       .customer = "cus_1",
                                       .price = "price_1",
                                       .return_url = "https://app.example.com/billing",
                                       .expires_at = 1800000000,
                                       .idempotency_key = "key-1"};
    world_answer(200, "", OPEN_SESSION);
    world_begin();
    CU_ASSERT_EQUAL(stripe_checkout_create(&world.call, &request, &session).outcome, PROVIDER_OK);
    CU_ASSERT_STRING_EQUAL(session.id, "cs_test_1");
    CU_ASSERT_EQUAL(session.status, CHECKOUT_OPEN);
    CU_ASSERT_STRING_EQUAL(session.url, "https://checkout.stripe.com/c/pay/cs_test_1#x");
    CU_ASSERT_EQUAL(session.expires_at, 1800000000);
    CU_ASSERT_STRING_EQUAL(session.customer, "cus_1");
    CU_ASSERT_STRING_EQUAL(session.client_reference, "acme");
    CU_ASSERT_PTR_NULL(session.subscription);
    CU_ASSERT_STRING_EQUAL(world_request(0)->line, "POST /v1/checkout/sessions HTTP/1.1");
    CU_ASSERT_STRING_EQUAL(loopback_header(world.pool, world_request(0), "Idempotency-Key"), "key-1");
    CU_ASSERT_STRING_EQUAL(
        world_request(0)->body,
        "mode=subscription&customer=cus_1&client_reference_id=acme&line_items[0][price]=price_1&line_items[0][quantity]"
        "=1&success_url=https%3A%2F%2Fapp.example.com%2Fbilling%3Fcheckout%3Dsuccess%26session_id%3D%7BCHECKOUT_SESSION"
        "_ID%7D&cancel_url=https%3A%2F%2Fapp.example.com%2Fbilling%3Fcheckout%3Dcancelled&metadata[attune_org]=acme&"
        "metadata[attune_install]=install-1&subscription_data[metadata][attune_org]=acme&subscription_data[metadata]"
        "[attune_install]=install-1&expires_at=1800000000");
    world_end();
}

static void return_urls(void)
{
    static const struct {
        const char *url, *success, *cancel;
    } cases[] = {
        {"https://a.example/x?y=z", "x%3Fy%3Dz%26checkout%3Dsuccess%26", "x%3Fy%3Dz%26checkout%3Dcancelled&"},
        {"https://a.example/x?", "x%3Fcheckout%3Dsuccess%26", "x%3Fcheckout%3Dcancelled&"},
        {"https://a.example/x?y&", "x%3Fy%26checkout%3Dsuccess%26", "x%3Fy%26checkout%3Dcancelled&"},
        {"https://a.example/x#frag?q", "x%3Fcheckout%3Dsuccess%26session_id%3D%7BCHECKOUT_SESSION_ID%7D%23frag%3Fq&",
         "x%3Fcheckout%3Dcancelled%23frag%3Fq&"},
        {"https://a.example/x?y#f", "x%3Fy%26checkout%3Dsuccess%26session_id%3D%7BCHECKOUT_SESSION_ID%7D%23f&",
         "x%3Fy%26checkout%3Dcancelled%23f&"},
        {"https://a.example", "a.example%3Fcheckout%3Dsuccess%26", "a.example%3Fcheckout%3Dcancelled&"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); ++i) {
        struct checkout_session session;
        struct checkout_request request = {
            .org = "acme", .customer = "cus_1", .price = "p", .return_url = cases[i].url, .idempotency_key = "k"};
        world_answer(200, "", OPEN_SESSION);
        world_begin();
        stripe_checkout_create(&world.call, &request, &session);
        CU_ASSERT_PTR_NOT_NULL(strstr(world_request(0)->body, cases[i].success));
        CU_ASSERT_PTR_NOT_NULL(strstr(world_request(0)->body, cases[i].cancel));
        CU_ASSERT_PTR_NULL(strstr(world_request(0)->body, "expires_at"));
        world_end();
    }
}

static void checkout_answers(void)
{
    static const struct {
        const char *body, *detail;
    } odd[] = {
        {"{\"id\":\"cs_1\",\"status\":\"open\",\"expires_at\":1800000000,\"url\":null}", "no url"},
        {"{\"id\":\"cs_1\",\"status\":\"open\",\"expires_at\":1800000000,\"url\":\"javascript:x\"}", "url is not"},
        {"{\"id\":\"cs_1\",\"status\":\"open\",\"url\":\"https://x\"}", "no expires_at"},
        {"{\"status\":\"open\",\"expires_at\":1,\"url\":\"https://x\"}", "no id"},
        {"{\"id\":\"cs_1\",\"status\":\"novel\",\"expires_at\":1,\"url\":\"https://x\"}", "no status"},
        {"{\"id\":\"cs_1\",\"expires_at\":1,\"url\":\"https://x\"}", "no status"},
        {"{\"id\":\"cs_1\",\"status\":\"open\",\"expires_at\":\"x\",\"url\":\"https://x\"}", "expires_at is not"},
    };
    struct checkout_session session;
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); ++i) {
        world_answer(200, "", odd[i].body);
        world_begin();
        struct provider_result result = stripe_checkout_fetch(&world.call, "cs_1", &session);
        CU_ASSERT_EQUAL(result.outcome, PROVIDER_UNAVAILABLE);
        CU_ASSERT_PTR_NOT_NULL(strstr(result.detail, odd[i].detail));
        world_end();
    }
    const char *real = recorded("2026-03-25.dahlia__POST_v1_checkout_sessions__200__2");
    if (real) {
        world_answer(200, "", real);
        world_begin();
        CU_ASSERT_EQUAL(stripe_checkout_fetch(&world.call, "cs_1", &session).outcome, PROVIDER_OK);
        CU_ASSERT_EQUAL(session.status, CHECKOUT_OPEN);
        CU_ASSERT(session.expires_at > 0 && strstr(session.url, "https://checkout.stripe.com/"));
        world_end();
    }
}

static void checkout_fetch(void)
{
    struct checkout_session session;
    world_answer(200, "", DONE_SESSION);
    world_begin();
    CU_ASSERT_EQUAL(stripe_checkout_fetch(&world.call, "cs/../1?x", &session).outcome, PROVIDER_OK);
    CU_ASSERT_STRING_EQUAL(world_request(0)->line, "GET /v1/checkout/sessions/cs%2F..%2F1%3Fx HTTP/1.1");
    CU_ASSERT_EQUAL(session.status, CHECKOUT_COMPLETE);
    CU_ASSERT_PTR_NULL(session.url);
    CU_ASSERT_STRING_EQUAL(session.subscription, "sub_1");
    world_end();
}

#define SESSION(id, org, mode) "{\"id\":\"" id "\",\"client_reference_id\":\"" org "\",\"mode\":\"" mode "\"}"

static void checkouts_open(void)
{
    struct checkout_query query = {"acme", "cus_1"};
    struct checkout_list list;
    world_answer(200, "",
                 "{\"has_more\":true,\"data\":[" SESSION("cs_3", "acme", "subscription") "," SESSION(
                     "cs_4", "other", "subscription") "," SESSION("cs_5", "acme", "payment") "]}");
    world_answer(200, "",
                 "{\"has_more\":false,\"data\":[{\"id\":\"cs_6\"}," SESSION("cs_7", "acme", "subscription") "]}");
    world_answer(404, "", "{\"error\":{\"code\":\"resource_missing\",\"param\":\"customer\"}}");
    world_begin();
    CU_ASSERT_EQUAL(stripe_checkouts_open(&world.call, &query, &list).outcome, PROVIDER_OK);
    CU_ASSERT_EQUAL_FATAL(list.count, 2);
    CU_ASSERT_STRING_EQUAL(list.ids[0], "cs_3");
    CU_ASSERT_STRING_EQUAL(list.ids[1], "cs_7");
    CU_ASSERT_STRING_EQUAL(world_request(0)->line,
                           "GET /v1/checkout/sessions?customer=cus_1&status=open&limit=50 HTTP/1.1");
    CU_ASSERT_EQUAL(stripe_checkouts_open(&world.call, &query, &list).outcome, PROVIDER_NOT_FOUND);
    CU_ASSERT_EQUAL(list.count, 0);
    world_end();
}

static void checkout_expire(void)
{
    static const char refusal[] = "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Only open\"}}";
    struct checkout_session session;
    world_answer(200, "", "{\"id\":\"cs_1\",\"status\":\"expired\",\"expires_at\":1}");
    world_answer(400, "", refusal);
    world_answer(200, "", DONE_SESSION);
    world_answer(400, "", refusal);
    world_answer(200, "", OPEN_SESSION);
    world_answer(400, "", refusal);
    world_answer(429, "", "{}");
    world_answer(404, "", "{\"error\":{\"code\":\"resource_missing\"}}");
    world_begin();
    CU_ASSERT_EQUAL(stripe_checkout_expire(&world.call, "cs_1", &session).outcome, PROVIDER_OK);
    CU_ASSERT_EQUAL(session.status, CHECKOUT_EXPIRED);
    CU_ASSERT_STRING_EQUAL(world_request(0)->line, "POST /v1/checkout/sessions/cs_1/expire HTTP/1.1");
    CU_ASSERT_STRING_EQUAL(world_request(0)->body, "");
    CU_ASSERT_EQUAL(stripe_checkout_expire(&world.call, "cs_1", &session).outcome, PROVIDER_OK);
    CU_ASSERT_EQUAL(session.status, CHECKOUT_COMPLETE);
    CU_ASSERT_STRING_EQUAL(world_request(2)->line, "GET /v1/checkout/sessions/cs_1 HTTP/1.1");
    struct provider_result result = stripe_checkout_expire(&world.call, "cs_1", &session);
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.detail, "Only open"));
    CU_ASSERT_EQUAL(stripe_checkout_expire(&world.call, "cs_1", &session).outcome, PROVIDER_REFUSED);
    CU_ASSERT_EQUAL(stripe_checkout_expire(&world.call, "cs_1", &session).outcome, PROVIDER_NOT_FOUND);
    CU_ASSERT_EQUAL(loopback_count(world.server), 8);
    world_end();
}

static void portal_create(void)
{
    const char *url = NULL, *real = recorded("2026-03-25.dahlia__POST_v1_billing_portal_sessions__200__1");
    struct portal_request request = {"cus_1", "https://app.example.com/billing", PORTAL_PAYMENT_METHOD};
    world_answer(200, "", real ? real : "{\"id\":\"bps_1\",\"url\":\"https://billing.stripe.com/p/session/x\"}");
    world_answer(200, "", "{\"id\":\"bps_1\",\"url\":\"https://billing.stripe.com/p/session/x\"}");
    world_answer(200, "", "{\"id\":\"bps_1\"}");
    world_answer(400, "", "{\"error\":{\"code\":\"resource_missing\",\"param\":\"customer\"}}");
    world_begin();
    CU_ASSERT_EQUAL(stripe_portal_create(&world.call, &request, &url).outcome, PROVIDER_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(url, "https://billing.stripe.com/p/session/"));
    CU_ASSERT_STRING_EQUAL(world_request(0)->line, "POST /v1/billing_portal/sessions HTTP/1.1");
    CU_ASSERT_STRING_EQUAL(world_request(0)->body, "customer=cus_1&return_url=https%3A%2F%2Fapp.example.com%2Fbilling&"
                                                   "flow_data[type]=payment_method_update");
    request.flow = PORTAL_HOME;
    CU_ASSERT_EQUAL(stripe_portal_create(&world.call, &request, &url).outcome, PROVIDER_OK);
    CU_ASSERT_STRING_EQUAL(world_request(1)->body, "customer=cus_1&return_url=https%3A%2F%2Fapp.example.com%2Fbilling");
    struct provider_result result = stripe_portal_create(&world.call, &request, &url);
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_AMBIGUOUS);
    CU_ASSERT_PTR_NULL(url);
    CU_ASSERT_EQUAL(stripe_portal_create(&world.call, &request, &url).outcome, PROVIDER_NOT_FOUND);
    world_end();
}

static void subscription_fetch(void)
{
    struct subscription_snapshot snapshot;
    world_answer(200, "Date: Thu, 29 Oct 2026 15:13:32 GMT\r\n",
                 "{\"id\":\"sub_1\",\"status\":\"active\",\"metadata\":{\"attune_org\":\"acme\"}}");
    world_answer(200, "", "{\"id\":\"sub_1\",\"status\":\"novel\"}");
    world_answer(404, "", "{\"error\":{\"code\":\"resource_missing\",\"param\":\"id\"}}");
    world_begin();
    struct provider_result result = stripe_subscription_fetch(&world.call, "sub_1", &snapshot);
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_OK);
    CU_ASSERT_EQUAL(result.date, 1793286812);
    CU_ASSERT_STRING_EQUAL(snapshot.org, "acme");
    CU_ASSERT_STRING_EQUAL(world_request(0)->line, "GET /v1/subscriptions/sub_1 HTTP/1.1");
    result = stripe_subscription_fetch(&world.call, "sub_1", &snapshot);
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.detail, "\"novel\""));
    CU_ASSERT_EQUAL(stripe_subscription_fetch(&world.call, "sub_1", &snapshot).outcome, PROVIDER_NOT_FOUND);
    world_end();
}

static void subscriptions_list(void)
{
    struct subscription_list list;
    world_answer(200, "Date: Thu, 29 Oct 2026 15:13:32 GMT\r\n",
                 "{\"has_more\":true,\"data\":[{\"id\":\"sub_3\",\"status\":\"active\"},{\"id\":\"sub_2\",\"status\":"
                 "\"novel\"}]}");
    world_answer(200, "Date: Thu, 29 Oct 2026 15:13:42 GMT\r\n",
                 "{\"has_more\":false,\"data\":[{\"id\":\"sub_1\",\"status\":\"canceled\"}]}");
    world_begin();
    struct provider_result result = stripe_subscriptions_list(&world.call, "cus_1", &list);
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_OK);
    CU_ASSERT_EQUAL(result.date, 1793286812);
    CU_ASSERT_EQUAL_FATAL(list.count, 2);
    CU_ASSERT_STRING_EQUAL(list.items[0].id, "sub_3");
    CU_ASSERT_STRING_EQUAL(list.items[1].id, "sub_1");
    CU_ASSERT_EQUAL(list.unusable, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(list.detail, "novel"));
    CU_ASSERT_STRING_EQUAL(world_request(0)->line, "GET /v1/subscriptions?customer=cus_1&status=all&limit=50 HTTP/1.1");
    CU_ASSERT_STRING_EQUAL(world_request(1)->line,
                           "GET /v1/subscriptions?customer=cus_1&status=all&limit=50&starting_after=sub_2 HTTP/1.1");
    world_end();
}

static void events_list(void)
{
    struct event_page page;
    struct event_query query = {.since = 1700000000, .until = 1700003600, .undelivered_only = true};
    world_answer(200, "",
                 "{\"has_more\":true,\"data\":[{\"id\":\"evt_2\",\"data\":{\"object\":{}}},{\"id\":\"evt_1\"}]}");
    world_answer(200, "", "{\"has_more\":false,\"data\":[]}");
    world_begin();
    CU_ASSERT_EQUAL(stripe_events_list(&world.call, &query, &page).outcome, PROVIDER_OK);
    CU_ASSERT_EQUAL_FATAL(page.count, 2);
    CU_ASSERT_STRING_EQUAL(page.bodies[0], "{\"id\":\"evt_2\",\"data\":{\"object\":{}}}");
    CU_ASSERT_STRING_EQUAL(page.bodies[1], "{\"id\":\"evt_1\"}");
    CU_ASSERT_EQUAL(page.lens[1], 14);
    CU_ASSERT_STRING_EQUAL(page.next, "evt_1");
    const char *line = world_request(0)->line;
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "GET /v1/events?types[0]=checkout.session.async_payment_failed&types[1]="));
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "&types[12]=invoice.payment_succeeded&delivery_success=false&created[gte]="
                                        "1700000000&created[lte]=1700003600&limit=50 HTTP/1.1"));
    query = (struct event_query){.cursor = page.next};
    CU_ASSERT_EQUAL(stripe_events_list(&world.call, &query, &page).outcome, PROVIDER_OK);
    CU_ASSERT_EQUAL(page.count, 0);
    CU_ASSERT_PTR_NULL(page.next);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(world_request(1)->line, "types[12]=invoice.payment_succeeded&limit=50&starting_after=evt_1 HTTP/1.1"));
    world_end();
}

static void odd_lists(void)
{
    static const char *const odd[] = {"{}", "{\"data\":{}}", "{\"data\":[],\"has_more\":true}",
                                      "{\"data\":[{\"id\":5}],\"has_more\":true}",
                                      "{\"data\":[{}],\"has_more\":\"x\"}"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); ++i) {
        struct event_page page;
        struct event_query query = {.since = 0};
        world_answer(200, "", odd[i]);
        world_begin();
        struct provider_result result = stripe_events_list(&world.call, &query, &page);
        CU_ASSERT_EQUAL(result.outcome, PROVIDER_UNAVAILABLE);
        CU_ASSERT_PTR_NOT_NULL(result.detail);
        world_end();
    }
}

/* A list without end, one that fails on the way, and one too slow for its time-out. */
static void list_bounds(void)
{
    struct subscription_list list;
    for (int i = 0; i < 41; ++i) {
        world_answer(200, "", "{\"has_more\":true,\"data\":[{\"id\":\"sub_1\",\"status\":\"active\"}]}");
    }
    world_begin();
    struct provider_result result = stripe_subscriptions_list(&world.call, "cus_1", &list);
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_REFUSED);
    CU_ASSERT_EQUAL(loopback_count(world.server), 40);
    world_end();
    world_answer(200, "", "{\"has_more\":true,\"data\":[{\"id\":\"sub_1\",\"status\":\"active\"}]}");
    world_answer(429, "", "{}");
    world_begin();
    result = stripe_subscriptions_list(&world.call, "cus_1", &list);
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_UNAVAILABLE);
    CU_ASSERT_EQUAL(result.attempts, 2);
    world_end();
    for (int i = 0; i < 10; ++i) {
        world_answer(200, "", "{\"has_more\":true,\"data\":[{\"id\":\"sub_1\",\"status\":\"active\"}]}");
    }
    world_begin();
    world.clock.step = apr_time_from_sec(1);
    result = stripe_subscriptions_list(&world.call, "cus_1", &list);
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.detail, "too slowly"));
    CU_ASSERT(loopback_count(world.server) < 10);
    world_end();
}

static const struct unit_test tests[] = {
    {"customer_create", customer_create},
    {"customer_find", customer_find},
    {"checkout_create", checkout_create},
    {"return_urls", return_urls},
    {"checkout_answers", checkout_answers},
    {"checkout_fetch", checkout_fetch},
    {"checkouts_open", checkouts_open},
    {"checkout_expire", checkout_expire},
    {"portal_create", portal_create},
    {"subscription_fetch", subscription_fetch},
    {"subscriptions_list", subscriptions_list},
    {"events_list", events_list},
    {"odd_lists", odd_lists},
    {"list_bounds", list_bounds},
};

WORLD_MAIN(tests)
