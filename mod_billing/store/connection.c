/* SPDX-License-Identifier: Apache-2.0
 * Running one statement on one connection without ever blocking past a deadline. */
#include "store/connection.h"

#include <apr_strings.h>
#include <libpq-fe.h>
#include <poll.h>

/* The statement may take longer than any caller waits, so that the server gives up on its own what nobody waits for any
 * more. A lock may not: a row that somebody keeps locked by hand must not look like a server that does not answer. */
#define SESSION_SETTINGS                                                                                               \
    "SET statement_timeout = '15s'; SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '15s'; "        \
    "SET timezone = 'UTC'; SET client_encoding = 'UTF8'"

/* PQconnectdb has no limit of its own. What comes later in a conninfo string wins, so the site's own value does; a URI
 * cannot be added to at the front and is left as it is. */
static const char *connection_params(apr_pool_t *pool, const char *params)
{
    if (!strncmp(params, "postgres://", 11) || !strncmp(params, "postgresql://", 13)) {
        return params;
    }
    return apr_pstrcat(pool, "connect_timeout=2 application_name=attune_billing ", params, NULL);
}

struct connection *connection_open(const apr_dbd_driver_t *driver, const char *params, const char **error)
{
    apr_pool_t *pool;
    struct connection *connection;
    struct statement settings = {.sql = SESSION_SETTINGS};
    PGresult *result;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        *error = "out of memory";
        return NULL;
    }
    connection = apr_pcalloc(pool, sizeof(*connection));
    connection->pool = pool;
    connection->driver = driver;
    if (apr_dbd_open(driver, pool, connection_params(pool, params), &connection->handle) != APR_SUCCESS) {
        *error = "cannot connect";
        apr_pool_destroy(pool);
        return NULL;
    }
    connection->native = apr_dbd_native_handle(driver, connection->handle);
    result = PQexec(connection->native, settings.sql);
    PQclear(result);
    if (connection_broken(connection)) {
        *error = "the connection was closed at once";
        connection_close(connection);
        return NULL;
    }
    return connection;
}

void connection_close(struct connection *connection)
{
    apr_dbd_close(connection->driver, connection->handle);
    apr_pool_destroy(connection->pool);
}

bool connection_broken(const struct connection *connection)
{
    return !connection->native || PQstatus(connection->native) != CONNECTION_OK ||
           PQtransactionStatus(connection->native) != PQTRANS_IDLE;
}

/* Waits until the socket can be read (or written, where libpq still has something to send). False once the deadline
 * has passed. */
static bool connection_wait(PGconn *native, apr_time_t deadline, bool sending)
{
    struct pollfd fd = {.fd = PQsocket(native), .events = POLLIN | (sending ? POLLOUT : 0)};
    apr_time_t left = deadline - apr_time_now();

    return left > 0 && poll(&fd, 1, (int)apr_time_as_msec(left) + 1) != 0;
}

/* True once a whole result is there. */
static bool connection_receive(PGconn *native, apr_time_t deadline, bool *lost)
{
    int unsent = 1;

    for (;;) {
        if (unsent && (unsent = PQflush(native)) < 0) {
            *lost = true;
            return false;
        }
        if (!PQconsumeInput(native)) {
            *lost = true;
            return false;
        }
        if (!unsent && !PQisBusy(native)) {
            return true;
        }
        if (!connection_wait(native, deadline, unsent)) {
            return false;
        }
    }
}

static void connection_copy(const PGresult *result, apr_pool_t *pool, struct rows *rows)
{
    rows->count = PQntuples(result);
    rows->columns = PQnfields(result);
    rows->values = apr_pcalloc(pool, sizeof(*rows->values) * (size_t)rows->count * (size_t)rows->columns + 1);
    for (int row = 0; row < rows->count; ++row) {
        for (int column = 0; column < rows->columns; ++column) {
            if (!PQgetisnull(result, row, column)) {
                rows->values[row * rows->columns + column] =
                    apr_pstrmemdup(pool, PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
            }
        }
    }
}

/* What a SQLSTATE means to the caller (PostgreSQL, appendix A). */
static enum answer_kind connection_classify(const char *state)
{
    if (!state) {
        return ANSWER_LOST;
    }
    if (!strcmp(state, "23505") || !strcmp(state, "23503") || !strncmp(state, "40", 2)) {
        return ANSWER_CONFLICT;
    }
    if (!strncmp(state, "57P", 3) || !strncmp(state, "08", 2)) {
        return ANSWER_LOST;
    }
    if (!strncmp(state, "53", 2) || !strcmp(state, "57014") || !strcmp(state, "55P03") || !strcmp(state, "25006")) {
        return ANSWER_BUSY; /* no room, cancelled, lock timeout, or a standby not yet promoted */
    }
    return ANSWER_ERROR;
}

static struct answer connection_answer(PGresult *result, apr_pool_t *pool, struct rows *rows)
{
    struct answer answer = {.kind = ANSWER_OK};
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        connection_copy(result, pool, rows);
        return answer;
    }
    answer.kind = connection_classify(PQresultErrorField(result, PG_DIAG_SQLSTATE));
    if (answer.kind == ANSWER_ERROR) {
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        answer.error = apr_pstrdup(pool, message ? message : "no message");
    }
    return answer;
}

struct answer connection_run(struct connection *connection, apr_pool_t *pool, const struct statement *statement,
                             apr_time_t deadline, struct rows *rows)
{
    PGconn *native = connection->native;
    struct answer answer = {.kind = ANSWER_LOST};
    bool lost = false;
    PGresult *result;

    if (PQsetnonblocking(native, 1) ||
        !PQsendQueryParams(native, statement->sql, statement->param_count, NULL, statement->params, NULL, NULL, 0)) {
        return answer;
    }
    if (!connection_receive(native, deadline, &lost)) {
        answer.kind = lost ? ANSWER_LOST : ANSWER_TIMEOUT;
        return answer; /* the transaction is still active: connection_broken() says so, and the pool closes it */
    }
    if (!(result = PQgetResult(native))) {
        return answer;
    }
    answer = connection_answer(result, pool, rows);
    PQclear(result);
    /* The end of the command was not necessarily in the same packet. */
    while (connection_receive(native, deadline, &lost) && (result = PQgetResult(native))) {
        PQclear(result);
    }
    return answer;
}
