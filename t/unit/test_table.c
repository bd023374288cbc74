/* SPDX-License-Identifier: Apache-2.0
 * The table of org states: what goes in comes out. */
#include "table_fixture.h"

static void test_every_field(void)
{
    struct table *table = fixture_table(100);
    for (uint64_t version = 0; version < 12; ++version) {
        struct org_state state = fixture_state(version, 0);
        CU_ASSERT_TRUE(table_store(table, "acme", true, &state, 1000));
        CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &state));
    }
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

static void test_extremes(void)
{
    struct table *table = fixture_table(100);
    const int64_t numbers[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); ++i) {
        struct org_state state = {.status = STATUS_CANCELED,
                                  .plan = (uint64_t)numbers[i],
                                  .app_type = (uint64_t)numbers[i],
                                  .period_end = numbers[i],
                                  .cancel_at = numbers[i],
                                  .past_due_since = numbers[i],
                                  .created_at = numbers[i],
                                  .version = UINT64_MAX};
        CU_ASSERT_TRUE(table_store(table, "extreme", false, &state, 5));
        CU_ASSERT_TRUE(fixture_holds(table, "extreme", false, &state));
    }
    free(table);
}

static void test_override_extremes(void)
{
    static const struct override in[] = {{.key = 0, .kind = OVERRIDE_REFUSE},
                                         {.key = UINT64_MAX, .kind = OVERRIDE_GRANT, .expires = 1},
                                         {.key = 1, .kind = OVERRIDE_LIMIT, .limit = 0},
                                         {.key = 2, .kind = OVERRIDE_LIMIT, .limit = LIMIT_MAX},
                                         {.key = 3, .kind = OVERRIDE_LIMIT, .limit = LIMIT_UNLIMITED},
                                         {.key = 4, .kind = OVERRIDE_GRANT, .expires = OVERRIDE_EXPIRY_MAX},
                                         {.key = 5, .kind = OVERRIDE_LIMIT, .limit = 7, .expires = 4102444800}};
    struct table *table = fixture_table(100);
    struct org_state state = {.version = 1, .override_count = sizeof(in) / sizeof(*in)};
    memcpy(state.overrides, in, sizeof(in));
    CU_ASSERT_TRUE(table_store(table, "acme", true, &state, 5));
    CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &state));

    /* Times that an entry cannot hold keep their meaning: over already, or not in anybody's lifetime. */
    struct org_state found;
    state.override_count = 2;
    state.overrides[0].expires = -5;
    state.overrides[1].expires = INT64_MAX;
    CU_ASSERT_TRUE(table_store(table, "acme", true, &state, 5));
    CU_ASSERT_TRUE_FATAL(table_lookup(table, "acme", true, &found));
    CU_ASSERT_EQUAL(found.overrides[0].expires, 1);
    CU_ASSERT_EQUAL(found.overrides[1].expires, OVERRIDE_EXPIRY_MAX);
    free(table);
}

static void id_of_length(char *id, size_t len)
{
    for (size_t i = 0; i < len; ++i) {
        id[i] = (char)('a' + (i * 7 + len) % 26);
    }
    id[len] = '\0';
}

static void test_every_length_and_number_of_overrides(void)
{
    struct table *table = fixture_table(3000);
    char id[ORG_ID_MAX + 2];
    for (size_t len = 1; len <= ORG_ID_MAX; ++len) {
        id_of_length(id, len);
        for (size_t overrides = 0; overrides <= OVERRIDES_MAX; overrides += overrides < 25 ? 1 : 13) {
            struct org_state state = fixture_state(overrides + 1, overrides);
            CU_ASSERT_TRUE(table_store(table, id, true, &state, 5));
            CU_ASSERT_TRUE(fixture_holds(table, id, true, &state));
        }
    }
    for (size_t len = 1; len <= ORG_ID_MAX; ++len) {
        id_of_length(id, len);
        CU_ASSERT_FALSE(fixture_missing(table, id, true));
        CU_ASSERT_TRUE(fixture_missing(table, id, false));
    }
    CU_ASSERT_EQUAL(fixture_stats(table).entries, ORG_ID_MAX);
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

static void test_ids_out_of_bounds(void)
{
    struct table *table = fixture_table(100);
    struct org_state state = fixture_state(1, 0);
    char id[ORG_ID_MAX + 2];
    id_of_length(id, ORG_ID_MAX + 1);
    CU_ASSERT_FALSE(table_store(table, id, true, &state, 5));
    CU_ASSERT_FALSE(table_store(table, "", true, &state, 5));
    CU_ASSERT_TRUE(fixture_missing(table, id, true));
    CU_ASSERT_TRUE(fixture_missing(table, "", true));
    table_forget(table, id, true);
    CU_ASSERT_EQUAL(fixture_stats(table).refused_stores, 2);
    CU_ASSERT_EQUAL(fixture_stats(table).entries, 0);
    free(table);
}

static void test_ids_that_share_their_beginning(void)
{
    struct table *table = fixture_table(100);
    const char *ids[] = {"a", "aa", "aaaaaaaa", "aaaaaaaaa", "aaaaaaaab", "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaa"};
    for (uint64_t i = 0; i < sizeof(ids) / sizeof(*ids); ++i) {
        struct org_state state = fixture_state(i + 1, 0);
        CU_ASSERT_TRUE(table_store(table, ids[i], true, &state, 5));
    }
    for (uint64_t i = 0; i < sizeof(ids) / sizeof(*ids); ++i) {
        struct org_state state = fixture_state(i + 1, 0);
        CU_ASSERT_TRUE(fixture_holds(table, ids[i], true, &state));
    }
    free(table);
}

/* A hash of all ids that is the same puts every org into the same slots with the same tag: still nobody is taken for
 * somebody else. */
static void test_equal_hashes(void)
{
    struct table *table = fixture_table(100);
    memset(table->secret, 0, sizeof(table->secret));
    struct org_state first = fixture_state(1, 0), second = fixture_state(2, 0), third = fixture_state(3, 40);
    CU_ASSERT_TRUE(table_store(table, "first", true, &first, 5));
    CU_ASSERT_TRUE(table_store(table, "second", true, &second, 5));
    CU_ASSERT_TRUE(fixture_missing(table, "third", true));
    CU_ASSERT_TRUE(fixture_holds(table, "first", true, &first));
    CU_ASSERT_TRUE(fixture_holds(table, "second", true, &second));
    table_store(table, "third", true, &third, 5);
    CU_ASSERT_TRUE(fixture_missing(table, "third", true) || fixture_holds(table, "third", true, &third));
    CU_ASSERT_TRUE(fixture_missing(table, "first", true) || fixture_holds(table, "first", true, &first));
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

static void test_both_modes(void)
{
    struct table *table = fixture_table(100);
    struct org_state live = fixture_state(1, 5), test = fixture_state(2, 7);
    CU_ASSERT_TRUE(table_store(table, "acme", true, &live, 5));
    CU_ASSERT_TRUE(fixture_missing(table, "acme", false));
    CU_ASSERT_TRUE(table_store(table, "acme", false, &test, 5));
    CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &live));
    CU_ASSERT_TRUE(fixture_holds(table, "acme", false, &test));
    table_forget(table, "acme", true);
    CU_ASSERT_TRUE(fixture_missing(table, "acme", true));
    CU_ASSERT_TRUE(fixture_holds(table, "acme", false, &test));
    free(table);
}

static void test_version_rule(void)
{
    struct table *table = fixture_table(100);
    for (size_t overrides = 0; overrides <= 20; overrides += 20) {
        struct org_state older = fixture_state(7, overrides), newer = fixture_state(8, overrides);
        CU_ASSERT_TRUE(table_store(table, "acme", true, &newer, 5));
        CU_ASSERT_TRUE(table_store(table, "acme", true, &older, 6));
        CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &newer));
        struct org_state equal = newer;
        equal.app_type = 99;
        CU_ASSERT_TRUE(table_store(table, "acme", true, &equal, 6));
        CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &equal));
        struct org_state none = fixture_state(0, 0);
        CU_ASSERT_TRUE(table_store(table, "acme", true, &none, 7));
        CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &equal));
        table_forget(table, "acme", true);
    }
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

static uint64_t live_slots(struct table *table)
{
    uint64_t live = 0;
    for (uint32_t index = 0; index < table->bucket_count; ++index) {
        for (unsigned way = 0; way < WAYS; ++way) {
            live += (table_bucket(table, index)->control[way] & CONTROL_STATE) == CONTROL_LIVE;
        }
    }
    return live;
}

/* Parts of a list that is no longer in force do not stay behind. */
static void test_parts_come_and_go(void)
{
    struct table *table = fixture_table(1000);
    const size_t counts[] = {0, 64, 5, 64, 40, 41, 0, 20};
    for (uint64_t i = 0; i < sizeof(counts) / sizeof(*counts); ++i) {
        struct org_state state = fixture_state(i + 1, counts[i]);
        CU_ASSERT_TRUE(table_store(table, "acme", true, &state, 5));
        CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &state));
        struct org_state older = fixture_state(i, 33);
        CU_ASSERT_TRUE(table_store(table, "acme", true, &older, 5));
        CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &state));
        /* "acme" takes one word: six overrides in the head, ten in a part. */
        CU_ASSERT_EQUAL(live_slots(table), 1 + (counts[i] > 6 ? (counts[i] - 6 + 9) / 10 : 0));
    }
    table_forget(table, "acme", true);
    CU_ASSERT_EQUAL(live_slots(table), 0);
    free(table);
}

/* An org whose parts are not all there is a miss, not an org with fewer overrides. */
static void test_missing_part(void)
{
    struct table *table = fixture_table(1000);
    struct org_state state = fixture_state(3, 30);
    CU_ASSERT_TRUE(table_store(table, "acme", true, &state, 5));
    struct slot_key key, part;
    struct slot_image head;
    uint64_t token;
    CU_ASSERT_TRUE_FATAL(slot_key_head(&key, table->secret, "acme", true) && slot_find(table, &key, &head));
    CU_ASSERT_EQUAL(slot_image_parts(&head, &key, &token), 3);
    slot_key_part(&part, table->secret, &key, 2, token);
    struct place place = slot_place(table, &part);
    for (unsigned i = 0; i < 2 * WAYS; ++i) {
        _Atomic uint64_t *control = &table_bucket(table, place.bucket[i / WAYS])->control[i % WAYS];
        if (control_matches(*control, &place)) {
            *control &= CONTROL_STAMP | CONTROL_FENCE;
        }
    }
    CU_ASSERT_TRUE(fixture_missing(table, "acme", true));
    CU_ASSERT_TRUE(table_store(table, "acme", true, &state, 5));
    CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &state));
    free(table);
}

static void test_bare_entries(void)
{
    struct table *table = fixture_table(100);
    struct org_state none = fixture_state(0, 0), granted = fixture_state(0, 9), linked = fixture_state(1, 0);
    CU_ASSERT_TRUE(table_store(table, "acme", true, &none, 5));
    CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &none));
    CU_ASSERT_TRUE(table_store(table, "acme", true, &granted, 5));
    CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &granted));
    CU_ASSERT_PTR_NULL(table_validate(table));
    CU_ASSERT_TRUE(table_store(table, "acme", true, &linked, 5));
    CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &linked));
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

/* What an entry cannot hold is refused, and what stood there is not served in its place. */
static void test_refused_states(void)
{
    struct table *table = fixture_table(100);
    struct org_state good = fixture_state(1, 1), bad[5];
    for (unsigned i = 0; i < 5; ++i) {
        bad[i] = fixture_state(2, 1);
        bad[i].overrides[0].kind = OVERRIDE_LIMIT;
    }
    bad[0].overrides[0].limit = LIMIT_MAX + 1;
    bad[1].overrides[0].limit = LIMIT_NOT_SET;
    bad[2].overrides[0].kind = (enum override_kind)3;
    bad[3].override_count = OVERRIDES_MAX + 1;
    bad[4].status = (enum billing_status)4;
    for (unsigned i = 0; i < 5; ++i) {
        CU_ASSERT_TRUE(table_store(table, "acme", true, &good, 5));
        CU_ASSERT_FALSE(table_store(table, "acme", true, &bad[i], 5));
        CU_ASSERT_TRUE(fixture_missing(table, "acme", true));
    }
    CU_ASSERT_EQUAL(fixture_stats(table).refused_stores, 5);
    free(table);
}

static void test_fill(void)
{
    struct table *table = fixture_table(100);
    struct org_state older = fixture_state(7, 20), newer = fixture_state(8, 20), bad = fixture_state(9, 0);
    bad.status = (enum billing_status)4;
    uint64_t ticket = table_ticket(table, "acme", true);
    CU_ASSERT_TRUE(table_fill(table, "acme", true, &older, 5, ticket));
    CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &older));
    CU_ASSERT_TRUE(table_fill(table, "acme", true, &newer, 5, ticket));
    CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &newer));
    table_forget(table, "acme", true);
    CU_ASSERT_FALSE(table_fill(table, "acme", true, &older, 5, ticket));
    CU_ASSERT_TRUE(fixture_missing(table, "acme", true));
    CU_ASSERT_EQUAL(live_slots(table), 0);
    /* Forgetting what is not there, a store that is refused, and a fill that gives way outrun others as well. */
    ticket = table_ticket(table, "acme", true);
    table_forget(table, "acme", true);
    CU_ASSERT_FALSE(table_fill(table, "acme", true, &older, 5, ticket));
    ticket = table_ticket(table, "acme", true);
    CU_ASSERT_FALSE(table_store(table, "acme", true, &bad, 5));
    uint64_t later_ticket = table_ticket(table, "acme", true);
    CU_ASSERT_FALSE(table_fill(table, "acme", true, &newer, 5, ticket));
    CU_ASSERT_FALSE(table_fill(table, "acme", true, &older, 5, later_ticket));
    CU_ASSERT_TRUE(table_fill(table, "acme", true, &newer, 5, table_ticket(table, "acme", true)));
    CU_ASSERT_TRUE(fixture_holds(table, "acme", true, &newer));
    CU_ASSERT_EQUAL(table_ticket(table, "", true), 0);
    CU_ASSERT_FALSE(table_fill(table, "", true, &newer, 5, 0));
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
}

static void test_verified(void)
{
    struct table *table = fixture_table(100);
    struct org_state state = fixture_state(1, 0), found;
    CU_ASSERT_EQUAL(table_verified_at(table), 0);
    CU_ASSERT_EQUAL(table_position(table), 0);
    CU_ASSERT_TRUE(table_store(table, "acme", true, &state, 1000));
    CU_ASSERT_TRUE(table_lookup(table, "acme", true, &found));
    CU_ASSERT_EQUAL(found.verified_at, 1000);
    table_verified_set(table, 900, 77);
    CU_ASSERT_TRUE(table_lookup(table, "acme", true, &found));
    CU_ASSERT_EQUAL(found.verified_at, 1000);
    table_verified_set(table, 1100, UINT64_MAX);
    CU_ASSERT_TRUE(table_lookup(table, "acme", true, &found));
    CU_ASSERT_EQUAL(found.verified_at, 1100);
    CU_ASSERT_EQUAL(table_verified_at(table), 1100);
    CU_ASSERT_EQUAL(table_position(table), UINT64_MAX);
    CU_ASSERT_TRUE(table_store(table, "acme", true, &state, -1));
    CU_ASSERT_TRUE(table_store(table, "late", true, &state, INT64_MAX));
    CU_ASSERT_TRUE(table_lookup(table, "late", true, &found));
    CU_ASSERT_EQUAL(found.verified_at, ENTRY_TIME_MAX);
    free(table);
}

struct visited {
    struct table *table;
    unsigned seen, wrong, stop_after;
};

static bool visit(void *baton, const char *org, bool livemode, const struct org_state *state)
{
    struct visited *visited = baton;
    visited->wrong += !fixture_holds(visited->table, org, livemode, state) || state->verified_at != 50;
    return ++visited->seen != visited->stop_after;
}

static void test_visit(void)
{
    struct table *table = fixture_table(1000);
    char id[ORG_ID_MAX + 1];
    for (size_t len = 1; len <= ORG_ID_MAX; ++len) {
        struct org_state state = fixture_state(len, len);
        id_of_length(id, len);
        CU_ASSERT_TRUE(table_store(table, id, len % 2, &state, 50));
    }
    struct visited visited = {table, 0, 0, 0};
    table_visit(table, visit, &visited);
    CU_ASSERT_EQUAL(visited.seen, ORG_ID_MAX);
    CU_ASSERT_EQUAL(visited.wrong, 0);
    visited = (struct visited){table, 0, 0, 10};
    table_visit(table, visit, &visited);
    CU_ASSERT_EQUAL(visited.seen, 10);
    free(table);
}

static void test_size_and_attach(void)
{
    const size_t rooms[] = {0, 1, 2, 1000, 100000, 1000000};
    for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); ++i) {
        size_t size = table_size(rooms[i]);
        CU_ASSERT_TRUE(size > 0 && (rooms[i] < 100000 || size / rooms[i] < 256));
    }
    CU_ASSERT_EQUAL(table_size(SIZE_MAX), 0);
    CU_ASSERT_EQUAL(table_size(SIZE_MAX / 256), 0);

    struct table *table = fixture_table(500);
    size_t size = table_size(500);
    CU_ASSERT_PTR_EQUAL(table_attach(table, size), table);
    CU_ASSERT_PTR_EQUAL(table_attach(table, size + 4096), table);
    CU_ASSERT_PTR_NULL(table_attach(table, size - 1));
    CU_ASSERT_PTR_NULL(table_attach(table, 10));
    CU_ASSERT_PTR_NULL(table_attach((char *)table + 64, size));
    table->layout++;
    CU_ASSERT_PTR_NULL(table_attach(table, size));
    table->layout--;
    table->orgs = 600;
    CU_ASSERT_PTR_NULL(table_attach(table, size));
    CU_ASSERT_PTR_NULL(table_format(table, size, 600));
    CU_ASSERT_PTR_NULL(table_format((char *)table + 64, size, 100));
    free(table);
}

static const struct unit_test tests[] = {
    {"every_field", test_every_field},
    {"extremes", test_extremes},
    {"override_extremes", test_override_extremes},
    {"every_length_and_number_of_overrides", test_every_length_and_number_of_overrides},
    {"ids_out_of_bounds", test_ids_out_of_bounds},
    {"ids_that_share_their_beginning", test_ids_that_share_their_beginning},
    {"equal_hashes", test_equal_hashes},
    {"both_modes", test_both_modes},
    {"version_rule", test_version_rule},
    {"parts_come_and_go", test_parts_come_and_go},
    {"missing_part", test_missing_part},
    {"bare_entries", test_bare_entries},
    {"refused_states", test_refused_states},
    {"fill", test_fill},
    {"verified", test_verified},
    {"visit", test_visit},
    {"size_and_attach", test_size_and_attach},
};

UNIT_MAIN(tests)
