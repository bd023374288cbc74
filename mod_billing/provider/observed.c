/* SPDX-License-Identifier: Apache-2.0
 * Each call of the interface, timed. */
#include "provider/observed.h"

#include <time.h>

static int64_t observed_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static const struct observed_provider *observed_of(const struct provider_call *call)
{
    return (const struct observed_provider *)call->account->provider;
}

/* The expression `asked` is the call of the provider itself. */
#define OBSERVED(operation, asked)                                                                                     \
    int64_t began = observed_now();                                                                                    \
    struct provider_result result = asked;                                                                             \
                                                                                                                       \
    observed_of(call)->observer(operation, &result, observed_now() - began);                                           \
    return result

static struct provider_result observed_customer_create(const struct provider_call *call,
                                                       const struct customer_request *request, const char **customer)
{
    OBSERVED(PROVIDER_CUSTOMER_CREATE, observed_of(call)->inner->customer_create(call, request, customer));
}

static struct provider_result observed_customer_find(const struct provider_call *call,
                                                     const struct customer_query *query, const char **customer)
{
    OBSERVED(PROVIDER_CUSTOMER_FIND, observed_of(call)->inner->customer_find(call, query, customer));
}

static struct provider_result observed_checkout_create(const struct provider_call *call,
                                                       const struct checkout_request *request,
                                                       struct checkout_session *session)
{
    OBSERVED(PROVIDER_CHECKOUT_CREATE, observed_of(call)->inner->checkout_create(call, request, session));
}

static struct provider_result observed_checkout_fetch(const struct provider_call *call, const char *id,
                                                      struct checkout_session *session)
{
    OBSERVED(PROVIDER_CHECKOUT_FETCH, observed_of(call)->inner->checkout_fetch(call, id, session));
}

static struct provider_result observed_checkout_expire(const struct provider_call *call, const char *id,
                                                       struct checkout_session *session)
{
    OBSERVED(PROVIDER_CHECKOUT_EXPIRE, observed_of(call)->inner->checkout_expire(call, id, session));
}

static struct provider_result observed_checkouts_open(const struct provider_call *call,
                                                      const struct checkout_query *query, struct checkout_list *list)
{
    OBSERVED(PROVIDER_CHECKOUTS_OPEN, observed_of(call)->inner->checkouts_open(call, query, list));
}

static struct provider_result observed_portal_create(const struct provider_call *call,
                                                     const struct portal_request *request, const char **url)
{
    OBSERVED(PROVIDER_PORTAL_CREATE, observed_of(call)->inner->portal_create(call, request, url));
}

static struct provider_result observed_subscription_fetch(const struct provider_call *call, const char *id,
                                                          struct subscription_snapshot *snapshot)
{
    OBSERVED(PROVIDER_SUBSCRIPTION_FETCH, observed_of(call)->inner->subscription_fetch(call, id, snapshot));
}

static struct provider_result observed_subscriptions_list(const struct provider_call *call, const char *customer,
                                                          struct subscription_list *list)
{
    OBSERVED(PROVIDER_SUBSCRIPTIONS_LIST, observed_of(call)->inner->subscriptions_list(call, customer, list));
}

static struct provider_result observed_events_list(const struct provider_call *call, const struct event_query *query,
                                                   struct event_page *page)
{
    OBSERVED(PROVIDER_EVENTS_LIST, observed_of(call)->inner->events_list(call, query, page));
}

void observed_provider_make(struct observed_provider *observed, const struct provider *inner,
                            provider_observer *observer)
{
    observed->inner = inner;
    observed->observer = observer;
    observed->provider = *inner;
    observed->provider.customer_create = observed_customer_create;
    observed->provider.customer_find = observed_customer_find;
    observed->provider.checkout_create = observed_checkout_create;
    observed->provider.checkout_fetch = observed_checkout_fetch;
    observed->provider.checkout_expire = observed_checkout_expire;
    observed->provider.checkouts_open = observed_checkouts_open;
    observed->provider.portal_create = observed_portal_create;
    observed->provider.subscription_fetch = observed_subscription_fetch;
    observed->provider.subscriptions_list = observed_subscriptions_list;
    observed->provider.events_list = observed_events_list;
}
