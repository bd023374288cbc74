/* SPDX-License-Identifier: Apache-2.0
 * One event on its way through service/event.c (what it means) and service/effect.c (what it does to its org's link).
 */
#ifndef BILLING_SERVICE_PASSAGE_H
#define BILLING_SERVICE_PASSAGE_H

#include "service/event.h"
#include "store/event.h"

struct passage {
    apr_pool_t *pool;
    const struct event_delivery *delivery;
    const struct billing_event *event;
    struct event_context context;
    struct event_record record;
    apr_time_t deadline; /* for the database; the time that the provider takes is added */
    bool asked;          /* the provider was asked already; not again in later rounds */
    bool answered;
    bool unread;    /* what a decision needs could not be read in this round, so nothing is written */
    bool by_answer; /* the answer alone is applied: `view` carries it in the place of a snapshot of the event's own */
    struct subscription_snapshot answer;
    int64_t answered_at;
    struct billing_event view;
};

/** How long the next statement may take. */
apr_interval_time_t passage_wait(const struct passage *passage);

/** Writes event and effect, with `changed` (NULL: none) in the place of its old row, and makes the new state visible.
 * The effect's link, prices and subscription are filled in here. False where the round must be done again. */
bool passage_write(struct passage *passage, struct event_effect *effect, const struct subscription *changed,
                   enum event_outcome outcome, struct event_result *result);

/** Makes the state as it was read visible: whoever wrote it may have died before doing so. */
void passage_show(struct passage *passage);

#endif
