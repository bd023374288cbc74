/* SPDX-License-Identifier: Apache-2.0
 * The pool of connections. */
#include "store/pool.h"

#include "store/clock.h"
#include "store/connection.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define REASON_SIZE 300

/* Of the attempts to connect so many are made sooner: after a 16th of the pause, an 8th, … */
#define QUICK_RETRIES 4

/* One who stands in the queue; lives on the stack of the thread that waits. */
struct waiter {
    struct waiter *next;
    pthread_cond_t called;
    bool quick;
    bool done; /* called: with a connection, or without one since there will be none */
    struct connection *connection;
};

struct pool {
    struct pool_source source;
    int max;
    pthread_t thread;
    bool threaded;

    pthread_mutex_t lock; /* guards all that follows; never held while connecting or waiting for an answer */
    pthread_cond_t work;  /* for the pool's thread */
    bool stopping;
    struct connection *idle; /* a stack: the warm ones are used first. Empty while anybody waits */
    int open;                /* idle, in use, or being opened */
    int quick_count;         /* quick ones in use */
    struct waiter *first;    /* the queue: first come, first served */
    bool away;
    bool doubted; /* somebody had no answer: the pool's thread is to look how things are */
    bool told_short;
    int64_t asked_at; /* since when a quick statement has been unanswered, and nothing else was heard; 0: none is */
    int64_t retry_at; /* no attempt to connect before this */
    int failures;     /* to connect, one after the other */
    unsigned seed;
};

static void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void condition_wait(struct pool *pool, pthread_cond_t *condition, int64_t until)
{
    struct timespec moment = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};

    pthread_cond_timedwait(condition, &pool->lock, &moment);
}

struct pool *pool_open(const struct pool_source *source, int max)
{
    struct pool *pool = calloc(1, sizeof(*pool));

    if (pool) {
        pool->source = *source;
        pool->max = max;
        pool->seed = (unsigned)clock_now();
        pthread_mutex_init(&pool->lock, NULL);
        condition_init(&pool->work);
    }
    return pool;
}

/* The queue. With the lock held. */

static void queue_join(struct pool *pool, struct waiter *waiter)
{
    struct waiter **place = &pool->first;

    while (*place) {
        place = &(*place)->next;
    }
    *place = waiter;
}

static void queue_leave(struct pool *pool, const struct waiter *waiter)
{
    for (struct waiter **place = &pool->first; *place; place = &(*place)->next) {
        if (*place == waiter) {
            *place = waiter->next;
            return;
        }
    }
}

/* Calls the first of the queue; with NULL it goes away empty-handed. */
static void queue_call(struct pool *pool, struct connection *connection)
{
    struct waiter *waiter = pool->first;

    pool->first = waiter->next;
    waiter->connection = connection;
    waiter->done = true;
    pthread_cond_signal(&waiter->called);
}

static void pool_refuse_all(struct pool *pool)
{
    while (pool->first) {
        queue_call(pool, NULL);
    }
}

/* What was heard, and what was not. With the lock held. */

static void pool_asks(struct pool *pool, struct connection *connection, bool quick)
{
    connection->quick = quick;
    if (quick) {
        pool->quick_count++;
        if (!pool->asked_at) {
            pool->asked_at = clock_now();
        }
    }
}

static void pool_heard(struct pool *pool)
{
    pool->asked_at = pool->quick_count ? clock_now() : 0;
    if (pool->away) {
        pool->away = false;
        pool->source.tell(pool->source.baton, POOL_BACK, NULL);
    }
}

/* Moves what is idle to `dead`. */
static void pool_drop_idle(struct pool *pool, struct connection **dead)
{
    struct connection *connection;

    while ((connection = pool->idle)) {
        pool->idle = connection->next;
        connection->next = *dead;
        *dead = connection;
        pool->open--;
    }
}

/* Nobody is to wait any more; the pool's thread looks at once whether that is true. Who has idle ones does not trust
 * them any more. */
static void pool_gone(struct pool *pool, const char *reason)
{
    if (!pool->away) {
        pool->away = true;
        pool->source.tell(pool->source.baton, POOL_AWAY, reason);
    }
    pool_refuse_all(pool);
    pthread_cond_signal(&pool->work);
}

static bool pool_silent(const struct pool *pool)
{
    return pool->asked_at && clock_now() - pool->asked_at > pool->source.silence;
}

static void pool_close_all(struct pool *pool, struct connection *connection)
{
    while (connection) {
        struct connection *next = connection->next;

        pool->source.close(connection);
        connection = next;
    }
}

/* Taking and giving */

/* Moves what died while it was idle to `dead`. */
static struct connection *pool_take_idle(struct pool *pool, struct connection **dead)
{
    struct connection *connection;

    while ((connection = pool->idle)) {
        pool->idle = connection->next;
        if (pool->source.usable(connection)) {
            return connection;
        }
        connection->next = *dead;
        *dead = connection;
        pool->open--;
    }
    return NULL;
}

/* A connection that was opened, or is free again. */
static void pool_put(struct pool *pool, struct connection *connection)
{
    if (pool->first) {
        pool_asks(pool, connection, pool->first->quick);
        queue_call(pool, connection);
    } else {
        connection->idle_since = clock_now();
        connection->next = pool->idle;
        pool->idle = connection;
    }
}

/* A server that restarts is often back soon; one that does not is left alone for longer. By chance, so that not all
 * children come at the same moment. */
static void pool_back_off(struct pool *pool)
{
    int64_t pause = pool->source.back_off >> (pool->failures < QUICK_RETRIES ? QUICK_RETRIES - pool->failures++ : 0);

    pool->retry_at = clock_now() + pause + rand_r(&pool->seed) % (pause / 2 + 1);
}

/* One more connection; lets go of the lock meanwhile. */
static struct connection *pool_connect(struct pool *pool)
{
    char reason[REASON_SIZE] = "cannot connect";
    struct connection *connection;

    pool->open++;
    pool->doubted = false;
    pthread_mutex_unlock(&pool->lock);
    connection = pool->source.open(pool->source.baton, reason, sizeof(reason));
    pthread_mutex_lock(&pool->lock);
    if (connection) {
        pool->told_short = false;
        pool->retry_at = 0;
        pool->failures = 0;
        pool_heard(pool);
        return connection;
    }
    pool->open--;
    pool_back_off(pool);
    if (pool->open == 0) {
        pool_gone(pool, reason);
    } else if (!pool->told_short && !pool->away) {
        pool->told_short = true;
        pool->source.tell(pool->source.baton, POOL_SHORT, reason);
    }
    return NULL;
}

/* Until called, or the deadline, or nobody has been answered for too long. */
static struct connection *pool_queue(struct pool *pool, int64_t deadline, bool quick, struct connection **dead)
{
    struct waiter waiter = {.quick = quick};

    condition_init(&waiter.called);
    queue_join(pool, &waiter);
    pthread_cond_signal(&pool->work);
    while (!waiter.done && clock_now() < deadline) {
        if (pool_silent(pool)) {
            pool_gone(pool, "no answer");
            pool_drop_idle(pool, dead);
            break;
        }
        condition_wait(pool, &waiter.called,
                       pool->asked_at && pool->asked_at + pool->source.silence < deadline
                           ? pool->asked_at + pool->source.silence + 1
                           : deadline);
    }
    if (!waiter.done) {
        queue_leave(pool, &waiter);
    }
    pthread_cond_destroy(&waiter.called);
    return waiter.connection;
}

struct connection *pool_take(struct pool *pool, int64_t deadline, bool quick)
{
    struct connection *connection = NULL, *dead = NULL;

    pthread_mutex_lock(&pool->lock);
    if (!pool->away && pool_silent(pool)) {
        pool_gone(pool, "no answer");
        pool_drop_idle(pool, &dead);
    }
    if (!pool->away || !pool->threaded) {
        connection = pool_take_idle(pool, &dead);
        if (!connection && !pool->threaded && pool->open < pool->max) {
            connection = pool_connect(pool);
        }
        if (connection) {
            pool_asks(pool, connection, quick);
        } else if (pool->threaded) {
            connection = pool_queue(pool, deadline, quick, &dead);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    pool_close_all(pool, dead);
    return connection;
}

void pool_give(struct pool *pool, struct connection *connection, enum pool_verdict verdict)
{
    struct connection *dead = NULL;

    pthread_mutex_lock(&pool->lock);
    pool->quick_count -= connection->quick;
    pool->doubted |= verdict == POOL_SILENT;
    if (verdict == POOL_ANSWERED) {
        pool_heard(pool);
    } else if (verdict == POOL_LOST) {
        pool_drop_idle(pool, &dead);
    }
    if (verdict == POOL_ANSWERED && pool->source.usable(connection)) {
        pool_put(pool, connection);
    } else {
        pool->open--;
        connection->next = dead;
        dead = connection;
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
    pool_close_all(pool, dead);
}

/* The pool's thread */

/* Takes out what has been idle for too long, but never the last one: the next caller would wait for a connect. */
static struct connection *pool_trim(struct pool *pool)
{
    int64_t before = clock_now() - pool->source.idle_max;
    struct connection **place = &pool->idle, *old;

    while (*place && (place == &pool->idle || (*place)->idle_since > before)) {
        place = &(*place)->next;
    }
    old = *place; /* below one that is idle for too long all others are */
    *place = NULL;
    for (struct connection *each = old; each; each = each->next) {
        pool->open--;
    }
    return old;
}

static void *pool_work(void *data)
{
    struct pool *pool = data;

    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        bool wanted = pool->away || ((pool->first || pool->doubted) && pool->open < pool->max);
        struct connection *connection = pool_trim(pool);

        if (connection) {
            pthread_mutex_unlock(&pool->lock);
            pool_close_all(pool, connection);
            pthread_mutex_lock(&pool->lock);
        } else if (!wanted) {
            condition_wait(pool, &pool->work, clock_now() + pool->source.idle_max / 2);
        } else if (clock_now() < pool->retry_at) {
            condition_wait(pool, &pool->work, pool->retry_at);
        } else if ((connection = pool_connect(pool))) {
            pool_put(pool, connection);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

bool pool_start(struct pool *pool)
{
    sigset_t all, before;

    /* Signals are for httpd's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pool->threaded = pthread_create(&pool->thread, NULL, pool_work, pool) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool->threaded;
}

void pool_close(struct pool *pool)
{
    if (pool->threaded) {
        pthread_mutex_lock(&pool->lock);
        pool->stopping = true;
        pthread_cond_signal(&pool->work);
        pthread_mutex_unlock(&pool->lock);
        pthread_join(pool->thread, NULL);
    }
    pool_close_all(pool, pool->idle);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void pool_stats(struct pool *pool, struct pool_stats *stats)
{
    pthread_mutex_lock(&pool->lock);
    *stats = (struct pool_stats){.open = pool->open, .away = pool->away};
    for (const struct connection *each = pool->idle; each; each = each->next) {
        stats->idle++;
    }
    for (const struct waiter *each = pool->first; each; each = each->next) {
        stats->waiting++;
    }
    pthread_mutex_unlock(&pool->lock);
}
