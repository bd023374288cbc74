/* SPDX-License-Identifier: Apache-2.0
 * The table of org states when it fills up: who stays, who goes. */
#include "table_fixture.h"

#include <stdio.h>

static const char *org_name(unsigned number)
{
    static char name[32];
    snprintf(name, sizeof(name), "org-%u", number);
    return name;
}

/* Names of orgs that share their own bucket and have the same other one, so that they compete for ten slots. */
static unsigned crowd(struct table *table, char (*names)[32], unsigned wanted)
{
    struct place first = {.offset = 0};
    unsigned found = 0;
    for (unsigned number = 0; found < wanted && number < 10000000; ++number) {
        struct slot_key key;
        slot_key_head(&key, table->secret, org_name(number), true);
        struct place place = slot_place(table, &key);
        if (!first.offset) {
            first = place;
        }
        if (place.bucket[0] == first.bucket[0] && place.offset == first.offset) {
            snprintf(names[found++], sizeof(*names), "%s", org_name(number));
        }
    }
    CU_ASSERT_EQUAL_FATAL(found, wanted);
    return found;
}

static unsigned crowd_present(struct table *table, char (*names)[32], unsigned count)
{
    unsigned present = 0;
    for (unsigned i = 0; i < count; ++i) {
        struct org_state state = fixture_state(i + 1, 0);
        present += fixture_holds(table, names[i], true, &state);
    }
    return present;
}

static struct bucket *crowd_bucket(struct table *table, const char *name, unsigned side)
{
    struct slot_key key;
    slot_key_head(&key, table->secret, name, true);
    return table_bucket(table, slot_place(table, &key).bucket[side]);
}

static void crowd_store(struct table *table, char (*names)[32], unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; ++i) {
        struct org_state state = fixture_state(i + 1, 0);
        CU_ASSERT_TRUE(table_store(table, names[i], true, &state, 5));
    }
}

/* As many orgs as the room was made for have their place, all but one in some ten thousand. */
static void test_promised_room(void)
{
    const unsigned orgs = 20000;
    struct table *table = fixture_table(orgs);
    for (unsigned i = 0; i < orgs; ++i) {
        struct org_state state = fixture_state(i + 1, 0);
        CU_ASSERT_TRUE(table_store(table, org_name(i), true, &state, 5));
    }
    unsigned missing = 0;
    for (unsigned i = 0; i < orgs; ++i) {
        struct org_state state = fixture_state(i + 1, 0);
        missing += !fixture_holds(table, org_name(i), true, &state);
    }
    CU_ASSERT_EQUAL(fixture_stats(table).evictions, missing);
    CU_ASSERT_TRUE(missing <= 10);
    CU_ASSERT_EQUAL(fixture_stats(table).capacity, orgs);
    CU_ASSERT_EQUAL(fixture_stats(table).entries, orgs - missing);
    CU_ASSERT_EQUAL(fixture_stats(table).refused_stores, 0);
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

/* Many times more orgs than room: every store succeeds, what is there is right, nothing is lost count of. */
static void test_flood(void)
{
    struct table *table = fixture_table(300);
    uint64_t slots = (uint64_t)table->bucket_count * WAYS;
    for (unsigned i = 0; i < 20000; ++i) {
        struct org_state state = fixture_state(i + 1, i % 100 ? i % 9 : 64);
        CU_ASSERT_TRUE(table_store(table, org_name(i), true, &state, 5));
    }
    unsigned present = 0;
    for (unsigned i = 0; i < 20000; ++i) {
        struct org_state state = fixture_state(i + 1, i % 100 ? i % 9 : 64), found;
        if (table_lookup(table, org_name(i), true, &found)) {
            ++present;
            CU_ASSERT_TRUE(fixture_same(&state, &found));
        }
    }
    struct table_stats stats = fixture_stats(table);
    CU_ASSERT_TRUE(present > slots / 2 && present <= stats.entries && stats.entries <= slots);
    CU_ASSERT_TRUE(stats.evictions > 19000);
    CU_ASSERT_EQUAL(stats.refused_stores, 0);
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

/* Ten slots and ten orgs: the eleventh displaces one that moves to its other bucket only where it has another one. */
static void test_ten_fit(void)
{
    struct table *table = fixture_table(300);
    char names[11][32];
    crowd(table, names, 11);
    crowd_store(table, names, 0, 10);
    CU_ASSERT_EQUAL(crowd_present(table, names, 10), 10);
    CU_ASSERT_EQUAL(fixture_stats(table).evictions, 0);
    crowd_store(table, names, 10, 11);
    CU_ASSERT_EQUAL(crowd_present(table, names, 11), 10);
    CU_ASSERT_EQUAL(fixture_stats(table).evictions, 1);
    free(table);
}

static void test_move_makes_room(void)
{
    struct table *table = fixture_table(300);
    char names[12][32];
    crowd(table, names, 12);
    /* Strangers that have another bucket besides fill the crowd's own one. */
    struct slot_key key;
    slot_key_head(&key, table->secret, names[0], true);
    struct place crowded = slot_place(table, &key);
    unsigned strangers[WAYS], count = 0;
    for (unsigned number = 0; count < WAYS; ++number) {
        slot_key_head(&key, table->secret, org_name(number), true);
        struct place place = slot_place(table, &key);
        if (place.bucket[0] == crowded.bucket[0] && place.bucket[1] != crowded.bucket[1]) {
            struct org_state state = fixture_state(number + 1, 0);
            strangers[count++] = number;
            CU_ASSERT_TRUE(table_store(table, org_name(number), true, &state, 5));
        }
    }
    /* A move is not a loss: what is filled in holds its ticket. */
    uint64_t ticket = table_ticket(table, names[0], true);
    for (unsigned i = 0; i < 2 * WAYS; ++i) {
        struct org_state state = fixture_state(i + 1, 0);
        CU_ASSERT_TRUE(table_fill(table, names[i], true, &state, 5, ticket));
    }
    CU_ASSERT_EQUAL(fixture_stats(table).evictions, 0);
    CU_ASSERT_EQUAL(crowd_present(table, names, 2 * WAYS), 2 * WAYS);
    for (unsigned i = 0; i < WAYS; ++i) {
        struct org_state state = fixture_state(strangers[i] + 1, 0);
        CU_ASSERT_TRUE(fixture_holds(table, org_name(strangers[i]), true, &state));
    }
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

/* An org without a row goes first, read or not; then whoever was not read since the last time. */
static void test_who_goes_first(void)
{
    struct table *table = fixture_table(300);
    char names[13][32];
    crowd(table, names, 13);
    crowd_store(table, names, 0, 10);
    struct org_state none = fixture_state(0, 0);
    table_forget(table, names[4], true);
    CU_ASSERT_TRUE(table_store(table, names[4], true, &none, 5));
    for (unsigned i = 0; i < 9; ++i) {
        fixture_missing(table, names[i], true);
    }
    /* 9 has a row and was not read, 4 was read and has none. */
    crowd_store(table, names, 10, 11);
    CU_ASSERT_TRUE(fixture_missing(table, names[4], true));
    /* Now all but 9 are read. */
    for (unsigned i = 0; i < 11; ++i) {
        if (i != 9) {
            fixture_missing(table, names[i], true);
        }
    }
    crowd_store(table, names, 11, 12);
    CU_ASSERT_TRUE(fixture_missing(table, names[9], true));
    /* All are: one of them makes room, and everybody starts anew. */
    fixture_missing(table, names[11], true);
    crowd_store(table, names, 12, 13);
    CU_ASSERT_EQUAL(crowd_bucket(table, names[0], 0)->touched | crowd_bucket(table, names[0], 1)->touched, 0);
    CU_ASSERT_EQUAL(crowd_present(table, names, 13), 10);
    CU_ASSERT_EQUAL(fixture_stats(table).evictions, 3);
    free(table);
}

/* Somebody asks under ten times as many made-up names as there is room, each of them more than once. Those with a row,
 * whom nobody asks about at the time, hardly notice. */
static void test_strangers_displace_each_other(void)
{
    const unsigned orgs = 2000;
    struct table *table = fixture_table(orgs);
    for (unsigned i = 0; i < orgs; ++i) {
        struct org_state state = fixture_state(i + 1, 0);
        CU_ASSERT_TRUE(table_store(table, org_name(i), true, &state, 5));
    }
    for (unsigned i = orgs; i < 11 * orgs; ++i) {
        struct org_state none = fixture_state(0, 0);
        CU_ASSERT_TRUE(table_store(table, org_name(i), true, &none, 5));
        CU_ASSERT_TRUE(fixture_holds(table, org_name(i), true, &none));
    }
    unsigned present = 0;
    for (unsigned i = 0; i < orgs; ++i) {
        struct org_state state = fixture_state(i + 1, 0);
        present += fixture_holds(table, org_name(i), true, &state);
    }
    printf("%u of %u with a row are left\n", present, orgs);
    CU_ASSERT_TRUE(present > orgs * 9 / 10);
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

static void test_bare_goes_before_idle(void)
{
    struct table *table = fixture_table(300);
    char names[12][32];
    struct org_state none = fixture_state(0, 0);
    crowd(table, names, 12);
    crowd_store(table, names, 0, 3);
    CU_ASSERT_TRUE(table_store(table, names[11], true, &none, 5));
    crowd_store(table, names, 3, 9);
    crowd_store(table, names, 9, 10);
    CU_ASSERT_EQUAL(fixture_stats(table).evictions, 1);
    CU_ASSERT_EQUAL(crowd_present(table, names, 10), 10);
    CU_ASSERT_TRUE(fixture_missing(table, names[11], true));
    free(table);
}

/* A state read from the database before a newer one was stored does not come back when that one has been evicted. */
static void test_fill_after_eviction(void)
{
    struct table *table = fixture_table(300);
    char names[25][32];
    struct org_state newer = fixture_state(90, 0), older = fixture_state(89, 0);
    crowd(table, names, 25);
    uint64_t ticket = table_ticket(table, names[24], true);
    CU_ASSERT_TRUE(table_store(table, names[24], true, &newer, 5));
    CU_ASSERT_TRUE(table_fill(table, names[24], true, &older, 5, ticket));
    CU_ASSERT_TRUE(fixture_holds(table, names[24], true, &newer));
    table_forget(table, names[0], true);
    CU_ASSERT_TRUE(fixture_holds(table, names[24], true, &newer));
    ticket = table_ticket(table, names[24], true);
    /* All others are read as soon as they are stored, so it is the first to go. */
    atomic_store(&crowd_bucket(table, names[24], 0)->touched, 0);
    atomic_store(&crowd_bucket(table, names[24], 1)->touched, 0);
    for (unsigned i = 0; i < 24; ++i) {
        crowd_store(table, names, i, i + 1);
        fixture_missing(table, names[i], true);
    }
    CU_ASSERT_TRUE(fixture_missing(table, names[24], true));
    CU_ASSERT_FALSE(table_fill(table, names[24], true, &older, 5, ticket));
    CU_ASSERT_TRUE(fixture_missing(table, names[24], true));
    /* Under a new ticket it does, though that takes an eviction. */
    ticket = table_ticket(table, names[24], true);
    CU_ASSERT_TRUE(table_fill(table, names[24], true, &newer, 5, ticket));
    CU_ASSERT_TRUE(fixture_holds(table, names[24], true, &newer));
    CU_ASSERT_EQUAL(fixture_stats(table).refused_stores, 0);
    free(table);
}

static const struct unit_test tests[] = {
    {"promised_room", test_promised_room},
    {"flood", test_flood},
    {"ten_fit", test_ten_fit},
    {"move_makes_room", test_move_makes_room},
    {"who_goes_first", test_who_goes_first},
    {"strangers_displace_each_other", test_strangers_displace_each_other},
    {"bare_goes_before_idle", test_bare_goes_before_idle},
    {"fill_after_eviction", test_fill_after_eviction},
};

UNIT_MAIN(tests)
