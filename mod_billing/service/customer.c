/* SPDX-License-Identifier: Apache-2.0
 * Finding or making the one customer. */
#include "service/customer.h"

#include "service/provider.h"
#include "service/runtime.h"
#include "service/state.h"
#include "store/state.h"

#include <apr_strings.h>

/* Our clock, the database's and the provider's need not agree. */
#define CLOCK_SLACK INT64_C(600)

const char *checkout_key(const struct provider_call *call, const struct checkout *checkout, const char *what)
{
    return apr_psprintf(call->pool, "attune-%s-%" APR_INT64_T_FMT "-%s",
                        call->account->installation ? call->account->installation : "none",
                        (apr_int64_t)checkout->checkout_id, what);
}

void customer_publish(apr_pool_t *pool, const char *org, bool livemode)
{
    const struct runtime *child = runtime();
    struct org_state state;

    if (store_state_find(child->database, pool, &child->config->catalogue, org, livemode, DATABASE_WAIT_WEB, &state) ==
        STORE_OK) {
        state_publish(org, livemode, &state);
    }
}

static enum provider_outcome customer_search(const struct provider_call *call, const char *org,
                                             const struct checkout_context *context, const char **customer)
{
    struct customer_query query = {.org = org, .since = context->uncertain_since - CLOCK_SLACK};
    struct provider_result result = call->account->provider->customer_find(call, &query, customer);

    provider_log(&result, "list customers");
    return result.outcome;
}

static enum provider_outcome customer_make(const struct provider_call *call, const char *org,
                                           const struct checkout *checkout, const char **customer)
{
    struct customer_request request = {.org = org, .idempotency_key = checkout_key(call, checkout, "customer")};
    struct provider_result result = call->account->provider->customer_create(call, &request, customer);

    provider_log(&result, "create a customer");
    return result.outcome;
}

enum provider_outcome customer_for_checkout(const struct provider_call *call, const char *org,
                                            const struct checkout_context *context, const struct checkout *checkout,
                                            const char **customer)
{
    enum provider_outcome outcome = PROVIDER_NOT_FOUND;

    if (context->customer) {
        *customer = context->customer;
        return PROVIDER_OK;
    }
    /* A reservation that never came to a session may have come to a customer. This one's own key still finds it while the
     * provider remembers; one of another, earlier reservation is only in the list. */
    if (context->uncertain_since &&
        (context->uncertain_since < checkout->reserved_at || context->now - checkout->reserved_at > CHECKOUT_KEY_LIFETIME)) {
        outcome = customer_search(call, org, context, customer);
    }
    if (outcome == PROVIDER_NOT_FOUND) {
        outcome = customer_make(call, org, checkout, customer);
    }
    if (outcome != PROVIDER_OK) {
        return outcome;
    }
    switch (store_customer_bind(runtime()->database, call->pool, call->account->provider->name, org,
                                call->account->livemode, *customer)) {
    case STORE_OK:
        customer_publish(call->pool, org, call->account->livemode);
        return PROVIDER_OK;
    case STORE_CONFLICT:
        return PROVIDER_REFUSED; /* the provider's list gave a customer that is another org's here */
    default:
        return PROVIDER_AMBIGUOUS; /* made, but not written: the next try finds it again */
    }
}
