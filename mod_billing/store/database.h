/* SPDX-License-Identifier: Apache-2.0
 * Connections to PostgreSQL and statements with a deadline.
 *
 * The connections are apr_dbd's, opened with the site's own DBDriver and DBDParams, in a pool of this module's:
 * mod_dbd's waits without end for a free connection, opens new ones under the lock that also guards giving them back,
 * and cannot be told that one is dead (facts: mod_dbd.c, apr_reslist.c:333-411). Statements go to libpq on apr_dbd's
 * native handle, unnamed and parameterised: apr_dbd's own calls block for ever on a server that stopped answering, and
 * hide NULL and the SQLSTATE. An unnamed statement survives a lost backend and needs nothing of a connection pooler.
 *
 * A database that hangs or is away costs a caller at most its deadline, connecting included, since that is left to a
 * thread beside the requests. Once it has not answered anyone for a second, everybody is refused at once until that
 * thread has found it again, so it never costs a worker each (store/pool.h). */
#ifndef BILLING_STORE_DATABASE_H
#define BILLING_STORE_DATABASE_H

#include "config/config.h"

#include <apr_pools.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct database;

enum store_result {
    STORE_OK,
    STORE_CONFLICT,    /* somebody else was faster: read again and redo */
    STORE_UNAVAILABLE, /* away, hanging, out of connections: try later. Nothing is known to be written */
    STORE_ERROR        /* a statement that is wrong, or refused: logged, not worth repeating */
};

/* How long a caller may be kept, connecting and waiting for a connection included. */
#define DATABASE_WAIT_GATE apr_time_from_msec(500) /* a request waits at the gate for one cold org */
#define DATABASE_WAIT_WEB  apr_time_from_sec(3)
#define DATABASE_WAIT_JOB  apr_time_from_sec(10)

/* Connections of one process where the site says nothing: mod_dbd's own default of DBDMax. */
#define DATABASE_MAX_DEFAULT 10

/** One per process; connects on first use. `pool` must outlive all use; connections are closed with it. NULL where
 * there is no DBDriver or its driver cannot be loaded (logged). Thread-safe. */
struct database *database_open(apr_pool_t *pool, const struct database_config *config, server_rec *server);

/** In a child process: starts the thread that opens connections. Until then, as in the parent, callers do so. */
void database_serve(struct database *database);

/** Names the database that DBDParams leads to, without user or secret. */
const char *database_origin(apr_pool_t *pool, const struct database_config *config);

/* A parameter is text, NULL for SQL's NULL. These make one of a number; the result lives in `pool`. */
const char *sql_int(apr_pool_t *pool, int64_t value);
const char *sql_bool(bool value);
/** Seconds since the epoch as text for `to_timestamp($n::bigint)`; NULL for 0, which means "unknown" everywhere. */
const char *sql_time(apr_pool_t *pool, int64_t seconds);
/** A PostgreSQL array literal of texts. */
const char *sql_text_array(apr_pool_t *pool, const char *const *items, size_t count);

#define STATEMENT_PARAMS_MAX 48

struct statement {
    const char *sql; /* a constant, with $1…, never pasted together */
    int param_count;
    const char *params[STATEMENT_PARAMS_MAX];
    apr_interval_time_t wait;
    bool frequent;  /* planned once for each connection, where the server keeps plans (connection.c) */
    bool read_only; /* not ours: it runs in a transaction that cannot write, and the server cancels it in time */
};

/* What came back; lives as long as the caller's pool. */
struct rows {
    int count;
    int columns;
    const char **values; /* count * columns, NULL for SQL's NULL */
    const char *refusal; /* STORE_ERROR of a read_only statement, which is not logged: the server's message */
};

/** Runs one statement in a transaction of its own. Idempotent statements alone: after a lost connection it is sent once
 * more. One that PostgreSQL ended for a deadlock or a serialization failure is done again a few times, so neither is
 * ever a conflict. */
enum store_result database_run(struct database *database, apr_pool_t *pool, const struct statement *statement,
                               struct rows *rows);

/* How a statement ended for who looks at the database's health. */
enum database_end {
    DATABASE_ANSWERED,
    DATABASE_CONFLICT,
    DATABASE_REFUSED, /* an error of the statement, or of the rights to it */
    DATABASE_BUSY,    /* the server was shutting down, out of resources, or cancelled it */
    DATABASE_LOST,    /* the connection broke, and so did the second */
    DATABASE_TIMEOUT,
    DATABASE_NO_CONNECTION,
    DATABASE_ENDS
};

/** Called in the caller's thread at the end of database_run, with the microseconds that it waited for a connection and
 * those that the rest took. */
typedef void database_observer(enum database_end end, int64_t waited, int64_t ran);

/** One for all databases of the process. Before there are threads. */
void database_observe(database_observer *observer);

const char *rows_text(const struct rows *rows, int row, int column);
int64_t rows_int(const struct rows *rows, int row, int column); /* 0 for NULL */
bool rows_bool(const struct rows *rows, int row, int column);

#endif
