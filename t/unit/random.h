/* SPDX-License-Identifier: Apache-2.0
 * A seeded generator for property tests: the same numbers on every machine, so that a failure can be seen again. */
#ifndef BILLING_UNIT_RANDOM_H
#define BILLING_UNIT_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* splitmix64: any seed will do, 0 too. */
static inline uint64_t random_next(uint64_t *seed)
{
    uint64_t mixed = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static inline size_t random_below(uint64_t *seed, size_t bound)
{
    return (size_t)(random_next(seed) % bound);
}

/* One time in `often`. */
static inline bool random_one_in(uint64_t *seed, size_t often)
{
    return random_below(seed, often) == 0;
}

#endif
