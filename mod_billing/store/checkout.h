/* SPDX-License-Identifier: Apache-2.0
 * Checkouts, reserved here before the provider is asked, and the customers they are for. */
#ifndef BILLING_STORE_CHECKOUT_H
#define BILLING_STORE_CHECKOUT_H

#include "store/database.h"

/* The one checkout of an org that could still be paid, or is being paid. All times are seconds since the epoch, by the
 * database's clock. */
struct checkout {
    int64_t checkout_id; /* 0: there is none */
    const char *plan_key;
    const char *price;
    const char *return_url;
    const char
        *request_key;     /* no other reservation has it, nor had in a database that was restored to an older state */
    const char *session;  /* NULL: reserved, but no session is known yet */
    const char *customer; /* the session's; NULL with it */
    const char *url;
    bool pending; /* the person is done; the money, or what was bought, is on its way */
    int64_t reserved_at;
    int64_t expires_at;
};

/* What has to be known before a checkout may be opened. */
struct checkout_context {
    struct checkout open;
    bool has_subscription;   /* one that is not over */
    const char *customer;    /* NULL: none, or it was deleted */
    int64_t uncertain_since; /* from when to when a customer may have been made whose id never arrived; 0: no doubt */
    int64_t uncertain_until;
    int recent;           /* sessions of the last hour */
    int64_t recent_until; /* when the oldest of those is an hour old */
    int64_t now;
};

enum store_result store_checkout_context(struct database *database, apr_pool_t *pool, const char *provider,
                                         const char *org, bool livemode, struct checkout_context *context);

/** The open checkout alone, and the time. Waits as briefly as a gate does. */
enum store_result store_checkout_find(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                      struct checkout *checkout, int64_t *now);

/* What is to be reserved. */
struct checkout_reservation {
    const char *provider;
    const char *org;
    bool livemode;
    const char *plan_key;
    const char *price;
    const char *return_url;
    int64_t lifetime; /* seconds */
};

/** Reserves. STORE_CONFLICT: there is one already, read again. */
enum store_result store_checkout_reserve(struct database *database, apr_pool_t *pool,
                                         const struct checkout_reservation *reservation, int64_t *checkout_id);

/* The session that the provider made for a reservation. */
struct checkout_opening {
    int64_t checkout_id;
    const char *session;
    const char *customer;
    const char *url;
    int64_t expires_at;
    bool fresh; /* just made, so there is no need to ask how it is */
};

/** Writes it. STORE_CONFLICT: the reservation is over, or has another session. */
enum store_result store_checkout_opened(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                        const struct checkout_opening *opening);

/** What became of it: pending, complete, expired or failed. STORE_CONFLICT: it was over already. */
enum store_result store_checkout_move(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                      int64_t checkout_id, const char *state);

/** Takes the right to ask the provider about a checkout, so that all who wait for it ask once. Between two questions
 * there are 2 seconds, and unless `eager` a part of its age, so that one that nobody ever pays costs few.
 * STORE_CONFLICT: not now. */
enum store_result store_checkout_check(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                       int64_t checkout_id, bool eager);

/** Makes `customer` the org's. STORE_CONFLICT: it is another org's, or was deleted. */
enum store_result store_customer_bind(struct database *database, apr_pool_t *pool, const char *provider,
                                      const char *org, bool livemode, const char *customer);

/** The provider has told that the customer is gone. */
enum store_result store_customer_forget(struct database *database, apr_pool_t *pool, const char *provider,
                                        const char *org, bool livemode, const char *customer);

/** The org's customer that the portal is for: that of the link; NULL: none. */
enum store_result store_customer_find(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                      const char **customer);

#endif
