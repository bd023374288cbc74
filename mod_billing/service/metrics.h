/* SPDX-License-Identifier: Apache-2.0
 * What is counted, where it happens; read by the metrics mount and by mod_status. The counters are of the server, all
 * its children together, and begin with its start; reloads do not touch them. Counting waits for nothing, and does
 * nothing where there is no memory to count in. All is safe in any thread of a child. */
#ifndef BILLING_SERVICE_METRICS_H
#define BILLING_SERVICE_METRICS_H

#include "domain/gate.h"
#include "domain/histogram.h"
#include "provider/provider.h"
#include "service/event.h"
#include "store/database.h"

#include <httpd.h>

/** In the parent, once the configuration is complete: gets the memory, and a number for each feature and limit. Where
 * there is none that is logged. */
void metrics_prepare(apr_pool_t *pconf, server_rec *server);

/** In each child, from child_init, before it calls anybody. */
void metrics_start(void);

/* Counting */

enum decision_result { DECISION_ALLOW, DECISION_DENY, DECISION_WOULD_DENY, DECISION_RESULTS };

/** A gate's decision about one of the catalogue's features. */
void metrics_decision(const struct feature *feature, const struct decision *decision);

/** The decision about a limit that a section requires. */
void metrics_limit(uint64_t limit_hash, const struct decision *decision);

enum lookup_result {
    LOOKUP_HIT,
    LOOKUP_MISS,    /* the database was asked, and told */
    LOOKUP_UNKNOWN, /* nothing could tell */
    LOOKUP_RESULTS
};
void metrics_lookup(enum lookup_result result);

enum webhook_outcome {
    WEBHOOK_APPLIED, /* up to FAILED as enum event_outcome */
    WEBHOOK_DUPLICATE,
    WEBHOOK_STALE,
    WEBHOOK_IGNORED,
    WEBHOOK_DEAD,
    WEBHOOK_FAILED,
    WEBHOOK_UNREADABLE, /* too large, broken off */
    WEBHOOK_INVALID_SIGNATURE,
    WEBHOOK_INVALID_EVENT,
    WEBHOOK_OTHER_MODE,
    WEBHOOK_OUTCOMES
};
void metrics_webhook(bool livemode, enum webhook_outcome outcome);

/** The outcome of a signed event made at `created` (seconds since the epoch), of which the first arrival tells the lag.
 */
void metrics_webhook_event(bool livemode, enum event_outcome outcome, int64_t created);

/** An event that the sweep had to fetch, since no webhook had brought it. */
void metrics_sweep_event(bool livemode, enum event_outcome outcome);

/* What the database alone knows, of one mode. */
enum backlog {
    BACKLOG_KNOWN_AT, /* when it was looked up; 0: never, and then nothing else is known. Times in seconds since
                          the epoch */
    BACKLOG_DEAD_EVENTS,
    BACKLOG_UNSETTLED,  /* subscriptions */
    BACKLOG_SEVERAL,    /* orgs with more than one live subscription */
    BACKLOG_LAST_EVENT, /* when the newest was received; 0: none yet */
    BACKLOG_COUNT
};

/** Looks it up for each mode in use, so that who reads it never waits for the database. In one child of the node at a
 * time, beside the requests. */
void metrics_backlog_refresh(apr_pool_t *pool);

/* Reading */

/** False where nothing is counted for want of memory: then nothing below may be called. */
bool metrics_available(void);

/* Features and limits have numbers from 0 on. */
enum subject_kind { SUBJECT_FEATURE, SUBJECT_LIMIT };
/** The key, "*" for all that had no room for a number of their own; NULL behind the last number. */
const char *metrics_subject(unsigned subject, enum subject_kind *kind);
uint64_t metrics_decisions(unsigned subject, enum decision_result result, enum decision_reason reason);
/** Over all reasons. */
uint64_t metrics_decisions_all(unsigned subject, enum decision_result result);

uint64_t metrics_lookups(enum lookup_result result);
uint64_t metrics_webhooks(bool livemode, enum webhook_outcome outcome);
void metrics_webhook_lag(bool livemode, struct histogram *histogram);
uint64_t metrics_sweep_events(bool livemode, enum event_outcome outcome);
uint64_t metrics_provider_calls(enum provider_operation operation, enum provider_outcome outcome);
void metrics_provider_times(enum provider_operation operation, struct histogram *histogram);
uint64_t metrics_database_ends(enum database_end end);
void metrics_database_waits(struct histogram *histogram);
void metrics_database_times(struct histogram *histogram);
int64_t metrics_backlog(bool livemode, enum backlog item);
/** Whether any server is of this mode. */
bool metrics_mode_used(bool livemode);

#endif
