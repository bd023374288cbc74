/* SPDX-License-Identifier: Apache-2.0
 * Every order and doubling of the same events gives the same subscriptions and the same link. The oracle is a plain
 * fold over the events sorted by time, which no webhook ever sees. */
#include "domain/link.h"
#include "random.h"
#include "tap.h"

#include <stdlib.h>

#define SUBSCRIPTIONS_MAX 3
#define EVENTS_MAX        60

struct occurrence {
    size_t subscription;
    char id[8];
    int64_t created;
    enum payment_signal signal; /* SIGNAL_NONE: a snapshot */
    struct subscription_snapshot snapshot;
};

/* What was generated, and the state of the store while it is played. */
struct play {
    struct occurrence events[EVENTS_MAX];
    size_t count;
    size_t subscription_count;
    bool known[SUBSCRIPTIONS_MAX];
    struct subscription rows[SUBSCRIPTIONS_MAX];
    bool stored[EVENTS_MAX];
};

static const char *const subscription_ids[SUBSCRIPTIONS_MAX] = {"sub_b", "sub_a", "sub_c"};
static const struct plan_price plan_prices[] = {{"stripe", PRICE_BOTH, "price_1"}};
static const struct plan plans[] = {{.ref = {"founding", 1}, .prices = plan_prices, .price_count = 1}};
static const struct catalogue catalogue = {.plans = plans, .plan_count = 1};
static const char *const price_ids[] = {"price_1"};

static struct subscription_snapshot random_snapshot(uint64_t *seed, size_t subscription, int64_t created)
{
    static const enum billing_status statuses[] = {STATUS_ACTIVE,   STATUS_ACTIVE, STATUS_PAST_DUE,
                                                   STATUS_PAST_DUE, STATUS_NONE,   STATUS_CANCELED};
    struct subscription_snapshot snapshot = {.id = subscription_ids[subscription], .created = created};
    snapshot.status = statuses[random_below(seed, sizeof(statuses) / sizeof(*statuses))];
    snapshot.ended = random_one_in(seed, 12);
    if (snapshot.ended) {
        snapshot.status = STATUS_CANCELED;
    }
    snapshot.period_end = (int64_t)random_below(seed, 1000);
    snapshot.prices = price_ids;
    snapshot.price_count = random_below(seed, 2);
    return snapshot;
}

/* Few seconds, so that many events share one; ids that do not grow with time. */
static void play_generate(struct play *play, uint64_t *seed, size_t count, bool signals)
{
    int64_t born[SUBSCRIPTIONS_MAX];
    *play = (struct play){.count = count};
    play->subscription_count = 1 + random_below(seed, SUBSCRIPTIONS_MAX);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; ++i) {
        born[i] = (int64_t)random_below(seed, 2);
    }
    size_t prime = 61; /* of EVENTS_MAX numbers no two meet modulo this */
    size_t step = 1 + random_below(seed, prime - 1);
    for (size_t i = 0; i < count; ++i) {
        struct occurrence *event = &play->events[i];
        event->subscription = random_below(seed, play->subscription_count);
        event->created = 100 + (int64_t)random_below(seed, 1 + count / 2 + random_below(seed, count));
        snprintf(event->id, sizeof(event->id), "e%02u", (unsigned)((i + 1) * step % prime));
        if (signals && random_one_in(seed, 3)) {
            event->signal = random_one_in(seed, 2) ? SIGNAL_PAID : SIGNAL_FAILED;
        } else {
            event->snapshot = random_snapshot(seed, event->subscription, born[event->subscription]);
        }
    }
}

static void play_reset(struct play *play)
{
    memset(play->known, 0, sizeof(play->known));
    memset(play->stored, 0, sizeof(play->stored));
}

static struct subscription_event event_of(const struct occurrence *occurrence)
{
    bool signal = occurrence->signal != SIGNAL_NONE;
    return (struct subscription_event){.id = occurrence->id,
                                       .created = occurrence->created,
                                       .snapshot = signal ? NULL : &occurrence->snapshot,
                                       .signal = occurrence->signal};
}

static int occurrence_compare(const void *a, const void *b)
{
    const struct occurrence *left = *(const struct occurrence *const *)a;
    const struct occurrence *right = *(const struct occurrence *const *)b;
    if (left->created != right->created) {
        return left->created < right->created ? -1 : 1;
    }
    return strcmp(left->id, right->id);
}

/* The stored events of a subscription as a store would pass them: sometimes all, sometimes from the newest that was not
 * past due onwards; backwards or forwards. */
static size_t timeline_gather(const struct play *play, size_t subscription, uint64_t *seed,
                              struct timeline_entry *timeline)
{
    const struct occurrence *sorted[EVENTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < play->count; ++i) {
        if (play->stored[i] && play->events[i].subscription == subscription) {
            sorted[count++] = &play->events[i];
        }
    }
    qsort(sorted, count, sizeof(*sorted), occurrence_compare);
    size_t first = 0;
    for (size_t i = 0; i < count; ++i) {
        struct subscription_event event = event_of(sorted[i]);
        timeline[i] = (struct timeline_entry){event.created, event.id, subscription_event_past_due(&event)};
        first = timeline[i].past_due ? first : i;
    }
    if (random_one_in(seed, 2)) {
        memmove(timeline, timeline + first, (count - first) * sizeof(*timeline));
        count -= first;
    }
    for (size_t i = 0; i < count / 2 && random_one_in(seed, 2); ++i) {
        struct timeline_entry other = timeline[i];
        timeline[i] = timeline[count - 1 - i];
        timeline[count - 1 - i] = other;
    }
    return count;
}

static enum apply_outcome play_event(struct play *play, size_t index, bool may_fetch, uint64_t *seed)
{
    const struct occurrence *occurrence = &play->events[index];
    size_t which = occurrence->subscription;
    struct timeline_entry timeline[EVENTS_MAX];
    struct subscription_event event = event_of(occurrence);
    struct subscription next;
    bool stored_before = random_one_in(seed, 2);
    play->stored[index] |= stored_before;
    size_t count = timeline_gather(play, which, seed, timeline);
    enum apply_outcome outcome =
        subscription_apply(play->known[which] ? &play->rows[which] : NULL, &event, timeline, count, may_fetch, &next);
    if (outcome == APPLY_APPLIED || outcome == APPLY_STALE) {
        play->rows[which] = next;
        play->known[which] = play->stored[index] = true;
    } else if (outcome == APPLY_IGNORED) {
        play->stored[index] = false;
    }
    return outcome;
}

/* The oracle: what somebody would show who saw each event at its time, in order. */
static bool fold(const struct play *play, size_t subscription, struct subscription *row)
{
    const struct occurrence *sorted[EVENTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < play->count; ++i) {
        if (play->events[i].subscription == subscription) {
            sorted[count++] = &play->events[i];
        }
    }
    qsort(sorted, count, sizeof(*sorted), occurrence_compare);
    *row = (struct subscription){.watermark_event = "", .signal_event = ""};
    bool ended = false, seen = false;
    for (size_t i = 0; i < count; ++i) {
        const struct occurrence *event = sorted[i];
        bool alone = i == 0 || sorted[i - 1]->created != event->created;
        if (event->signal != SIGNAL_NONE) {
            row->signal = event->signal;
            row->signal_at = event->created;
            row->signal_event = event->id;
            row->past_due_since = event->signal == SIGNAL_PAID ? 0
                                  : row->past_due_since != 0   ? row->past_due_since
                                                               : event->created;
            if (!ended && event->signal == SIGNAL_PAID && row->status == STATUS_PAST_DUE) {
                row->status = STATUS_ACTIVE;
            } else if (!ended && event->signal == SIGNAL_FAILED && row->status == STATUS_ACTIVE) {
                row->status = STATUS_PAST_DUE;
            }
            row->unsettled = true;
        } else {
            seen = true;
            if (event->snapshot.status != STATUS_PAST_DUE) {
                row->past_due_since = 0;
            } else if (row->past_due_since == 0) {
                row->past_due_since = event->created;
            }
            if (!ended || event->snapshot.ended) {
                row->snapshot = event->snapshot;
                row->watermark = event->created;
                row->watermark_event = event->id;
                row->status = event->snapshot.status;
                ended = event->snapshot.ended;
                row->unsettled = !alone;
            }
        }
    }
    row->unsettled &= !ended;
    row->past_due_since = row->status == STATUS_PAST_DUE ? row->past_due_since : 0;
    return seen;
}

static bool rows_equal(const struct subscription *a, const struct subscription *b)
{
    return a->snapshot.id == b->snapshot.id && a->snapshot.status == b->snapshot.status &&
           a->snapshot.period_end == b->snapshot.period_end && a->snapshot.ended == b->snapshot.ended &&
           a->watermark == b->watermark && !strcmp(a->watermark_event, b->watermark_event) && a->signal == b->signal &&
           a->signal_at == b->signal_at && !strcmp(a->signal_event, b->signal_event) && a->status == b->status &&
           a->past_due_since == b->past_due_since && a->unsettled == b->unsettled;
}

/* Elimination instead of comparison: keep the live if there are any, of these the newest, of these the greatest id. */
static const struct subscription *speaker(const struct subscription *rows, size_t count)
{
    const struct subscription *chosen = NULL;
    bool any_live = false;
    int64_t newest = INT64_MIN;
    for (size_t i = 0; i < count; ++i) {
        any_live |= !rows[i].snapshot.ended;
    }
    for (size_t i = 0; i < count; ++i) {
        if (rows[i].snapshot.ended != any_live && rows[i].snapshot.created > newest) {
            newest = rows[i].snapshot.created;
        }
    }
    for (size_t i = 0; i < count; ++i) {
        if (rows[i].snapshot.ended != any_live && rows[i].snapshot.created == newest &&
            (!chosen || strcmp(rows[i].snapshot.id, chosen->snapshot.id) > 0)) {
            chosen = &rows[i];
        }
    }
    return chosen;
}

static bool link_as_expected(const struct play *play, const struct subscription *expected, size_t count)
{
    struct subscription rows[SUBSCRIPTIONS_MAX];
    size_t row_count = 0;
    for (size_t i = SUBSCRIPTIONS_MAX; i--;) {
        if (play->known[i]) {
            rows[row_count++] = play->rows[i];
        }
    }
    struct link link = link_derive(rows, row_count, &catalogue, "stripe", true, "cus_1");
    const struct subscription *chosen = speaker(expected, count);
    if (!chosen) {
        return !link.subscription && link.status == STATUS_NONE;
    }
    return link.subscription == chosen->snapshot.id && link.status == chosen->status &&
           link.period_end == chosen->snapshot.period_end && link.past_due_since == chosen->past_due_since &&
           !link.plan_key == !chosen->snapshot.price_count;
}

static bool play_as_expected(const struct play *play)
{
    struct subscription expected[SUBSCRIPTIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < play->subscription_count; ++i) {
        bool seen = fold(play, i, &expected[count]);
        if (seen != play->known[i] || (seen && !rows_equal(&expected[count], &play->rows[i]))) {
            return false;
        }
        count += seen;
    }
    return link_as_expected(play, expected, count);
}

static void play_print(const struct play *play, const size_t *order, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        const struct occurrence *event = &play->events[order[i]];
        printf("# %s at %lld for %s: %s\n", event->id, (long long)event->created, subscription_ids[event->subscription],
               event->signal == SIGNAL_NONE     ? status_name(event->snapshot.status)
               : event->signal == SIGNAL_FAILED ? "FAILED"
                                                : "PAID");
    }
}

/* A signal that comes before any snapshot of its subscription is lost: such an order is not comparable. */
static bool order_is_fair(const struct play *play, const size_t *order, size_t count)
{
    bool known[SUBSCRIPTIONS_MAX] = {false};
    for (size_t i = 0; i < count; ++i) {
        const struct occurrence *event = &play->events[order[i]];
        if (event->signal != SIGNAL_NONE && !known[event->subscription]) {
            return false;
        }
        known[event->subscription] = true;
    }
    return true;
}

static void order_check(struct play *play, const size_t *order, size_t count, uint64_t *seed)
{
    if (!order_is_fair(play, order, count)) {
        return;
    }
    play_reset(play);
    for (size_t i = 0; i < count; ++i) {
        play_event(play, order[i], false, seed);
    }
    bool as_expected = play_as_expected(play);
    if (!as_expected) {
        play_print(play, order, count);
    }
    CU_ASSERT_TRUE_FATAL(as_expected);
}

static void permutations_check(struct play *play, size_t *order, size_t fixed, uint64_t *seed)
{
    if (fixed == play->count) {
        order_check(play, order, play->count, seed);
        return;
    }
    for (size_t i = fixed; i < play->count; ++i) {
        size_t chosen = order[i];
        order[i] = order[fixed];
        order[fixed] = chosen;
        permutations_check(play, order, fixed + 1, seed);
        order[fixed] = order[i];
        order[i] = chosen;
    }
}

static void check_small_sets(uint64_t seed, bool signals, unsigned sets)
{
    static struct play play;
    for (unsigned i = 0; i < sets; ++i) {
        play_generate(&play, &seed, 2 + i % 5, signals);
        size_t order[6] = {0, 1, 2, 3, 4, 5};
        permutations_check(&play, order, 0, &seed);
    }
}

static void test_every_permutation_of_snapshots(void)
{
    check_small_sets(11, false, 300);
}

static void test_every_permutation_with_signals(void)
{
    check_small_sets(12, true, 500);
}

static void shuffle(size_t *order, size_t count, uint64_t *seed)
{
    for (size_t i = count; i > 1; --i) {
        size_t j = random_below(seed, i);
        size_t other = order[i - 1];
        order[i - 1] = order[j];
        order[j] = other;
    }
}

/* All of them once, a third of them again, in any order; then each subscription's first snapshot in front. */
static size_t random_delivery(const struct play *play, size_t *order, uint64_t *seed)
{
    size_t count = 0;
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; ++i) {
        for (size_t j = 0; j < play->count; ++j) {
            if (play->events[j].subscription == i && play->events[j].signal == SIGNAL_NONE) {
                order[count++] = j;
                break;
            }
        }
    }
    size_t fronts = count;
    for (size_t i = 0; i < play->count; ++i) {
        order[count++] = i;
        if (random_one_in(seed, 3)) {
            order[count++] = i;
        }
    }
    shuffle(order + fronts, count - fronts, seed);
    return count;
}

static void test_shuffles_and_doublings(void)
{
    static struct play play;
    uint64_t seed = 13;
    for (unsigned set = 0; set < 60; ++set) {
        play_generate(&play, &seed, EVENTS_MAX / 3 + random_below(&seed, EVENTS_MAX * 2 / 3), set % 2);
        for (unsigned i = 0; i < 20; ++i) {
            size_t order[2 * EVENTS_MAX + SUBSCRIPTIONS_MAX];
            order_check(&play, order, random_delivery(&play, order, &seed), &seed);
        }
    }
}

/* With a provider that answers, every order ends at what the provider shows, and nothing is left in doubt. */
static void test_answers_settle_everything(void)
{
    static struct play play;
    uint64_t seed = 14;
    for (unsigned set = 0; set < 300; ++set) {
        size_t order[2 * EVENTS_MAX + SUBSCRIPTIONS_MAX];
        play_generate(&play, &seed, 12, true);
        play_reset(&play);
        struct subscription truth[SUBSCRIPTIONS_MAX];
        for (size_t i = 0; i < play.subscription_count; ++i) {
            fold(&play, i, &truth[i]);
        }
        size_t count = random_delivery(&play, order, &seed);
        for (size_t i = 0; i < count; ++i) {
            size_t which = play.events[order[i]].subscription;
            if (play_event(&play, order[i], true, &seed) == APPLY_FETCH) {
                struct subscription next;
                CU_ASSERT_TRUE_FATAL(play.known[which]);
                subscription_settle(&play.rows[which], &truth[which].snapshot, 1000, NULL, 0, &next);
                play.rows[which] = next;
            }
        }
        for (size_t i = 0; i < play.subscription_count; ++i) {
            CU_ASSERT_TRUE_FATAL(!play.known[i] || play.rows[i].status == truth[i].snapshot.status);
            CU_ASSERT_FALSE_FATAL(play.known[i] && play.rows[i].unsettled);
        }
    }
}

static const struct unit_test tests[] = {
    {"every permutation of snapshots", test_every_permutation_of_snapshots},
    {"every permutation with signals", test_every_permutation_with_signals},
    {"shuffles and doublings", test_shuffles_and_doublings},
    {"answers settle everything", test_answers_settle_everything},
};
UNIT_MAIN(tests)
