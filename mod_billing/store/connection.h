/* SPDX-License-Identifier: Apache-2.0
 * One connection to PostgreSQL, opened by apr_dbd. Used by one thread at a time; the pool in database.c sees to that.
 */
#ifndef BILLING_STORE_CONNECTION_H
#define BILLING_STORE_CONNECTION_H

#include "store/database.h"

#include <apr_dbd.h>

/* The frequent statements that one connection has plans of. */
#define PLANNED_MAX 10

struct connection {
    struct connection *next; /* this, idle_since and quick are the pool's */
    int64_t idle_since;
    bool quick;
    apr_pool_t *pool; /* its own, with its own allocator: connections open and close in any thread */
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    void *native;                     /* PGconn */
    const char *planned[PLANNED_MAX]; /* their texts: each is one constant, so the pointer tells them apart */
    int planned_count;
    bool forgetful; /* something stands in between that does not keep plans: nothing is planned any more */
};

/** Blocks for as long as connect_timeout of DBDParams says, 2 s for each host where it says nothing. NULL on failure,
 * and why, without secrets. */
struct connection *connection_open(const apr_dbd_driver_t *driver, const char *params, char *reason, size_t size);
void connection_close(struct connection *connection);

/** Whether the next statement can be sent on it: nothing is under way, and the server has not hung up. */
bool connection_usable(struct connection *connection);

/** DBDParams in the way of libpq, with what they leave out: without these libpq waits for ever, does not notice a
 * server that vanished, or is content with a standby. `params` itself where it cannot be read. */
const char *connection_params(apr_pool_t *pool, const char *params);

/** What of DBDParams names the database: service, host, address, port and name. */
const char *connection_origin(apr_pool_t *pool, const char *params);

struct answer {
    enum answer_kind {
        ANSWER_OK,
        ANSWER_CONFLICT, /* unique or foreign key violation: somebody else was faster */
        ANSWER_AGAIN,    /* serialization failure, deadlock: nothing was done, and the same may be done now */
        ANSWER_BUSY,     /* shutting down, out of resources, cancelled by statement_timeout */
        ANSWER_ERROR,
        ANSWER_UNPLANNED, /* there is no plan, or the schema has changed since; never what connection_run returns */
        ANSWER_LOST,      /* the connection was dead, or to a standby: worth one try on a fresh one */
        ANSWER_TIMEOUT,   /* the deadline passed; the connection cannot be used any more */
        ANSWER_KINDS
    } kind;
    const char *error; /* ANSWER_ERROR: the server's primary message, in the caller's pool */
};

/** @param deadline clock_now's */
struct answer connection_run(struct connection *connection, apr_pool_t *pool, const struct statement *statement,
                             int64_t deadline, struct rows *rows);

/** What a SQLSTATE means to the caller; NULL: the server said nothing any more. */
enum answer_kind connection_classify(const char *state);

#endif
