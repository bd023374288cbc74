/* SPDX-License-Identifier: Apache-2.0
 * How many of many values lay below which bounds. */
#ifndef BILLING_DOMAIN_HISTOGRAM_H
#define BILLING_DOMAIN_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 14
#define HISTOGRAM_BOUNDS  (HISTOGRAM_BUCKETS - 1) /* the last bucket is for what is above all of them */

struct histogram {
    const int64_t *bounds;               /* HISTOGRAM_BOUNDS, ascending, in microseconds as all values */
    uint64_t buckets[HISTOGRAM_BUCKETS]; /* each its own, not those below it */
    uint64_t sum;
};

/** The bucket that a value belongs to: a bound itself belongs below it. */
static inline unsigned histogram_bucket(const int64_t *bounds, int64_t value)
{
    unsigned bucket = 0;

    while (bucket < HISTOGRAM_BOUNDS && value > bounds[bucket]) {
        ++bucket;
    }
    return bucket;
}

#endif
