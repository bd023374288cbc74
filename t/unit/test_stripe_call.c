/* SPDX-License-Identifier: Apache-2.0
 * A call to Stripe's API: what goes out, which answers are asked for again, and what each means. */
#include "provider/stripe/api.h"
#include "stripe_world.h"

static struct provider_result call_with(const char *method, const char *key)
{
    struct form *form = form_create(world.pool);
    form_text(form, "a", "b c");
    struct stripe_request request = {.method = method, .path = "/v1/things", .form = form, .idempotency_key = key};
    json_t *answer;
    struct provider_result result = stripe_call(&world.call, &request, &answer);
    CU_ASSERT_EQUAL(answer != NULL, result.outcome == PROVIDER_OK);
    json_decref(answer);
    return result;
}

static void sends(void)
{
    world_answer(200, "Request-Id: req_1\r\nDate: Thu, 29 Oct 2026 15:13:32 GMT\r\n", "{\"livemode\":false}");
    world_answer(200, "", "{}");
    world_begin();
    struct provider_result result = call_with("POST", "key-1");
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_OK);
    CU_ASSERT_EQUAL(result.date, 1793286812);
    CU_ASSERT_EQUAL(result.attempts, 1);
    CU_ASSERT_EQUAL(result.retry_after, 0);
    CU_ASSERT_PTR_NULL(result.detail);
    CU_ASSERT_STRING_EQUAL(result.request_id, "req_1");
    const struct loopback_request *request = world_request(0);
    CU_ASSERT_STRING_EQUAL(request->line, "POST /v1/things HTTP/1.1");
    CU_ASSERT_STRING_EQUAL(request->body, "a=b%20c");
    CU_ASSERT_STRING_EQUAL(loopback_header(world.pool, request, "Authorization"), "Bearer sk_test_unit");
    CU_ASSERT_STRING_EQUAL(loopback_header(world.pool, request, "Stripe-Version"), "2026-10-28.endive");
    CU_ASSERT_STRING_EQUAL(loopback_header(world.pool, request, "Idempotency-Key"), "key-1");
    CU_ASSERT_STRING_EQUAL(loopback_header(world.pool, request, "Accept"), "application/json");
    CU_ASSERT_STRING_EQUAL(loopback_header(world.pool, request, "Content-Type"), "application/x-www-form-urlencoded");
    CU_ASSERT_STRING_EQUAL(loopback_header(world.pool, request, "User-Agent"), "mod_attune_billing/" PACKAGE_VERSION);
    int64_t before = apr_time_sec(apr_time_now());
    result = call_with("GET", NULL);
    CU_ASSERT(result.date >= before && result.date <= apr_time_sec(apr_time_now()));
    request = world_request(1);
    CU_ASSERT_STRING_EQUAL(request->line, "GET /v1/things?a=b%20c HTTP/1.1");
    CU_ASSERT_STRING_EQUAL(request->body, "");
    CU_ASSERT_PTR_NULL(loopback_header(world.pool, request, "Idempotency-Key"));
    world_end();
}

/* One key for all attempts, given or made up. */
static void keeps_the_key(void)
{
    world_answer(500, "", "{}");
    world_answer(409, "", "{}");
    world_answer(200, "", "{}");
    world_answer(500, "", "{}");
    world_answer(200, "", "{}");
    world_answer(200, "", "{}");
    world_begin();
    CU_ASSERT_EQUAL(call_with("POST", "key-1").attempts, 3);
    for (size_t i = 0; i < 3; ++i) {
        CU_ASSERT_STRING_EQUAL(loopback_header(world.pool, world_request(i), "Idempotency-Key"), "key-1");
    }
    call_with("POST", NULL);
    call_with("POST", NULL);
    const char *first = loopback_header(world.pool, world_request(3), "Idempotency-Key");
    CU_ASSERT_EQUAL(strlen(first), 32);
    CU_ASSERT_STRING_EQUAL(loopback_header(world.pool, world_request(4), "Idempotency-Key"), first);
    CU_ASSERT_STRING_NOT_EQUAL(loopback_header(world.pool, world_request(5), "Idempotency-Key"), first);
    world_end();
}

/* The official SDKs' table (stripe-node 23.1.0 against a loopback server; shouldRetry in stripe-go). */
static void retry_rules(void)
{
    static const struct {
        int status;
        const char *headers;
        bool retried;
    } rules[] = {
        {400, "", false},
        {401, "", false},
        {402, "", false},
        {403, "", false},
        {404, "", false},
        {409, "", true},
        {424, "", false},
        {429, "", false},
        {429, "Stripe-Rate-Limited-Reason: global-rate\r\n", false},
        {429, "Retry-After: 1\r\n", false},
        {500, "", true},
        {502, "", true},
        {503, "Retry-After: 60\r\n", true},
        {599, "", true},
        {400, "Stripe-Should-Retry: true\r\n", true},
        {429, "Stripe-Should-Retry: true\r\n", true},
        {500, "Stripe-Should-Retry: false\r\n", false},
        {409, "Stripe-Should-Retry: false\r\n", false},
        {500, "Stripe-Should-Retry: perhaps\r\n", true},
        {400, "Stripe-Should-Retry: \r\n", false},
        {302, "Location: /v1/other\r\n", false},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); ++i) {
        world_answer(rules[i].status, rules[i].headers, "{}");
        world_answer(200, "", "{}");
        world_begin();
        struct provider_result result = call_with("POST", "key-1");
        if ((result.attempts == 2) != rules[i].retried || (result.outcome == PROVIDER_OK) != rules[i].retried) {
            printf("# %d %s: %u attempts\n", rules[i].status, rules[i].headers, result.attempts);
            CU_FAIL("retry rule");
        }
        world_end();
    }
}

static void no_retry_of_good_answers(void)
{
    static const char *const bytes[] = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "HTTP/1.1 200 OK\r\n\r\n{"};
    for (int i = 0; i < 4; ++i) {
        world_reply(bytes[i % 2], THEN_CLOSE);
        world_begin();
        struct provider_result result = call_with(i < 2 ? "POST" : "GET", NULL);
        CU_ASSERT_EQUAL(result.attempts, 1);
        CU_ASSERT_EQUAL(result.outcome, i < 2 ? PROVIDER_AMBIGUOUS : PROVIDER_UNAVAILABLE);
        CU_ASSERT_EQUAL(result.retry_after, 5);
        CU_ASSERT_EQUAL(result.date, 0);
        world_end();
    }
}

#define MISSING(param)                                                                                                 \
    "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"resource_missing\",\"message\":\"No such thing\","      \
    "\"param\":\"" param "\"}}"

static void outcomes(void)
{
    static const struct {
        int status;
        const char *body;
        enum provider_outcome post, get;
        const char *code, *detail;
    } cases[] = {
        {400, "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Bad \\\"x\\\"\\n\"}}", PROVIDER_REFUSED,
         PROVIDER_REFUSED, "invalid_request_error", "status 400: Bad ?x??"},
        {400, "{\"error\":{\"type\":\"idempotency_error\",\"message\":\"Keys\"}}", PROVIDER_KEY_USED, PROVIDER_KEY_USED,
         "idempotency_error", "Keys"},
        {400, MISSING("customer"), PROVIDER_NOT_FOUND, PROVIDER_NOT_FOUND, "resource_missing", "No such thing"},
        {400, MISSING("line_items[0][price]"), PROVIDER_REFUSED, PROVIDER_REFUSED, "resource_missing", "No such"},
        {404, MISSING("id"), PROVIDER_NOT_FOUND, PROVIDER_NOT_FOUND, "resource_missing", "status 404 resource_missing"},
        {404, "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Unrecognized request URL\"}}",
         PROVIDER_REFUSED, PROVIDER_REFUSED, "invalid_request_error", "Unrecognized"},
        {404, "<html>not here</html>", PROVIDER_REFUSED, PROVIDER_REFUSED, NULL, "status 404"},
        {401, "{\"error\":{\"message\":\"Invalid API Key provided: sk_test_***1234\"}}", PROVIDER_REFUSED,
         PROVIDER_REFUSED, NULL, "secret key is not valid"},
        {403, "{\"error\":{\"message\":\"The key 'rk_test_51abcd' may not\"}}", PROVIDER_REFUSED, PROVIDER_REFUSED,
         NULL, "'rk_***********' may not"},
        {402, "{\"error\":{\"code\":\"card_declined\"}}", PROVIDER_REFUSED, PROVIDER_REFUSED, "card_declined", "402"},
        {302, "", PROVIDER_REFUSED, PROVIDER_REFUSED, NULL, "redirected"},
        {409, "{\"error\":{\"code\":\"idempotency_key_in_use\"}}", PROVIDER_AMBIGUOUS, PROVIDER_UNAVAILABLE,
         "idempotency_key_in_use", "409"},
        {424, "{}", PROVIDER_AMBIGUOUS, PROVIDER_UNAVAILABLE, NULL, "424"},
        {429, "{\"error\":{\"code\":\"rate_limit\"}}", PROVIDER_UNAVAILABLE, PROVIDER_UNAVAILABLE, "rate_limit", "429"},
        {500, "{\"error\":{\"type\":\"api_error\"}}", PROVIDER_AMBIGUOUS, PROVIDER_UNAVAILABLE, "api_error", "500"},
        {503, "", PROVIDER_AMBIGUOUS, PROVIDER_UNAVAILABLE, NULL, "503"},
        {200, "", PROVIDER_AMBIGUOUS, PROVIDER_UNAVAILABLE, NULL, "no JSON object"},
        {200, "[]", PROVIDER_AMBIGUOUS, PROVIDER_UNAVAILABLE, NULL, "no JSON object"},
        {200, "{\"a\":1,\"a\":2}", PROVIDER_AMBIGUOUS, PROVIDER_UNAVAILABLE, NULL, "no JSON object"},
        {200, "{\"livemode\":true}", PROVIDER_REFUSED, PROVIDER_REFUSED, NULL, "live mode"},
        {400, "{\"error\":[{\"message\":5}]}", PROVIDER_REFUSED, PROVIDER_REFUSED, NULL, "400"},
        {400, "{\"error\":{\"message\":{\"a\":1},\"code\":7,\"type\":null}}", PROVIDER_REFUSED, PROVIDER_REFUSED, NULL,
         "400"},
    };
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); ++i) {
        bool post = i % 2;
        for (int attempt = 0; attempt < 3; ++attempt) {
            world_answer(cases[i / 2].status, "", cases[i / 2].body);
        }
        world_begin();
        struct provider_result result = call_with(post ? "POST" : "GET", NULL);
        if (result.outcome != (post ? cases[i / 2].post : cases[i / 2].get) ||
            !strstr(result.detail, cases[i / 2].detail) || !result.code != !cases[i / 2].code ||
            (result.code && strcmp(result.code, cases[i / 2].code))) {
            printf("# %d: %s (%s) %s\n", cases[i / 2].status, provider_outcome_name(result.outcome),
                   result.code ? result.code : "", result.detail);
            CU_FAIL("outcome");
        }
        bool later = result.outcome == PROVIDER_UNAVAILABLE || result.outcome == PROVIDER_AMBIGUOUS;
        CU_ASSERT_EQUAL(result.retry_after, later ? 5 : 0);
        world_end();
    }
}

static void retry_after(void)
{
    static const struct {
        const char *header;
        int seconds;
    } cases[] = {{"Retry-After: 17\r\n", 17},
                 {"Retry-After: 999999999999999999999\r\n", 3600},
                 {"Retry-After: -4\r\n", 5},
                 {"Retry-After: Thu, 29 Oct 2026 15:13:32 GMT\r\n", 5},
                 {"Retry-After: 0\r\n", 5}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); ++i) {
        world_answer(429, cases[i].header, "{}");
        world_begin();
        CU_ASSERT_EQUAL(call_with("GET", NULL).retry_after, cases[i].seconds);
        world_end();
    }
}

static void unreachable(void)
{
    world_begin();
    world.account.api_base = loopback_nobody(world.pool);
    struct provider_result result = call_with("POST", "key-1");
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_UNAVAILABLE);
    CU_ASSERT_EQUAL(result.attempts, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.detail, "POST /v1/things: "));
    world_end();
}

/* The limiter turns the last attempt away, but an earlier one may have been carried out. */
static void unknown_stays_unknown(void)
{
    world_answer(500, "", "{}");
    world_answer(429, "", "{}");
    world_answer(500, "", "{}");
    world_answer(400, "", "{}");
    world_answer(500, "", "{}");
    world_answer(429, "", "{}");
    world_begin();
    CU_ASSERT_EQUAL(call_with("POST", "key-1").outcome, PROVIDER_AMBIGUOUS);
    CU_ASSERT_EQUAL(call_with("POST", "key-1").outcome, PROVIDER_REFUSED);
    CU_ASSERT_EQUAL(call_with("GET", NULL).outcome, PROVIDER_UNAVAILABLE);
    world_end();
}

static void time_out(void)
{
    world_reply(NULL, THEN_HOLD);
    world_reply(NULL, THEN_HOLD);
    world_begin();
    world.call.timeout = apr_time_from_msec(150);
    CU_ASSERT_EQUAL(call_with("POST", "key-1").outcome, PROVIDER_AMBIGUOUS);
    CU_ASSERT_EQUAL(call_with("GET", NULL).outcome, PROVIDER_UNAVAILABLE);
    world_end();
}

static void held_back(void)
{
    struct http_settings settings = {0, 1, &world.clock.clock};
    world_answer(500, "Stripe-Should-Retry: false\r\n", "{}");
    world_begin();
    http_client_create(world.pool, &settings, &world.account.http);
    CU_ASSERT_EQUAL(call_with("POST", "key-1").outcome, PROVIDER_AMBIGUOUS);
    struct provider_result result = call_with("POST", "key-1");
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_UNAVAILABLE);
    CU_ASSERT_EQUAL(result.retry_after, 5);
    CU_ASSERT_EQUAL(result.attempts, 0);
    world_end();
}

static void impossible(void)
{
    char key[300];
    memset(key, 'k', 256);
    key[256] = 0;
    world_begin();
    CU_ASSERT_EQUAL(call_with("POST", key).outcome, PROVIDER_REFUSED);
    CU_ASSERT_EQUAL(call_with("POST", "").outcome, PROVIDER_REFUSED);
    CU_ASSERT_EQUAL(call_with("POST", "a\r\nX: y").outcome, PROVIDER_REFUSED);
    world.account.secret_key = "sk_test_unit\r\n";
    struct provider_result result = call_with("GET", NULL);
    CU_ASSERT_EQUAL(result.outcome, PROVIDER_REFUSED);
    CU_ASSERT_PTR_NULL(strstr(result.detail, "sk_test"));
    world.account.secret_key = NULL;
    CU_ASSERT_EQUAL(call_with("GET", NULL).outcome, PROVIDER_REFUSED);
    CU_ASSERT_EQUAL(loopback_count(world.server), 0);
    world_end();
}

static const struct unit_test tests[] = {
    {"sends", sends},
    {"keeps_the_key", keeps_the_key},
    {"retry_rules", retry_rules},
    {"no_retry_of_good_answers", no_retry_of_good_answers},
    {"outcomes", outcomes},
    {"retry_after", retry_after},
    {"unreachable", unreachable},
    {"unknown_stays_unknown", unknown_stays_unknown},
    {"time_out", time_out},
    {"held_back", held_back},
    {"impossible", impossible},
};

WORLD_MAIN(tests)
