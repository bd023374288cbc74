/* SPDX-License-Identifier: Apache-2.0
 * Finding or making the one customer. */
#include "service/customer.h"

#include "service/provider.h"
#include "service/runtime.h"
#include "service/state.h"
#include "store/state.h"

/* Our clock, the database's and the provider's need not agree. */
#define CLOCK_SLACK INT64_C(600)

static enum provider_outcome customer_bind(struct purchase *purchase, const char *customer)
{
    const struct provider_account *account = &purchase->account;
    apr_pool_t *pool = purchase->call.pool;

    switch (store_customer_bind(runtime()->database, pool, account->provider->name, purchase->org, account->livemode,
                                customer)) {
    case STORE_OK:
        state_refresh(pool, purchase->org, account->livemode);
        return PROVIDER_OK;
    case STORE_CONFLICT:
        return PROVIDER_NOT_FOUND;
    default:
        return PROVIDER_AMBIGUOUS; /* made, but not written: the next try finds it again */
    }
}

/* Among the provider's customers of the time in question. */
static enum provider_outcome customer_search(struct purchase *purchase, const char **customer)
{
    struct customer_query query = {
        .org = purchase->org,
        .since = purchase->context.uncertain_since - CLOCK_SLACK,
        .until = purchase->context.uncertain_until + CLOCK_SLACK,
    };
    const struct provider_call *call = purchase_call(purchase);
    struct provider_result result;

    if (!call) {
        return PROVIDER_UNAVAILABLE;
    }
    result = call->account->provider->customer_find(call, &query, customer);
    provider_log(&result, "list customers");
    if (result.outcome == PROVIDER_OK) {
        return customer_bind(purchase, *customer);
    }
    purchase->answer.retry_after = result.retry_after;
    /* A list that is refused, being too long, has not said that there is none. */
    return result.outcome == PROVIDER_REFUSED ? PROVIDER_UNAVAILABLE : result.outcome;
}

static enum provider_outcome customer_make(struct purchase *purchase, const struct checkout *checkout,
                                           const char **customer)
{
    struct customer_request request = {.org = purchase->org,
                                       .idempotency_key = purchase_key(purchase, checkout, "customer")};
    const struct provider_call *call = purchase_call(purchase);
    struct provider_result result;

    if (!call) {
        return PROVIDER_UNAVAILABLE;
    }
    result = call->account->provider->customer_create(call, &request, customer);
    provider_log(&result, "create a customer");
    purchase->answer.retry_after = result.retry_after;
    return result.outcome == PROVIDER_OK ? customer_bind(purchase, *customer) : result.outcome;
}

enum provider_outcome customer_known(struct purchase *purchase, const char **customer)
{
    if (purchase->context.customer) {
        *customer = purchase->context.customer;
        return PROVIDER_OK;
    }
    return purchase->context.uncertain_since ? customer_search(purchase, customer) : PROVIDER_NOT_FOUND;
}

enum provider_outcome customer_for_checkout(struct purchase *purchase, const struct checkout *checkout,
                                            const char **customer)
{
    const struct checkout_context *context = &purchase->context;

    if (context->customer) {
        *customer = context->customer;
        return PROVIDER_OK;
    }
    /* A reservation that never came to a session may have come to a customer. This one's own key still finds it; one of
     * another, earlier reservation is only in the list. */
    if (context->uncertain_since && context->uncertain_since < checkout->reserved_at) {
        enum provider_outcome outcome = customer_search(purchase, customer);
        if (outcome != PROVIDER_NOT_FOUND) {
            return outcome;
        }
    }
    return customer_make(purchase, checkout, customer);
}

bool customer_gone(apr_pool_t *pool, const struct provider_account *account, const char *org, const char *customer)
{
    if (store_customer_forget(runtime()->database, pool, account->provider->name, org, account->livemode, customer) !=
        STORE_OK) {
        return false;
    }
    state_refresh(pool, org, account->livemode);
    return true;
}
