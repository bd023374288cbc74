/* SPDX-License-Identifier: Apache-2.0
 * The table of org states after writers that died, stopped or came back too late, played step by step; and that the
 * check of its invariants sees each of them broken. */
#include "cache/table_hold.h"
#include "table_fixture.h"

static const char *const org = "acme";

static struct slot_key org_key(struct table *table)
{
    struct slot_key key;
    CU_ASSERT_TRUE_FATAL(slot_key_head(&key, table->secret, org, true));
    return key;
}

/* The control word and the slot where the org stands. */
static struct spot org_spot(struct table *table, struct place *place)
{
    struct slot_key key = org_key(table);
    *place = slot_place(table, &key);
    for (unsigned i = 0; i < 2 * WAYS; ++i) {
        uint64_t control = table_bucket(table, place->bucket[i / WAYS])->control[i % WAYS];
        if (control_matches(control, place)) {
            return (struct spot){i / WAYS, i % WAYS};
        }
    }
    CU_FAIL_FATAL("the org stands nowhere");
    return (struct spot){0, 0};
}

static _Atomic uint64_t *org_control(struct table *table)
{
    struct place place;
    struct spot spot = org_spot(table, &place);
    return &table_bucket(table, place.bucket[spot.side])->control[spot.way];
}

static struct slot *org_slot(struct table *table)
{
    struct place place;
    struct spot spot = org_spot(table, &place);
    return table_slot(table, place.bucket[spot.side], spot.way);
}

static void slot_set(struct slot *slot, const struct slot_image *image)
{
    for (unsigned i = 0; i < SLOT_WORDS; ++i) {
        slot->words[i] = image->words[i];
    }
}

static struct slot_image slot_get(struct slot *slot)
{
    struct slot_image image;
    for (unsigned i = 0; i < SLOT_WORDS; ++i) {
        image.words[i] = slot->words[i];
    }
    return image;
}

/* The head of a state as a writer would write it. */
static struct slot_image head_of(struct table *table, const struct org_state *state)
{
    struct packed_entry packed;
    struct slot_key key = org_key(table);
    CU_ASSERT_TRUE_FATAL(entry_pack(&packed, table->secret, &key, state, 5));
    return packed.head;
}

static void test_killed_with_the_lock(void)
{
    struct table *table = fixture_table(300);
    struct org_state state = fixture_state(1, 0), next = fixture_state(2, 0);
    CU_ASSERT_TRUE(table_store(table, org, true, &state, 5));
    struct hold dead;
    struct slot_key key = org_key(table);
    hold_begin(&dead, table, &key);
    CU_ASSERT_TRUE(fixture_holds(table, org, true, &state));
    CU_ASSERT_TRUE(table_store(table, org, true, &next, 5));
    CU_ASSERT_TRUE(fixture_holds(table, org, true, &next));
    CU_ASSERT_EQUAL(fixture_stats(table).stolen_locks, 1);
    CU_ASSERT_TRUE(table_store(table, org, true, &next, 5));
    CU_ASSERT_EQUAL(fixture_stats(table).stolen_locks, 1);
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

/* Killed while it wrote: a miss, then the next store robs it, frees what it left and takes its place. */
static void test_killed_while_writing(void)
{
    struct table *table = fixture_table(300);
    struct org_state state = fixture_state(1, 0), next = fixture_state(2, 0);
    CU_ASSERT_TRUE(table_store(table, org, true, &state, 5));
    _Atomic uint64_t *control = org_control(table);
    struct hold dead;
    struct slot_key key = org_key(table);
    hold_begin(&dead, table, &key);
    *control = (*control & ~CONTROL_STATE) + CONTROL_STAMP_ONE + CONTROL_BUSY;
    CU_ASSERT_TRUE(fixture_missing(table, org, true));
    CU_ASSERT_PTR_NULL(table_validate(table));
    CU_ASSERT_TRUE(table_store(table, org, true, &next, 5));
    CU_ASSERT_TRUE(fixture_holds(table, org, true, &next));
    CU_ASSERT_EQUAL(fixture_stats(table).entries, 1);
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

/* Stopped with the lock, robbed, and on it goes: it can neither write, free nor unlock. */
static void test_robbed_holder_wakes_up(void)
{
    struct table *table = fixture_table(300);
    struct org_state state = fixture_state(1, 0), newer = fixture_state(3, 0), older = fixture_state(2, 0);
    struct slot_key key = org_key(table);
    struct slot_image image;
    struct hold stopped;
    struct spot spot;
    CU_ASSERT_TRUE(table_store(table, org, true, &state, 5));
    hold_begin(&stopped, table, &key);
    CU_ASSERT_EQUAL(hold_find(&stopped, &key, &spot, &image), OUTCOME_DONE);
    CU_ASSERT_TRUE(table_store(table, org, true, &newer, 5));
    struct slot_image late = head_of(table, &older);
    CU_ASSERT_EQUAL(hold_write(&stopped, spot, &late), OUTCOME_AGAIN);
    CU_ASSERT_FALSE(hold_free(&stopped, spot));
    hold_end(&stopped);
    CU_ASSERT_TRUE(fixture_holds(table, org, true, &newer));
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

/* Stopped before it even looked: what it sees then is good, only the lock is no longer its own. */
static void test_robbed_before_it_looked(void)
{
    struct table *table = fixture_table(300);
    struct org_state newer = fixture_state(3, 0), older = fixture_state(2, 0);
    struct slot_key key = org_key(table);
    struct hold stopped;
    hold_begin(&stopped, table, &key);
    CU_ASSERT_TRUE(table_store(table, org, true, &newer, 5));
    for (unsigned i = 0; i < 2 * WAYS; ++i) {
        stopped.seen[i / WAYS][i % WAYS] = stopped.bucket[i / WAYS]->control[i % WAYS];
    }
    struct slot_image late = head_of(table, &older);
    for (unsigned i = 0; i < 2 * WAYS; ++i) {
        CU_ASSERT_EQUAL(hold_write(&stopped, (struct spot){i / WAYS, i % WAYS}, &late), OUTCOME_AGAIN);
    }
    CU_ASSERT_TRUE(fixture_holds(table, org, true, &newer));
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

/* Stopped between its last look at the lock and its exchange, which is the latest moment there is: what it expects in
 * the control word is no longer there, in any slot of the two buckets, empty, live or busy. */
static void test_fence_changes_every_word(void)
{
    struct table *table = fixture_table(300);
    struct org_state state = fixture_state(1, 0);
    struct slot_key key = org_key(table);
    struct hold stopped;
    CU_ASSERT_TRUE(table_store(table, org, true, &state, 5));
    hold_begin(&stopped, table, &key);
    struct org_state newer = fixture_state(2, 0);
    CU_ASSERT_TRUE(table_store(table, org, true, &newer, 5));
    for (unsigned i = 0; i < 2 * WAYS; ++i) {
        CU_ASSERT_NOT_EQUAL(stopped.bucket[i / WAYS]->control[i % WAYS], stopped.seen[i / WAYS][i % WAYS]);
    }
    free(table);
}

/* The words that a robbed writer still writes, up to all of them and its sum, are never taken for an entry. */
static void test_late_words(void)
{
    struct table *table = fixture_table(300);
    struct org_state older = fixture_state(1, 0), newer = fixture_state(2, 0), next = fixture_state(3, 0);
    CU_ASSERT_TRUE(table_store(table, org, true, &older, 5));
    struct slot_image late = slot_get(org_slot(table));
    CU_ASSERT_TRUE(table_store(table, org, true, &newer, 5));
    struct slot_image good = slot_get(org_slot(table));
    for (unsigned words = 1; words <= SLOT_WORDS; ++words) {
        struct slot_image torn = good;
        memcpy(torn.words, late.words, words * sizeof(*torn.words));
        slot_set(org_slot(table), &torn);
        CU_ASSERT_TRUE(fixture_missing(table, org, true));
        CU_ASSERT_PTR_NOT_NULL(table_validate(table));
    }
    CU_ASSERT_TRUE(table_store(table, org, true, &next, 5));
    CU_ASSERT_TRUE(fixture_holds(table, org, true, &next));
    CU_ASSERT_EQUAL(fixture_stats(table).entries, 1);
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

/* A robber that died before it fenced the other bucket left word of which one that was. */
static void test_robber_dies(void)
{
    struct table *table = fixture_table(300);
    struct org_state state = fixture_state(1, 0);
    struct slot_key key = org_key(table);
    struct hold first;
    hold_begin(&first, table, &key);
    _Atomic uint64_t *busy = &first.bucket[1]->control[2];
    *busy = CONTROL_STAMP_ONE | CONTROL_BUSY;
    /* As lock_rob leaves it half way: one turn further, the same distance. */
    first.bucket[0]->lock += UINT64_C(1) << LOCK_TURN_SHIFT;
    CU_ASSERT_TRUE(table_store(table, org, true, &state, 5));
    CU_ASSERT_EQUAL(*busy & CONTROL_STATE, CONTROL_EMPTY);
    CU_ASSERT_EQUAL(*busy & CONTROL_STAMP, CONTROL_STAMP_ONE);
    CU_ASSERT_TRUE(fixture_holds(table, org, true, &state));
    free(table);
}

/* What was lost with a killed writer, or to one that came back too late, was perhaps newer than what is filled in. */
static void test_fill_after_loss(void)
{
    struct table *table = fixture_table(300);
    struct org_state older = fixture_state(1, 0), newer = fixture_state(2, 0);
    struct slot_key key = org_key(table);
    struct hold dead;
    uint64_t ticket = table_ticket(table, org, true);
    CU_ASSERT_TRUE(table_store(table, org, true, &newer, 5));
    _Atomic uint64_t *control = org_control(table);
    hold_begin(&dead, table, &key);
    *control = (*control & ~CONTROL_STATE) + CONTROL_STAMP_ONE + CONTROL_BUSY;
    CU_ASSERT_FALSE(table_fill(table, org, true, &older, 5, ticket));
    CU_ASSERT_TRUE(fixture_missing(table, org, true));
    ticket = table_ticket(table, org, true);
    CU_ASSERT_TRUE(table_store(table, org, true, &newer, 5));
    org_slot(table)->words[3] ^= 1;
    CU_ASSERT_FALSE(table_fill(table, org, true, &older, 5, ticket));
    CU_ASSERT_TRUE(fixture_missing(table, org, true));
    CU_ASSERT_EQUAL(fixture_stats(table).spoilt_entries, 1);
    free(table);
}

/* Buckets full of what dead writers of other orgs left: room all the same. */
static void test_only_busy_slots(void)
{
    struct table *table = fixture_table(300);
    struct org_state state = fixture_state(1, 0);
    struct slot_key key = org_key(table);
    struct place place = slot_place(table, &key);
    for (unsigned i = 0; i < 2 * WAYS; ++i) {
        table_bucket(table, place.bucket[i / WAYS])->control[i % WAYS] = CONTROL_STAMP_ONE | CONTROL_BUSY;
    }
    CU_ASSERT_TRUE(table_store(table, org, true, &state, 5));
    CU_ASSERT_TRUE(fixture_holds(table, org, true, &state));
    free(table);
}

/* Each word of a good table spoilt in turn: the check says what, and is silent again when it is put right. */
static void test_validate_sees(void)
{
    struct table *table = fixture_table(300);
    struct org_state state = fixture_state(1, 0);
    CU_ASSERT_TRUE(table_store(table, org, true, &state, 5));
    CU_ASSERT_PTR_NULL(table_validate(table));
    for (unsigned i = 0; i < 10 + 1; ++i) { /* the head without overrides, its id of one word */
        org_slot(table)->words[i] ^= UINT64_C(1) << i;
        CU_ASSERT_PTR_NOT_NULL(table_validate(table));
        org_slot(table)->words[i] ^= UINT64_C(1) << i;
    }
    _Atomic uint64_t *control = org_control(table);
    const uint64_t wrong[] = {CONTROL_LIVE ^ CONTROL_STATE,     CONTROL_BARE,      CONTROL_PART,
                              UINT64_C(1) << CONTROL_TAG_SHIFT, CONTROL_STAMP_ONE, CONTROL_LIVE};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); ++i) {
        *control ^= wrong[i];
        CU_ASSERT_PTR_NOT_NULL(table_validate(table));
        *control ^= wrong[i];
    }
    struct place place;
    org_spot(table, &place);
    struct bucket *bucket = table_bucket(table, place.bucket[0]);
    bucket->touched |= 1U << WAYS;
    CU_ASSERT_PTR_NOT_NULL(table_validate(table));
    bucket->touched = 0;
    table->offset_span = table->bucket_count;
    CU_ASSERT_PTR_NOT_NULL(table_validate(table));
    table->offset_span = 255 < table->bucket_count - 1 ? 255 : table->bucket_count - 1;
    CU_ASSERT_PTR_NULL(table_validate(table));
    table->magic ^= 1;
    CU_ASSERT_PTR_NOT_NULL(table_validate(table));
    free(table);
}

static void test_validate_sees_misplaced(void)
{
    struct table *table = fixture_table(300);
    struct org_state state = fixture_state(1, 0);
    CU_ASSERT_TRUE(table_store(table, org, true, &state, 5));
    struct place place;
    struct spot spot = org_spot(table, &place);
    uint64_t control = *org_control(table);
    struct slot_image image = slot_get(org_slot(table));
    /* A second copy in the other bucket, then the same where it does not belong at all. */
    unsigned way = (spot.way + 1) % WAYS;
    uint32_t strange = (place.bucket[0] + 1) % table->bucket_count;
    strange = strange == place.bucket[1] ? (strange + 1) % table->bucket_count : strange;
    const uint32_t wrong[] = {place.bucket[!spot.side], strange};
    for (unsigned i = 0; i < 2; ++i) {
        slot_set(table_slot(table, wrong[i], way), &image);
        table_bucket(table, wrong[i])->control[way] = control;
        const char *said = table_validate(table);
        CU_ASSERT_STRING_EQUAL(said ? said : "nothing",
                               i ? "an entry stands in a bucket that is not its own" : "an entry stands in two slots");
        table_bucket(table, wrong[i])->control[way] = 0;
    }
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

static const struct unit_test tests[] = {
    {"killed_with_the_lock", test_killed_with_the_lock},
    {"killed_while_writing", test_killed_while_writing},
    {"robbed_holder_wakes_up", test_robbed_holder_wakes_up},
    {"robbed_before_it_looked", test_robbed_before_it_looked},
    {"fence_changes_every_word", test_fence_changes_every_word},
    {"late_words", test_late_words},
    {"robber_dies", test_robber_dies},
    {"fill_after_loss", test_fill_after_loss},
    {"only_busy_slots", test_only_busy_slots},
    {"validate_sees", test_validate_sees},
    {"validate_sees_misplaced", test_validate_sees_misplaced},
};

UNIT_MAIN(tests)
