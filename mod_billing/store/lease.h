/* SPDX-License-Identifier: Apache-2.0
 * Work that one node of all does at a time. A row with a holder and an end, not a lock of the session: it survives a
 * connection pooler, and a holder that died is replaced once its time is over. */
#ifndef BILLING_STORE_LEASE_H
#define BILLING_STORE_LEASE_H

#include "store/database.h"

struct lease_claim {
    const char *name;
    const char *holder;           /* unique among all claims ever made */
    apr_interval_time_t lifetime; /* for how long nobody else takes it unless it is renewed */
    apr_interval_time_t first;    /* when work that was never done is due; used if only_if_due */
    bool only_if_due;
};

/** Takes the lease. STORE_CONFLICT: somebody else has it, or the work is not due. */
enum store_result store_lease_take(struct database *database, apr_pool_t *pool, const struct lease_claim *claim);

/** Keeps it for another lifetime. STORE_CONFLICT: it was lost. */
enum store_result store_lease_renew(struct database *database, apr_pool_t *pool, const struct lease_claim *claim);

/** Gives it back; the work is due again after `pause`. */
enum store_result store_lease_return(struct database *database, apr_pool_t *pool, const struct lease_claim *claim,
                                     apr_interval_time_t pause);

#endif
