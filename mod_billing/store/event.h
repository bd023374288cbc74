/* SPDX-License-Identifier: Apache-2.0
 * Events and what they do, as two statements: one reads what a decision about an event needs, one writes the event and
 * its whole effect, or nothing. Only where a payment is overdue a third reads since when. No transaction stays open
 * between them: the link's version does that work. */
#ifndef BILLING_STORE_EVENT_H
#define BILLING_STORE_EVENT_H

#include "domain/event.h"
#include "domain/link.h"
#include "domain/state.h"
#include "store/database.h"

/* What the database knows of the parties to an event. Lives in the pool that was passed. */
struct event_context {
    bool seen;                    /* the event is stored already, and not to be decided again */
    const char *customer_org;     /* whom the customer belongs to; NULL: unknown customer, or a tombstone */
    const char *subscription_org; /* whom the subscription belongs to */
    const char *checkout_org;     /* who reserved the session: one of ours, or NULL */
    const char
        *org; /* the first of these that is known, in the order of the contract; all below is about it. NULL: none */
    const char *customer; /* the greatest id of its customers that were not deleted */
    const char *const *deleted_customers;
    size_t deleted_customer_count;
    int64_t link_version;               /* 0: no link yet */
    struct org_state record;            /* of the org: created_at, app_type and overrides; the rest is empty */
    struct subscription *subscriptions; /* all of the org's in this mode */
    size_t subscription_count;
    struct subscription *current;    /* the one that the event is about, among them; NULL: not known */
    struct timeline_entry *timeline; /* of that one, with room for one more entry; NULL: not read */
    size_t timeline_count;
};

enum store_result store_event_context(struct database *database, apr_pool_t *pool, const char *provider,
                                      const struct billing_event *event, bool replay, apr_interval_time_t wait,
                                      struct event_context *context);

/** Reads the timeline of the event's subscription into `context`. It belongs to what else was read there: who changes
 * it changes the link's version. */
enum store_result store_event_timeline(struct database *database, apr_pool_t *pool, const char *provider,
                                       const struct billing_event *event, apr_interval_time_t wait,
                                       struct event_context *context);

/* What is to be kept of an event. */
struct event_record {
    const char *provider;
    const struct billing_event *event;
    const char *body;
    const char *org;          /* NULL: none */
    const char *shown_status; /* what it says of its subscription; NULL: nothing */
    const char *outcome;      /* applied, stale, ignored, dead */
    const char *error;        /* NULL: none */
    bool replay;              /* it is stored as dead or ignored: what is kept of it is replaced */
};

/** Keeps an event that has no effect. STORE_CONFLICT: it is stored already; a replayed one, with an effect by now. */
enum store_result store_event_keep(struct database *database, apr_pool_t *pool, const struct event_record *record,
                                   apr_interval_time_t wait);

/* What an event does. */
struct event_effect {
    const char *org;
    int64_t link_version; /* as it was read; the write happens only if it is that still */
    const struct link *link;
    const char *const *price_ids; /* of the link's subscription */
    size_t price_count;
    const struct subscription *subscription; /* the row to write; NULL: none */
    const char *customer;                    /* to be known as the org's; NULL: none */
    const char *deleted_customer;            /* NULL: none */
    const char *checkout_session;            /* whose state changes; NULL: none */
    const char *checkout_state;
};

/** The event and its effect in one statement: all of it, or on anything but STORE_OK none. STORE_CONFLICT: the link has
 * moved on, or the event is stored by now: read again. An event without an id is none: only the effect is written, as
 * after the provider was asked. */
enum store_result store_event_apply(struct database *database, apr_pool_t *pool, const struct event_record *record,
                                    const struct event_effect *effect, apr_interval_time_t wait);

/** Remembers that a customer nobody has heard of is gone, and keeps the event. */
enum store_result store_event_bury(struct database *database, apr_pool_t *pool, const struct event_record *record,
                                   const char *customer, apr_interval_time_t wait);

#endif
