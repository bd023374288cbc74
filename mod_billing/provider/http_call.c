/* SPDX-License-Identifier: Apache-2.0
 * A whole call: attempts until one deadline, as far as the guard lets them pass. */
#include "provider/http_client.h"
#include "provider/text.h"

#include <apr_strings.h>

#define BACKOFF_MIN apr_time_from_msec(500)
#define BACKOFF_MAX apr_time_from_sec(5)

/* Twice as long each time, minus up to a half by chance so that clients do not return in step. `retry` counts from 0.
 */
static apr_interval_time_t backoff(const struct http_client *client, unsigned retry)
{
    apr_interval_time_t wait = BACKOFF_MIN;
    for (unsigned i = 0; i < retry && wait < BACKOFF_MAX; ++i) {
        wait *= 2;
    }
    wait = wait < BACKOFF_MAX ? wait : BACKOFF_MAX;
    wait -= wait / 2 * client->clock.chance(client->clock.context) / 1000;
    return wait > BACKOFF_MIN ? wait : BACKOFF_MIN;
}

apr_time_t http_client_now(const struct http_client *client)
{
    return client->clock.now(client->clock.context);
}

static const char *request_refusal(apr_pool_t *pool, const struct http_request *request)
{
    for (const char *const *header = request->headers; header && *header; ++header) {
        if (text_has_control(*header)) {
            return "a header has control characters"; /* which one is not told: it may be the key's */
        }
    }
    return http_url_refusal(pool, request->url);
}

static void hold_back(struct http_answer *answer, int retry_after, const char *detail)
{
    answer->end = TRANSFER_HELD_BACK;
    answer->retry_after = retry_after;
    answer->detail = detail;
}

static enum guard_pass attempt_pass(struct http_client *client, int *retry_after)
{
    apr_thread_mutex_lock(client->lock);
    enum guard_pass pass = guard_attempt(&client->guard, http_client_now(client), retry_after);
    client->counters.attempts += pass != GUARD_REFUSED;
    apr_thread_mutex_unlock(client->lock);
    return pass;
}

static void attempt_result(struct http_client *client, enum guard_pass pass, const struct http_answer *answer)
{
    bool success = (answer->end == TRANSFER_DONE && answer->status < 500) || answer->end == TRANSFER_TOO_LARGE;
    apr_thread_mutex_lock(client->lock);
    client->counters.failures += !success;
    guard_result(&client->guard, pass, success, http_client_now(client));
    apr_thread_mutex_unlock(client->lock);
}

/* False if the guard did not let it pass; then `answer` stays what the attempt before left. */
static bool attempt(struct http_client *client, apr_pool_t *pool, const struct http_request *request,
                    apr_interval_time_t timeout, struct http_answer *answer)
{
    int retry_after;
    enum guard_pass pass = attempt_pass(client, &retry_after);
    if (pass == GUARD_REFUSED) {
        if (answer->attempts == 0) {
            hold_back(answer, retry_after, "the provider has been failing and is left alone for a while");
        }
        return false;
    }
    unsigned attempts = answer->attempts + 1;
    bool seen_before = answer->seen_before || (answer->attempts > 0 && answer->end != TRANSFER_NOT_SENT);
    CURL *handle = http_handle_take(client);
    if (handle) {
        http_attempt(handle, pool, request, timeout, answer);
        http_handle_give(client, handle, answer->end == TRANSFER_DONE);
    } else {
        answer->end = TRANSFER_NOT_SENT;
        answer->detail = "no memory for a connection";
    }
    answer->attempts = attempts;
    answer->seen_before = seen_before;
    attempt_result(client, pass, answer);
    return true;
}

static bool wants_retry(const struct http_request *request, const struct http_answer *answer)
{
    switch (answer->end) {
    case TRANSFER_DONE:
        return request->repeat && request->repeat(answer);
    case TRANSFER_NOT_SENT:
        return true;
    case TRANSFER_BROKEN:
        return answer->status < 200 || answer->status > 299;
    default:
        return false;
    }
}

static void attempts(struct http_client *client, apr_pool_t *pool, const struct http_request *request,
                     struct http_answer *answer)
{
    apr_interval_time_t timeout = request->timeout < HTTP_TIMEOUT_MAX ? request->timeout : HTTP_TIMEOUT_MAX;
    apr_time_t deadline = http_client_now(client) + timeout;
    for (unsigned retry = 0; attempt(client, pool, request, deadline - http_client_now(client), answer); ++retry) {
        if (retry >= request->retries || !wants_retry(request, answer)) {
            return;
        }
        /* A wait that leaves no time for an attempt is not begun. */
        apr_interval_time_t wait = backoff(client, retry);
        if (deadline - http_client_now(client) < wait + HTTP_ATTEMPT_MIN) {
            return;
        }
        client->clock.sleep(client->clock.context, wait);
        if (deadline - http_client_now(client) < HTTP_ATTEMPT_MIN) {
            return;
        }
    }
}

static bool call_enter(struct http_client *client)
{
    apr_thread_mutex_lock(client->lock);
    http_client_own(client);
    bool entered = guard_enter(&client->guard);
    ++client->counters.calls;
    client->counters.refusals += !entered;
    apr_thread_mutex_unlock(client->lock);
    return entered;
}

static void call_leave(struct http_client *client, const struct http_answer *answer)
{
    apr_thread_mutex_lock(client->lock);
    guard_leave(&client->guard);
    client->counters.refusals += answer->end == TRANSFER_HELD_BACK;
    apr_thread_mutex_unlock(client->lock);
}

void http_call(struct http_client *client, apr_pool_t *pool, const struct http_request *request,
               struct http_answer *answer)
{
    *answer = (struct http_answer){.headers = apr_table_make(pool, 1), .body = ""};
    const char *refusal = request_refusal(pool, request);
    if (refusal) {
        answer->end = TRANSFER_INVALID;
        answer->detail = refusal;
    } else if (!call_enter(client)) {
        hold_back(answer, 1, "as many calls to the provider as may be are under way");
    } else {
        attempts(client, pool, request, answer);
        call_leave(client, answer);
    }
}
