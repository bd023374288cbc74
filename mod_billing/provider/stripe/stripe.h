/* SPDX-License-Identifier: Apache-2.0
 * Stripe as a payment provider. */
#ifndef BILLING_STRIPE_H
#define BILLING_STRIPE_H

#include "provider/provider.h"

extern const struct provider stripe_provider;

/* The provider's members, by file; provider.h describes them. */

/* api_customer.c */
struct provider_result stripe_customer_create(const struct provider_call *call, const struct customer_request *request,
                                              const char **customer);
struct provider_result stripe_customer_find(const struct provider_call *call, const struct customer_query *query,
                                            const char **customer);

/* api_checkout.c */
struct provider_result stripe_checkout_create(const struct provider_call *call, const struct checkout_request *request,
                                              struct checkout_session *session);
struct provider_result stripe_checkout_fetch(const struct provider_call *call, const char *id,
                                             struct checkout_session *session);
struct provider_result stripe_checkout_expire(const struct provider_call *call, const char *id,
                                              struct checkout_session *session);
struct provider_result stripe_checkouts_open(const struct provider_call *call, const struct checkout_query *query,
                                             struct checkout_list *list);

/* api_portal.c */
struct provider_result stripe_portal_create(const struct provider_call *call, const struct portal_request *request,
                                            const char **url);

/* api_subscription.c */
struct provider_result stripe_subscription_fetch(const struct provider_call *call, const char *id,
                                                 struct subscription_snapshot *snapshot);
struct provider_result stripe_subscriptions_list(const struct provider_call *call, const char *customer,
                                                 struct subscription_list *list);

/* api_event.c */
struct provider_result stripe_events_list(const struct provider_call *call, const struct event_query *query,
                                          struct event_page *page);

#endif
