/* SPDX-License-Identifier: Apache-2.0
 * What it means when a call to Stripe went wrong. */
#ifndef BILLING_STRIPE_ERROR_H
#define BILLING_STRIPE_ERROR_H

#include "provider/http.h"
#include "provider/stripe/api.h"

#define STRIPE_RETRY_AFTER     5 /* seconds, where Stripe names none */
#define STRIPE_RETRY_AFTER_MAX 3600

/** @param answer anything but a complete answer with a status of 200 to 299
 * @param result filled in as far as the outcome does not matter */
struct provider_result stripe_failure(const struct provider_call *call, const struct stripe_request *request,
                                      const struct http_answer *answer, struct provider_result result);

#endif
