/* SPDX-License-Identifier: Apache-2.0
 * What becomes of an event, whichever way it came: webhook, sweep or replay. */
#ifndef BILLING_SERVICE_EVENT_H
#define BILLING_SERVICE_EVENT_H

#include "config/config.h"
#include "domain/event.h"

#include <apr_pools.h>

enum event_outcome {
    EVENT_APPLIED,
    EVENT_DUPLICATE,
    EVENT_STALE,
    EVENT_IGNORED,
    EVENT_DEAD,
    EVENT_FAILED /* nothing was written: to be delivered again */
};

/* How a doubt is settled: the provider's view of a subscription. */
struct event_judge {
    /** True and the snapshot (from `pool`) and the time of the answer, or false where the provider cannot be asked. */
    bool (*fetch)(void *context, apr_pool_t *pool, const char *subscription_id, struct subscription_snapshot *snapshot,
                  int64_t *answered_at);
    void *context;
};

struct event_delivery {
    const char *provider;
    const struct server_config *config; /* of the server that was addressed */
    const struct billing_event *event;
    const char *body;                /* raw, NUL-terminated */
    const struct event_judge *judge; /* NULL: the provider cannot be asked */
    bool replay;                     /* decide again if it is stored as dead or ignored; else it is a duplicate */
};

struct event_result {
    enum event_outcome outcome;
    const char *error; /* of dead and ignored ones; NULL: none */
};

/** Applies and keeps the event in one write, then makes the new state visible in every child of this node. Safe to call
 * for the same event at once in any number of processes. */
struct event_result event_receive(apr_pool_t *pool, const struct event_delivery *delivery);

/* What the provider said of a subscription without an event. */
struct event_answer {
    const char *provider;
    const struct server_config *config;
    const struct subscription_snapshot *snapshot;
    int64_t answered_at;
};

/** Applies it, and makes the new state visible. EVENT_APPLIED, EVENT_STALE, EVENT_DEAD with the reason, or EVENT_FAILED
 * where the database did not answer. */
struct event_result event_apply_answer(apr_pool_t *pool, const struct event_answer *answer);

/** "applied", "duplicate", … */
const char *event_outcome_name(enum event_outcome outcome);

#endif
