/* SPDX-License-Identifier: Apache-2.0
 * The clock of waits and deadlines: one that nobody sets. */
#ifndef BILLING_STORE_CLOCK_H
#define BILLING_STORE_CLOCK_H

#include <stdint.h>
#include <time.h>

/** Microseconds since some moment; comparable within one machine until it is booted again. */
static inline int64_t clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#endif
