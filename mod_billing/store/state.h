/* SPDX-License-Identifier: Apache-2.0
 * What is known of an org, for the table in shared memory: one org at a time, all of them, or those that changed. */
#ifndef BILLING_STORE_STATE_H
#define BILLING_STORE_STATE_H

#include "domain/catalogue.h"
#include "domain/key.h"
#include "domain/link.h"
#include "domain/state.h"
#include "store/database.h"

/** The state of one org in one mode. An org that the database has not heard of has the empty state, version 0. */
enum store_result store_state_find(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                   const char *org, bool livemode, apr_interval_time_t wait, struct org_state *state);

/** The state that a link just written makes, with what was read of the org's record beforehand. */
void store_state_of_link(const struct link *link, const struct org_state *record, int64_t version,
                         struct org_state *state);

/* Who is told of states, one after the other. */
struct state_visitor {
    void (*visit)(void *baton, const char *org, bool livemode, const struct org_state *state);
    void *baton;
};

/* Where a reading in pages stands. */
struct state_place {
    char org[ORG_ID_MAX + 1]; /* the last seen; "": none yet */
    bool livemode;
    bool ended; /* there are no more */
};

/* A walk through all orgs, or a range of them. */
struct state_walk {
    struct state_place place;
    const char *until; /* the last to be seen; NULL: goes on to the end */
};

/* A moment of the database. */
struct state_moment {
    uint64_t position;    /* the oldest transaction still running: all older ones are over, and can be seen */
    const char *snapshot; /* which transactions can be seen; for later store_state_changes */
    uint64_t identity; /* another one after a restart, a fail-over or a restore: whatever else was known is in doubt */
};

struct org_key {
    const char *org;
    bool livemode;
};

/** This moment, and the links that were deleted by transactions from `position` on and are not seen in `snapshot`
 * (NULL: none was taken). `count` is `most` where there may be more of them. */
enum store_result store_state_gone(struct database *database, apr_pool_t *pool, uint64_t position, const char *snapshot,
                                   int most, struct state_moment *moment, struct org_key **gone, int *count);

/** About the middle one of all orgs in the order in which they are walked through; NULL where there are fewer than
 * `least`, as far as the database's statistics know. */
enum store_result store_state_middle(struct database *database, apr_pool_t *pool, int64_t least, const char **org);

/** The next `most` orgs of a walk through all of them. */
enum store_result store_state_walk(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                   struct state_walk *walk, int most, const struct state_visitor *visitor);

/** The states of these orgs; one that the database has not heard of is left out. */
enum store_result store_state_of_orgs(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                      const char *const *orgs, size_t org_count, bool livemode,
                                      const struct state_visitor *visitor);

/* A reading of changes. */
struct state_changes {
    struct state_place place;
    const char *snapshot; /* of an earlier moment: what it sees is left out; NULL: nothing is */
    uint64_t position;    /* set to the earlier moment's before the first page; then of the last seen */
};

/** The next `most` links changed by transactions from a position on, in the order of their transactions. What a
 * transaction did that was still running at the earlier moment is found now: a position never passes one. */
enum store_result store_state_changes(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                      struct state_changes *reading, int most, const struct state_visitor *visitor);

/** Which of these have no link: `missing[i]` is set. */
enum store_result store_state_missing(struct database *database, apr_pool_t *pool, const struct org_key *keys,
                                      int count, bool *missing);

#endif
