/* SPDX-License-Identifier: Apache-2.0
 * Deciding stored events again, once the cause of what became of them is gone. */
#ifndef BILLING_SERVICE_REPLAY_H
#define BILLING_SERVICE_REPLAY_H

#include "config/config.h"
#include "service/event.h"
#include "store/operate.h"

/** Puts one stored event of the server's mode through the same path again. STORE_OK and the result, which for an event
 * that had its effect is EVENT_DUPLICATE, and EVENT_FAILED where it could not be written; STORE_CONFLICT: there is no
 * such event; else the database did not answer. */
enum store_result replay_event(apr_pool_t *pool, const struct server_config *config, const char *id,
                               struct event_result *result);

/* What came of many. */
struct replay_report {
    unsigned replayed;
    unsigned outcomes[EVENT_FAILED + 1]; /* by enum event_outcome */
    bool complete;                       /* to the last of them */
    struct event_place next;             /* where to go on; id NULL: from the beginning */
};

/* Many at once take this long at most. */
#define REPLAY_TIME apr_time_from_sec(20)

/** Replays the events of this outcome, "dead" or "ignored", the oldest first, from `from` on. What became of each is
 * logged. Anything but STORE_OK: the database did not answer; the report says how far it came. */
enum store_result replay_events(apr_pool_t *pool, const struct server_config *config, const char *outcome,
                                const struct event_place *from, struct replay_report *report);

#endif
