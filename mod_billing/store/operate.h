/* SPDX-License-Identifier: Apache-2.0
 * What operators look at: stored events, and how the installation is doing. */
#ifndef BILLING_STORE_OPERATE_H
#define BILLING_STORE_OPERATE_H

#include "store/database.h"
#include "store/sweep.h"

/* One stored event. */
struct stored_event {
    const char *id;
    const char *type;
    const char *api_version;
    int64_t created; /* seconds since the epoch */
    const char *org; /* NULL: none, as all that follow may be */
    const char *customer;
    const char *subscription;
    const char *outcome;
    const char *error;
    int64_t received_at; /* microseconds since the epoch, so that it can be a position */
    const char *body;    /* store_event_find alone */
};

/* A position in the order of receipt; the event's id settles what was received in one microsecond. */
struct event_place {
    int64_t received_at; /* microseconds; 0: the end that a list starts from */
    const char *id;
};

struct event_filter {
    const char *provider;
    bool livemode;
    const char *outcome; /* NULL: any, as the following */
    const char *type;
    const char *org;
    struct event_place from; /* exclusive */
    bool oldest_first;
    int most;
};

struct event_list {
    struct stored_event *events;
    size_t count;
    struct event_place next; /* where to go on; id NULL: there are no more */
};

/** However rare what is asked for, one call looks at a bounded number of events: so a list may have fewer than `most`,
 * or none, and yet go on. */
enum store_result store_event_list(struct database *database, apr_pool_t *pool, const struct event_filter *filter,
                                   struct event_list *list);

/** One event of this mode, with its body. STORE_CONFLICT: there is none. */
enum store_result store_event_find(struct database *database, apr_pool_t *pool, const char *provider, bool livemode,
                                   const char *id, struct stored_event *event);

/** Counts an event of the other mode that was sent to a server of this one. Counted twice where the connection was lost
 * in between, which nobody minds. */
enum store_result store_mismatch_count(struct database *database, apr_pool_t *pool, bool livemode, const char *event);

/* How one mode of the installation is doing. Times in seconds since the epoch, 0: never. */
struct health {
    int schema_version;
    struct stored_event last; /* received last; id NULL: none was. received_at is in microseconds as ever */
    int64_t dead;
    int64_t unsettled;
    int64_t several;             /* orgs with more than one live subscription */
    const char *const *few_orgs; /* some of them */
    size_t few_count;
    int64_t mismatches;
    int64_t mismatch_at;
    const char *mismatch_event; /* NULL: none */
    int64_t swept_at;
    const char *sweep_report; /* JSON; NULL: none */
    int64_t verified_at;
    const char *verify_report; /* likewise */
};

/** @param account whose sweep is told; account->account may be NULL */
enum store_result store_health_find(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                    struct health *health);

#endif
