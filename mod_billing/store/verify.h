/* SPDX-License-Identifier: Apache-2.0
 * What is stored of an org, to be held against the provider. */
#ifndef BILLING_STORE_VERIFY_H
#define BILLING_STORE_VERIFY_H

#include "domain/link.h"
#include "store/database.h"

/** The next orgs after `after` ("") that have a customer or a link in this mode. */
enum store_result store_verify_orgs(struct database *database, apr_pool_t *pool, const char *provider, bool livemode,
                                    const char *after, int most, const char *const **orgs, size_t *count);

struct verify_record {
    const char *const *customers; /* that were not deleted */
    size_t customer_count;
    bool has_link;
    struct link link; /* without plan_key, live_count and past_due_since */
    struct subscription *subscriptions;
    size_t subscription_count;
};

enum store_result store_verify_find(struct database *database, apr_pool_t *pool, const char *provider, bool livemode,
                                    const char *org, struct verify_record *record);

#endif
