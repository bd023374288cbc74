/* SPDX-License-Identifier: Apache-2.0
 * Counters in shared memory. */
#include "cache/counters.h"

#include <stddef.h>
#include <string.h>

#define COUNTERS_MAGIC UINT64_C(0x31737265746e7563)

struct counters *counters_format(void *memory)
{
    struct counters *counters = memory;

    if (!memory || (uintptr_t)memory % COUNTERS_ALIGNMENT) {
        return NULL;
    }
    counters->layout = COUNTERS_LAYOUT;
    counters->size = sizeof(*counters);
    counters->magic = COUNTERS_MAGIC;
    return counters;
}

struct counters *counters_attach(void *memory)
{
    struct counters *counters = memory;

    return counters && counters->magic == COUNTERS_MAGIC && counters->layout == COUNTERS_LAYOUT &&
                   counters->size == sizeof(*counters)
               ? counters
               : NULL;
}

unsigned counters_subject(struct counters *counters, const char *name)
{
    uint64_t count = atomic_load_explicit(&counters->subjects, memory_order_relaxed);
    size_t length = strlen(name);

    for (unsigned subject = 0; subject < count; ++subject) {
        if (!strcmp(counters->names[subject], name)) {
            return subject;
        }
    }
    if (count >= COUNTERS_SUBJECTS || !length || length > COUNTERS_NAME_MAX) {
        return COUNTERS_SUBJECTS;
    }
    memcpy(counters->names[count], name, length + 1);
    /* Whoever sees the number sees the name. */
    atomic_store_explicit(&counters->subjects, count + 1, memory_order_release);
    return (unsigned)count;
}

const char *counters_subject_name(const struct counters *counters, unsigned subject)
{
    return subject < atomic_load_explicit(&counters->subjects, memory_order_acquire) ? counters->names[subject] : NULL;
}

unsigned counters_seat(struct counters *counters)
{
    return (unsigned)atomic_fetch_add_explicit(&counters->seats, 1, memory_order_relaxed);
}

uint64_t counters_sum(const struct counters *counters, unsigned cell)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < COUNTERS_STRIPES; ++i) {
        sum += atomic_load_explicit(&counters->stripes[i].cells[cell], memory_order_relaxed);
    }
    return sum;
}

uint64_t counters_sum_subject(const struct counters *counters, unsigned subject, unsigned cell)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < COUNTERS_STRIPES; ++i) {
        sum += atomic_load_explicit(&counters->stripes[i].subjects[subject][cell], memory_order_relaxed);
    }
    return sum;
}

void counters_gauge_set(struct counters *counters, unsigned gauge, int64_t value)
{
    atomic_store_explicit(&counters->gauges[gauge], value, memory_order_relaxed);
}

int64_t counters_gauge(const struct counters *counters, unsigned gauge)
{
    return atomic_load_explicit(&counters->gauges[gauge], memory_order_relaxed);
}
