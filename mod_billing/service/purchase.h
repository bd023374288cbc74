/* SPDX-License-Identifier: Apache-2.0
 * One request's way to a checkout session: what the steps of it share. */
#ifndef BILLING_SERVICE_PURCHASE_H
#define BILLING_SERVICE_PURCHASE_H

#include "service/checkout.h"
#include "store/checkout.h"

/* The provider forgets idempotency keys after a day at the earliest. Within this time the same key finds what a lost
 * call made; later only the provider's lists do. */
#define CHECKOUT_KEY_LIFETIME INT64_C(81000) /* seconds: 22.5 h */

/* The provider takes 30 minutes to 24 hours from the moment it makes a session. A reservation may be taken up again
 * while its key lives, and neither clock need be right by the minute. */
#define CHECKOUT_LIFETIME (CHECKOUT_KEY_LIFETIME + 3600)

struct purchase {
    const struct server_config *config;
    struct provider_account account;
    struct provider_call call; /* purchase_call renews it */
    apr_time_t deadline;       /* for all calls together */
    const char *org;
    const struct plan *plan;
    const char *price;
    int64_t reserved; /* the checkout that this very request has reserved; 0: none */
    struct checkout_context context;
    struct checkout_answer answer;
};

/** The call to make next, with the time that is left; NULL where none is. */
const struct provider_call *purchase_call(struct purchase *purchase);

/** An idempotency key: the same for every try at the same thing. */
const char *purchase_key(const struct purchase *purchase, const struct checkout *checkout, const char *what);

#endif
