/* SPDX-License-Identifier: Apache-2.0
 * Processes that write and read one table while a supervisor kills writers, and stops some for longer than the table
 * waits for them, so that they come back to a table that has moved on.
 *
 *     table_processes [MILLISECONDS [SEED]]      of each of its runs */
#include "stress.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WRITERS 6
#define READERS 2

/* How often there is a fault, and how long a stopped writer sleeps at most: longer than LOCK_PATIENCE of the table. */
#define FAULT_EVERY 2  /* milliseconds */
#define STOP_MOST   60 /* milliseconds */

/* A run goes on until a lock was robbed, but not longer than this. */
#define RUN_MOST 30000 /* milliseconds */

struct writer {
    pid_t pid;
    int64_t continue_at; /* 0: runs */
};

struct supervisor {
    struct stress *stress;
    struct writer writers[WRITERS];
    pid_t readers[READERS];
    uint64_t seed;
    unsigned kills, stops;
};

static int64_t milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return memory;
}

static pid_t worker_start(struct supervisor *supervisor, bool writes)
{
    static uint64_t seen[STRESS_ORGS_MAX];
    struct stress *stress = supervisor->stress;
    uint64_t seed = stress_random(&supervisor->seed);
    pid_t parent = getpid(), pid = fork();
    if (pid) {
        return pid;
    }
    while (!atomic_load_explicit(&stress->stop, memory_order_relaxed) && getppid() == parent) {
        if (writes) {
            stress_write(stress, &seed);
        } else {
            stress_read(stress, &seed, seen);
        }
    }
    _exit(0);
}

static void writer_fault(struct supervisor *supervisor)
{
    struct writer *writer = &supervisor->writers[stress_random(&supervisor->seed) % WRITERS];
    if (writer->continue_at) {
        return;
    }
    if (stress_random(&supervisor->seed) % 3 == 0) {
        kill(writer->pid, SIGKILL);
        waitpid(writer->pid, NULL, 0);
        writer->pid = worker_start(supervisor, true);
        ++supervisor->kills;
    } else {
        kill(writer->pid, SIGSTOP);
        writer->continue_at = milliseconds_now() + 1 + (int64_t)(stress_random(&supervisor->seed) % STOP_MOST);
        ++supervisor->stops;
    }
}

static void writers_continue(struct supervisor *supervisor, int64_t now)
{
    for (unsigned i = 0; i < WRITERS; ++i) {
        struct writer *writer = &supervisor->writers[i];
        if (writer->continue_at && writer->continue_at <= now) {
            writer->continue_at = 0;
            kill(writer->pid, SIGCONT);
        }
    }
}

static void workers_end(struct supervisor *supervisor)
{
    atomic_store(&supervisor->stress->stop, true);
    writers_continue(supervisor, INT64_MAX);
    for (unsigned i = 0; i < WRITERS; ++i) {
        waitpid(supervisor->writers[i].pid, NULL, 0);
    }
    for (unsigned i = 0; i < READERS; ++i) {
        waitpid(supervisor->readers[i], NULL, 0);
    }
}

static void faults_run(struct supervisor *supervisor, int64_t milliseconds)
{
    struct stress *stress = supervisor->stress;
    int64_t began = milliseconds_now(), now = began;
    while (!atomic_load(&stress->stop) && now < began + RUN_MOST &&
           (now < began + milliseconds || !atomic_load(&stress->table->stolen_locks))) {
        writer_fault(supervisor);
        writers_continue(supervisor, now);
        nanosleep(&(struct timespec){.tv_nsec = FAULT_EVERY * 1000000}, NULL);
        now = milliseconds_now();
    }
}

static bool run(const char *what, size_t room, unsigned orgs, int64_t milliseconds, uint64_t seed)
{
    size_t size = table_size(room);
    void *memory = shared_memory(size);
    struct supervisor supervisor = {.stress = shared_memory(sizeof(struct stress)), .seed = seed << 32};
    struct stress *stress = supervisor.stress;
    stress->table = table_format(memory, size, room);
    stress->orgs = orgs;
    for (unsigned i = 0; i < WRITERS; ++i) {
        supervisor.writers[i].pid = worker_start(&supervisor, true);
    }
    for (unsigned i = 0; i < READERS; ++i) {
        supervisor.readers[i] = worker_start(&supervisor, false);
    }
    faults_run(&supervisor, milliseconds);
    workers_end(&supervisor);
    if (!supervisor.kills || !supervisor.stops || !atomic_load(&stress->table->stolen_locks) || !stress->hits) {
        stress_fail(stress, "the run was too short for any fault to hit", 0, 0);
    }
    bool good = stress_settle(stress);
    printf("seed %llu, %u killed, %u stopped; ", (unsigned long long)seed, supervisor.kills, supervisor.stops);
    stress_report(stress, what);
    munmap(memory, size);
    munmap(stress, sizeof(*stress));
    return good;
}

int main(int argc, char **argv)
{
    int64_t milliseconds = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
    uint64_t seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    bool good = run("processes, a handful of orgs", 100, 5, milliseconds, seed);
    good &= run("processes, room enough", 20 * STRESS_ORGS_MAX, 300, milliseconds, seed);
    good &= run("processes, too little room", 100, STRESS_ORGS_MAX, milliseconds, seed);
    return !good;
}
