/* SPDX-License-Identifier: Apache-2.0
 * A call to Stripe's API. */
#include "provider/stripe/api.h"
#include "provider/http.h"
#include "provider/stripe/error.h"
#include "provider/text.h"

#include <apr_date.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

#define RETRIES 2 /* the SDKs' own default */

static bool is_post(const struct stripe_request *request)
{
    return !strcmp(request->method, "POST");
}

/* The SDKs' rules: Stripe itself may say; else conflicts and its own failures, but not a rate limit, which more calls
 * would only prolong. */
static bool repeat(const struct http_answer *answer)
{
    const char *told = apr_table_get(answer->headers, "Stripe-Should-Retry");
    if (told && (!strcmp(told, "true") || !strcmp(told, "false"))) {
        return !strcmp(told, "true");
    }
    return answer->status == 409 || answer->status >= 500;
}

static const char *random_key(apr_pool_t *pool)
{
    unsigned char bytes[16];
    char *key = apr_palloc(pool, 2 * sizeof(bytes) + 1);
    if (apr_generate_random_bytes(bytes, sizeof(bytes)) != APR_SUCCESS) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(bytes); ++i) {
        apr_snprintf(key + 2 * i, 3, "%02x", bytes[i]);
    }
    return key;
}

static const char *request_url(const struct provider_call *call, const struct stripe_request *request)
{
    const char *base = call->account->api_base ? call->account->api_base : STRIPE_API_BASE;
    const char *query = request->form && !is_post(request) ? form_encoded(request->form) : "";
    return apr_pstrcat(call->pool, base, request->path, *query ? "?" : "", query, NULL);
}

/* NULL, or why there can be no call. The same headers go with every attempt, so the key stays the same too. */
static const char *request_headers(const struct provider_call *call, const struct stripe_request *request,
                                   const char **headers)
{
    if (!call->account->secret_key) {
        return "no secret key is configured";
    }
    *headers++ = "Accept: application/json";
    *headers++ = "Content-Type: application/x-www-form-urlencoded";
    *headers++ = "User-Agent: mod_attune_billing/" PACKAGE_VERSION;
    *headers++ = "Stripe-Version: " STRIPE_API_VERSION;
    *headers++ = apr_pstrcat(call->pool, "Authorization: Bearer ", call->account->secret_key, NULL);
    if (is_post(request)) {
        const char *key = request->idempotency_key ? request->idempotency_key : random_key(call->pool);
        if (!key || !*key || strlen(key) > PROVIDER_KEY_MAX) {
            return "the idempotency key is empty or too long";
        }
        *headers++ = apr_pstrcat(call->pool, "Idempotency-Key: ", key, NULL);
    }
    *headers = NULL;
    return NULL;
}

static struct provider_result refused(const char *detail)
{
    return (struct provider_result){.outcome = PROVIDER_REFUSED, .detail = detail};
}

/* Stripe's clock, since it is what events are dated by. */
static int64_t answer_date(const struct http_answer *answer, apr_time_t began)
{
    const char *header = apr_table_get(answer->headers, "Date");
    apr_time_t date = header ? apr_date_parse_http(header) : APR_DATE_BAD;
    return apr_time_sec(date == APR_DATE_BAD ? began : date);
}

struct provider_result stripe_unusable(const struct provider_call *call, const struct stripe_request *request,
                                       struct provider_result result, const char *detail)
{
    result.outcome = is_post(request) ? PROVIDER_AMBIGUOUS : PROVIDER_UNAVAILABLE;
    result.retry_after = STRIPE_RETRY_AFTER;
    result.date = 0;
    result.detail = apr_psprintf(call->pool, "%s %s: %s", request->method, request->path, detail);
    return result;
}

/* A key of the other mode answers, but with the wrong world's objects. */
static bool other_mode(const struct provider_call *call, const json_t *object)
{
    const json_t *livemode = json_object_get(object, "livemode");
    return json_is_boolean(livemode) && json_is_true(livemode) != call->account->livemode;
}

static struct provider_result answer_read(const struct provider_call *call, const struct stripe_request *request,
                                          const struct http_answer *http, struct provider_result result,
                                          json_t **answer)
{
    json_t *object = json_loadb(http->body, http->len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return stripe_unusable(call, request, result, "the answer is no JSON object");
    }
    if (other_mode(call, object)) {
        json_decref(object);
        result.outcome = PROVIDER_REFUSED;
        result.detail = call->account->livemode ? "the key is of test mode, BillingMode is live"
                                                : "the key is of live mode, BillingMode is test";
        return result;
    }
    *answer = object;
    return result;
}

static apr_interval_time_t call_timeout(const struct provider_call *call)
{
    return call->timeout > 0 ? call->timeout : PROVIDER_TIMEOUT_DEFAULT;
}

bool stripe_call_rest(const struct provider_call *call, apr_time_t began, struct provider_call *rest,
                      struct provider_result *result)
{
    *rest = *call;
    rest->timeout = call_timeout(call) - (http_client_now(call->account->http) - began);
    if (rest->timeout < HTTP_ATTEMPT_MIN) {
        result->outcome = PROVIDER_UNAVAILABLE;
        result->retry_after = STRIPE_RETRY_AFTER;
        result->date = 0;
        result->detail = "Stripe answers too slowly: no time is left for the rest of the call";
        return false;
    }
    return true;
}

static struct http_request http_of(const struct provider_call *call, const struct stripe_request *request,
                                   const char *const *headers)
{
    const char *body = request->form && is_post(request) ? form_encoded(request->form) : "";
    return (struct http_request){
        .method = request->method,
        .url = request_url(call, request),
        .headers = headers,
        .body = body,
        .body_len = strlen(body),
        .timeout = call_timeout(call),
        .answer_max = request->answer_max,
        .retries = RETRIES,
        .repeat = repeat,
    };
}

struct provider_result stripe_call(const struct provider_call *call, const struct stripe_request *request,
                                   json_t **answer)
{
    const char *headers[8], *request_id;
    const char *refusal = request_headers(call, request, headers);
    *answer = NULL;
    if (refusal) {
        return refused(refusal);
    }
    apr_time_t began = apr_time_now();
    struct http_request http = http_of(call, request, headers);
    struct http_answer came;
    http_call(call->account->http, call->pool, &http, &came);
    request_id = apr_table_get(came.headers, "Request-Id");
    struct provider_result result = {
        .attempts = came.attempts,
        .request_id = request_id ? text_printable(call->pool, request_id, 100) : NULL,
    };
    if (came.end != TRANSFER_DONE || came.status < 200 || came.status > 299) {
        return stripe_failure(call, request, &came, result);
    }
    result.date = answer_date(&came, began);
    return answer_read(call, request, &came, result, answer);
}
