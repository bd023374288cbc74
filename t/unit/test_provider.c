/* SPDX-License-Identifier: Apache-2.0
 * The provider interface: the registry, and a second, tiny provider, through which and through Stripe the same code
 * sells a subscription. */
#include "stripe_world.h"

/* "Tally": its webhook is signed with the secret itself, and its event is "<id> <subscription> <customer>". */

static const char *tally_verify(const struct webhook_delivery *delivery, const char *const *secrets,
                                size_t secret_count)
{
    for (size_t i = 0; delivery->signature && i < secret_count; ++i) {
        if (!strcmp(delivery->signature, secrets[i])) {
            return NULL;
        }
    }
    return "the tally does not fit";
}

static const char *tally_event(apr_pool_t *pool, const void *body, size_t len, const char *org_key,
                               struct billing_event *event)
{
    (void)org_key;
    char *last, *text = apr_pstrmemdup(pool, body, len);
    *event = (struct billing_event){.type = "began", .created = 1, .kind = EVENT_SUBSCRIPTION};
    event->id = apr_strtok(text, " ", &last);
    event->subscription_id = event->snapshot.id = event->id ? apr_strtok(NULL, " ", &last) : NULL;
    event->customer = event->snapshot.customer = event->subscription_id ? apr_strtok(NULL, " ", &last) : NULL;
    event->snapshot.raw_status = "going";
    event->snapshot.status = STATUS_ACTIVE;
    return event->customer ? NULL : "no tally";
}

static struct provider_result tally_customer(const struct provider_call *call, const struct customer_request *request,
                                             const char **customer)
{
    *customer = apr_pstrcat(call->pool, "tally-", request->org, NULL);
    return (struct provider_result){.outcome = PROVIDER_OK, .date = 1};
}

static struct provider_result tally_checkout(const struct provider_call *call, const struct checkout_request *request,
                                             struct checkout_session *session)
{
    *session = (struct checkout_session){.id = "counter", .expires_at = 9, .customer = request->customer};
    session->url = apr_pstrcat(call->pool, "https://tally.example/", request->price, NULL);
    return (struct provider_result){.outcome = PROVIDER_OK, .date = 1};
}

static const struct provider tally = {
    .name = "tally",
    .signature_header = "X-Tally",
    .webhook_verify = tally_verify,
    .event_parse = tally_event,
    .customer_create = tally_customer,
    .checkout_create = tally_checkout,
};

/* All that the rest of the module does to sell, without a provider's word in it. */
static const char *sell(const struct provider_call *call)
{
    const struct provider *provider = call->account->provider;
    struct customer_request customer = {.org = "acme", .idempotency_key = "customer-acme"};
    struct checkout_request checkout = {
        .org = "acme", .price = "gold", .return_url = "https://app.example.com/", .idempotency_key = "checkout-acme"};
    struct checkout_session session;
    if (provider->customer_create(call, &customer, &checkout.customer).outcome != PROVIDER_OK ||
        provider->checkout_create(call, &checkout, &session).outcome != PROVIDER_OK) {
        return NULL;
    }
    CU_ASSERT_EQUAL(session.status, CHECKOUT_OPEN);
    return session.url;
}

static void both_sell(void)
{
    world_answer(200, "", "{\"id\":\"cus_1\"}");
    world_answer(200, "", "{\"id\":\"cs_1\",\"status\":\"open\",\"expires_at\":9,\"url\":\"https://pay.example/1\"}");
    world_begin();
    CU_ASSERT_STRING_EQUAL(sell(&world.call), "https://pay.example/1");
    world.account.provider = &tally;
    CU_ASSERT_STRING_EQUAL(sell(&world.call), "https://tally.example/gold");
    world_end();
}

static const char *deliver(const struct provider *provider, const char *signature, const char *body,
                           struct billing_event *event)
{
    const char *secrets[] = {"whsec_unit_first"};
    struct webhook_delivery delivery = {signature, body, strlen(body), 1795443458};
    const char *refusal = provider->webhook_verify(&delivery, secrets, 1);
    return refusal ? refusal : provider->event_parse(world.pool, body, strlen(body), "attune_org", event);
}

static void both_hear(void)
{
    /* HMAC-SHA256 of "1795443458." and the body, made with Python's hmac */
    static const char body[] = "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"customer.subscription.created\","
                               "\"created\":1,\"livemode\":false,\"data\":{\"object\":{\"id\":\"sub_1\",\"customer\":"
                               "\"cus_1\",\"status\":\"active\"}}}";
    static const char signature[] = "t=1795443458,v1=e82d5da20a845ff9e676537480c8153d5c6aa549f5310db5a2f645540d619133";
    struct billing_event of_stripe, of_tally;
    CU_ASSERT_PTR_NULL(deliver(provider_find("stripe"), signature, body, &of_stripe));
    CU_ASSERT_PTR_NULL(deliver(&tally, "whsec_unit_first", "evt_1 sub_1 cus_1", &of_tally));
    CU_ASSERT_STRING_EQUAL(of_stripe.id, of_tally.id);
    CU_ASSERT_EQUAL(of_stripe.kind, of_tally.kind);
    CU_ASSERT_STRING_EQUAL(of_stripe.customer, of_tally.customer);
    CU_ASSERT_STRING_EQUAL(of_stripe.snapshot.id, of_tally.snapshot.id);
    CU_ASSERT_EQUAL(of_stripe.snapshot.status, of_tally.snapshot.status);
    CU_ASSERT_PTR_NOT_NULL(deliver(provider_find("stripe"), NULL, body, &of_stripe));
    CU_ASSERT_PTR_NOT_NULL(deliver(provider_find("stripe"), "whsec_unit_first", body, &of_stripe));
    CU_ASSERT_PTR_NOT_NULL(deliver(&tally, NULL, "evt_1 sub_1 cus_1", &of_tally));
    CU_ASSERT_PTR_NOT_NULL(deliver(&tally, "whsec_unit_first", "evt_1", &of_tally));
}

static void registry(void)
{
    const struct provider *stripe = provider_find("stripe");
    CU_ASSERT_PTR_NOT_NULL_FATAL(stripe);
    CU_ASSERT_STRING_EQUAL(stripe->name, "stripe");
    CU_ASSERT_STRING_EQUAL(stripe->signature_header, "Stripe-Signature");
    CU_ASSERT(stripe->webhook_verify && stripe->event_parse && stripe->customer_create && stripe->customer_find &&
              stripe->checkout_create && stripe->checkout_fetch && stripe->checkout_expire && stripe->portal_create &&
              stripe->subscription_fetch && stripe->subscriptions_list && stripe->events_list);
    CU_ASSERT_PTR_NULL(provider_find("tally"));
    CU_ASSERT_PTR_NULL(provider_find("Stripe"));
    CU_ASSERT_PTR_NULL(provider_find(""));
}

static struct {
    enum provider_operation operation;
    enum provider_outcome outcome;
    int64_t took;
    unsigned calls;
} observed;

static void observe(enum provider_operation operation, const struct provider_result *result, int64_t took)
{
    observed.operation = operation;
    observed.outcome = result->outcome;
    observed.took = took;
    observed.calls++;
}

/* The last of all: it stays observed. */
static void observation(void)
{
    const char *customer = NULL;
    struct subscription_list list;
    struct billing_event event;

    provider_observe(observe);
    world_answer(200, "", "{\"id\":\"cus_1\"}");
    world_answer(404, "", "{\"error\":{\"code\":\"resource_missing\"}}");
    world_begin();
    world.account.provider = provider_find("stripe");
    CU_ASSERT_STRING_EQUAL(world.account.provider->name, "stripe");
    CU_ASSERT_EQUAL(
        world.account.provider
            ->customer_create(&world.call, &(struct customer_request){.org = "acme", .idempotency_key = "k"}, &customer)
            .outcome,
        PROVIDER_OK);
    CU_ASSERT_STRING_EQUAL(customer, "cus_1");
    CU_ASSERT(observed.operation == PROVIDER_CUSTOMER_CREATE && observed.outcome == PROVIDER_OK && observed.took > 0);
    CU_ASSERT_NOT_EQUAL(world.account.provider->subscriptions_list(&world.call, "cus_2", &list).outcome, PROVIDER_OK);
    CU_ASSERT(observed.operation == PROVIDER_SUBSCRIPTIONS_LIST && observed.outcome != PROVIDER_OK);
    CU_ASSERT_EQUAL(observed.calls, 2);
    CU_ASSERT_PTR_NOT_NULL(deliver(world.account.provider, NULL, "{}", &event));
    CU_ASSERT_EQUAL(observed.calls, 2);
    world_end();
}

static void outcome_names(void)
{
    static const char *const names[] = {"ok",        "not found", "refused", "unavailable",
                                        "ambiguous", "key used",  "unknown"};
    for (int i = 0; i < 6; ++i) {
        CU_ASSERT_STRING_EQUAL(provider_outcome_name((enum provider_outcome)i), names[i]);
    }
}

static const struct unit_test tests[] = {
    {"both_sell", both_sell},         {"both_hear", both_hear},     {"registry", registry},
    {"outcome_names", outcome_names}, {"observation", observation},
};

WORLD_MAIN(tests)
