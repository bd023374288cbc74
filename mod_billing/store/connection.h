/* SPDX-License-Identifier: Apache-2.0
 * One connection to PostgreSQL, opened by apr_dbd. Used by one thread at a time; the pool in database.c sees to that.
 */
#ifndef BILLING_STORE_CONNECTION_H
#define BILLING_STORE_CONNECTION_H

#include "store/database.h"

#include <apr_dbd.h>

struct connection {
    struct connection *next; /* the pool's */
    apr_pool_t *pool;        /* its own, with its own allocator: connections open and close in any thread */
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    void *native; /* PGconn */
};

/** Blocks for as long as connect_timeout of DBDParams says, 2 s where it says nothing. NULL and a short reason, a
 * constant without secrets, on failure. */
struct connection *connection_open(const apr_dbd_driver_t *driver, const char *params, const char **error);
void connection_close(struct connection *connection);
bool connection_broken(const struct connection *connection);

struct answer {
    enum answer_kind {
        ANSWER_OK,
        ANSWER_CONFLICT, /* unique or foreign key violation, serialization failure, deadlock */
        ANSWER_BUSY,     /* shutting down, out of resources, cancelled by statement_timeout */
        ANSWER_ERROR,
        ANSWER_LOST,   /* the connection was dead: worth one try on a fresh one */
        ANSWER_TIMEOUT /* the deadline passed; the connection is broken now */
    } kind;
    const char *error; /* ANSWER_ERROR: the server's primary message, in the caller's pool */
};

struct answer connection_run(struct connection *connection, apr_pool_t *pool, const struct statement *statement,
                             apr_time_t deadline, struct rows *rows);

#endif
