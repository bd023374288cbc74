/* SPDX-License-Identifier: Apache-2.0
 * One subscription at a provider and what its events do to it. Events arrive twice, late and in any order; the row that
 * results is a function of the set of events, not of their order:
 *
 *   - the row shows the greatest event by (ended, created, event id): an end wins over anything, then the newer, then
 *     the greater id;
 *   - the newest payment signal (an invoice was paid, or failed) by (created, event id), where it is newer than what
 *     the row shows, bends the shown status: active to past due, past due to active. A signal that arrives before any
 *     snapshot is lost, since nothing says whose it is;
 *   - the row is unsettled while it has not ended and a second event, snapshot or signal, shares the second of the one
 *     shown, or any signal is newer: only the provider knows which came last, or what the payment did;
 *   - past_due_since looks at the whole timeline of stored events.
 *
 * Pure functions of their arguments: safe in any thread, nothing is allocated, strings are pointed to. */
#ifndef BILLING_DOMAIN_SUBSCRIPTION_H
#define BILLING_DOMAIN_SUBSCRIPTION_H

#include "domain/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the provider says of a subscription at one moment. Strings belong to whoever filled it in. */
struct subscription_snapshot {
    const char *id;
    const char *customer;     /* NULL: not told */
    const char *raw_status;   /* the provider's own word */
    enum billing_status status;
    bool ended;               /* never comes back */
    bool grace_over;
    int64_t created;          /* at the provider */
    int64_t period_end;       /* 0: unknown */
    int64_t cancel_at;        /* 0: no end is planned */
    const char *const *prices;
    size_t price_count;
    const char *org;          /* named in the provider's metadata; NULL: none. Not yet checked to be a valid id */
};

enum payment_signal { SIGNAL_NONE, SIGNAL_FAILED, SIGNAL_PAID };

/* The row. */
struct subscription {
    struct subscription_snapshot snapshot;
    int64_t watermark;           /* `created` of the event shown, or the time of the provider's answer */
    const char *watermark_event; /* its id; "" after a provider's answer */
    enum payment_signal signal;  /* the newest seen */
    int64_t signal_at;
    const char *signal_event;    /* "" where there is none */
    enum billing_status status;  /* as shown: the snapshot's, bent by a newer signal */
    int64_t past_due_since;      /* 0 unless status is past due */
    bool unsettled;              /* a doubt that only the provider can settle; never once it has ended */
};

/* A stored event that bears on past_due_since: a snapshot or a signal of this subscription, whether it was applied or
 * stale. Those that were ignored or dead do not count. */
struct timeline_entry {
    int64_t created;
    const char *event;
    bool past_due; /* subscription_event_past_due; for a signal that made us ask the provider, whether the answer was */
};

struct subscription_event {
    const char *id;
    int64_t created;
    /* exactly one of: */
    const struct subscription_snapshot *snapshot;
    enum payment_signal signal;
};

enum apply_outcome {
    APPLY_APPLIED,
    APPLY_STALE,   /* what the row shows stays, but for past_due_since; a doubt (`unsettled`) or an older signal may be
                      new in it, so it is stored like any other */
    APPLY_IGNORED, /* a signal for a subscription nobody knows yet */
    APPLY_FETCH    /* only the provider can tell: ask it, then subscription_settle, or apply with may_fetch false */
};

/** Whether the event by itself says that the subscription is past due: what a timeline entry of it records. */
bool subscription_event_past_due(const struct subscription_event *event);

/** What `event` makes of `current` (NULL: unknown so far). `next` is filled in for every outcome but FETCH and IGNORED;
 * its strings point into current's and the event's.
 * @param timeline the stored events from the newest that was not past due onwards, in any order; the event itself may
 *                 be among them or not. May be NULL where timeline_count is 0
 * @param may_fetch false where the provider cannot be asked: then doubts are settled by rule and marked unsettled */
enum apply_outcome subscription_apply(const struct subscription *current, const struct subscription_event *event,
                                      const struct timeline_entry *timeline, size_t timeline_count, bool may_fetch,
                                      struct subscription *next);

/** The row after the provider was asked, of `current` (NULL: unknown so far). `answered_at` is the answer's Date. An
 * ended row stays ended and an answer that ended wins; else an answer older than the row's watermark changes nothing
 * (STALE, `next` is `current`): apply the event with may_fetch false then. It settles all doubts up to its second; a
 * signal that is newer still bends it.
 * @param timeline as for subscription_apply; where an event made us ask, it should be among them */
enum apply_outcome subscription_settle(const struct subscription *current, const struct subscription_snapshot *answer,
                                       int64_t answered_at, const struct timeline_entry *timeline,
                                       size_t timeline_count, struct subscription *next);

#endif
