/* SPDX-License-Identifier: Apache-2.0
 * Checkouts, reserved here before the provider is asked, and the customers they are for. */
#ifndef BILLING_STORE_CHECKOUT_H
#define BILLING_STORE_CHECKOUT_H

#include "store/database.h"

/* The one checkout of an org that could still be paid. */
struct checkout {
    int64_t checkout_id; /* 0: there is none */
    const char *plan_key;
    const char *price;
    const char *session; /* NULL: reserved, but no session is known yet */
    const char *url;
    bool pending;        /* the person is done, the money is on its way */
    int64_t reserved_at; /* seconds since the epoch, by the database's clock, as all times here */
    int64_t expires_at;
    int64_t checked_at; /* when the provider was last asked about it; 0: never */
};

/* What has to be known before a checkout may be opened. */
struct checkout_context {
    struct checkout open;
    bool has_subscription;    /* one that is not over */
    const char *customer;     /* NULL: none, or it was deleted */
    int64_t uncertain_since;  /* since when a customer may have been made whose id never arrived; 0: no doubt */
    int recent;               /* reservations of the last hour */
    int64_t recent_until;     /* when the oldest of those is an hour old */
    int64_t now;
};

enum store_result store_checkout_context(struct database *database, apr_pool_t *pool, const char *provider,
                                         const char *org, bool livemode, struct checkout_context *context);

/** Reserves. STORE_CONFLICT: there is one already, read again. */
enum store_result store_checkout_reserve(struct database *database, apr_pool_t *pool, const char *provider,
                                         const char *org, bool livemode, const char *plan_key, const char *price,
                                         int64_t lifetime, struct checkout *checkout);

/** The session that the provider made for the reservation. */
enum store_result store_checkout_opened(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                        int64_t checkout_id, const char *session, const char *url, int64_t expires_at);

/** How it ended: complete, expired or failed. Only from reserved, open or pending. */
enum store_result store_checkout_ended(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                       int64_t checkout_id, const char *state);

/** Takes the right to ask the provider about an open checkout, so that all who wait for it ask once; the pause between
 * two questions grows with its age. STORE_CONFLICT: not now. */
enum store_result store_checkout_check(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                       int64_t checkout_id);

/** Makes `customer` the org's. */
enum store_result store_customer_bind(struct database *database, apr_pool_t *pool, const char *provider,
                                      const char *org, bool livemode, const char *customer);

/** The provider has told that the customer is gone. */
enum store_result store_customer_forget(struct database *database, apr_pool_t *pool, const char *provider,
                                        const char *org, bool livemode, const char *customer);

/** The org's customer that the portal is for: that of the link; NULL: none. */
enum store_result store_customer_find(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                      const char **customer);

#endif
