/* SPDX-License-Identifier: Apache-2.0
 * The HTTP client against a real server on a loopback port: what it sends, what it takes, its connections, and what
 * keeps it from hurting. Retries have a test of their own. */
#include "fake_clock.h"
#include "loopback.h"
#include "tap_apr.h"

#include <apr_strings.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static apr_pool_t *root, *pool;
static struct fake_clock fake;

static struct http_client *client_with(unsigned concurrent, unsigned breaker_failures)
{
    struct http_client *client;
    struct http_settings settings = {concurrent, breaker_failures, &fake.clock};
    fake_clock_init(&fake);
    CU_ASSERT_EQUAL_FATAL(http_client_create(pool, &settings, &client), APR_SUCCESS);
    return client;
}

static struct http_answer call(struct http_client *client, struct http_request request)
{
    struct http_answer answer;
    request.method = request.method ? request.method : "GET";
    request.timeout = request.timeout ? request.timeout : apr_time_from_sec(30);
    http_call(client, pool, &request, &answer);
    return answer;
}

static struct http_answer get(struct http_client *client, const char *base)
{
    return call(client, (struct http_request){.url = apr_pstrcat(pool, base, "/path", NULL)});
}

static void sends_and_takes(void)
{
    struct loopback_reply script[] = {
        {loopback_answer(pool, 200, "X-One:  1 \r\nx-two:2\r\n", "{\"a\":1}"), THEN_KEEP},
        {loopback_answer(pool, 404, "", ""), THEN_KEEP},
        {loopback_answer(pool, 200, "", "{}"), THEN_KEEP},
    };
    struct loopback *server = loopback_start(pool, script, 3);
    struct http_client *client = client_with(0, 0);
    const char *url = apr_pstrcat(pool, loopback_base(server), "/a?b=c", NULL);
    const char *headers[] = {"X-Key: value", "User-Agent: tester", NULL};
    struct http_answer answer =
        call(client,
             (struct http_request){.method = "POST", .url = url, .headers = headers, .body = "x=\0y", .body_len = 4});
    CU_ASSERT_EQUAL(answer.end, TRANSFER_DONE);
    CU_ASSERT_EQUAL(answer.status, 200);
    CU_ASSERT_EQUAL(answer.attempts, 1);
    CU_ASSERT_STRING_EQUAL(answer.body, "{\"a\":1}");
    CU_ASSERT_EQUAL(answer.len, 7);
    CU_ASSERT_STRING_EQUAL(apr_table_get(answer.headers, "x-one"), "1");
    CU_ASSERT_STRING_EQUAL(apr_table_get(answer.headers, "X-Two"), "2");
    const struct loopback_request *seen = loopback_request(server, 0);
    CU_ASSERT_STRING_EQUAL(seen->line, "POST /a?b=c HTTP/1.1");
    CU_ASSERT_STRING_EQUAL(loopback_header(pool, seen, "X-Key"), "value");
    CU_ASSERT_STRING_EQUAL(loopback_header(pool, seen, "User-Agent"), "tester");
    CU_ASSERT_STRING_EQUAL(loopback_header(pool, seen, "Content-Length"), "4");
    CU_ASSERT_EQUAL(memcmp(seen->body, "x=\0y", 4), 0);
    answer = call(client, (struct http_request){.method = "POST", .url = url});
    CU_ASSERT_EQUAL(answer.status, 404);
    CU_ASSERT_STRING_EQUAL(answer.body, "");
    CU_ASSERT_STRING_EQUAL(loopback_header(pool, loopback_request(server, 1), "Content-Length"), "0");
    /* Nothing of the calls before is left in the handle. */
    answer = call(client, (struct http_request){.method = "GET", .url = url});
    CU_ASSERT_STRING_EQUAL(loopback_request(server, 2)->line, "GET /a?b=c HTTP/1.1");
    CU_ASSERT_PTR_NULL(loopback_header(pool, loopback_request(server, 2), "X-Key"));
    loopback_stop(server);
}

static void keeps_connections(void)
{
    const char *good = loopback_answer(pool, 200, "", "{}");
    struct loopback_reply script[] = {{good, THEN_KEEP}, {good, THEN_KEEP}, {NULL, THEN_RESET}, {good, THEN_KEEP}};
    struct loopback *server = loopback_start(pool, script, 4);
    struct http_client *client = client_with(0, 0);
    struct http_client_state state;
    get(client, loopback_base(server));
    get(client, loopback_base(server));
    CU_ASSERT_EQUAL(loopback_request(server, 1)->connection, 0);
    http_client_state(client, &state);
    CU_ASSERT_EQUAL(state.idle, 1);
    /* A connection that failed is not used again. (libcurl itself tries a kept one that died once more.) */
    get(client, loopback_base(server));
    CU_ASSERT_EQUAL(loopback_request(server, loopback_count(server) - 1)->connection, 1);
    loopback_stop(server);
}

static void a_failed_handle_is_destroyed(void)
{
    struct loopback_reply script[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", THEN_CLOSE}};
    struct loopback *server = loopback_start(pool, script, 1);
    struct http_client *client = client_with(0, 0);
    struct http_client_state state;
    CU_ASSERT_EQUAL(get(client, loopback_base(server)).end, TRANSFER_BROKEN);
    http_client_state(client, &state);
    CU_ASSERT_EQUAL(state.idle, 0);
    CU_ASSERT_EQUAL(state.failures, 1);
    loopback_stop(server);
}

static void fork_forgets(void)
{
    const char *good = loopback_answer(pool, 200, "", "{}");
    struct loopback_reply script[] = {{good, THEN_KEEP}, {good, THEN_KEEP}, {good, THEN_KEEP}};
    struct loopback *server = loopback_start(pool, script, 3);
    struct http_client *client = client_with(0, 0);
    struct http_client_state state;
    get(client, loopback_base(server));
    pid_t child = fork();
    if (child == 0) {
        http_client_state(client, &state);
        if (state.idle == 0 && get(client, loopback_base(server)).status == 200) {
            execl("/bin/true", "true", NULL); /* valgrind would call it a leak that the parent's handle is forgotten */
        }
        _exit(1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_EQUAL(loopback_request(server, 1)->connection, 1);
    get(client, loopback_base(server));
    CU_ASSERT_EQUAL(loopback_request(server, 2)->connection, 0);
    loopback_stop(server);
}

static void caps_the_body(void)
{
    static const struct {
        const char *bytes;
        enum transfer_end end;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", TRANSFER_DONE},
        {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890", TRANSFER_TOO_LARGE},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n4\r\n6789\r\n0\r\n\r\n", TRANSFER_DONE},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n",
         TRANSFER_TOO_LARGE},
        {"HTTP/1.1 200 OK\r\n\r\n01234567890", TRANSFER_TOO_LARGE},
        {"HTTP/1.1 200 OK\r\n\r\n0123456789", TRANSFER_DONE},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012", TRANSFER_BROKEN},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012345678", TRANSFER_BROKEN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); ++i) {
        struct loopback_reply script[] = {{cases[i].bytes, THEN_CLOSE}};
        struct loopback *server = loopback_start(pool, script, 1);
        struct http_answer answer =
            call(client_with(0, 0), (struct http_request){.url = loopback_base(server), .answer_max = 10});
        CU_ASSERT_EQUAL(answer.end, cases[i].end);
        CU_ASSERT_EQUAL(answer.status, 200);
        CU_ASSERT_EQUAL(answer.detail == NULL, answer.end == TRANSFER_DONE);
        CU_ASSERT(answer.len <= 10 && strlen(answer.body) == answer.len);
        loopback_stop(server);
    }
}

static void caps_by_default(void)
{
    for (size_t extra = 0; extra < 2; ++extra) {
        char *body = apr_palloc(pool, HTTP_ANSWER_MAX + 2);
        memset(body, 'x', HTTP_ANSWER_MAX + extra);
        body[HTTP_ANSWER_MAX + extra] = 0;
        struct loopback_reply script[] = {{loopback_answer(pool, 200, "", body), THEN_CLOSE}};
        struct loopback *server = loopback_start(pool, script, 1);
        struct http_answer answer = get(client_with(0, 0), loopback_base(server));
        CU_ASSERT_EQUAL(answer.end, extra ? TRANSFER_TOO_LARGE : TRANSFER_DONE);
        loopback_stop(server);
    }
}

static void caps_the_head(void)
{
    char line[1001];
    const char *head = "";
    memset(line, 'x', 1000);
    line[1000] = 0;
    for (int i = 0; i < 70; ++i) {
        head = apr_psprintf(pool, "%sX-%d: %s\r\n", head, i, line);
    }
    struct loopback_reply script[] = {{loopback_answer(pool, 200, head, "{}"), THEN_CLOSE}};
    struct loopback *server = loopback_start(pool, script, 1);
    CU_ASSERT_EQUAL(get(client_with(0, 0), loopback_base(server)).end, TRANSFER_TOO_LARGE);
    loopback_stop(server);
}

static void odd_answers(void)
{
    struct loopback_reply script[] = {
        {"HTTP/1.1 103 Early\r\nX-Early: yes\r\n\r\nHTTP/1.1 200 OK\r\nX-Late: yes\r\nX-Empty:\r\n"
         "Content-Length: 2\r\n\r\n{}",
         THEN_KEEP},
        {"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", THEN_KEEP},
        {"SSH-2.0-OpenSSH_9.2\r\n", THEN_CLOSE},
        {NULL, THEN_CLOSE},
    };
    struct loopback *server = loopback_start(pool, script, 4);
    struct http_client *client = client_with(0, 0);
    struct http_answer answer = get(client, loopback_base(server));
    CU_ASSERT_EQUAL(answer.status, 200);
    CU_ASSERT_PTR_NULL(apr_table_get(answer.headers, "X-Early"));
    CU_ASSERT_STRING_EQUAL(apr_table_get(answer.headers, "X-Late"), "yes");
    CU_ASSERT_STRING_EQUAL(apr_table_get(answer.headers, "X-Empty"), "");
    answer = get(client, loopback_base(server));
    CU_ASSERT_EQUAL(answer.end, TRANSFER_DONE);
    CU_ASSERT_EQUAL(answer.status, 302);
    CU_ASSERT_EQUAL(loopback_count(server), 2);
    answer = get(client, loopback_base(server));
    CU_ASSERT_EQUAL(answer.end, TRANSFER_BROKEN);
    CU_ASSERT_EQUAL(answer.status, 0);
    answer = get(client, loopback_base(server));
    CU_ASSERT_EQUAL(answer.end, TRANSFER_BROKEN);
    CU_ASSERT_PTR_NOT_NULL(answer.detail);
    loopback_stop(server);
}

static void nobody_listens(void)
{
    struct http_answer answer = get(client_with(0, 0), loopback_nobody(pool));
    CU_ASSERT_EQUAL(answer.end, TRANSFER_NOT_SENT);
    CU_ASSERT_EQUAL(answer.status, 0);
    CU_ASSERT_EQUAL(answer.attempts, 1);
    CU_ASSERT_FALSE(answer.seen_before);
    CU_ASSERT_PTR_NOT_NULL(answer.headers);
    CU_ASSERT_STRING_EQUAL(answer.body, "");
}

static void environment_proxy_unused(void)
{
    struct loopback_reply script[] = {{loopback_answer(pool, 200, "", "{}"), THEN_CLOSE}};
    struct loopback *server = loopback_start(pool, script, 1);
    setenv("http_proxy", loopback_nobody(pool), 1);
    setenv("ALL_PROXY", loopback_nobody(pool), 1);
    CU_ASSERT_EQUAL(get(client_with(0, 0), loopback_base(server)).status, 200);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    loopback_stop(server);
}

static void url_refusals(void)
{
    static const char *const good[] = {
        "https://api.stripe.com", "https://example.com:8443/x", "http://127.0.0.1:1", "http://127.200.3.4/",
        "http://[::1]:8080",      "http://localhost:9",         "HTTP://LOCALHOST",   "https://10.0.0.1"};
    static const char *const bad[] = {"http://api.stripe.com",
                                      "http://10.0.0.1",
                                      "http://128.0.0.1",
                                      "http://127.0.0.1@example.com",
                                      "http://127.0.0.1.example.com",
                                      "http://localhost.example.com",
                                      "http://[::2]",
                                      "http://[::ffff:10.0.0.1]",
                                      "http://0.0.0.0",
                                      "ftp://127.0.0.1",
                                      "file:///etc/passwd",
                                      "127.0.0.1",
                                      "//127.0.0.1",
                                      "",
                                      "http://",
                                      "http://127.0.0.1:99999"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); ++i) {
        CU_ASSERT_PTR_NULL(http_url_refusal(pool, good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); ++i) {
        if (!http_url_refusal(pool, bad[i])) {
            printf("# %s\n", bad[i]);
            CU_FAIL("not refused");
        }
    }
    struct http_answer answer = get(client_with(0, 0), "http://example.com");
    CU_ASSERT_EQUAL(answer.end, TRANSFER_INVALID);
    CU_ASSERT_EQUAL(answer.attempts, 0);
}

static void header_refusals(void)
{
    struct http_client *client = client_with(0, 0);
    const char *const bad[] = {"X-Key: a\r\nX-Other: b", "X-Key: a\nb", "X-Key: \x01"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); ++i) {
        const char *headers[] = {"X-Good: yes", bad[i], NULL};
        struct http_answer answer =
            call(client, (struct http_request){.url = loopback_nobody(pool), .headers = headers});
        CU_ASSERT_EQUAL(answer.end, TRANSFER_INVALID);
    }
}

struct worker {
    pthread_t thread;
    struct http_client *client;
    const char *url;
    apr_pool_t *pool;
    struct http_answer answer;
};

static void *work(void *data)
{
    struct worker *worker = data;
    struct http_request request = {.method = "GET", .url = worker->url, .timeout = apr_time_from_sec(60)};
    http_call(worker->client, worker->pool, &request, &worker->answer);
    return NULL;
}

static void as_many_at_once_as_may_be(void)
{
    struct loopback_reply script[] = {{NULL, THEN_HOLD}, {NULL, THEN_HOLD}, {loopback_answer(pool, 200, "", "{}"), 0}};
    struct loopback *server = loopback_start(pool, script, 3);
    struct http_client *client = client_with(2, 0);
    struct http_client_state state;
    struct worker workers[2];
    for (int i = 0; i < 2; ++i) {
        workers[i] = (struct worker){.client = client, .url = loopback_base(server)};
        apr_pool_create(&workers[i].pool, root);
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    loopback_wait(server, 2);
    struct http_answer answer = get(client, loopback_base(server));
    CU_ASSERT_EQUAL(answer.end, TRANSFER_HELD_BACK);
    CU_ASSERT_EQUAL(answer.retry_after, 1);
    CU_ASSERT_EQUAL(answer.attempts, 0);
    CU_ASSERT_PTR_NOT_NULL(answer.detail);
    http_client_state(client, &state);
    CU_ASSERT_EQUAL(state.in_flight, 2);
    CU_ASSERT_EQUAL(state.refusals, 1);
    loopback_release(server);
    for (int i = 0; i < 2; ++i) {
        pthread_join(workers[i].thread, NULL);
        CU_ASSERT_EQUAL(workers[i].answer.end, TRANSFER_BROKEN);
        apr_pool_destroy(workers[i].pool);
    }
    CU_ASSERT_EQUAL(get(client, loopback_base(server)).status, 200);
    http_client_state(client, &state);
    CU_ASSERT_EQUAL(state.in_flight, 0);
    loopback_stop(server);
}

static void breaker(void)
{
    const char *bad = loopback_answer(pool, 503, "", ""), *good = loopback_answer(pool, 429, "", "");
    const char *closing = loopback_answer(pool, 503, "Connection: close\r\n", "");
    struct loopback_reply script[] = {
        {closing, THEN_CLOSE}, {NULL, THEN_CLOSE}, {bad, THEN_KEEP}, {good, THEN_KEEP}, {good, THEN_KEEP}};
    struct loopback *server = loopback_start(pool, script, 5);
    struct http_client *client = client_with(0, 2);
    struct http_client_state state;
    CU_ASSERT_EQUAL(get(client, loopback_base(server)).status, 503);
    CU_ASSERT_EQUAL(get(client, loopback_base(server)).end, TRANSFER_BROKEN);
    struct http_answer answer = get(client, loopback_base(server));
    CU_ASSERT_EQUAL(answer.end, TRANSFER_HELD_BACK);
    CU_ASSERT_EQUAL(answer.retry_after, 5);
    CU_ASSERT_EQUAL(loopback_count(server), 2);
    fake.skipped += HTTP_BREAKER_WAIT;
    CU_ASSERT_EQUAL(get(client, loopback_base(server)).status, 503);
    answer = get(client, loopback_base(server));
    CU_ASSERT_EQUAL(answer.end, TRANSFER_HELD_BACK);
    CU_ASSERT_EQUAL(answer.retry_after, 10);
    http_client_state(client, &state);
    CU_ASSERT(state.held_back);
    fake.skipped += 2 * HTTP_BREAKER_WAIT;
    CU_ASSERT_EQUAL(get(client, loopback_base(server)).status, 429);
    CU_ASSERT_EQUAL(get(client, loopback_base(server)).status, 429);
    http_client_state(client, &state);
    CU_ASSERT_FALSE(state.held_back);
    CU_ASSERT_EQUAL(state.calls, 7);
    CU_ASSERT_EQUAL(state.attempts, 5);
    CU_ASSERT_EQUAL(state.failures, 3);
    CU_ASSERT_EQUAL(state.refusals, 2);
    loopback_stop(server);
}

static const struct unit_test tests[] = {
    {"sends_and_takes", sends_and_takes},
    {"keeps_connections", keeps_connections},
    {"a_failed_handle_is_destroyed", a_failed_handle_is_destroyed},
    {"fork_forgets", fork_forgets},
    {"caps_the_body", caps_the_body},
    {"caps_by_default", caps_by_default},
    {"caps_the_head", caps_the_head},
    {"odd_answers", odd_answers},
    {"nobody_listens", nobody_listens},
    {"environment_proxy_unused", environment_proxy_unused},
    {"url_refusals", url_refusals},
    {"header_refusals", header_refusals},
    {"as_many_at_once_as_may_be", as_many_at_once_as_may_be},
    {"breaker", breaker},
};

static void begin(void)
{
    http_initialize(root);
    apr_pool_create(&pool, root);
}

UNIT_MAIN_APR(tests, root, begin)
