/* SPDX-License-Identifier: Apache-2.0
 * The second watchdog's work. */
#include "jobs/sweep.h"

#include "jobs/retention.h"
#include "service/runtime.h"
#include "service/sweep.h"

#define TICK_MAX apr_time_from_sec(10)

apr_interval_time_t sweep_tick(void)
{
    apr_interval_time_t interval = config_global()->sweep;

    return interval && interval < TICK_MAX ? interval : TICK_MAX;
}

void sweep_pass(apr_pool_t *pool)
{
    if (!runtime()->database) {
        return;
    }
    sweep_if_due(pool);
    if (!runtime_stopping()) {
        retention_pass(pool);
    }
}
