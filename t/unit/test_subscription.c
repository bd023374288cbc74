/* SPDX-License-Identifier: Apache-2.0
 * One subscription: what a single event or answer does to its row. */
#include "domain/subscription.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct subscription_snapshot snapshot(enum billing_status status)
{
    return (struct subscription_snapshot){
        .id = "sub_1", .raw_status = "", .status = status, .ended = status == STATUS_CANCELED, .created = 1};
}

/* A row that an event of this second and id made. */
static struct subscription row(enum billing_status status, int64_t watermark, const char *event)
{
    return (struct subscription){.snapshot = snapshot(status),
                                 .watermark = watermark,
                                 .watermark_event = event,
                                 .signal_event = "",
                                 .status = status,
                                 .past_due_since = status == STATUS_PAST_DUE ? watermark : 0};
}

static enum apply_outcome apply_snapshot(const struct subscription *current, enum billing_status status,
                                         int64_t created, const char *id, bool may_fetch, struct subscription *next)
{
    static struct subscription_snapshot shown;
    shown = snapshot(status);
    const struct subscription_event event = {.id = id, .created = created, .snapshot = &shown};
    return subscription_apply(current, &event, NULL, 0, may_fetch, next);
}

static enum apply_outcome apply_signal(const struct subscription *current, enum payment_signal signal, int64_t created,
                                       const char *id, bool may_fetch, struct subscription *next)
{
    const struct subscription_event event = {.id = id, .created = created, .signal = signal};
    return subscription_apply(current, &event, NULL, 0, may_fetch, next);
}

static void test_first_snapshot(void)
{
    struct subscription next;
    for (int may_fetch = 0; may_fetch < 2; ++may_fetch) {
        CU_ASSERT_EQUAL(apply_snapshot(NULL, STATUS_PAST_DUE, 10, "e1", may_fetch, &next), APPLY_APPLIED);
        CU_ASSERT_EQUAL(next.status, STATUS_PAST_DUE);
        CU_ASSERT_EQUAL(next.past_due_since, 10);
        CU_ASSERT_EQUAL(next.watermark, 10);
        CU_ASSERT_STRING_EQUAL(next.watermark_event, "e1");
        CU_ASSERT_EQUAL(next.signal, SIGNAL_NONE);
        CU_ASSERT_STRING_EQUAL(next.signal_event, "");
        CU_ASSERT_FALSE(next.unsettled);
        CU_ASSERT_EQUAL(apply_signal(NULL, SIGNAL_PAID, 10, "e1", may_fetch, &next), APPLY_IGNORED);
    }
}

/* A row at second 10 by event "e5" meets a snapshot. */
static void test_snapshot_order(void)
{
    static const struct {
        enum billing_status current, event;
        int64_t created;
        const char *id;
        bool may_fetch;
        enum apply_outcome outcome;
        enum billing_status shown;
        bool unsettled;
    } cases[] = {
        {STATUS_ACTIVE, STATUS_PAST_DUE, 11, "e1", true, APPLY_APPLIED, STATUS_PAST_DUE, false},
        {STATUS_ACTIVE, STATUS_PAST_DUE, 9, "e9", true, APPLY_STALE, STATUS_ACTIVE, false},
        {STATUS_ACTIVE, STATUS_PAST_DUE, 10, "e9", true, APPLY_FETCH, 0, false},
        {STATUS_ACTIVE, STATUS_PAST_DUE, 10, "e1", true, APPLY_FETCH, 0, false},
        {STATUS_ACTIVE, STATUS_PAST_DUE, 10, "e9", false, APPLY_APPLIED, STATUS_PAST_DUE, true},
        {STATUS_ACTIVE, STATUS_PAST_DUE, 10, "e1", false, APPLY_STALE, STATUS_ACTIVE, true},
        {STATUS_ACTIVE, STATUS_ACTIVE, 10, "e5", true, APPLY_STALE, STATUS_ACTIVE, false},
        {STATUS_ACTIVE, STATUS_ACTIVE, 10, "e5", false, APPLY_STALE, STATUS_ACTIVE, false},
        /* An end wins over anything, and is never a doubt. */
        {STATUS_ACTIVE, STATUS_CANCELED, 9, "e9", true, APPLY_APPLIED, STATUS_CANCELED, false},
        {STATUS_ACTIVE, STATUS_CANCELED, 10, "e1", true, APPLY_APPLIED, STATUS_CANCELED, false},
        {STATUS_CANCELED, STATUS_ACTIVE, 11, "e9", true, APPLY_STALE, STATUS_CANCELED, false},
        {STATUS_CANCELED, STATUS_ACTIVE, 10, "e9", true, APPLY_STALE, STATUS_CANCELED, false},
        {STATUS_CANCELED, STATUS_CANCELED, 10, "e9", true, APPLY_APPLIED, STATUS_CANCELED, false},
        {STATUS_CANCELED, STATUS_CANCELED, 10, "e1", true, APPLY_STALE, STATUS_CANCELED, false},
        {STATUS_CANCELED, STATUS_CANCELED, 11, "e1", true, APPLY_APPLIED, STATUS_CANCELED, false},
    };
    for (size_t i = 0; i < COUNT(cases); ++i) {
        struct subscription current = row(cases[i].current, 10, "e5");
        struct subscription next;
        enum apply_outcome outcome =
            apply_snapshot(&current, cases[i].event, cases[i].created, cases[i].id, cases[i].may_fetch, &next);
        CU_ASSERT_EQUAL(outcome, cases[i].outcome);
        if (outcome != APPLY_FETCH) {
            CU_ASSERT_EQUAL(next.status, cases[i].shown);
            CU_ASSERT_EQUAL(next.unsettled, cases[i].unsettled);
            CU_ASSERT_EQUAL(next.watermark, outcome == APPLY_APPLIED ? cases[i].created : 10);
            CU_ASSERT_STRING_EQUAL(next.watermark_event, outcome == APPLY_APPLIED ? cases[i].id : "e5");
        }
    }
}

/* A row at second 10 by event "e5" meets a signal. */
static void test_signal_order(void)
{
    static const struct {
        enum billing_status current;
        enum payment_signal signal;
        int64_t created;
        const char *id;
        enum apply_outcome outcome, if_may_fetch;
        enum billing_status shown;
        bool unsettled;
    } cases[] = {
        {STATUS_ACTIVE, SIGNAL_FAILED, 11, "e1", APPLY_APPLIED, APPLY_FETCH, STATUS_PAST_DUE, true},
        {STATUS_PAST_DUE, SIGNAL_PAID, 11, "e1", APPLY_APPLIED, APPLY_FETCH, STATUS_ACTIVE, true},
        {STATUS_ACTIVE, SIGNAL_PAID, 11, "e1", APPLY_APPLIED, APPLY_FETCH, STATUS_ACTIVE, true},
        {STATUS_PAST_DUE, SIGNAL_FAILED, 11, "e1", APPLY_APPLIED, APPLY_FETCH, STATUS_PAST_DUE, true},
        {STATUS_NONE, SIGNAL_PAID, 11, "e1", APPLY_APPLIED, APPLY_FETCH, STATUS_NONE, true},
        {STATUS_NONE, SIGNAL_FAILED, 11, "e1", APPLY_APPLIED, APPLY_FETCH, STATUS_NONE, true},
        {STATUS_ACTIVE, SIGNAL_FAILED, 10, "e9", APPLY_APPLIED, APPLY_FETCH, STATUS_PAST_DUE, true},
        {STATUS_ACTIVE, SIGNAL_FAILED, 10, "e1", APPLY_STALE, APPLY_FETCH, STATUS_ACTIVE, true},
        {STATUS_ACTIVE, SIGNAL_FAILED, 9, "e9", APPLY_STALE, APPLY_STALE, STATUS_ACTIVE, false},
        {STATUS_CANCELED, SIGNAL_PAID, 11, "e9", APPLY_STALE, APPLY_STALE, STATUS_CANCELED, false},
        {STATUS_CANCELED, SIGNAL_PAID, 10, "e9", APPLY_STALE, APPLY_STALE, STATUS_CANCELED, false},
    };
    for (size_t i = 0; i < COUNT(cases); ++i) {
        struct subscription current = row(cases[i].current, 10, "e5");
        struct subscription next;
        CU_ASSERT_EQUAL(apply_signal(&current, cases[i].signal, cases[i].created, cases[i].id, true, &next),
                        cases[i].if_may_fetch);
        CU_ASSERT_EQUAL(apply_signal(&current, cases[i].signal, cases[i].created, cases[i].id, false, &next),
                        cases[i].outcome);
        CU_ASSERT_EQUAL(next.status, cases[i].shown);
        CU_ASSERT_EQUAL(next.unsettled, cases[i].unsettled);
        CU_ASSERT_EQUAL(next.signal, cases[i].signal);
        CU_ASSERT_EQUAL(next.watermark, 10);
        bool failed_now = cases[i].current == STATUS_ACTIVE && cases[i].shown == STATUS_PAST_DUE;
        CU_ASSERT_EQUAL(next.past_due_since, failed_now                          ? cases[i].created
                                             : cases[i].shown == STATUS_PAST_DUE ? 10
                                                                                 : 0);
    }
}

static void test_signals_among_themselves(void)
{
    struct subscription first = row(STATUS_ACTIVE, 10, "e5");
    struct subscription second, third;
    apply_signal(&first, SIGNAL_FAILED, 20, "s2", false, &second);
    CU_ASSERT_EQUAL(apply_signal(&second, SIGNAL_PAID, 20, "s1", false, &third), APPLY_STALE);
    CU_ASSERT_EQUAL(third.status, STATUS_PAST_DUE);
    CU_ASSERT_EQUAL(apply_signal(&second, SIGNAL_FAILED, 20, "s2", false, &third), APPLY_STALE);
    CU_ASSERT_EQUAL(apply_signal(&second, SIGNAL_PAID, 20, "s3", false, &third), APPLY_APPLIED);
    CU_ASSERT_EQUAL(third.status, STATUS_ACTIVE);
    CU_ASSERT_EQUAL(third.past_due_since, 0);
    CU_ASSERT_TRUE(third.unsettled);
}

static void test_snapshot_after_signal(void)
{
    struct subscription active = row(STATUS_ACTIVE, 10, "e5");
    struct subscription bent, next;
    apply_signal(&active, SIGNAL_FAILED, 20, "s5", false, &bent);
    apply_snapshot(&bent, STATUS_ACTIVE, 15, "e6", true, &next);
    CU_ASSERT_TRUE(next.status == STATUS_PAST_DUE && next.unsettled && next.past_due_since == 20);
    apply_snapshot(&bent, STATUS_ACTIVE, 20, "s4", true, &next);
    CU_ASSERT_TRUE(next.status == STATUS_PAST_DUE && next.unsettled);
    apply_snapshot(&bent, STATUS_ACTIVE, 20, "s6", true, &next);
    CU_ASSERT_TRUE(next.status == STATUS_ACTIVE && next.unsettled);
    apply_snapshot(&bent, STATUS_ACTIVE, 21, "e6", true, &next);
    CU_ASSERT_TRUE(next.status == STATUS_ACTIVE && !next.unsettled && !next.past_due_since);
    apply_snapshot(&bent, STATUS_CANCELED, 5, "e0", true, &next);
    CU_ASSERT_TRUE(next.status == STATUS_CANCELED && !next.unsettled && !next.past_due_since);
}

static void test_newer_snapshot_settles_a_tie(void)
{
    struct subscription first = row(STATUS_ACTIVE, 10, "e5");
    struct subscription tied, next;
    apply_snapshot(&first, STATUS_PAST_DUE, 10, "e6", false, &tied);
    CU_ASSERT_TRUE(tied.unsettled);
    apply_snapshot(&tied, STATUS_PAST_DUE, 9, "e4", false, &next);
    CU_ASSERT_TRUE(next.unsettled);
    apply_snapshot(&tied, STATUS_PAST_DUE, 11, "e7", false, &next);
    CU_ASSERT_FALSE(next.unsettled);
}

static enum apply_outcome settle(const struct subscription *current, enum billing_status status, int64_t answered_at,
                                 struct subscription *next)
{
    struct subscription_snapshot answer = snapshot(status);
    return subscription_settle(current, &answer, answered_at, NULL, 0, next);
}

static void test_settle(void)
{
    static const struct {
        enum billing_status current, answer;
        int64_t answered_at;
        enum apply_outcome outcome;
    } cases[] = {
        {STATUS_ACTIVE, STATUS_PAST_DUE, 11, APPLY_APPLIED}, {STATUS_ACTIVE, STATUS_PAST_DUE, 10, APPLY_APPLIED},
        {STATUS_ACTIVE, STATUS_PAST_DUE, 9, APPLY_STALE},    {STATUS_ACTIVE, STATUS_CANCELED, 9, APPLY_APPLIED},
        {STATUS_CANCELED, STATUS_ACTIVE, 11, APPLY_STALE},   {STATUS_CANCELED, STATUS_CANCELED, 11, APPLY_APPLIED},
        {STATUS_CANCELED, STATUS_CANCELED, 9, APPLY_STALE},
    };
    for (size_t i = 0; i < COUNT(cases); ++i) {
        struct subscription current = row(cases[i].current, 10, "e5");
        current.unsettled = cases[i].current != STATUS_CANCELED;
        struct subscription next;
        CU_ASSERT_EQUAL(settle(&current, cases[i].answer, cases[i].answered_at, &next), cases[i].outcome);
        if (cases[i].outcome == APPLY_STALE) {
            CU_ASSERT_EQUAL(memcmp(&next, &current, sizeof(next)), 0);
        } else {
            CU_ASSERT_EQUAL(next.status, cases[i].answer);
            CU_ASSERT_EQUAL(next.watermark, cases[i].answered_at);
            CU_ASSERT_STRING_EQUAL(next.watermark_event, "");
            CU_ASSERT_FALSE(next.unsettled);
            CU_ASSERT_EQUAL(next.past_due_since, cases[i].answer == STATUS_PAST_DUE ? cases[i].answered_at : 0);
        }
    }
}

static void test_settle_unknown(void)
{
    struct subscription next;
    CU_ASSERT_EQUAL(settle(NULL, STATUS_PAST_DUE, 10, &next), APPLY_APPLIED);
    CU_ASSERT_TRUE(next.status == STATUS_PAST_DUE && next.past_due_since == 10 && !next.unsettled);
    CU_ASSERT_EQUAL(apply_snapshot(&next, STATUS_ACTIVE, 10, "e1", true, &next), APPLY_FETCH);
}

static void test_settle_and_signals(void)
{
    struct subscription active = row(STATUS_ACTIVE, 10, "e5");
    struct subscription bent, next;
    apply_signal(&active, SIGNAL_FAILED, 20, "s1", false, &bent);
    /* The answer of the signal's own second knows of it. */
    settle(&bent, STATUS_ACTIVE, 20, &next);
    CU_ASSERT_TRUE(next.status == STATUS_ACTIVE && !next.unsettled && next.signal == SIGNAL_NONE);
    CU_ASSERT_STRING_EQUAL(next.signal_event, "");
    /* One from before the signal does not. */
    settle(&bent, STATUS_ACTIVE, 19, &next);
    CU_ASSERT_TRUE(next.status == STATUS_PAST_DUE && next.unsettled && next.past_due_since == 20);
    settle(&bent, STATUS_PAST_DUE, 25, &next);
    CU_ASSERT_TRUE(next.status == STATUS_PAST_DUE && !next.unsettled && next.past_due_since == 20);
}

/* A failed payment newer than an answer that says active: past due since the payment, not since before the answer. */
static void test_settle_between_snapshot_and_signal(void)
{
    struct subscription past_due = row(STATUS_PAST_DUE, 10, "e5");
    struct subscription failed, next;
    apply_signal(&past_due, SIGNAL_FAILED, 20, "s1", false, &failed);
    CU_ASSERT_EQUAL(failed.past_due_since, 10);
    settle(&failed, STATUS_ACTIVE, 15, &next);
    CU_ASSERT_TRUE(next.status == STATUS_PAST_DUE && next.unsettled && next.past_due_since == 20);
}

/* Whatever a provider shows for it, an ended one is over. */
static void test_ended_is_never_bent(void)
{
    struct subscription ended = row(STATUS_PAST_DUE, 10, "e5");
    ended.snapshot.ended = true;
    struct subscription next;
    CU_ASSERT_EQUAL(apply_signal(&ended, SIGNAL_PAID, 20, "s1", false, &next), APPLY_STALE);
    CU_ASSERT_TRUE(next.status == STATUS_PAST_DUE && !next.unsettled);
}

static void test_event_past_due(void)
{
    const struct subscription_snapshot past_due = snapshot(STATUS_PAST_DUE);
    const struct subscription_snapshot active = snapshot(STATUS_ACTIVE);
    CU_ASSERT_TRUE(subscription_event_past_due(&(struct subscription_event){.id = "e", .snapshot = &past_due}));
    CU_ASSERT_FALSE(subscription_event_past_due(&(struct subscription_event){.id = "e", .snapshot = &active}));
    CU_ASSERT_TRUE(subscription_event_past_due(&(struct subscription_event){.id = "e", .signal = SIGNAL_FAILED}));
    CU_ASSERT_FALSE(subscription_event_past_due(&(struct subscription_event){.id = "e", .signal = SIGNAL_PAID}));
}

/* The event at hand is a past-due snapshot, "e5" of second 50, unless told otherwise. */
static void test_past_due_since(void)
{
    static const struct {
        int64_t row_since; /* 0: the row is active. Its event is "e3" of second 30 */
        int64_t created;
        bool past_due;
        struct timeline_entry timeline[4];
        size_t count;
        int64_t since;
    } cases[] = {
        {0, 50, true, {{0}}, 0, 50},
        {0, 50, true, {{30, "e3", false}, {40, "e4", true}, {35, "e35", true}}, 3, 35},
        {0, 50, true, {{40, "e4", true}, {20, "e2", true}}, 2, 40}, /* the row itself was active at 30 */
        {0, 50, true, {{50, "e5", true}, {40, "e4", true}, {45, "e45", false}}, 3, 50},
        {0, 50, true, {{50, "e4", false}}, 1, 50},
        {0, 50, true, {{50, "e6", false}, {40, "e4", true}}, 2, 50}, /* nothing else says when */
        {20, 50, true, {{0}}, 0, 20},                                /* what is earlier has been pruned */
        {20, 50, true, {{25, "e25", false}}, 1, 30},
        {20, 50, true, {{19, "e19", false}}, 1, 20},
        {20, 50, true, {{20, "e1", false}, {20, "e2", true}}, 2, 20},
        {20, 50, true, {{20, "e3", false}, {20, "e2", true}}, 2, 30},
        /* Judged before, and found to be over by an answer that is no event: it does not come back. */
        {20, 50, true, {{10, "e1", true}, {20, "e2", true}}, 2, 20},
        /* Stale events move it both ways. */
        {20, 15, true, {{0}}, 0, 15},
        {20, 15, true, {{17, "e17", false}, {20, "e2", true}}, 2, 20},
        {20, 25, false, {{20, "e2", true}, {28, "e28", true}}, 2, 28},
        {20, 10, false, {{20, "e2", true}, {5, "e05", true}}, 2, 20},
    };
    for (size_t i = 0; i < COUNT(cases); ++i) {
        struct subscription current = row(cases[i].row_since ? STATUS_PAST_DUE : STATUS_ACTIVE, 30, "e3");
        current.past_due_since = cases[i].row_since;
        const struct subscription_snapshot shown = snapshot(cases[i].past_due ? STATUS_PAST_DUE : STATUS_ACTIVE);
        const struct subscription_event event = {.id = "e5", .created = cases[i].created, .snapshot = &shown};
        struct subscription next;
        subscription_apply(&current, &event, cases[i].timeline, cases[i].count, true, &next);
        CU_ASSERT_EQUAL(next.past_due_since, cases[i].since);
        if (next.past_due_since != cases[i].since) {
            printf("# case %zu: %lld\n", i, (long long)next.past_due_since);
        }
    }
}

/* An answer leaves no event behind, but the row that it made is remembered from then on. */
static void test_past_due_since_after_an_answer(void)
{
    const struct timeline_entry timeline[] = {{10, "e1", true}, {60, "e6", true}, {70, "e7", true}};
    struct subscription past_due = row(STATUS_PAST_DUE, 10, "e1");
    struct subscription active, again, later;
    settle(&past_due, STATUS_ACTIVE, 50, &active);
    const struct subscription_snapshot shown = snapshot(STATUS_PAST_DUE);
    struct subscription_event event = {.id = "e6", .created = 60, .snapshot = &shown};
    subscription_apply(&active, &event, timeline, 2, true, &again);
    CU_ASSERT_EQUAL(again.past_due_since, 60);
    event.id = "e7";
    event.created = 70;
    subscription_apply(&again, &event, timeline, 3, true, &later);
    CU_ASSERT_EQUAL(later.past_due_since, 60);
    struct subscription_snapshot answer = snapshot(STATUS_PAST_DUE);
    subscription_settle(&active, &answer, 55, timeline, 1, &again);
    CU_ASSERT_EQUAL(again.past_due_since, 55);
    subscription_settle(&later, &answer, 80, timeline, 3, &again);
    CU_ASSERT_EQUAL(again.past_due_since, 60);
    subscription_settle(&active, &answer, 65, timeline, 2, &again);
    CU_ASSERT_EQUAL(again.past_due_since, 60);
}

static const struct unit_test tests[] = {
    {"first snapshot", test_first_snapshot},
    {"snapshots: order", test_snapshot_order},
    {"signals: order", test_signal_order},
    {"signals among themselves", test_signals_among_themselves},
    {"snapshot after a signal", test_snapshot_after_signal},
    {"a newer snapshot settles a tie", test_newer_snapshot_settles_a_tie},
    {"settle", test_settle},
    {"settle: unknown subscription", test_settle_unknown},
    {"settle: signals", test_settle_and_signals},
    {"settle: between snapshot and signal", test_settle_between_snapshot_and_signal},
    {"ended is never bent", test_ended_is_never_bent},
    {"event past due", test_event_past_due},
    {"past due since", test_past_due_since},
    {"past due since: after an answer", test_past_due_since_after_an_answer},
};
UNIT_MAIN(tests)
