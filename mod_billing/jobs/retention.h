/* SPDX-License-Identifier: Apache-2.0
 * Deleting events that are older than BillingEventRetention. */
#ifndef BILLING_JOBS_RETENTION_H
#define BILLING_JOBS_RETENTION_H

#include <apr_pools.h>

/** Deletes in small steps, once an hour on one node of all, within a bound; what is left is deleted soon after. */
void retention_pass(apr_pool_t *pool);

#endif
