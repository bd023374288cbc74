/* SPDX-License-Identifier: Apache-2.0
 * The steps of a sweep. */
#ifndef BILLING_SERVICE_SWEEP_STEPS_H
#define BILLING_SERVICE_SWEEP_STEPS_H

#include "service/provider.h"
#include "service/sweep.h"
#include "store/sweep.h"

/* A page of events comes within this time, or the provider counts as down. A child that is to end waits as long. */
#define SWEEP_CALL_TIMEOUT apr_time_from_sec(5)

struct sweep {
    apr_pool_t *pool; /* for the whole of it; steps make pools of their own */
    const struct server_config *config;
    struct provider_account account;
    struct sweep_account key;
    struct lease *lease;
    apr_time_t deadline;
    struct sweep_report *report;
    int misses; /* questions about single objects without an answer, in a row */
};

/** Before each step. False where the sweep is to end: report->end says why. */
bool sweep_may_go_on(struct sweep *sweep);

/** Ends the sweep; the first reason stays. Always false. */
bool sweep_stop(struct sweep *sweep, enum sweep_end end);

/** Recent events from where the last sweep ended, then those that no endpoint acknowledged. */
void sweep_events(struct sweep *sweep);

/** What is unsettled, and checkouts that should be over. */
void sweep_doubts(struct sweep *sweep);

#endif
