/* SPDX-License-Identifier: Apache-2.0
 * Connections for any number of threads, from a server that may be away.
 *
 * A thread of the pool's own opens connections, so nobody who asks for one ever waits for a connect: an idle one is
 * handed out, else the caller stands in a queue until its deadline. While the server is away, or has not answered
 * anybody for a while, everyone is refused at once and the pool's thread alone looks whether it is back. */
#ifndef BILLING_STORE_POOL_H
#define BILLING_STORE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct pool;

enum pool_news { POOL_AWAY, POOL_BACK, POOL_SHORT /* there are connections, but no more of them */ };

/* What the pool needs to know of connections. Opening and closing is done without the pool's lock held. */
struct pool_source {
    void *baton;
    /** NULL and a reason on failure. May block. */
    struct connection *(*open)(void *baton, char *reason, size_t size);
    void (*close)(struct connection *connection);
    /** Whether the next statement can be sent on it, as far as can be told without waiting. */
    bool (*usable)(struct connection *connection);
    /** How things stand, each time that changes. */
    void (*tell)(void *baton, enum pool_news news, const char *reason);

    /* Microseconds. */
    int64_t silence; /* asked for so long without an answer to anyone: away */
    int64_t
        back_off; /* between two attempts to connect, the first few sooner, and up to half as much again by chance */
    int64_t idle_max; /* all but one connection that was not needed for so long is closed */
};

/** A pool of at most `max` connections; none is opened yet. NULL where there is no memory. Ends with pool_close. */
struct pool *pool_open(const struct pool_source *source, int max);

/** Starts the pool's thread. Without it (before fork, say) connections are opened by the caller that needs one. */
bool pool_start(struct pool *pool);

/** Stops the thread, which may take as long as `open`, and closes what is idle. Nobody may be using the pool. */
void pool_close(struct pool *pool);

/** A connection for one statement, or NULL: none was free before `deadline` (clock_now), or the server is away.
 * @param quick an answer is expected within `silence`; a longer wait is no sign of trouble for other statements */
struct connection *pool_take(struct pool *pool, int64_t deadline, bool quick);

enum pool_verdict {
    POOL_ANSWERED, /* well or badly, but there was an answer */
    POOL_LOST,     /* the connection was dead, or not what it should be: so are the idle ones, probably */
    POOL_SILENT    /* no answer in time */
};

/** Every connection taken is given back by the same thread. One that is not usable any more is closed. */
void pool_give(struct pool *pool, struct connection *connection, enum pool_verdict verdict);

struct pool_stats {
    int open, idle, waiting;
    bool away;
};
void pool_stats(struct pool *pool, struct pool_stats *stats);

#endif
