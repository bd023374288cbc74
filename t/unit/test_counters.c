/* SPDX-License-Identifier: Apache-2.0
 * Counters in shared memory: every addition counts exactly once, from threads and from processes that are killed. */
#include "cache/counters.h"
#include "tap.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define EACH    100000

static struct counters *counters;

static void set_up(void)
{
    void *memory = mmap(NULL, sizeof(*counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    counters = counters_format(memory);
    CU_ASSERT_PTR_NOT_NULL_FATAL(counters);
}

static void tear_down(void)
{
    munmap(counters, sizeof(*counters));
}

static void test_memory(void)
{
    set_up();
    CU_ASSERT_PTR_NULL(counters_format((char *)counters + 8));
    CU_ASSERT_PTR_NULL(counters_format(NULL));
    CU_ASSERT_PTR_NULL(counters_attach(NULL));
    counters_add(counters, 0, 7, 5);
    CU_ASSERT_PTR_EQUAL(counters_attach(counters), counters);
    CU_ASSERT_EQUAL(counters_sum(counters, 7), 5);
    counters->layout++;
    CU_ASSERT_PTR_NULL(counters_attach(counters));
    tear_down();
}

static void test_subjects(void)
{
    char name[COUNTERS_NAME_MAX + 2];

    set_up();
    CU_ASSERT_PTR_NULL(counters_subject_name(counters, 0));
    CU_ASSERT_EQUAL(counters_subject(counters, "fone"), 0);
    CU_ASSERT_EQUAL(counters_subject(counters, "ftwo"), 1);
    CU_ASSERT_EQUAL(counters_subject(counters, "fone"), 0);
    CU_ASSERT_STRING_EQUAL(counters_subject_name(counters, 1), "ftwo");
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    CU_ASSERT_EQUAL(counters_subject(counters, name), COUNTERS_SUBJECTS);
    CU_ASSERT_EQUAL(counters_subject(counters, ""), COUNTERS_SUBJECTS);
    name[COUNTERS_NAME_MAX] = '\0';
    CU_ASSERT_EQUAL(counters_subject(counters, name), 2);
    CU_ASSERT_STRING_EQUAL(counters_subject_name(counters, 2), name);
    for (unsigned i = 3; i < COUNTERS_SUBJECTS; ++i) {
        snprintf(name, sizeof(name), "f%u", i);
        CU_ASSERT_EQUAL(counters_subject(counters, name), i);
    }
    CU_ASSERT_EQUAL(counters_subject(counters, "fmore"), COUNTERS_SUBJECTS);
    CU_ASSERT_EQUAL(counters_subject(counters, "ftwo"), 1);
    CU_ASSERT_PTR_NULL(counters_subject_name(counters, COUNTERS_SUBJECTS));
    counters_add_subject(counters, 3, 1, 0);
    counters_add_subject(counters, 4, 1, 0);
    counters_add_subject(counters, 4, 2, COUNTERS_SUBJECT_CELLS - 1);
    CU_ASSERT_EQUAL(counters_sum_subject(counters, 1, 0), 2);
    CU_ASSERT_EQUAL(counters_sum_subject(counters, 2, COUNTERS_SUBJECT_CELLS - 1), 1);
    CU_ASSERT_EQUAL(counters_sum_subject(counters, 2, 0), 0);
    tear_down();
}

static void test_gauges(void)
{
    set_up();
    CU_ASSERT_EQUAL(counters_gauge(counters, 3), 0);
    counters_gauge_set(counters, 3, -7);
    CU_ASSERT_EQUAL(counters_gauge(counters, 3), -7);
    CU_ASSERT_EQUAL(counters_gauge(counters, 2), 0);
    tear_down();
}

static void *count_much(void *data)
{
    unsigned seat = *(unsigned *)data;

    for (int i = 0; i < EACH; ++i) {
        counters_add(counters, seat, 1, 1);
        counters_add(counters, seat, 2, 3);
        counters_add_subject(counters, seat, 0, 5);
    }
    return NULL;
}

static _Atomic bool reading;

static void *read_much(void *data)
{
    uint64_t last = 0;

    while (atomic_load(&reading)) {
        uint64_t sum = counters_sum(counters, 1);
        if (sum < last) {
            *(bool *)data = true;
        }
        last = sum;
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS], reader;
    unsigned same = 0;
    bool went_back = false;

    set_up();
    atomic_store(&reading, true);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&reader, NULL, read_much, &went_back), 0);
    for (int i = 0; i < THREADS; ++i) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, count_much, &same), 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&reading, false);
    pthread_join(reader, NULL);
    CU_ASSERT_FALSE(went_back);
    CU_ASSERT_EQUAL(counters_sum(counters, 1), THREADS * EACH);
    CU_ASSERT_EQUAL(counters_sum(counters, 2), 3 * THREADS * EACH);
    CU_ASSERT_EQUAL(counters_sum_subject(counters, 0, 5), THREADS * EACH);
    tear_down();
}

/* Their threads lie at the same addresses, so it is the seat that keeps them apart. */
static void test_processes(void)
{
    pid_t children[THREADS];
    unsigned used = 0;

    set_up();
    for (int i = 0; i < THREADS; ++i) {
        children[i] = fork();
        if (!children[i]) {
            unsigned seat = counters_seat(counters);
            count_much(&seat);
            raise(SIGKILL);
        }
    }
    for (int i = 0; i < THREADS; ++i) {
        int status;
        CU_ASSERT_EQUAL(waitpid(children[i], &status, 0), children[i]);
        CU_ASSERT_TRUE(WIFSIGNALED(status));
    }
    for (unsigned i = 0; i < COUNTERS_STRIPES; ++i) {
        used += counters->stripes[i].cells[1] > 0;
    }
    CU_ASSERT_EQUAL(used, THREADS);
    CU_ASSERT_EQUAL(counters_sum(counters, 1), THREADS * EACH);
    CU_ASSERT_EQUAL(counters_sum_subject(counters, 0, 5), THREADS * EACH);
    tear_down();
}

static const struct unit_test tests[] = {
    {"memory", test_memory},   {"subjects", test_subjects},   {"gauges", test_gauges},
    {"threads", test_threads}, {"processes", test_processes},
};

UNIT_MAIN(tests)
