/* SPDX-License-Identifier: Apache-2.0
 * What it means when a call to Stripe went wrong. The question that matters: may it have been carried out? */
#include "provider/stripe/error.h"
#include "provider/stripe/field.h"
#include "provider/text.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 300 /* bytes of Stripe's own sentence */

/* error.message, .code, .type and .param of an answer; each NULL where it is not told. */
struct stripe_error {
    const char *message;
    const char *code;
    const char *type;
    const char *param;
};

/* Messages about keys repeat part of them: "Invalid API Key provided: sk_test_…1234". */
static const char *without_keys(apr_pool_t *pool, const char *message)
{
    static const char *const prefixes[] = {"sk_", "rk_", "pk_", "rkcs_", "whsec_"};
    char *copy = apr_pstrdup(pool, message);
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); ++i) {
        size_t prefix_len = strlen(prefixes[i]);
        for (char *key = copy; (key = strstr(key, prefixes[i]));) {
            key += prefix_len;
            size_t len = strcspn(key, " '\"?,;:)");
            memset(key, '*', len);
        }
    }
    return copy;
}

static const char *error_text(apr_pool_t *pool, const json_t *error, const char *name, apr_size_t max)
{
    const char *text = json_string_value(field_get(error, name));
    return text && *text ? text_printable(pool, text, max) : NULL;
}

static struct stripe_error error_read(apr_pool_t *pool, const struct http_answer *answer)
{
    json_t *body = json_loadb(answer->body, answer->len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *error = field_get(body, "error");
    struct stripe_error read = {
        .message = error_text(pool, error, "message", MESSAGE_MAX),
        .code = error_text(pool, error, "code", 100),
        .type = error_text(pool, error, "type", 100),
        .param = error_text(pool, error, "param", 100),
    };
    json_decref(body);
    if (read.message) {
        read.message = without_keys(pool, read.message);
    }
    return read;
}

/* Something that the request names is missing: the object it is about, or the customer, which may have been deleted. A
 * missing price is a mistake of the configuration instead, and so is a path that Stripe does not know (no code). */
static bool is_not_found(const struct stripe_error *error)
{
    return error->code && !strcmp(error->code, "resource_missing") &&
           !(error->param && !strncmp(error->param, "line_items", strlen("line_items")));
}

/* A 409 is another call with the same key that is under way; a failure may have come after the deed. */
static enum provider_outcome outcome_of(const struct http_answer *answer, const struct stripe_error *error, bool post)
{
    bool earlier = post && answer->seen_before;
    if (answer->end == TRANSFER_INVALID) {
        return PROVIDER_REFUSED;
    }
    if (answer->end == TRANSFER_NOT_SENT || answer->end == TRANSFER_HELD_BACK) {
        return earlier ? PROVIDER_AMBIGUOUS : PROVIDER_UNAVAILABLE;
    }
    if (answer->end != TRANSFER_DONE || answer->status == 409 || answer->status == 424 || answer->status >= 500) {
        return post ? PROVIDER_AMBIGUOUS : PROVIDER_UNAVAILABLE;
    }
    if (answer->status == 429) { /* the limiter stands in front: this attempt was not carried out */
        return earlier ? PROVIDER_AMBIGUOUS : PROVIDER_UNAVAILABLE;
    }
    if (error->type && !strcmp(error->type, "idempotency_error")) {
        return PROVIDER_KEY_USED;
    }
    return is_not_found(error) ? PROVIDER_NOT_FOUND : PROVIDER_REFUSED;
}

static int retry_after(const struct http_answer *answer)
{
    const char *header = apr_table_get(answer->headers, "Retry-After");
    long seconds = answer->end == TRANSFER_HELD_BACK ? answer->retry_after : header ? strtol(header, NULL, 10) : 0;
    if (seconds <= 0) {
        return STRIPE_RETRY_AFTER;
    }
    return seconds < STRIPE_RETRY_AFTER_MAX ? (int)seconds : STRIPE_RETRY_AFTER_MAX;
}

static const char *explanation(apr_pool_t *pool, const struct http_answer *answer, const struct stripe_error *error)
{
    if (answer->end != TRANSFER_DONE) {
        return answer->detail;
    }
    if (answer->status == 401) {
        return "status 401: the secret key is not valid";
    }
    if (answer->status >= 300 && answer->status < 400) {
        return apr_psprintf(pool, "status %ld: redirected elsewhere, which is not followed", answer->status);
    }
    return apr_psprintf(pool, "status %ld%s%s%s%s", answer->status, error->code ? " " : "",
                        error->code ? error->code : "", error->message ? ": " : "",
                        error->message ? error->message : "");
}

struct provider_result stripe_failure(const struct provider_call *call, const struct stripe_request *request,
                                      const struct http_answer *answer, struct provider_result result)
{
    struct stripe_error error = {.message = NULL};
    if (answer->end == TRANSFER_DONE) {
        error = error_read(call->pool, answer);
    }
    result.outcome = outcome_of(answer, &error, !strcmp(request->method, "POST"));
    result.code = error.code ? error.code : error.type;
    if (result.outcome == PROVIDER_UNAVAILABLE || result.outcome == PROVIDER_AMBIGUOUS) {
        result.retry_after = retry_after(answer);
    }
    result.detail =
        apr_psprintf(call->pool, "%s %s: %s", request->method, request->path, explanation(call->pool, answer, &error));
    return result;
}
