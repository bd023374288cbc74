/* SPDX-License-Identifier: Apache-2.0
 * Counters in shared memory that all children of both generations of a graceful restart add to. They know nothing of
 * httpd or APR, nor of what is counted.
 *
 * Every counter lies once in each of several stripes of cache lines of their own. Who counts adds to the stripe that
 * its thread comes to, with one relaxed atomic addition; who reads adds the stripes up. So nobody waits, threads seldom
 * share a line, and a child that is killed leaves all that it has counted. Sums never go back: each stripe only grows.
 *
 * Some counters are there once (cells), others once for each subject, a feature say. A subject's number belongs to its
 * name as long as the memory lives, whatever configurations come and go. All is safe at any time in any process and
 * thread but for what is said to be the parent's. */
#ifndef BILLING_CACHE_COUNTERS_H
#define BILLING_CACHE_COUNTERS_H

#include "domain/key.h"

#include <stdatomic.h>
#include <stdint.h>

/* Counted up whenever the layout changes, or a cell, a gauge or a name gets another meaning. */
#define COUNTERS_LAYOUT        1

#define COUNTERS_ALIGNMENT     64
#define COUNTERS_STRIPES       16 /* a power of two */
#define COUNTERS_CELLS         512
#define COUNTERS_SUBJECTS      256
#define COUNTERS_SUBJECT_CELLS 40
#define COUNTERS_GAUGES        16
#define COUNTERS_NAME_MAX      (KEY_MAX + 1)

struct counters_stripe {
    _Alignas(COUNTERS_ALIGNMENT) _Atomic uint64_t cells[COUNTERS_CELLS];
    _Atomic uint64_t subjects[COUNTERS_SUBJECTS][COUNTERS_SUBJECT_CELLS];
};

struct counters {
    uint64_t magic;
    uint64_t layout;
    uint64_t size;
    _Atomic uint64_t subjects; /* in use; only ever grows, and what is below it never changes */
    _Atomic uint64_t seats;    /* children that have counted */
    char names[COUNTERS_SUBJECTS][COUNTERS_NAME_MAX + 1];
    _Alignas(COUNTERS_ALIGNMENT) _Atomic int64_t gauges[COUNTERS_GAUGES];
    struct counters_stripe stripes[COUNTERS_STRIPES];
};
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "atomics in shared memory must not need a lock of the process");

/** Lays counters at zero into zeroed memory of sizeof(struct counters). NULL where it is not aligned. */
struct counters *counters_format(void *memory);

/** The counters in `memory`, or NULL where another build of the module laid them out differently. */
struct counters *counters_attach(void *memory);

/** The subject's number, a new one where its name, of 1..COUNTERS_NAME_MAX bytes, has none yet. COUNTERS_SUBJECTS where
 * there is no room. In the parent alone, which is one thread. */
unsigned counters_subject(struct counters *counters, const char *name);

/** A subject's name by its number; NULL from the first number on that is not in use. */
const char *counters_subject_name(const struct counters *counters, unsigned subject);

/** A number for a child, so that children whose threads lie at the same addresses use different stripes. */
unsigned counters_seat(struct counters *counters);

/* Threads have their stacks at different addresses; any stripe is right, one's own is the fastest. */
static inline struct counters_stripe *counters_stripe(struct counters *counters, unsigned seat)
{
    uint32_t stack = (uint32_t)((uintptr_t)__builtin_frame_address(0) >> 18);

    return &counters->stripes[((stack * UINT32_C(0x9e3779b1) >> 16) + seat) % COUNTERS_STRIPES];
}

static inline void counters_add(struct counters *counters, unsigned seat, unsigned cell, uint64_t amount)
{
    atomic_fetch_add_explicit(&counters_stripe(counters, seat)->cells[cell], amount, memory_order_relaxed);
}

static inline void counters_add_subject(struct counters *counters, unsigned seat, unsigned subject, unsigned cell)
{
    atomic_fetch_add_explicit(&counters_stripe(counters, seat)->subjects[subject][cell], 1, memory_order_relaxed);
}

uint64_t counters_sum(const struct counters *counters, unsigned cell);
uint64_t counters_sum_subject(const struct counters *counters, unsigned subject, unsigned cell);

/* Values that stand for now; 0 at first. */
void counters_gauge_set(struct counters *counters, unsigned gauge, int64_t value);
int64_t counters_gauge(const struct counters *counters, unsigned gauge);

#endif
