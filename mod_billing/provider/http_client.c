/* SPDX-License-Identifier: Apache-2.0
 * The client's life, and the handles it keeps. */
#include "provider/http_client.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <time.h>
#include <unistd.h>

static apr_status_t curl_down(void *unused)
{
    (void)unused;
    curl_global_cleanup();
    return APR_SUCCESS;
}

apr_status_t http_initialize(apr_pool_t *pool)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return APR_EGENERAL;
    }
    apr_pool_cleanup_register(pool, NULL, curl_down, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

static apr_time_t real_now(void *unused)
{
    (void)unused;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return apr_time_make(now.tv_sec, now.tv_nsec / 1000);
}

static void real_sleep(void *unused, apr_interval_time_t duration)
{
    (void)unused;
    apr_sleep(duration);
}

static unsigned real_chance(void *unused)
{
    (void)unused;
    unsigned char bytes[4] = {0};
    apr_generate_random_bytes(bytes, sizeof(bytes));
    return (bytes[0] | (unsigned)bytes[1] << 8 | (unsigned)bytes[2] << 16) % 1000;
}

/* The connections of a parent are the parent's: to close them here would end its TLS sessions, so they are forgotten.
 * Likewise its calls under way. */
void http_client_own(struct http_client *client)
{
    if (client->owner != getpid()) {
        client->owner = getpid();
        client->idle_count = 0;
        client->guard.in_flight = 0;
        client->guard.probing = false;
    }
}

static apr_status_t client_close(void *data)
{
    struct http_client *client = data;
    http_client_own(client);
    while (client->idle_count > 0) {
        curl_easy_cleanup(client->idle[--client->idle_count]);
    }
    return APR_SUCCESS;
}

apr_status_t http_client_create(apr_pool_t *pool, const struct http_settings *settings, struct http_client **client)
{
    static const struct http_clock real = {real_now, real_sleep, real_chance, NULL};
    struct http_client *made = apr_pcalloc(pool, sizeof(*made));
    made->clock = settings->clock ? *settings->clock : real;
    made->owner = getpid();
    guard_init(&made->guard, settings->concurrent, settings->breaker_failures);
    made->idle = apr_pcalloc(pool, made->guard.concurrent * sizeof(*made->idle));
    apr_status_t status = apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (status == APR_SUCCESS) {
        apr_pool_cleanup_register(pool, made, client_close, apr_pool_cleanup_null);
        *client = made;
    }
    return status;
}

CURL *http_handle_take(struct http_client *client)
{
    CURL *handle = NULL;
    apr_thread_mutex_lock(client->lock);
    http_client_own(client);
    if (client->idle_count > 0) {
        handle = client->idle[--client->idle_count];
    }
    apr_thread_mutex_unlock(client->lock);
    return handle ? handle : curl_easy_init();
}

void http_handle_give(struct http_client *client, CURL *handle, bool well)
{
    if (well) {
        /* Forgets pointers into the request's memory and the key in its headers; keeps the connection. */
        curl_easy_reset(handle);
        apr_thread_mutex_lock(client->lock);
        http_client_own(client);
        if (client->idle_count < client->guard.concurrent) {
            client->idle[client->idle_count++] = handle;
            handle = NULL;
        }
        apr_thread_mutex_unlock(client->lock);
    }
    curl_easy_cleanup(handle);
}

void http_client_state(struct http_client *client, struct http_client_state *state)
{
    apr_thread_mutex_lock(client->lock);
    http_client_own(client);
    *state = client->counters;
    state->in_flight = client->guard.in_flight;
    state->idle = client->idle_count;
    state->held_back = client->guard.open;
    apr_thread_mutex_unlock(client->lock);
}
