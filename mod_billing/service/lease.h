/* SPDX-License-Identifier: Apache-2.0
 * Holding a lease while working. */
#ifndef BILLING_SERVICE_LEASE_H
#define BILLING_SERVICE_LEASE_H

#include "store/lease.h"

struct lease {
    struct lease_claim claim;
    apr_time_t renewed_at;
};

enum lease_result {
    LEASE_TAKEN,
    LEASE_BUSY,       /* somebody else has it, or the work is not due */
    LEASE_UNAVAILABLE /* the database does not answer */
};

/** Takes the lease whatever is due. `lease` belongs to the caller and is used by one thread. */
enum lease_result lease_take(apr_pool_t *pool, const char *name, struct lease *lease);

/** Takes it if the work is due. Work that was never done is due after `first`. */
enum lease_result lease_take_due(apr_pool_t *pool, const char *name, apr_interval_time_t first, struct lease *lease);

/** To be called before each step, which must be over within LEASE_STEP. Cheap while the lease is fresh. False where it
 * was lost or the database does not answer: then stop. */
bool lease_keep(apr_pool_t *pool, struct lease *lease);

#define LEASE_STEP apr_time_from_sec(60)

/** Renews it however fresh it is: also tells whether the database answers. */
bool lease_renew(apr_pool_t *pool, struct lease *lease);

/** Gives it back; the work is due again after `pause`. */
void lease_return(apr_pool_t *pool, struct lease *lease, apr_interval_time_t pause);

/** `interval` give or take a tenth, so that nodes and sites do not stay in step. */
apr_interval_time_t lease_jitter(apr_interval_time_t interval);

#endif
