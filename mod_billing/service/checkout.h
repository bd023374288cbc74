/* SPDX-License-Identifier: Apache-2.0
 * Buying: one customer per org, one session at a time, whatever breaks in between. */
#ifndef BILLING_SERVICE_CHECKOUT_H
#define BILLING_SERVICE_CHECKOUT_H

#include "config/config.h"
#include "domain/catalogue.h"
#include "provider/provider.h"

enum checkout_outcome {
    CHECKOUT_READY,       /* url and expires_at are filled in */
    CHECKOUT_SUBSCRIBED,  /* there is a subscription that is not over, or a payment on its way */
    CHECKOUT_TOO_MANY,    /* the org's hourly cap; retry_after is filled in */
    CHECKOUT_REFUSED,     /* the provider will not: a matter for the operator, in the log */
    CHECKOUT_UNAVAILABLE, /* the provider cannot be asked; retry_after is filled in */
    CHECKOUT_NO_STATE,    /* nor can the database */
};

struct checkout_answer {
    enum checkout_outcome outcome;
    const char *url;
    int64_t expires_at;
    int retry_after;
};

#define CHECKOUTS_PER_HOUR 10

/** Opens a session for the plan, or returns the one that is open. */
struct checkout_answer checkout_open(apr_pool_t *pool, const struct server_config *config, const char *org,
                                     const struct plan *plan);

/* A session that can still be paid. */
struct checkout_pending {
    const char *url; /* NULL: none */
    int64_t expires_at;
};

/** What the org has open. Where the person may have paid and the webhook is not here yet, the provider is asked, once
 * for all who wait and ever more seldom (store_checkout_check), and what it says is applied. Nothing is done while
 * database or provider do not answer; the database is waited for as briefly as at a gate. True where the org's state
 * may have changed. */
bool checkout_sync(apr_pool_t *pool, const struct server_config *config, const char *org,
                   struct checkout_pending *pending);

#endif
