/* SPDX-License-Identifier: Apache-2.0
 * What one node of all does for everybody, beside requests and beside the change feed: the sweep and retention. */
#ifndef BILLING_JOBS_SWEEP_H
#define BILLING_JOBS_SWEEP_H

#include <apr_pools.h>
#include <apr_time.h>

/** Does what is due, if no other node does. Waits for the provider, so not in the change feed's thread. */
void sweep_pass(apr_pool_t *pool);

/** How often to look whether anything is due. */
apr_interval_time_t sweep_tick(void);

#endif
