/* SPDX-License-Identifier: Apache-2.0
 * Retention. */
#include "jobs/retention.h"

#include "service/lease.h"
#include "service/runtime.h"
#include "store/sweep.h"

#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define LEASE_NAME "retention"
#define INTERVAL   apr_time_from_sec(3600)

/* Small, so that each step is a short transaction that stands in nobody's way. */
#define STEP_ROWS 1000
#define TIME_MAX  apr_time_from_sec(30)

/* True where all that is old is gone. */
static bool mode_prune(apr_pool_t *pool, struct lease *lease, bool livemode, apr_time_t deadline, int *total)
{
    int pruned = STEP_ROWS;

    while (pruned == STEP_ROWS) {
        if (runtime_stopping() || apr_time_now() > deadline || !lease_keep(pool, lease) ||
            store_event_prune(runtime()->database, pool, livemode, runtime()->config->event_retention, STEP_ROWS,
                              &pruned) != STORE_OK) {
            return false;
        }
        *total += pruned;
    }
    return true;
}

void retention_pass(apr_pool_t *pool)
{
    apr_time_t deadline = apr_time_now() + TIME_MAX;
    struct lease lease;
    int total = 0;
    bool done;

    if (lease_take_due(pool, LEASE_NAME, lease_jitter(INTERVAL), &lease) != LEASE_TAKEN) {
        return;
    }
    done = mode_prune(pool, &lease, true, deadline, &total) && mode_prune(pool, &lease, false, deadline, &total);
    lease_return(pool, &lease, done ? lease_jitter(INTERVAL) : 0);
    if (total) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, runtime()->server,
                     "ATB0607: %d events deleted that were received longer ago than BillingEventRetention", total);
    }
}
