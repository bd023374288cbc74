/* SPDX-License-Identifier: Apache-2.0
 * Threads that write and read one table as fast as they can. For the thread sanitizer above all.
 *
 *     table_threads [MILLISECONDS]      of each of its runs */
#include "stress.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define WRITERS 3
#define READERS 3

struct worker {
    pthread_t thread;
    struct stress *stress;
    uint64_t seed;
    uint64_t seen[STRESS_ORGS_MAX];
};

static void *writer_run(void *argument)
{
    struct worker *worker = argument;
    while (!atomic_load_explicit(&worker->stress->stop, memory_order_relaxed)) {
        stress_write(worker->stress, &worker->seed);
    }
    return NULL;
}

static void *reader_run(void *argument)
{
    struct worker *worker = argument;
    while (!atomic_load_explicit(&worker->stress->stop, memory_order_relaxed)) {
        stress_read(worker->stress, &worker->seed, worker->seen);
    }
    return NULL;
}

static bool run(const char *what, size_t room, unsigned orgs, long milliseconds)
{
    static struct worker workers[WRITERS + READERS];
    size_t size = table_size(room);
    void *memory = aligned_alloc(TABLE_ALIGNMENT, size);
    struct stress *stress = calloc(1, sizeof(*stress));
    if (!memory || !stress) {
        return false;
    }
    memset(memory, 0, size);
    stress->table = table_format(memory, size, room);
    stress->orgs = orgs;
    for (unsigned i = 0; i < WRITERS + READERS; ++i) {
        memset(&workers[i], 0, sizeof(workers[i]));
        workers[i].stress = stress;
        workers[i].seed = (uint64_t)(i + 1) << 40;
        pthread_create(&workers[i].thread, NULL, i < WRITERS ? writer_run : reader_run, &workers[i]);
    }
    nanosleep(&(struct timespec){.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000}, NULL);
    atomic_store(&stress->stop, true);
    for (unsigned i = 0; i < WRITERS + READERS; ++i) {
        pthread_join(workers[i].thread, NULL);
    }
    if (!stress->hits) {
        stress_fail(stress, "nothing was ever read", 0, 0);
    }
    bool good = stress_settle(stress);
    stress_report(stress, what);
    free(memory);
    free(stress);
    return good;
}

int main(int argc, char **argv)
{
    long milliseconds = argc > 1 ? strtol(argv[1], NULL, 10) : 300;
    bool good = run("threads, one org", 100, 1, milliseconds);
    good &= run("threads, room enough", 20 * STRESS_ORGS_MAX, 300, milliseconds);
    good &= run("threads, too little room", 100, STRESS_ORGS_MAX, milliseconds);
    return !good;
}
