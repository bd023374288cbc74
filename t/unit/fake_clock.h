/* SPDX-License-Identifier: Apache-2.0
 * A clock for tests: real time, plus what was "slept" or skipped, which passes at once. */
#ifndef BILLING_UNIT_FAKE_CLOCK_H
#define BILLING_UNIT_FAKE_CLOCK_H

#include "provider/http.h"

#define FAKE_SLEEPS_MAX 16

struct fake_clock {
    struct http_clock clock;
    apr_time_t skipped;
    apr_interval_time_t step; /* passes with every look at the clock */
    unsigned chance;
    apr_interval_time_t sleeps[FAKE_SLEEPS_MAX];
    unsigned sleep_count;
};

static apr_time_t fake_now(void *context)
{
    struct fake_clock *fake = context;
    fake->skipped += fake->step;
    return apr_time_now() + fake->skipped;
}

static void fake_sleep(void *context, apr_interval_time_t duration)
{
    struct fake_clock *fake = context;
    fake->skipped += duration;
    if (fake->sleep_count < FAKE_SLEEPS_MAX) {
        fake->sleeps[fake->sleep_count++] = duration;
    }
}

static unsigned fake_chance(void *context)
{
    const struct fake_clock *fake = context;
    return fake->chance;
}

static void fake_clock_init(struct fake_clock *fake)
{
    *fake = (struct fake_clock){.clock = {fake_now, fake_sleep, fake_chance, NULL}};
    fake->clock.context = fake;
}

#endif
