/* SPDX-License-Identifier: Apache-2.0
 * The guard before the network: how many at once, and the breaker. */
#include "provider/http.h"
#include "provider/http_guard.h"
#include "tap.h"

#include <limits.h>

#define START apr_time_from_sec(1000)

static void concurrency(void)
{
    struct http_guard guard;
    guard_init(&guard, 2, 0);
    CU_ASSERT(guard_enter(&guard));
    CU_ASSERT(guard_enter(&guard));
    CU_ASSERT_FALSE(guard_enter(&guard));
    guard_leave(&guard);
    CU_ASSERT(guard_enter(&guard));
    CU_ASSERT_FALSE(guard_enter(&guard));
}

static void fail(struct http_guard *guard, unsigned times, apr_time_t now)
{
    int wait;
    for (unsigned i = 0; i < times; ++i) {
        enum guard_pass pass = guard_attempt(guard, now, &wait);
        CU_ASSERT_NOT_EQUAL(pass, GUARD_REFUSED);
        guard_result(guard, pass, false, now);
    }
}

static void opens_after_failures_in_a_row(void)
{
    struct http_guard guard;
    int wait = 0;
    guard_init(&guard, 0, 3);
    fail(&guard, 2, START);
    guard_result(&guard, guard_attempt(&guard, START, &wait), true, START);
    fail(&guard, 2, START);
    CU_ASSERT_EQUAL(guard_attempt(&guard, START, &wait), GUARD_PASSED);
    fail(&guard, 1, START);
    CU_ASSERT_EQUAL(guard_attempt(&guard, START, &wait), GUARD_REFUSED);
    CU_ASSERT_EQUAL(wait, 5);
    CU_ASSERT_EQUAL(guard_attempt(&guard, START + 1, &wait), GUARD_REFUSED);
    CU_ASSERT_EQUAL(wait, 5);
    CU_ASSERT_EQUAL(guard_attempt(&guard, START + HTTP_BREAKER_WAIT - 1, &wait), GUARD_REFUSED);
    CU_ASSERT_EQUAL(wait, 1);
}

static void one_probe_at_a_time(void)
{
    struct http_guard guard;
    int wait = 0;
    apr_time_t now = START + HTTP_BREAKER_WAIT;
    guard_init(&guard, 0, 1);
    fail(&guard, 1, START);
    CU_ASSERT_EQUAL(guard_attempt(&guard, now, &wait), GUARD_PROBE);
    CU_ASSERT_EQUAL(guard_attempt(&guard, now, &wait), GUARD_REFUSED);
    CU_ASSERT_EQUAL(wait, 1);
    CU_ASSERT_EQUAL(guard_attempt(&guard, now + apr_time_from_sec(900), &wait), GUARD_REFUSED);
    guard_result(&guard, GUARD_PROBE, true, now);
    CU_ASSERT_EQUAL(guard_attempt(&guard, now, &wait), GUARD_PASSED);
    CU_ASSERT_EQUAL(guard_attempt(&guard, now, &wait), GUARD_PASSED);
}

static void waits_double_up_to_a_limit(void)
{
    struct http_guard guard;
    int wait = 0, wanted[] = {5, 10, 20, 40, 60, 60, 60};
    apr_time_t now = START;
    guard_init(&guard, 0, 1);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); ++i) {
        fail(&guard, 1, now);
        CU_ASSERT_EQUAL(guard_attempt(&guard, now, &wait), GUARD_REFUSED);
        CU_ASSERT_EQUAL(wait, wanted[i]);
        now += apr_time_from_sec(wanted[i]);
    }
    CU_ASSERT_EQUAL(guard_attempt(&guard, now, &wait), GUARD_PROBE);
    guard_result(&guard, GUARD_PROBE, true, now);
    fail(&guard, 1, now);
    CU_ASSERT_EQUAL(guard_attempt(&guard, now, &wait), GUARD_REFUSED);
    CU_ASSERT_EQUAL(wait, 5);
}

/* Attempts that were under way when the breaker opened come back later. */
static void latecomers(void)
{
    struct http_guard guard;
    int wait = 0;
    guard_init(&guard, 0, 1);
    CU_ASSERT_EQUAL(guard_attempt(&guard, START, &wait), GUARD_PASSED);
    CU_ASSERT_EQUAL(guard_attempt(&guard, START, &wait), GUARD_PASSED);
    CU_ASSERT_EQUAL(guard_attempt(&guard, START, &wait), GUARD_PASSED);
    guard_result(&guard, GUARD_PASSED, false, START);
    apr_time_t probe_at = guard.probe_at;
    guard_result(&guard, GUARD_PASSED, false, START + 5);
    CU_ASSERT_EQUAL(guard.probe_at, probe_at);
    CU_ASSERT_EQUAL(guard.wait, 2 * HTTP_BREAKER_WAIT);
    guard_result(&guard, GUARD_PASSED, true, START + 6);
    CU_ASSERT_EQUAL(guard_attempt(&guard, START + 6, &wait), GUARD_PASSED);
}

static void failures_do_not_wrap(void)
{
    struct http_guard guard;
    guard_init(&guard, 0, 2);
    guard.failures = UINT_MAX;
    guard.open = true;
    guard_result(&guard, GUARD_PASSED, false, START);
    CU_ASSERT_EQUAL(guard.failures, UINT_MAX);
}

static const struct unit_test tests[] = {
    {"concurrency", concurrency},
    {"opens_after_failures_in_a_row", opens_after_failures_in_a_row},
    {"one_probe_at_a_time", one_probe_at_a_time},
    {"waits_double_up_to_a_limit", waits_double_up_to_a_limit},
    {"latecomers", latecomers},
    {"failures_do_not_wrap", failures_do_not_wrap},
};

UNIT_MAIN(tests)
