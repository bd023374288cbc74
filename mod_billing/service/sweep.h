/* SPDX-License-Identifier: Apache-2.0
 * The sweep: fetches the events that no webhook brought, and settles with the provider what is in doubt. One node of
 * all does it at a time, within a bound; what it does not finish it goes on with the next time. */
#ifndef BILLING_SERVICE_SWEEP_H
#define BILLING_SERVICE_SWEEP_H

#include "config/config.h"
#include "service/lease.h"

#include <jansson.h>

/* How far a sweep came. */
enum sweep_end {
    SWEEP_COMPLETE,
    SWEEP_PROVIDER, /* the provider did not answer, or refused */
    SWEEP_DATABASE, /* the database did not answer */
    SWEEP_TIME,     /* its time was over */
    SWEEP_STOPPING, /* this child is to end */
    SWEEP_LOST      /* another took the lease */
};

/* Of one account. */
struct sweep_report {
    enum sweep_end end;
    bool livemode;
    apr_time_t began;
    apr_interval_time_t took;
    unsigned listed;     /* events, those that are stored included; one that is in both lists counts twice */
    unsigned found;      /* that were not stored */
    unsigned applied;    /* of those found, as are the following */
    unsigned stale;
    unsigned ignored;
    unsigned dead;
    unsigned failed;     /* not written, or no events at all; tried again by the next sweep */
    unsigned other_mode; /* not written: they belong to the other mode */
    unsigned doubts;     /* subscriptions that were asked about */
    unsigned settled;    /* of those */
    unsigned checkouts;  /* whose end became known */
};

/* One sweep of one account may take this long. */
#define SWEEP_TIME_REQUEST apr_time_from_sec(20)
#define SWEEP_TIME_JOB     apr_time_from_sec(60)

/** Sweeps this server's account now, whatever is due. False where it has none. `report` is filled in if the lease was
 * taken. */
bool sweep_now(apr_pool_t *pool, const struct server_config *config, enum lease_result *taken,
               struct sweep_report *report);

/** Sweeps the accounts of all servers if that is due, and logs what came of it. In a thread of its own: it waits for
 * the provider. */
void sweep_if_due(apr_pool_t *pool);

/** Times in RFC 3339, counts, and `end` as a word. */
json_t *sweep_report_json(const struct sweep_report *report);

/** False where there is no secret key. Else a digest that tells this account from the others of the database. */
bool sweep_account_digest(apr_pool_t *pool, const struct server_config *config, const char **digest);

#endif
