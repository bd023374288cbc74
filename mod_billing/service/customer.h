/* SPDX-License-Identifier: Apache-2.0
 * The org's customer at the provider. */
#ifndef BILLING_SERVICE_CUSTOMER_H
#define BILLING_SERVICE_CUSTOMER_H

#include "service/purchase.h"

/** The customer of the checkout's org: the one we know, else the one that an earlier, lost call made, else a new one.
 * OK, or how it went wrong; NOT_FOUND: the one that the key stands for was deleted meanwhile. */
enum provider_outcome customer_for_checkout(struct purchase *purchase, const struct checkout *checkout,
                                            const char **customer);

/** The same without making one: NOT_FOUND where neither we nor the provider know any. */
enum provider_outcome customer_known(struct purchase *purchase, const char **customer);

/** The provider has told that the org's customer is gone: the portal and the next checkout shall know it, in every
 * child. False where it could not be written. */
bool customer_gone(apr_pool_t *pool, const struct provider_account *account, const char *org, const char *customer);

#endif
