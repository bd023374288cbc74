/* SPDX-License-Identifier: Apache-2.0
 * Saving the table to a file and loading it: all comes back, or nothing and the reason is told. */
#include "cache/snapshot.h"
#include "table_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAVED_AT INT64_C(1700000000)
#define AGE_MAX  INT64_C(3600)
#define ORIGIN   "dbname=attune"

static char folder[64], path[128], other_path[128];
static char reason[SNAPSHOT_REASON_SIZE];

static void scratch_begin(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%.40s/snapshot.XXXXXX", parent && strlen(parent) < 40 ? parent : "/tmp");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/orgs", folder);
    snprintf(other_path, sizeof(other_path), "%s/other", folder);
}

static void scratch_end(void)
{
    unlink(path);
    unlink(other_path);
    /* Fails where anything else was left. */
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void org_name(char name[ORG_ID_MAX + 1], unsigned number)
{
    int len = snprintf(name, ORG_ID_MAX + 1, "%u.", number);
    size_t wanted = 1 + number % ORG_ID_MAX;
    memset(name + len, 'o', ORG_ID_MAX - (size_t)len);
    name[wanted > (size_t)len ? wanted : (size_t)len] = '\0';
}

/* A table with orgs of all kinds, verified at different times. */
static struct table *filled_table(unsigned orgs)
{
    struct table *table = fixture_table(20 * orgs);
    char name[ORG_ID_MAX + 1];
    for (unsigned i = 0; i < orgs; ++i) {
        struct org_state state = fixture_state(i, i % (OVERRIDES_MAX + 1));
        org_name(name, i);
        CU_ASSERT_TRUE(table_store(table, name, i % 2, &state, SAVED_AT - 50 + i % 100));
    }
    table_verified_set(table, SAVED_AT, 42);
    table_mark_set(table, TABLE_BASIS, 77);
    return table;
}

static void saved_table(unsigned orgs)
{
    struct table *table = filled_table(orgs);
    CU_ASSERT_TRUE_FATAL(snapshot_save(table, path, ORIGIN, SAVED_AT, reason));
    free(table);
}

static unsigned orgs_right(struct table *table, unsigned orgs)
{
    unsigned right = 0;
    for (unsigned i = 0; i < orgs; ++i) {
        struct org_state state = fixture_state(i, i % (OVERRIDES_MAX + 1));
        char name[ORG_ID_MAX + 1];
        org_name(name, i);
        right += fixture_holds(table, name, i % 2, &state);
    }
    return right;
}

static void test_round_trip(void)
{
    scratch_begin();
    saved_table(300);
    struct stat status;
    CU_ASSERT_EQUAL(stat(path, &status), 0);
    CU_ASSERT_EQUAL(status.st_mode & 07777, 0600);
    struct table *table = fixture_table(7000);
    uint64_t entries = 0;
    CU_ASSERT_EQUAL(snapshot_load(table, path, ORIGIN, SAVED_AT + 10, AGE_MAX, &entries, reason), SNAPSHOT_LOADED);
    CU_ASSERT_STRING_EQUAL(reason, "");
    CU_ASSERT_EQUAL(entries, 300);
    CU_ASSERT_EQUAL(orgs_right(table, 300), 300);
    CU_ASSERT_EQUAL(table_verified_at(table), SAVED_AT);
    CU_ASSERT_EQUAL(table_position(table), 42);
    CU_ASSERT_EQUAL(table_mark(table, TABLE_BASIS), 77);
    /* Its own time where that is the newer one. */
    struct org_state state;
    char name[ORG_ID_MAX + 1];
    org_name(name, 99);
    CU_ASSERT_TRUE(table_lookup(table, name, true, &state));
    CU_ASSERT_EQUAL(state.verified_at, SAVED_AT + 49);
    org_name(name, 1);
    CU_ASSERT_TRUE(table_lookup(table, name, true, &state));
    CU_ASSERT_EQUAL(state.verified_at, SAVED_AT);
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
    scratch_end();
}

/* Less room than entries: as many as fit, no failure. */
static void test_less_room(void)
{
    scratch_begin();
    saved_table(300);
    struct table *table = fixture_table(150);
    CU_ASSERT_EQUAL(snapshot_load(table, path, ORIGIN, SAVED_AT, AGE_MAX, NULL, reason), SNAPSHOT_LOADED);
    CU_ASSERT_TRUE(orgs_right(table, 300) > 0);
    CU_ASSERT_TRUE(fixture_stats(table).entries < 300);
    CU_ASSERT_PTR_NULL(table_validate(table));
    free(table);
    scratch_end();
}

static void test_empty_and_replaced(void)
{
    scratch_begin();
    struct table *empty = fixture_table(100);
    saved_table(10);
    CU_ASSERT_TRUE(snapshot_save(empty, path, "", SAVED_AT, reason));
    uint64_t entries = 7;
    CU_ASSERT_EQUAL(snapshot_load(empty, path, "", SAVED_AT, AGE_MAX, &entries, reason), SNAPSHOT_LOADED);
    CU_ASSERT_EQUAL(entries, 0);
    free(empty);
    scratch_end();
}

/* Refused for this reason, and nothing of it is in the table. */
static void refused(const char *origin, int64_t now, const char *why)
{
    struct table *table = fixture_table(100);
    CU_ASSERT_EQUAL(snapshot_load(table, path, origin, now, AGE_MAX, NULL, reason), SNAPSHOT_REFUSED);
    CU_ASSERT_STRING_EQUAL(reason, why);
    CU_ASSERT_EQUAL(fixture_stats(table).entries, 0);
    CU_ASSERT_EQUAL(table_position(table), 0);
    CU_ASSERT_EQUAL(table_mark(table, TABLE_BASIS), 0);
    free(table);
}

static void accepted(const char *origin, int64_t now)
{
    struct table *table = fixture_table(100);
    CU_ASSERT_EQUAL(snapshot_load(table, path, origin, now, AGE_MAX, NULL, reason), SNAPSHOT_LOADED);
    CU_ASSERT_EQUAL(orgs_right(table, 10), 10);
    free(table);
}

static void test_age_and_origin(void)
{
    scratch_begin();
    saved_table(10);
    accepted(ORIGIN, SAVED_AT + AGE_MAX);
    refused(ORIGIN, SAVED_AT + AGE_MAX + 1, "it is too old");
    accepted(ORIGIN, SAVED_AT - 300);
    refused(ORIGIN, SAVED_AT - 301, "it is from the future");
    refused("dbname=attune2", SAVED_AT, "it is of another database");
    refused("", SAVED_AT, "it is of another database");
    scratch_end();
}

static size_t file_read(unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t got = file ? fread(bytes, 1, size, file) : 0;
    CU_ASSERT_TRUE_FATAL(file && got < size);
    fclose(file);
    return got;
}

static void file_replace(const unsigned char *bytes, size_t size)
{
    int descriptor = open(path, O_WRONLY | O_TRUNC);
    CU_ASSERT_EQUAL_FATAL(write(descriptor, bytes, size), (ssize_t)size);
    close(descriptor);
}

/* Each byte changed in turn, cut off after each byte, and with one byte too many. */
static void test_damage(void)
{
    static unsigned char bytes[20000];
    scratch_begin();
    saved_table(10);
    size_t size = file_read(bytes, sizeof(bytes));
    for (size_t i = 0; i < size; ++i) {
        bytes[i] ^= 0x10;
        file_replace(bytes, size);
        refused(ORIGIN, SAVED_AT, "it is damaged");
        bytes[i] ^= 0x10;
    }
    for (size_t i = 0; i < size; ++i) {
        file_replace(bytes, i);
        refused(ORIGIN, SAVED_AT, "it is damaged");
    }
    file_replace(bytes, size + 1);
    refused(ORIGIN, SAVED_AT, "it is damaged");
    file_replace(bytes, size);
    accepted(ORIGIN, SAVED_AT);
    scratch_end();
}

static void test_not_ours(void)
{
    const char *why = "it is not a file of this account alone";
    scratch_begin();
    saved_table(10);
    CU_ASSERT_EQUAL(rename(path, other_path), 0);
    CU_ASSERT_EQUAL(symlink(other_path, path), 0);
    refused(ORIGIN, SAVED_AT, why);
    unlink(path);
    CU_ASSERT_EQUAL(link(other_path, path), 0);
    refused(ORIGIN, SAVED_AT, why);
    unlink(other_path);
    accepted(ORIGIN, SAVED_AT);
    chmod(path, 0620);
    refused(ORIGIN, SAVED_AT, why);
    chmod(path, 0644);
    refused(ORIGIN, SAVED_AT, why);
    if (!geteuid()) {
        chmod(path, 0600);
        CU_ASSERT_EQUAL(chown(path, 65534, 0), 0);
        refused(ORIGIN, SAVED_AT, why);
    }
    unlink(path);
    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
    refused(ORIGIN, SAVED_AT, why);
    unlink(path);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    refused(ORIGIN, SAVED_AT, why);
    rmdir(path);
    scratch_end();
}

static void test_absent(void)
{
    scratch_begin();
    struct table *table = fixture_table(100);
    CU_ASSERT_EQUAL(snapshot_load(table, path, ORIGIN, SAVED_AT, AGE_MAX, NULL, reason), SNAPSHOT_ABSENT);
    CU_ASSERT_STRING_EQUAL(reason, "there is none");
    free(table);
    scratch_end();
}

/* What cannot be saved leaves what was saved before, and no rest of its own. */
static void test_cannot_save(void)
{
    scratch_begin();
    struct table *table = filled_table(10);
    char nowhere[200], long_path[5000];
    snprintf(nowhere, sizeof(nowhere), "%s/nowhere/orgs", folder);
    CU_ASSERT_FALSE(snapshot_save(table, nowhere, ORIGIN, SAVED_AT, reason));
    CU_ASSERT_STRING_EQUAL(reason, "No such file or directory");
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    CU_ASSERT_FALSE(snapshot_save(table, long_path, ORIGIN, SAVED_AT, reason));
    CU_ASSERT_STRING_EQUAL(reason, "File name too long");
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    CU_ASSERT_FALSE(snapshot_save(table, path, ORIGIN, SAVED_AT, reason));
    CU_ASSERT_STRING_EQUAL(reason, "Is a directory");
    rmdir(path);
    CU_ASSERT_FALSE(snapshot_save(table, "/dev/full/orgs", ORIGIN, SAVED_AT, reason));
    free(table);
    scratch_end();
}

/* A link planted under the name of the file that is being written is not followed. */
static void test_planted_link(void)
{
    char planted[160];
    struct stat status;
    scratch_begin();
    snprintf(planted, sizeof(planted), "%s.new", path);
    CU_ASSERT_EQUAL(symlink(other_path, planted), 0);
    saved_table(10);
    CU_ASSERT_EQUAL(stat(other_path, &status), -1);
    accepted(ORIGIN, SAVED_AT);
    scratch_end();
}

static const struct unit_test tests[] = {
    {"round_trip", test_round_trip},
    {"less_room", test_less_room},
    {"empty_and_replaced", test_empty_and_replaced},
    {"age_and_origin", test_age_and_origin},
    {"damage", test_damage},
    {"not_ours", test_not_ours},
    {"absent", test_absent},
    {"cannot_save", test_cannot_save},
    {"planted_link", test_planted_link},
};

UNIT_MAIN(tests)
