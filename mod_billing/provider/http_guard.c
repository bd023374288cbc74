/* SPDX-License-Identifier: Apache-2.0
 * Keeps a slow or dead server from taking the workers. */
#include "provider/http_guard.h"
#include "provider/http.h"

#include <limits.h>

void guard_init(struct http_guard *guard, unsigned concurrent, unsigned failures_max)
{
    *guard = (struct http_guard){
        .concurrent = concurrent ? concurrent : HTTP_CONCURRENT_DEFAULT,
        .failures_max = failures_max ? failures_max : HTTP_BREAKER_FAILURES,
        .wait = HTTP_BREAKER_WAIT,
    };
}

bool guard_enter(struct http_guard *guard)
{
    if (guard->in_flight >= guard->concurrent) {
        return false;
    }
    ++guard->in_flight;
    return true;
}

void guard_leave(struct http_guard *guard)
{
    --guard->in_flight;
}

enum guard_pass guard_attempt(struct http_guard *guard, apr_time_t now, int *retry_after)
{
    if (!guard->open) {
        return GUARD_PASSED;
    }
    if (guard->probing || now < guard->probe_at) {
        apr_interval_time_t left = guard->probing ? 0 : guard->probe_at - now;
        *retry_after = left > 0 ? (int)((left - 1) / APR_USEC_PER_SEC) + 1 : 1;
        return GUARD_REFUSED;
    }
    guard->probing = true;
    return GUARD_PROBE;
}

static void guard_open(struct http_guard *guard, apr_time_t now)
{
    guard->open = true;
    guard->probe_at = now + guard->wait;
    guard->wait = guard->wait > HTTP_BREAKER_WAIT_MAX / 2 ? HTTP_BREAKER_WAIT_MAX : guard->wait * 2;
}

void guard_result(struct http_guard *guard, enum guard_pass pass, bool success, apr_time_t now)
{
    if (pass == GUARD_PROBE) {
        guard->probing = false;
    }
    if (success) {
        guard->open = false;
        guard->failures = 0;
        guard->wait = HTTP_BREAKER_WAIT;
        return;
    }
    guard->failures += guard->failures < UINT_MAX;
    if (pass == GUARD_PROBE || (!guard->open && guard->failures >= guard->failures_max)) {
        guard_open(guard, now);
    }
}
