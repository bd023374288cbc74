/* SPDX-License-Identifier: Apache-2.0
 * The segment of shared memory: kept while it fits, taken over from where it does not, shared with children. */
#include "cache/segment.h"
#include "table_fixture.h"

#include <apr_general.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static apr_pool_t *pool;
static const char *reason;

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(apr_initialize(), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&pool, NULL), APR_SUCCESS);
}

static void end(void)
{
    apr_pool_destroy(pool);
    apr_terminate();
}

static void store(struct segment *segment, const char *org, uint64_t version)
{
    struct org_state state = fixture_state(version, version % 20);
    CU_ASSERT_TRUE(table_store(segment_table(segment), org, true, &state, 100));
}

static bool holds(struct segment *segment, const char *org, uint64_t version)
{
    struct org_state state = fixture_state(version, version % 20);
    return fixture_holds(segment_table(segment), org, true, &state);
}

static void test_kept(void)
{
    begin();
    struct segment *segment = segment_open(NULL, 1000, pool, &reason);
    CU_ASSERT_PTR_NOT_NULL_FATAL(segment);
    CU_ASSERT_PTR_NULL(reason);
    CU_ASSERT_EQUAL((uintptr_t)segment_table(segment) % TABLE_ALIGNMENT, 0);
    store(segment, "acme", 7);
    CU_ASSERT_PTR_EQUAL(segment_open(segment, 1000, pool, &reason), segment);
    CU_ASSERT_PTR_NULL(reason);
    CU_ASSERT_TRUE(holds(segment, "acme", 7));
    end();
}

static void test_taken_over(void)
{
    begin();
    struct segment *segment = segment_open(NULL, 1000, pool, &reason);
    CU_ASSERT_PTR_NOT_NULL_FATAL(segment);
    store(segment, "acme", 7);
    store(segment, "other", 19);
    table_verified_set(segment_table(segment), 500, 42);
    const size_t rooms[] = {5000, 100};
    for (unsigned i = 0; i < 2; ++i) {
        struct segment *next = segment_open(segment, rooms[i], pool, &reason);
        CU_ASSERT_PTR_NOT_NULL_FATAL(next);
        CU_ASSERT_PTR_NULL(reason);
        CU_ASSERT_PTR_NOT_EQUAL(next, segment);
        CU_ASSERT_TRUE(holds(next, "acme", 7));
        CU_ASSERT_TRUE(holds(next, "other", 19));
        CU_ASSERT_EQUAL(table_verified_at(segment_table(next)), 500);
        CU_ASSERT_EQUAL(table_position(segment_table(next)), 42);
        CU_ASSERT_EQUAL(fixture_stats(segment_table(next)).capacity, rooms[i]);
        segment = next;
    }
    end();
}

static void test_another_build(void)
{
    begin();
    struct segment *segment = segment_open(NULL, 100, pool, &reason);
    CU_ASSERT_PTR_NOT_NULL_FATAL(segment);
    store(segment, "acme", 7);
    /* Another layout of the table: a new one, cold. */
    segment_table(segment)->layout++;
    struct segment *next = segment_open(segment, 100, pool, &reason);
    CU_ASSERT_PTR_NOT_NULL_FATAL(next);
    CU_ASSERT_PTR_NOT_EQUAL(next, segment);
    CU_ASSERT_TRUE(fixture_missing(segment_table(next), "acme", true));
    /* Another layout of the struct, whose first word alone means anything. */
    uint64_t unknown[8];
    memset(unknown, 0xff, sizeof(unknown));
    CU_ASSERT_PTR_NOT_NULL(segment_open((struct segment *)(void *)unknown, 100, pool, &reason));
    end();
}

static void test_no_memory(void)
{
    begin();
    CU_ASSERT_PTR_NULL(segment_open(NULL, SIZE_MAX, pool, &reason));
    CU_ASSERT_PTR_NOT_NULL(reason);
    struct segment *segment = segment_open(NULL, 100, pool, &reason);
    CU_ASSERT_PTR_NOT_NULL_FATAL(segment);
    store(segment, "acme", 7);
    CU_ASSERT_PTR_EQUAL(segment_open(segment, SIZE_MAX, pool, &reason), segment);
    CU_ASSERT_PTR_NOT_NULL(reason);
    struct rlimit limit, none;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_AS, &limit), 0);
    none = (struct rlimit){.rlim_cur = 1 << 28, .rlim_max = limit.rlim_max};
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_AS, &none), 0);
    CU_ASSERT_PTR_EQUAL(segment_open(segment, 2000000, pool, &reason), segment);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_AS, &limit), 0);
    CU_ASSERT_TRUE(reason && strstr(reason, "for 2000000 orgs: "));
    CU_ASSERT_TRUE(holds(segment, "acme", 7));
    end();
}

/* What a child stores the parent sees, and a child that inherited a segment keeps it when the parent takes another. */
static void test_shared(void)
{
    begin();
    int go[2];
    struct segment *segment = segment_open(NULL, 100, pool, &reason);
    CU_ASSERT_PTR_NOT_NULL_FATAL(segment);
    CU_ASSERT_EQUAL_FATAL(pipe(go), 0);
    store(segment, "acme", 7);
    pid_t child = fork();
    if (!child) {
        char byte;
        close(go[1]);
        struct org_state state = fixture_state(8, 8);
        bool good = holds(segment, "acme", 7) && table_store(segment_table(segment), "child", true, &state, 100);
        good = good && read(go[0], &byte, 1) == 0 && holds(segment, "acme", 7) && holds(segment, "child", 8);
        _exit(!good);
    }
    while (!holds(segment, "child", 8) && waitpid(child, NULL, WNOHANG) == 0) {
        usleep(1000);
    }
    CU_ASSERT_TRUE(holds(segment, "child", 8));
    struct segment *next = segment_open(segment, 200, pool, &reason);
    CU_ASSERT_PTR_NOT_NULL(next);
    CU_ASSERT_TRUE(holds(next, "child", 8));
    close(go[0]);
    close(go[1]);
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    end();
}

/* What the kernel was told of the mapping that begins at, or holds, this address: "VmFlags: rd wr sh … hg". */
static bool advised_huge(const void *address)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[512];
    bool inside = false, advised = false;
    while (maps && fgets(line, sizeof(line), maps)) {
        unsigned long begin, end;
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2) {
            inside = begin <= (uintptr_t)address && (uintptr_t)address < end;
        } else if (inside && !strncmp(line, "VmFlags:", 8)) {
            advised = strstr(line, " hg") != NULL;
        }
    }
    if (maps) {
        fclose(maps);
    }
    return advised;
}

static void test_prefers_huge_pages(void)
{
    begin();
    struct segment *segment = segment_open(NULL, 100000, pool, &reason);
    CU_ASSERT_PTR_NOT_NULL_FATAL(segment);
    bool kernel_knows = !access("/sys/kernel/mm/transparent_hugepage/shmem_enabled", F_OK);
    CU_ASSERT_EQUAL(advised_huge(segment_table(segment)), kernel_knows);
    end();
}

static const struct unit_test tests[] = {
    {"kept", test_kept},           {"taken_over", test_taken_over}, {"another_build", test_another_build},
    {"no_memory", test_no_memory}, {"shared", test_shared},         {"prefers_huge_pages", test_prefers_huge_pages},
};

UNIT_MAIN(tests)
