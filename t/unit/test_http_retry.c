/* SPDX-License-Identifier: Apache-2.0
 * Retries under one deadline. No test waits: the clock's sleeps pass at once. */
#include "fake_clock.h"
#include "loopback.h"
#include "tap_apr.h"

#include <apr_strings.h>

static apr_pool_t *root, *pool;
static struct fake_clock fake;
static struct http_client *client;

static void fresh_client(unsigned breaker_failures)
{
    struct http_settings settings = {0, breaker_failures, &fake.clock};
    fake_clock_init(&fake);
    CU_ASSERT_EQUAL_FATAL(http_client_create(pool, &settings, &client), APR_SUCCESS);
}

static bool above_499(const struct http_answer *answer)
{
    return answer->status >= 500;
}

static struct http_answer post(const char *url, unsigned retries, apr_interval_time_t timeout)
{
    const char *headers[] = {"Idempotency-Key: k-1", NULL};
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .headers = headers,
                                   .body = "a=b",
                                   .body_len = 3,
                                   .timeout = timeout,
                                   .retries = retries,
                                   .repeat = above_499};
    struct http_answer answer;
    http_call(client, pool, &request, &answer);
    return answer;
}

static void until_it_works(void)
{
    struct loopback_reply script[] = {
        {loopback_answer(pool, 500, "X-Try: 1\r\nConnection: close\r\n", "no"), THEN_CLOSE},
        {NULL, THEN_CLOSE},
        {loopback_answer(pool, 200, "", "{}"), THEN_KEEP}};
    struct loopback *server = loopback_start(pool, script, 3);
    fresh_client(0);
    struct http_answer answer = post(loopback_base(server), 2, apr_time_from_sec(30));
    CU_ASSERT_EQUAL(answer.end, TRANSFER_DONE);
    CU_ASSERT_EQUAL(answer.status, 200);
    CU_ASSERT_EQUAL(answer.attempts, 3);
    CU_ASSERT_STRING_EQUAL(answer.body, "{}");
    CU_ASSERT_PTR_NULL(answer.detail);
    CU_ASSERT_PTR_NULL(apr_table_get(answer.headers, "X-Try"));
    CU_ASSERT(answer.seen_before);
    for (size_t i = 0; i < 3; ++i) {
        CU_ASSERT_STRING_EQUAL(loopback_header(pool, loopback_request(server, i), "Idempotency-Key"), "k-1");
        CU_ASSERT_STRING_EQUAL(loopback_request(server, i)->body, "a=b");
    }
    loopback_stop(server);
}

static void no_more_than_asked(void)
{
    const char *bad = loopback_answer(pool, 500, "", "");
    struct loopback_reply script[] = {{bad, THEN_KEEP}, {bad, THEN_KEEP}, {bad, THEN_KEEP}, {bad, THEN_KEEP}};
    struct loopback *server = loopback_start(pool, script, 4);
    fresh_client(99);
    struct http_answer answer = post(loopback_base(server), 2, apr_time_from_sec(30));
    CU_ASSERT_EQUAL(answer.status, 500);
    CU_ASSERT_EQUAL(answer.attempts, 3);
    CU_ASSERT_EQUAL(post(loopback_base(server), 0, apr_time_from_sec(30)).attempts, 1);
    loopback_stop(server);
}

static void not_what_was_answered(void)
{
    static const char *const final[] = {
        "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
    };
    for (size_t i = 0; i < sizeof(final) / sizeof(*final); ++i) {
        struct loopback_reply script[] = {{final[i], THEN_CLOSE}};
        struct loopback *server = loopback_start(pool, script, 1);
        fresh_client(0);
        struct http_answer answer = post(loopback_base(server), 2, apr_time_from_sec(30));
        CU_ASSERT_EQUAL(answer.attempts, 1);
        CU_ASSERT_EQUAL(answer.end, i ? TRANSFER_BROKEN : TRANSFER_DONE);
        CU_ASSERT_FALSE(answer.seen_before);
        loopback_stop(server);
    }
}

/* A failure whose body was cut off is still a failure, and a lost connection is tried again. */
static void broken_failures(void)
{
    struct loopback_reply script[] = {{"HTTP/1.1 502 Bad\r\nContent-Length: 9\r\n\r\n{", THEN_CLOSE},
                                      {NULL, THEN_RESET},
                                      {loopback_answer(pool, 200, "", "{}"), THEN_KEEP}};
    struct loopback *server = loopback_start(pool, script, 3);
    fresh_client(0);
    CU_ASSERT_EQUAL(post(loopback_base(server), 2, apr_time_from_sec(30)).status, 200);
    loopback_stop(server);
}

static void too_large_is_final(void)
{
    struct loopback_reply script[] = {{loopback_answer(pool, 500, "", "0123456789"), THEN_CLOSE}};
    struct loopback *server = loopback_start(pool, script, 1);
    fresh_client(0);
    struct http_request request = {.method = "GET",
                                   .url = loopback_base(server),
                                   .timeout = apr_time_from_sec(30),
                                   .retries = 2,
                                   .answer_max = 5,
                                   .repeat = above_499};
    struct http_answer answer;
    http_call(client, pool, &request, &answer);
    CU_ASSERT_EQUAL(answer.end, TRANSFER_TOO_LARGE);
    CU_ASSERT_EQUAL(answer.attempts, 1);
    loopback_stop(server);
}

static void waits(void)
{
    static const unsigned longest[] = {500, 1000, 2000, 4000, 5000, 5000}, shortest[] = {500, 500, 1000, 2000, 2500};
    fresh_client(99);
    CU_ASSERT_EQUAL(post(loopback_nobody(pool), 6, apr_time_from_sec(60)).attempts, 7);
    CU_ASSERT_EQUAL(fake.sleep_count, 6);
    for (unsigned i = 0; i < 6; ++i) {
        CU_ASSERT_EQUAL(fake.sleeps[i], apr_time_from_msec(longest[i]));
    }
    fresh_client(99);
    fake.chance = 1000; /* one more than there can be, so that the numbers are round */
    CU_ASSERT_EQUAL(post(loopback_nobody(pool), 5, apr_time_from_sec(60)).attempts, 6);
    for (unsigned i = 0; i < 5; ++i) {
        CU_ASSERT_EQUAL(fake.sleeps[i], apr_time_from_msec(shortest[i]));
    }
}

/* 0.5 s and 1 s of waiting fit into 2 s; the 2 s after them do not, and are not begun. */
static void deadline_ends_the_waits(void)
{
    fresh_client(99);
    apr_time_t began = fake_now(&fake);
    struct http_answer answer = post(loopback_nobody(pool), 9, apr_time_from_sec(2));
    CU_ASSERT_EQUAL(answer.attempts, 3);
    CU_ASSERT_EQUAL(answer.end, TRANSFER_NOT_SENT);
    CU_ASSERT_EQUAL(fake.sleep_count, 2);
    CU_ASSERT(fake_now(&fake) - began < apr_time_from_sec(2));
    fresh_client(99);
    CU_ASSERT_EQUAL(post(loopback_nobody(pool), 9, apr_time_from_msec(600)).attempts, 1);
    CU_ASSERT_EQUAL(fake.sleep_count, 0);
}

/* A sleep that took much longer than asked for. */
static void overslept(void *context, apr_interval_time_t duration)
{
    fake_sleep(context, duration);
    fake.skipped += apr_time_from_sec(60);
}

static void deadline_holds_after_a_long_sleep(void)
{
    struct http_settings settings = {0, 0, &fake.clock};
    fake_clock_init(&fake);
    fake.clock.sleep = overslept;
    http_client_create(pool, &settings, &client);
    CU_ASSERT_EQUAL(post(loopback_nobody(pool), 9, apr_time_from_sec(10)).attempts, 1);
}

static void deadline_ends_an_attempt(void)
{
    struct loopback_reply script[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", THEN_HOLD}, {NULL, THEN_HOLD}};
    struct loopback *server = loopback_start(pool, script, 2);
    for (int i = 0; i < 2; ++i) {
        fresh_client(0);
        struct http_answer answer = post(loopback_base(server), 2, apr_time_from_msec(150));
        CU_ASSERT_EQUAL(answer.end, TRANSFER_BROKEN);
        CU_ASSERT_EQUAL(answer.attempts, 1);
    }
    loopback_stop(server);
}

static struct loopback *doomed;

static void sleep_while_server_dies(void *context, apr_interval_time_t duration)
{
    fake_sleep(context, duration);
    if (doomed) {
        loopback_stop(doomed);
        doomed = NULL;
    }
}

/* The last attempt reached nobody, but one before it did: the caller must know. */
static void an_attempt_was_seen_before(void)
{
    struct loopback_reply script[] = {{loopback_answer(pool, 500, "", ""), THEN_CLOSE}};
    struct http_settings settings = {0, 0, &fake.clock};
    fake_clock_init(&fake);
    fake.clock.sleep = sleep_while_server_dies;
    http_client_create(pool, &settings, &client);
    doomed = loopback_start(pool, script, 1);
    struct http_answer answer = post(loopback_base(doomed), 2, apr_time_from_sec(30));
    CU_ASSERT_EQUAL(answer.end, TRANSFER_NOT_SENT);
    CU_ASSERT_EQUAL(answer.attempts, 3);
    CU_ASSERT(answer.seen_before);
    fresh_client(0);
    answer = post(loopback_nobody(pool), 2, apr_time_from_sec(30));
    CU_ASSERT_EQUAL(answer.attempts, 3);
    CU_ASSERT_FALSE(answer.seen_before);
}

static void breaker_ends_the_retries(void)
{
    const char *bad = loopback_answer(pool, 500, "", "");
    struct loopback_reply script[] = {{bad, THEN_KEEP}, {bad, THEN_KEEP}, {bad, THEN_KEEP}};
    struct loopback *server = loopback_start(pool, script, 3);
    fresh_client(2);
    struct http_answer answer = post(loopback_base(server), 2, apr_time_from_sec(30));
    CU_ASSERT_EQUAL(answer.end, TRANSFER_DONE);
    CU_ASSERT_EQUAL(answer.status, 500);
    CU_ASSERT_EQUAL(answer.attempts, 2);
    loopback_stop(server);
}

static const struct unit_test tests[] = {
    {"until_it_works", until_it_works},
    {"no_more_than_asked", no_more_than_asked},
    {"not_what_was_answered", not_what_was_answered},
    {"broken_failures", broken_failures},
    {"too_large_is_final", too_large_is_final},
    {"waits", waits},
    {"deadline_ends_the_waits", deadline_ends_the_waits},
    {"deadline_holds_after_a_long_sleep", deadline_holds_after_a_long_sleep},
    {"deadline_ends_an_attempt", deadline_ends_an_attempt},
    {"an_attempt_was_seen_before", an_attempt_was_seen_before},
    {"breaker_ends_the_retries", breaker_ends_the_retries},
};

static void begin(void)
{
    http_initialize(root);
    apr_pool_create(&pool, root);
}

UNIT_MAIN_APR(tests, root, begin)
