/* SPDX-License-Identifier: Apache-2.0
 * The org's customer at the provider. */
#ifndef BILLING_SERVICE_CUSTOMER_H
#define BILLING_SERVICE_CUSTOMER_H

#include "provider/provider.h"
#include "store/checkout.h"

/* The provider forgets idempotency keys after a day at the earliest. Within this time the same key finds what a lost call
 * made; later only its list does. */
#define CHECKOUT_KEY_LIFETIME INT64_C(82800) /* seconds: 23 h */

/** The customer of the checkout's org: the one we know, else the one that an earlier, lost call made, else a new one.
 * OK, or how it went wrong. */
enum provider_outcome customer_for_checkout(const struct provider_call *call, const char *org,
                                            const struct checkout_context *context, const struct checkout *checkout,
                                            const char **customer);

/** An idempotency key for what belongs to a checkout: the same for every try at the same thing. */
const char *checkout_key(const struct provider_call *call, const struct checkout *checkout, const char *what);

/** Makes what the link says of the org visible in every child. */
void customer_publish(apr_pool_t *pool, const char *org, bool livemode);

#endif
