/* SPDX-License-Identifier: Apache-2.0
 * Bringing what was counted for the shadow report to the database, and its old days out of it; and what the metrics
 * tell of the database out of it. */
#ifndef BILLING_JOBS_REPORT_H
#define BILLING_JOBS_REPORT_H

#include <apr_pools.h>
#include <apr_time.h>

#define REPORT_INTERVAL apr_time_from_sec(5)

/** Flushes what this server has counted, and looks up what the metrics are due. In one child of the node at a time. */
void report_pass(apr_pool_t *pool);

#endif
