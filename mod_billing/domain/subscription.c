/* SPDX-License-Identifier: Apache-2.0
 * What events and the provider's answers make of a subscription. */
#include "domain/subscription.h"

#include <string.h>

/* Events in time: the provider's second, then the id, so that two of one second have an order that everybody sees. */
static int moment_compare(int64_t a_at, const char *a_event, int64_t b_at, const char *b_event)
{
    if (a_at != b_at) {
        return a_at < b_at ? -1 : 1;
    }
    return strcmp(a_event, b_event);
}

static int entry_compare(const struct timeline_entry *a, const struct timeline_entry *b)
{
    return moment_compare(a->created, a->event, b->created, b->event);
}

static struct timeline_entry row_entry(const struct subscription *row)
{
    return (struct timeline_entry){row->watermark, row->watermark_event, row->snapshot.status == STATUS_PAST_DUE};
}

static struct timeline_entry signal_entry(const struct subscription *row)
{
    return (struct timeline_entry){row->signal_at, row->signal_event, row->signal == SIGNAL_FAILED};
}

bool subscription_event_past_due(const struct subscription_event *event)
{
    return event->snapshot ? event->snapshot->status == STATUS_PAST_DUE : event->signal == SIGNAL_FAILED;
}

static bool signal_bends(const struct subscription *row)
{
    if (row->snapshot.ended || row->signal == SIGNAL_NONE ||
        moment_compare(row->signal_at, row->signal_event, row->watermark, row->watermark_event) <= 0) {
        return false;
    }
    return row->snapshot.status == (row->signal == SIGNAL_FAILED ? STATUS_ACTIVE : STATUS_PAST_DUE);
}

static enum billing_status status_shown(const struct subscription *row)
{
    if (!signal_bends(row)) {
        return row->snapshot.status;
    }
    return row->signal == SIGNAL_FAILED ? STATUS_PAST_DUE : STATUS_ACTIVE;
}

/* A signal of the row's own second may have come before or after what the row shows, and a newer one tells less than
 * the provider knows: either way the row is a guess. */
static bool signal_unsettles(const struct subscription *row)
{
    return !row->snapshot.ended && row->signal != SIGNAL_NONE && row->signal_at >= row->watermark;
}

/* All that is known of when a subscription was past due: the stored events, and what the rows before and after the
 * change show, since a provider's answer is not an event and old events are pruned. */
struct history {
    const struct timeline_entry *stored;
    size_t stored_count;
    struct timeline_entry rows[4];
    size_t row_count;
    const struct timeline_entry *event; /* the one at hand; NULL after an answer */
};

static const struct timeline_entry *history_entry(const struct history *history, size_t i)
{
    if (i < history->stored_count) {
        return &history->stored[i];
    }
    i -= history->stored_count;
    return i < history->row_count ? &history->rows[i] : history->event;
}

static size_t history_count(const struct history *history)
{
    return history->stored_count + history->row_count + (history->event != NULL);
}

static void history_add_row(struct history *history, const struct subscription *row)
{
    history->rows[history->row_count++] = row_entry(row);
    if (row->signal != SIGNAL_NONE) {
        history->rows[history->row_count++] = signal_entry(row);
    }
}

static const struct timeline_entry *history_last_not_past_due(const struct history *history)
{
    const struct timeline_entry *last = NULL;
    for (size_t i = 0; i < history_count(history); ++i) {
        const struct timeline_entry *entry = history_entry(history, i);
        if (!entry->past_due && (!last || entry_compare(entry, last) > 0)) {
            last = entry;
        }
    }
    return last;
}

/* The earliest past due after the last that was not. `known` is what the row says, 0 where it was not past due: older
 * entries than that have been judged before, perhaps in the light of an answer or of events that are gone by now, so
 * of these only the event at hand can move it back. */
static int64_t past_due_since(const struct history *history, int64_t known, int64_t otherwise)
{
    const struct timeline_entry *last = history_last_not_past_due(history);
    bool found = known && (!last || last->created < known);
    int64_t since = known;
    for (size_t i = 0; i < history_count(history); ++i) {
        const struct timeline_entry *entry = history_entry(history, i);
        bool judged = known && entry->created < known && entry != history->event;
        if (!entry->past_due || judged || (last && entry_compare(entry, last) < 0)) {
            continue;
        }
        if (!found || entry->created < since) {
            since = entry->created;
            found = true;
        }
    }
    return found ? since : otherwise;
}

static void row_finish(struct subscription *next, const struct subscription *current,
                       const struct timeline_entry *event, const struct timeline_entry *timeline, size_t timeline_count)
{
    next->status = status_shown(next);
    next->past_due_since = 0;
    if (next->status != STATUS_PAST_DUE) {
        return;
    }
    struct history history = {.stored = timeline, .stored_count = timeline_count, .event = event};
    int64_t known = 0;
    if (current) {
        history_add_row(&history, current);
        known = current->status == STATUS_PAST_DUE ? current->past_due_since : 0;
    }
    history_add_row(&history, next);
    next->past_due_since = past_due_since(&history, known, next->watermark);
}

static void row_begin(struct subscription *next, const struct subscription *current)
{
    *next = current ? *current : (struct subscription){.watermark_event = "", .signal_event = ""};
}

static enum apply_outcome snapshot_apply(const struct subscription *current, const struct subscription_event *event,
                                         bool may_fetch, struct subscription *next)
{
    const struct subscription_snapshot *snapshot = event->snapshot;
    bool tie = false;
    if (current) {
        if (!strcmp(event->id, current->watermark_event)) {
            return APPLY_STALE;
        }
        bool ended = current->snapshot.ended;
        tie = event->created == current->watermark && !ended && !snapshot->ended;
        if (tie && may_fetch) {
            return APPLY_FETCH;
        }
        next->unsettled |= tie;
        if (ended != snapshot->ended
                ? ended
                : moment_compare(event->created, event->id, current->watermark, current->watermark_event) < 0) {
            return APPLY_STALE;
        }
    }
    next->snapshot = *snapshot;
    next->watermark = event->created;
    next->watermark_event = event->id;
    next->unsettled = tie || signal_unsettles(next);
    return APPLY_APPLIED;
}

static enum apply_outcome signal_apply(const struct subscription *current, const struct subscription_event *event,
                                       bool may_fetch, struct subscription *next)
{
    if (!current) {
        return APPLY_IGNORED;
    }
    if (may_fetch && !current->snapshot.ended && event->created >= current->watermark) {
        return APPLY_FETCH;
    }
    if (current->signal != SIGNAL_NONE &&
        moment_compare(event->created, event->id, current->signal_at, current->signal_event) <= 0) {
        return APPLY_STALE;
    }
    /* Kept even where a newer snapshot outdates it: the row must not depend on which of them came first. */
    next->signal = event->signal;
    next->signal_at = event->created;
    next->signal_event = event->id;
    next->unsettled |= signal_unsettles(next);
    bool newer = moment_compare(event->created, event->id, current->watermark, current->watermark_event) > 0;
    return newer && !current->snapshot.ended ? APPLY_APPLIED : APPLY_STALE;
}

enum apply_outcome subscription_apply(const struct subscription *current, const struct subscription_event *event,
                                      const struct timeline_entry *timeline, size_t timeline_count, bool may_fetch,
                                      struct subscription *next)
{
    row_begin(next, current);
    enum apply_outcome outcome = event->snapshot ? snapshot_apply(current, event, may_fetch, next)
                                                 : signal_apply(current, event, may_fetch, next);
    if (outcome == APPLY_APPLIED || outcome == APPLY_STALE) {
        const struct timeline_entry entry = {event->created, event->id, subscription_event_past_due(event)};
        row_finish(next, current, &entry, timeline, timeline_count);
    }
    return outcome;
}

static bool answer_is_stale(const struct subscription *current, const struct subscription_snapshot *answer,
                            int64_t answered_at)
{
    return current->snapshot.ended != answer->ended ? current->snapshot.ended : answered_at < current->watermark;
}

enum apply_outcome subscription_settle(const struct subscription *current, const struct subscription_snapshot *answer,
                                       int64_t answered_at, const struct timeline_entry *timeline,
                                       size_t timeline_count, struct subscription *next)
{
    row_begin(next, current);
    if (current && answer_is_stale(current, answer, answered_at)) {
        return APPLY_STALE;
    }
    next->snapshot = *answer;
    next->watermark = answered_at;
    next->watermark_event = "";
    if (next->signal != SIGNAL_NONE && next->signal_at <= answered_at) {
        /* It was here before the provider was asked, so the answer knows of it, even one of the same second. */
        next->signal = SIGNAL_NONE;
        next->signal_at = 0;
        next->signal_event = "";
    }
    next->unsettled = signal_unsettles(next);
    row_finish(next, current, NULL, timeline, timeline_count);
    return APPLY_APPLIED;
}
