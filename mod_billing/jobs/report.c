/* SPDX-License-Identifier: Apache-2.0
 * The report's and the metrics' share of the watchdog. */
#include "jobs/report.h"

#include "service/metrics.h"
#include "service/runtime.h"
#include "service/shadow.h"
#include "store/shadow.h"

#define PRUNE_INTERVAL apr_time_from_sec(3600)

/* Each node prunes: what another has deleted costs nothing to look for. */
static void report_prune(apr_pool_t *pool)
{
    static apr_time_t due;
    apr_time_t now = apr_time_now();

    if (now >= due && store_shadow_prune(runtime()->database, pool, runtime()->config->event_retention) == STORE_OK) {
        due = now + PRUNE_INTERVAL;
    }
}

void report_pass(apr_pool_t *pool)
{
    if (shadow_flush(pool, DATABASE_WAIT_JOB) == STORE_OK) {
        report_prune(pool);
    }
    if (runtime()->database) {
        metrics_backlog_refresh(pool);
    }
}
