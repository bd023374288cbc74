/* SPDX-License-Identifier: Apache-2.0
 * The counters: every count exactly once, from threads and processes that are killed, through batches that fail. */
#include "cache/tally.h"
#include "random.h"
#include "tap.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW     INT64_C(1800000000)
#define DAY     20833
#define THREADS 4
#define EACH    50000

static struct tally *tally;
static size_t mapped;

static void set_up(size_t slots)
{
    void *memory;

    mapped = tally_size(slots);
    memory = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    tally = tally_format(memory, mapped, slots, "these");
    CU_ASSERT_PTR_NOT_NULL_FATAL(tally);
}

static void tear_down(void)
{
    munmap(tally, mapped);
}

static bool count_at(const char *org, unsigned char reason, int64_t now)
{
    struct tally_key key = {org, true, "trucking.dispatch", reason, DAY};
    return tally_count(tally, &key, now);
}

struct sum {
    size_t counters;
    uint64_t count, of_org;
    const char *org;
    int64_t first, last;
};

static void sum_visit(void *baton, const struct tally_key *key, uint64_t count, int64_t first_seen, int64_t last_seen)
{
    struct sum *sum = baton;

    sum->counters++;
    sum->count += count;
    if (sum->org && !strcmp(sum->org, key->org)) {
        sum->of_org += count;
        sum->first = first_seen;
        sum->last = last_seen;
        CU_ASSERT_TRUE(key->livemode);
        CU_ASSERT_STRING_EQUAL(key->feature, "trucking.dispatch");
        CU_ASSERT_EQUAL(key->day, DAY);
    }
}

static struct sum batch(const char *org)
{
    struct sum sum = {.org = org};
    tally_visit(tally, sum_visit, &sum);
    return sum;
}

/* All that is left, written down. */
static uint64_t drain(void)
{
    uint64_t total = 0;

    CU_ASSERT_TRUE_FATAL(tally_lock(tally, 10000));
    while (tally_seal(tally, 100)) {
        total += batch(NULL).count;
        tally_settle(tally);
    }
    tally_unlock(tally);
    return total;
}

static void test_counts_and_times(void)
{
    set_up(64);
    CU_ASSERT_EQUAL(tally_seal(tally, 10), 0);
    CU_ASSERT_TRUE(count_at("acme", 3, NOW + 5));
    CU_ASSERT_TRUE(count_at("acme", 3, NOW + 9));
    CU_ASSERT_TRUE(count_at("acme", 3, NOW + 7));
    CU_ASSERT_TRUE(count_at("acme", 4, NOW));
    CU_ASSERT_TRUE(count_at("", 2, NOW));
    CU_ASSERT_EQUAL(tally_seal(tally, 10), 1);
    CU_ASSERT_EQUAL(batch(NULL).counters, 3);
    CU_ASSERT_EQUAL(batch(NULL).count, 5);
    struct sum none = batch("");
    CU_ASSERT_EQUAL(none.of_org, 1);
    tally_settle(tally);
    CU_ASSERT_TRUE(count_at("globex", 3, NOW + 3));
    CU_ASSERT_TRUE(count_at("globex", 3, NOW + 1));
    CU_ASSERT_EQUAL(tally_seal(tally, 10), 2);
    struct sum globex = batch("globex");
    CU_ASSERT_EQUAL(globex.of_org, 2);
    CU_ASSERT_EQUAL(globex.first, NOW + 3);
    CU_ASSERT_EQUAL(globex.last, NOW + 3);
    tear_down();
}

/* A batch that was not settled comes again, the same in number and content, and what is counted meanwhile waits. */
static void test_a_failed_batch_comes_again(void)
{
    set_up(64);
    count_at("acme", 3, NOW);
    CU_ASSERT_EQUAL(tally_seal(tally, 10), 1);
    count_at("acme", 3, NOW);
    count_at("globex", 3, NOW);
    CU_ASSERT_EQUAL(tally_seal(tally, 10), 1);
    CU_ASSERT_EQUAL(batch(NULL).count, 1);
    tally_settle(tally);
    CU_ASSERT_EQUAL(tally_seal(tally, 10), 2);
    CU_ASSERT_EQUAL(batch(NULL).count, 2);
    tally_settle(tally);
    CU_ASSERT_EQUAL(tally_seal(tally, 10), 0);
    tear_down();
}

static void test_a_batch_is_bounded_and_no_slot_waits_for_ever(void)
{
    char org[16];

    set_up(64);
    for (int i = 0; i < 40; ++i) {
        snprintf(org, sizeof(org), "org%d", i);
        CU_ASSERT_TRUE(count_at(org, 1, NOW));
    }
    size_t counters = 0;
    for (unsigned number = 1; number <= 4; ++number) {
        CU_ASSERT_EQUAL(tally_seal(tally, 10), number);
        counters += batch(NULL).counters;
        CU_ASSERT_EQUAL(batch(NULL).counters, 10);
        tally_settle(tally);
        for (int i = 0; i < 40; ++i) { /* always something new in the first slots too */
            snprintf(org, sizeof(org), "org%d", i);
            count_at(org, 1, NOW);
        }
    }
    CU_ASSERT_EQUAL(counters, 40);
    tear_down();
}

/* A full table drops and says so; what is written down and idle makes room again. */
static void test_full(void)
{
    char org[16];
    uint64_t counted = 0;

    set_up(16);
    for (int i = 0; i < 100; ++i) {
        snprintf(org, sizeof(org), "org%d", i);
        counted += count_at(org, 1, NOW);
    }
    CU_ASSERT_EQUAL(counted, 16);
    CU_ASSERT_EQUAL(tally_dropped(tally), 84);
    CU_ASSERT_FALSE(count_at("another", 1, NOW));
    CU_ASSERT_EQUAL(drain(), 16);
    count_at("org0", 1, NOW);
    CU_ASSERT_EQUAL(drain(), 1); /* frees the others, which were idle */
    CU_ASSERT_TRUE(count_at("another", 1, NOW));
    CU_ASSERT_EQUAL(drain(), 1);
    tear_down();
}

static void test_names(void)
{
    char org[ORG_ID_MAX + 9];

    set_up(16);
    memset(org, 'o', sizeof(org));
    org[ORG_ID_MAX] = '\0';
    CU_ASSERT_TRUE(count_at(org, 1, NOW));
    tally_seal(tally, 10);
    CU_ASSERT_EQUAL(batch(org).of_org, 1);
    memset(org, 'o', sizeof(org));
    org[sizeof(org) - 1] = '\0';
    CU_ASSERT_FALSE(count_at(org, 1, NOW));
    CU_ASSERT_EQUAL(tally_dropped(tally), 1);
    tear_down();
}

static void test_memory(void)
{
    _Alignas(TALLY_ALIGNMENT) static char memory[8192];

    CU_ASSERT_EQUAL(tally_size(0), 0);
    CU_ASSERT_EQUAL(tally_size(3), 0);
    CU_ASSERT_EQUAL(tally_size((size_t)1 << 63), 0);
    CU_ASSERT_PTR_NULL(tally_attach(memory, sizeof(memory)));
    CU_ASSERT_PTR_NULL(tally_format(memory + 8, sizeof(memory) - 8, 16, "x"));
    CU_ASSERT_PTR_NULL(tally_format(memory, tally_size(16) - 1, 16, "x"));
    CU_ASSERT_PTR_NULL(tally_format(memory, sizeof(memory), 16, ""));
    CU_ASSERT_PTR_NOT_NULL_FATAL(tally_format(memory, sizeof(memory), 16, "x"));
    CU_ASSERT_PTR_EQUAL(tally_attach(memory, sizeof(memory)), (struct tally *)memory);
    CU_ASSERT_PTR_NULL(tally_attach(memory, tally_size(16) - 1));
    CU_ASSERT_STRING_EQUAL(tally_id((struct tally *)memory), "x");
}

/* Few slots for many orgs, so that slots change hands all the time. */
static void *count_much(void *data)
{
    uint64_t seed = (uint64_t)(uintptr_t)data, counted = 0;
    char org[16];

    for (int i = 0; i < EACH; ++i) {
        snprintf(org, sizeof(org), "org%zu", random_below(&seed, 300));
        counted += count_at(org, 1, NOW);
    }
    return (void *)(uintptr_t)counted;
}

static void test_threads_while_it_is_drained(void)
{
    pthread_t threads[THREADS];
    uint64_t counted = 0, drained = 0;

    set_up(256);
    for (uintptr_t i = 0; i < THREADS; ++i) {
        pthread_create(&threads[i], NULL, count_much, (void *)(i + 1));
    }
    for (int pass = 0; pass < 200; ++pass) {
        drained += drain();
    }
    for (int i = 0; i < THREADS; ++i) {
        void *result;
        pthread_join(threads[i], &result);
        counted += (uintptr_t)result;
    }
    drained += drain();
    CU_ASSERT_EQUAL(drained, counted);
    CU_ASSERT_EQUAL(counted + tally_dropped(tally), (uint64_t)THREADS * EACH);
    tear_down();
}

/* Processes are killed wherever they stand. What their threads counted stays; nothing is stuck afterwards. */
static void test_killed_processes(void)
{
    uint64_t drained = 0, *done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    set_up(64);
    for (int round = 0; round < 20; ++round) {
        uint64_t begun = *done;
        pid_t child = fork();
        if (!child) {
            char org[16];
            for (uint64_t i = begun;; ++i) {
                snprintf(org, sizeof(org), "org%d", (int)(i % 30));
                count_at(org, 1, NOW);
                __atomic_fetch_add(done, 1, __ATOMIC_SEQ_CST);
                if (i % 1000 == 0 && tally_lock(tally, 10000)) {
                    tally_seal(tally, 10);
                    tally_unlock(tally);
                }
            }
        }
        while (__atomic_load_n(done, __ATOMIC_SEQ_CST) < begun + 5000) {
            drained += drain();
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        drained += drain();
    }
    /* A count may be in without the child having lived to say so: one for each killed at most. */
    CU_ASSERT_EQUAL(tally_dropped(tally), 0);
    CU_ASSERT_TRUE(drained >= *done && drained <= *done + 20);
    munmap(done, 4096);
    tear_down();
}

static void test_a_holder_that_dies_is_replaced(void)
{
    set_up(16);
    count_at("acme", 1, NOW);
    if (!fork()) {
        tally_lock(tally, 1000);
        tally_seal(tally, 10);
        _exit(0);
    }
    wait(NULL);
    CU_ASSERT_TRUE_FATAL(tally_lock(tally, 10000));
    CU_ASSERT_EQUAL(tally_seal(tally, 10), 1);
    CU_ASSERT_EQUAL(batch(NULL).count, 1);
    tally_settle(tally);
    tally_unlock(tally);
    tear_down();
}

static const struct unit_test tests[] = {
    {"counts and times", test_counts_and_times},
    {"a failed batch comes again", test_a_failed_batch_comes_again},
    {"bounded batches", test_a_batch_is_bounded_and_no_slot_waits_for_ever},
    {"full", test_full},
    {"names", test_names},
    {"memory", test_memory},
    {"threads while it is drained", test_threads_while_it_is_drained},
    {"killed processes", test_killed_processes},
    {"a dead holder", test_a_holder_that_dies_is_replaced},
};
UNIT_MAIN(tests)
