/* SPDX-License-Identifier: Apache-2.0
 * Keeps a slow or dead server from taking the workers: bounds the calls at once, and after some failures in a row holds
 * calls back for a while, then lets a single one probe. Pure; the caller locks. */
#ifndef BILLING_HTTP_GUARD_H
#define BILLING_HTTP_GUARD_H

#include <apr_time.h>
#include <stdbool.h>

struct http_guard {
    unsigned in_flight;
    unsigned concurrent;
    unsigned failures; /* in a row */
    unsigned failures_max;
    bool open;                /* calls are held back */
    bool probing;             /* one attempt is out to see whether the server is back */
    apr_time_t probe_at;      /* where open */
    apr_interval_time_t wait; /* how long it is open next time */
};

void guard_init(struct http_guard *guard, unsigned concurrent, unsigned failures_max);

/** False where as many calls as may be are under way. Each true wants a guard_leave. */
bool guard_enter(struct http_guard *guard);
void guard_leave(struct http_guard *guard);

enum guard_pass { GUARD_REFUSED, GUARD_PASSED, GUARD_PROBE };

/** Whether an attempt may be made. @param retry_after where refused: seconds, at least 1 */
enum guard_pass guard_attempt(struct http_guard *guard, apr_time_t now, int *retry_after);

/** How the attempt that got this pass went. A failure that was under way when the breaker opened says nothing new. */
void guard_result(struct http_guard *guard, enum guard_pass pass, bool success, apr_time_t now);

#endif
