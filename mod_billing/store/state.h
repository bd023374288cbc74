/* SPDX-License-Identifier: Apache-2.0
 * What is known of an org, for the table in shared memory: one org at a time, all of them, or those that changed. */
#ifndef BILLING_STORE_STATE_H
#define BILLING_STORE_STATE_H

#include "domain/catalogue.h"
#include "domain/link.h"
#include "domain/state.h"
#include "store/database.h"

/** The state of one org in one mode. An org that the database has not heard of has the empty state, version 0. */
enum store_result store_state_find(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                   const char *org, bool livemode, apr_interval_time_t wait, struct org_state *state);

/** The state that a link just written makes, with what was read of the org's record beforehand. */
void store_state_of_link(const struct link *link, const struct org_state *record, int64_t version,
                         struct org_state *state);

struct org_change {
    const char *org;
    bool livemode;
    struct org_state state;
};

/* Where a walk through all orgs stands; start with zeroes. */
struct state_walk {
    const char *org; /* the last seen */
    bool livemode;
};

/** The position from which a later store_state_changes misses nothing: the oldest transaction still running. */
enum store_result store_state_position(struct database *database, apr_pool_t *pool, uint64_t *position);

/** The next `most` orgs of a walk through all of them; `count` 0 at the end. */
enum store_result store_state_walk(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                   struct state_walk *walk, int most, struct org_change **changes, int *count);

/** All that was changed by transactions from `position` on, and the new position. A transaction that commits late is
 * found by the next call, since the position never passes one that is still running; so some are seen twice. */
enum store_result store_state_changes(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                      uint64_t *position, struct org_change **changes, int *count);

#endif
