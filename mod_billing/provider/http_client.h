/* SPDX-License-Identifier: Apache-2.0
 * The client's insides, shared by the files that make it up. */
#ifndef BILLING_HTTP_CLIENT_H
#define BILLING_HTTP_CLIENT_H

#include "provider/http.h"
#include "provider/http_guard.h"

#include <apr_thread_mutex.h>
#include <curl/curl.h>
#include <sys/types.h>

struct http_client {
    struct http_clock clock;
    apr_thread_mutex_t *lock; /* over everything below; never held over network or sleep */
    struct http_guard guard;
    struct http_client_state counters;
    pid_t owner; /* the process whose handles these are */
    CURL **idle; /* as many as calls may run at once */
    unsigned idle_count;
};

/** To be called with the lock held before anything else is looked at: after a fork, forgets what is the parent's.
 * httpd's parent has one thread, so no lock is taken at a fork. */
void http_client_own(struct http_client *client);

/** A handle with what options it had cleared, from those kept or new; NULL without memory. */
CURL *http_handle_take(struct http_client *client);

/** Keeps a handle for the next call, connection and all, if all went well; destroys it otherwise, since nobody knows
 * what state it is in. */
void http_handle_give(struct http_client *client, CURL *handle, bool well);

/** One attempt, without retries, guards or locks. `answer` is filled in but for attempts, seen_before, retry_after. */
void http_attempt(CURL *handle, apr_pool_t *pool, const struct http_request *request, apr_interval_time_t timeout,
                  struct http_answer *answer);

#endif
