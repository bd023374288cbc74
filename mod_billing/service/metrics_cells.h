/* SPDX-License-Identifier: Apache-2.0
 * Which counter lies where in shared memory. Whoever changes anything here counts COUNTERS_LAYOUT up: an upgrade by a
 * graceful restart would go on with counters that mean something else. */
#ifndef BILLING_SERVICE_METRICS_CELLS_H
#define BILLING_SERVICE_METRICS_CELLS_H

#include "cache/counters.h"
#include "service/metrics.h"

#define MODES           2 /* test, live */
#define EVENT_OUTCOMES  (EVENT_FAILED + 1)
#define HISTOGRAM_CELLS (HISTOGRAM_BUCKETS + 1) /* the sum comes last */

/* Where each group begins. */
enum metrics_cell {
    CELL_LOOKUPS = 0,
    CELL_WEBHOOKS = CELL_LOOKUPS + LOOKUP_RESULTS,                                       /* [mode][outcome] */
    CELL_WEBHOOK_LAG = CELL_WEBHOOKS + MODES * WEBHOOK_OUTCOMES,                         /* [mode] */
    CELL_SWEEP = CELL_WEBHOOK_LAG + MODES * HISTOGRAM_CELLS,                             /* [mode][outcome] */
    CELL_PROVIDER_CALLS = CELL_SWEEP + MODES * EVENT_OUTCOMES,                           /* [operation][outcome] */
    CELL_PROVIDER_TIMES = CELL_PROVIDER_CALLS + PROVIDER_OPERATIONS * PROVIDER_OUTCOMES, /* [operation] */
    CELL_DATABASE_ENDS = CELL_PROVIDER_TIMES + PROVIDER_OPERATIONS * HISTOGRAM_CELLS,
    CELL_DATABASE_WAITS = CELL_DATABASE_ENDS + DATABASE_ENDS,
    CELL_DATABASE_TIMES = CELL_DATABASE_WAITS + HISTOGRAM_CELLS,
    CELL_COUNT = CELL_DATABASE_TIMES + HISTOGRAM_CELLS
};
_Static_assert(CELL_COUNT <= COUNTERS_CELLS, "more counters than there is room for");
_Static_assert(DECISION_RESULTS *REASON_COUNT <= COUNTERS_SUBJECT_CELLS, "more reasons than there is room for");
_Static_assert(MODES *BACKLOG_COUNT <= COUNTERS_GAUGES, "more gauges than there is room for");
_Static_assert((int)WEBHOOK_FAILED == (int)EVENT_FAILED, "the webhook's outcomes begin with those of events");

/* What is counted for a feature or limit, by result and reason. */
static inline unsigned subject_cell(enum decision_result result, enum decision_reason reason)
{
    return (unsigned)result * REASON_COUNT + (unsigned)reason;
}

static inline unsigned backlog_gauge(bool livemode, enum backlog item)
{
    return (unsigned)livemode * BACKLOG_COUNT + (unsigned)item;
}

/* The first letter of a subject's name says what it is. The first two stand for all that had no room. */
#define SUBJECT_LETTER_FEATURE 'f'
#define SUBJECT_LETTER_LIMIT   'l'
#define SUBJECT_OTHER_FEATURES "f*"
#define SUBJECT_OTHER_LIMITS   "l*"

/* Microseconds. */
extern const int64_t metrics_call_bounds[HISTOGRAM_BOUNDS];
extern const int64_t metrics_lag_bounds[HISTOGRAM_BOUNDS];

/* NULL: there is no memory to count in. */
extern struct counters *metrics_counters;

#endif
