/* SPDX-License-Identifier: Apache-2.0
 * The pool of connections, with a server that is a few variables: whom it lets wait, whom it refuses, what it closes.
 */
#include "store/pool.h"

#include "store/clock.h"
#include "store/connection.h"
#include "tap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define MS      INT64_C(1000)
#define LONG    (clock_now() + 20000 * MS) /* longer than any test */
#define THREADS 12

/* What the server does, and what was seen of the pool. */
static struct server {
    _Atomic bool refuses, hangs;
    _Atomic int opened, closed, attempts, told[3];
    _Atomic int dead; /* connections that are unusable: all with a number up to this */
} server;

static struct connection *server_open(void *baton, char *reason, size_t size)
{
    struct connection *connection;

    (void)baton;
    server.attempts++;
    while (server.hangs) {
        usleep(100);
    }
    if (server.refuses) {
        snprintf(reason, size, "refused");
        return NULL;
    }
    connection = calloc(1, sizeof(*connection));
    connection->native = (void *)(intptr_t)++server.opened;
    return connection;
}

static void server_close(struct connection *connection)
{
    server.closed++;
    free(connection);
}

static bool server_usable(struct connection *connection)
{
    return (intptr_t)connection->native > server.dead;
}

static void server_tell(void *baton, enum pool_news news, const char *reason)
{
    (void)baton;
    (void)reason;
    server.told[news]++;
}

static struct pool *begin_with(int max, int64_t silence, bool threaded)
{
    const struct pool_source source = {NULL,        server_open, server_close, server_usable,
                                       server_tell, silence,     2 * MS,       20000 * MS};
    struct pool *pool = pool_open(&source, max);

    memset(&server, 0, sizeof(server));
    CU_ASSERT_TRUE(!threaded || pool_start(pool));
    return pool;
}

static struct pool *begin(int max)
{
    return begin_with(max, 20000 * MS, true);
}

/* Nothing may be left open. */
static void end(struct pool *pool)
{
    server.hangs = false;
    pool_close(pool);
    CU_ASSERT_EQUAL(server.opened, server.closed);
}

static struct pool_stats stats(struct pool *pool)
{
    struct pool_stats stats;

    pool_stats(pool, &stats);
    return stats;
}

#define WAIT_FOR(condition)                                                                                            \
    for (int64_t until = LONG; !(condition); usleep(100)) {                                                            \
        CU_ASSERT_FATAL(clock_now() < until);                                                                          \
    }

static struct connection *must_take(struct pool *pool)
{
    struct connection *connection = pool_take(pool, LONG, true);

    CU_ASSERT_PTR_NOT_NULL_FATAL(connection);
    return connection;
}

/* Asks for a moment that nothing answers in. A moment may be too short for the pool's thread to get to run. */
static bool refused(struct pool *pool)
{
    return !pool_take(pool, clock_now() + 5 * MS, true);
}

static void test_a_connection_is_used_again(void)
{
    struct pool *pool = begin(3);

    for (int i = 0; i < 10; ++i) {
        pool_give(pool, must_take(pool), POOL_ANSWERED);
    }
    CU_ASSERT_EQUAL(server.opened, 1);
    end(pool);
}

static void test_without_a_thread_the_caller_connects(void)
{
    struct pool *pool = begin_with(3, 1, false);

    pool_give(pool, must_take(pool), POOL_ANSWERED);
    CU_ASSERT_EQUAL(server.opened, 1);
    server.dead = 1;
    server.refuses = true;
    CU_ASSERT_PTR_NULL(pool_take(pool, LONG, true));
    end(pool);
}

static void test_no_more_than_the_maximum_are_open(void)
{
    struct pool *pool = begin(2);
    struct connection *one = must_take(pool), *two = must_take(pool);

    CU_ASSERT_PTR_NULL(pool_take(pool, clock_now() + 5 * MS, true));
    CU_ASSERT_EQUAL(server.opened, 2);
    CU_ASSERT_EQUAL(stats(pool).waiting, 0);
    pool_give(pool, one, POOL_ANSWERED);
    pool_give(pool, two, POOL_ANSWERED);
    end(pool);
}

/* First come, first served. */
static struct line {
    struct pool *pool;
    _Atomic int next;
    int order[THREADS];
} line;

static void *line_stand(void *number)
{
    struct connection *connection = pool_take(line.pool, LONG, true);

    line.order[line.next++] = (int)(intptr_t)number;
    pool_give(line.pool, connection, POOL_ANSWERED);
    return NULL;
}

static void test_who_waits_longest_is_served_first(void)
{
    struct pool *pool = begin(1);
    struct connection *connection = must_take(pool);
    pthread_t threads[THREADS];

    line.pool = pool;
    line.next = 0;
    for (int i = 0; i < THREADS; ++i) {
        pthread_create(&threads[i], NULL, line_stand, (void *)(intptr_t)i);
        WAIT_FOR(stats(pool).waiting == i + 1);
    }
    pool_give(pool, connection, POOL_ANSWERED);
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(line.order[i], i);
    }
    CU_ASSERT_EQUAL(server.opened, 1);
    end(pool);
}

static void test_a_server_that_is_away_costs_nobody_a_wait(void)
{
    struct pool *pool = begin(2);

    server.refuses = true;
    CU_ASSERT_PTR_NULL(pool_take(pool, LONG, true));
    CU_ASSERT_TRUE(stats(pool).away);
    CU_ASSERT_EQUAL(server.told[POOL_AWAY], 1);
    for (int i = 0; i < 1000; ++i) {
        CU_ASSERT_PTR_NULL(pool_take(pool, LONG, true));
    }
    CU_ASSERT_EQUAL(server.told[POOL_AWAY], 1);
    end(pool);
}

static void test_it_is_found_again_with_nobody_asking(void)
{
    struct pool *pool = begin(2);

    server.refuses = true;
    CU_ASSERT_PTR_NULL(pool_take(pool, LONG, true));
    WAIT_FOR(server.attempts > 3);
    server.refuses = false;
    WAIT_FOR(!stats(pool).away);
    CU_ASSERT_EQUAL(server.told[POOL_BACK], 1);
    pool_give(pool, must_take(pool), POOL_ANSWERED);
    CU_ASSERT_EQUAL(server.opened, 1);
    end(pool);
}

static void test_a_connect_that_hangs_holds_nobody_past_the_deadline(void)
{
    struct pool *pool = begin(2);

    server.hangs = true;
    WAIT_FOR(refused(pool) && server.attempts == 1);
    CU_ASSERT_PTR_NULL(pool_take(pool, clock_now() + 5 * MS, true));
    CU_ASSERT_EQUAL(server.attempts, 1);
    end(pool);
}

static void test_without_room_at_the_server_those_that_are_open_are_shared(void)
{
    struct pool *pool = begin(4);
    struct connection *one = must_take(pool);

    server.refuses = true;
    WAIT_FOR(refused(pool) && server.told[POOL_SHORT] == 1);
    CU_ASSERT_FALSE(stats(pool).away);
    pool_give(pool, one, POOL_ANSWERED);
    pool_give(pool, must_take(pool), POOL_ANSWERED);
    CU_ASSERT_EQUAL(server.told[POOL_AWAY], 0);
    end(pool);
}

static void test_idle_connections_that_died_are_not_handed_out(void)
{
    struct pool *pool = begin(3);
    struct connection *all[3] = {must_take(pool), must_take(pool), must_take(pool)};

    for (int i = 0; i < 3; ++i) {
        pool_give(pool, all[i], POOL_ANSWERED);
    }
    server.dead = 3;
    all[0] = must_take(pool);
    CU_ASSERT_EQUAL((intptr_t)all[0]->native, 4);
    CU_ASSERT_EQUAL(server.closed, 3);
    pool_give(pool, all[0], POOL_ANSWERED);
    end(pool);
}

static void test_one_that_was_lost_takes_the_idle_ones_along(void)
{
    struct pool *pool = begin(3);
    struct connection *one = must_take(pool), *two = must_take(pool);

    pool_give(pool, two, POOL_ANSWERED);
    pool_give(pool, one, POOL_LOST);
    CU_ASSERT_EQUAL(server.closed, 2);
    CU_ASSERT_EQUAL(stats(pool).open, 0);
    CU_ASSERT_FALSE(stats(pool).away);
    pool_give(pool, must_take(pool), POOL_ANSWERED);
    end(pool);
}

static void test_silence_refuses_everybody_until_there_is_an_answer(void)
{
    struct pool *pool = begin_with(3, 2 * MS, true);
    struct connection *one = pool_take(pool, LONG, false), *two = must_take(pool);

    server.hangs = true;
    CU_ASSERT_PTR_NULL(pool_take(pool, LONG, true)); /* waits for the connect, then learns of the silence */
    CU_ASSERT_TRUE(stats(pool).away);
    CU_ASSERT_PTR_NULL(pool_take(pool, LONG, true));
    pool_give(pool, one, POOL_SILENT);
    CU_ASSERT_TRUE(stats(pool).away);
    pool_give(pool, two, POOL_ANSWERED); /* thawed */
    CU_ASSERT_FALSE(stats(pool).away);
    CU_ASSERT_EQUAL(server.told[POOL_AWAY], 1);
    CU_ASSERT_EQUAL(server.told[POOL_BACK], 1);
    end(pool);
}

/* One that is found dead and then silence, in one call. */
static void test_silence_closes_what_was_found_dead_too(void)
{
    struct pool *pool = begin_with(3, 20 * MS, true);
    struct connection *one = pool_take(pool, LONG, false), *two = must_take(pool);

    pool_give(pool, one, POOL_ANSWERED);
    server.dead = 1;
    server.hangs = true;
    CU_ASSERT_PTR_NULL(pool_take(pool, LONG, true));
    CU_ASSERT_EQUAL(server.closed, 1);
    pool_give(pool, two, POOL_ANSWERED);
    end(pool);
}

static void test_a_long_job_is_no_silence(void)
{
    struct pool *pool = begin_with(3, 1, true);
    struct connection *job = pool_take(pool, LONG, false);

    usleep(2000);
    pool_give(pool, must_take(pool), POOL_ANSWERED);
    CU_ASSERT_EQUAL(server.told[POOL_AWAY], 0);
    pool_give(pool, job, POOL_ANSWERED);
    end(pool);
}

static void test_after_one_unanswered_statement_the_server_is_looked_at(void)
{
    struct pool *pool = begin_with(3, 2 * MS, true);

    pool_give(pool, must_take(pool), POOL_SILENT);
    WAIT_FOR(server.opened == 2 && stats(pool).idle == 1);
    usleep(4000);
    pool_give(pool, must_take(pool), POOL_ANSWERED); /* long after: nothing is held against it */
    CU_ASSERT_EQUAL(server.told[POOL_AWAY], 0);
    end(pool);
}

static void test_what_is_idle_for_long_is_closed_but_one(void)
{
    const struct pool_source source = {NULL,        server_open, server_close, server_usable,
                                       server_tell, 20000 * MS,  2 * MS,       4 * MS};
    struct pool *pool = pool_open(&source, 3);
    struct connection *all[3];

    memset(&server, 0, sizeof(server));
    CU_ASSERT_TRUE(pool_start(pool));
    for (int i = 0; i < 3; ++i) {
        all[i] = must_take(pool);
    }
    for (int i = 0; i < 3; ++i) {
        pool_give(pool, all[i], POOL_ANSWERED);
    }
    WAIT_FOR(server.closed == 2);
    CU_ASSERT_EQUAL(stats(pool).idle, 1);
    end(pool);
}

/* Many at once, with a server that comes and goes: everybody gets an answer, nothing is counted wrong. */
static void *crowd_run(void *data)
{
    struct pool *pool = data;
    unsigned seed = (unsigned)clock_now();

    for (int i = 0; i < 2000; ++i) {
        struct connection *connection = pool_take(pool, clock_now() + 2 * MS, i % 3 > 0);
        int dice = rand_r(&seed) % 100;

        if (connection) {
            pool_give(pool, connection, dice < 2 ? POOL_LOST : dice < 4 ? POOL_SILENT : POOL_ANSWERED);
        } else if (dice < 10) {
            usleep(100);
        }
        if (dice == 50) {
            server.refuses = !server.refuses;
        } else if (dice == 51) {
            server.dead = server.opened;
        }
    }
    return NULL;
}

static void test_a_crowd_leaves_nothing_behind(void)
{
    struct pool *pool = begin_with(4, 1 * MS, true);
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; ++i) {
        pthread_create(&threads[i], NULL, crowd_run, pool);
    }
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
    }
    server.refuses = false;
    WAIT_FOR(!stats(pool).away);
    CU_ASSERT_EQUAL(stats(pool).waiting, 0);
    WAIT_FOR(stats(pool).open == server.opened - server.closed); /* but for one that is being opened */
    CU_ASSERT_TRUE(stats(pool).open <= 4);
    end(pool);
}

static const struct unit_test tests[] = {
    {"a_connection_is_used_again", test_a_connection_is_used_again},
    {"without_a_thread_the_caller_connects", test_without_a_thread_the_caller_connects},
    {"no_more_than_the_maximum_are_open", test_no_more_than_the_maximum_are_open},
    {"who_waits_longest_is_served_first", test_who_waits_longest_is_served_first},
    {"a_server_that_is_away_costs_nobody_a_wait", test_a_server_that_is_away_costs_nobody_a_wait},
    {"it_is_found_again_with_nobody_asking", test_it_is_found_again_with_nobody_asking},
    {"a_connect_that_hangs_holds_nobody_past_the_deadline", test_a_connect_that_hangs_holds_nobody_past_the_deadline},
    {"without_room_at_the_server_those_that_are_open_are_shared",
     test_without_room_at_the_server_those_that_are_open_are_shared},
    {"idle_connections_that_died_are_not_handed_out", test_idle_connections_that_died_are_not_handed_out},
    {"one_that_was_lost_takes_the_idle_ones_along", test_one_that_was_lost_takes_the_idle_ones_along},
    {"silence_refuses_everybody_until_there_is_an_answer", test_silence_refuses_everybody_until_there_is_an_answer},
    {"silence_closes_what_was_found_dead_too", test_silence_closes_what_was_found_dead_too},
    {"a_long_job_is_no_silence", test_a_long_job_is_no_silence},
    {"after_one_unanswered_statement_the_server_is_looked_at",
     test_after_one_unanswered_statement_the_server_is_looked_at},
    {"what_is_idle_for_long_is_closed_but_one", test_what_is_idle_for_long_is_closed_but_one},
    {"a_crowd_leaves_nothing_behind", test_a_crowd_leaves_nothing_behind},
};

UNIT_MAIN(tests)
