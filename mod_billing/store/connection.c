/* SPDX-License-Identifier: Apache-2.0
 * Running one statement on one connection without ever blocking past a deadline. */
#include "store/connection.h"

#include "domain/key.h"
#include "store/clock.h"

#include <apr_strings.h>
#include <libpq-fe.h>
#include <poll.h>

/* Longer than any caller waits, so that the server gives up by itself what nobody waits for any more: at once where it
 * can see that (client_connection_check_interval, since 14). What the site has set for this user or in DBDParams stays.
 * A lock is waited for shorter than a request waits, so that one that is held does not look like a server that hangs.
 */
#define SESSION_SETTINGS                                                                                               \
    "SELECT set_config(s.name, w.setting, false) FROM (VALUES ('statement_timeout', '15s'), ('lock_timeout', '2s'),"   \
    " ('idle_in_transaction_session_timeout', '15s'), ('client_connection_check_interval', '1s'), ('TimeZone', "       \
    "'UTC'))"                                                                                                          \
    " AS w (name, setting) JOIN pg_settings s ON s.name = w.name"                                                      \
    " WHERE s.source NOT IN ('client', 'user', 'database user')"

#define SETTINGS_WAIT INT64_C(2000000)

static const struct default_param {
    const char *keyword, *value;
} default_params[] = {
    {"connect_timeout", "2"},     {"application_name", "attune_billing"}, {"client_encoding", "UTF8"},
    {"keepalives_idle", "30"},    {"keepalives_interval", "5"},           {"keepalives_count", "3"},
    {"tcp_user_timeout", "5000"}, {"target_session_attrs", "read-write"},
};

static const char *param_default(const char *keyword)
{
    for (size_t i = 0; i < sizeof(default_params) / sizeof(*default_params); ++i) {
        if (!strcmp(default_params[i].keyword, keyword)) {
            return default_params[i].value;
        }
    }
    return NULL;
}

static const char *param_quote(apr_pool_t *pool, const char *value)
{
    char *quoted = apr_palloc(pool, 2 * strlen(value) + 3), *at = quoted;

    *at++ = '\'';
    for (; *value; ++value) {
        if (*value == '\'' || *value == '\\') {
            *at++ = '\\';
        }
        *at++ = *value;
    }
    *at++ = '\'';
    *at = '\0';
    return quoted;
}

static bool param_names_database(const char *keyword)
{
    static const char *const keywords[] = {"service", "host", "hostaddr", "port", "dbname"};

    for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); ++i) {
        if (!strcmp(keywords[i], keyword)) {
            return true;
        }
    }
    return false;
}

static const char *params_join(apr_pool_t *pool, const PQconninfoOption *options, bool naming_alone)
{
    const char *text = "";

    for (const PQconninfoOption *option = options; option->keyword; ++option) {
        const char *value = option->val || naming_alone ? option->val : param_default(option->keyword);

        if (value && (!naming_alone || param_names_database(option->keyword))) {
            text = apr_pstrcat(pool, text, *text ? " " : "", option->keyword, "=", param_quote(pool, value), NULL);
        }
    }
    return text;
}

const char *connection_params(apr_pool_t *pool, const char *params)
{
    PQconninfoOption *options = PQconninfoParse(params, NULL);
    const char *text = options ? params_join(pool, options, false) : params;

    PQconninfoFree(options);
    return text;
}

const char *connection_origin(apr_pool_t *pool, const char *params)
{
    PQconninfoOption *options = PQconninfoParse(params, NULL);
    const char *text = options ? params_join(pool, options, true) : "";

    PQconninfoFree(options);
    return text;
}

/* Into one line. libpq's messages name hosts, users and databases, never a password. */
static void reason_copy(char *reason, size_t size, const char *message)
{
    apr_cpystrn(reason, message, size);
    for (char *c = reason; *c; ++c) {
        if (*c == '\n' || *c == '\t') {
            *c = ' ';
        }
    }
    for (size_t length = strlen(reason); length && reason[length - 1] == ' '; --length) {
        reason[length - 1] = '\0';
    }
}

/* Else libpq writes them to standard error. */
static void notice_ignore(void *data, const PGresult *result)
{
    (void)data;
    (void)result;
}

static bool connection_prepare(struct connection *connection)
{
    struct statement settings = {.sql = SESSION_SETTINGS};
    struct rows rows;

    connection->native = apr_dbd_native_handle(connection->driver, connection->handle);
    PQsetNoticeReceiver(connection->native, notice_ignore, NULL);
    return connection_run(connection, connection->pool, &settings, clock_now() + SETTINGS_WAIT, &rows).kind ==
               ANSWER_OK &&
           connection_usable(connection);
}

struct connection *connection_open(const apr_dbd_driver_t *driver, const char *params, char *reason, size_t size)
{
    apr_pool_t *pool;
    struct connection *connection;
    const char *error = NULL;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        apr_cpystrn(reason, "out of memory", size);
        return NULL;
    }
    connection = apr_pcalloc(pool, sizeof(*connection));
    connection->pool = pool;
    connection->driver = driver;
    params = connection_params(pool, params);
    if (apr_dbd_open_ex(driver, pool, params, &connection->handle, &error) != APR_SUCCESS) {
        reason_copy(reason, size, error ? error : "cannot connect");
        apr_pool_destroy(pool);
        return NULL;
    }
    if (!connection_prepare(connection)) {
        apr_cpystrn(reason, "connected, but it does not answer", size);
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

bool connection_usable(struct connection *connection)
{
    PGconn *native = connection->native;
    struct pollfd fd = {.fd = PQsocket(native), .events = POLLIN};

    if (PQstatus(native) != CONNECTION_OK || PQtransactionStatus(native) != PQTRANS_IDLE) {
        return false;
    }
    /* Something that nobody asked for: a notice, or the end. */
    return poll(&fd, 1, 0) <= 0 || (PQconsumeInput(native) && PQstatus(native) == CONNECTION_OK);
}

/* Waits until the socket can be read (or written, where libpq still has something to send). False once the deadline
 * has passed. */
static bool connection_wait(PGconn *native, int64_t deadline, bool sending)
{
    struct pollfd fd = {.fd = PQsocket(native), .events = POLLIN | (sending ? POLLOUT : 0)};
    int64_t left = deadline - clock_now();

    return left > 0 && poll(&fd, 1, (int)(left / 1000) + 1) != 0;
}

/* True once a whole result is there. */
static bool connection_receive(PGconn *native, int64_t deadline, bool *lost)
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

static apr_status_t result_clear(void *result)
{
    PQclear(result);
    return APR_SUCCESS;
}

/* The texts stay where libpq has them: the result goes with the pool. */
static void rows_take(PGresult *result, apr_pool_t *pool, struct rows *rows)
{
    rows->count = PQntuples(result);
    rows->columns = PQnfields(result);
    rows->values = apr_palloc(pool, sizeof(*rows->values) * (size_t)rows->count * (size_t)rows->columns + 1);
    for (int row = 0; row < rows->count; ++row) {
        for (int column = 0; column < rows->columns; ++column) {
            rows->values[row * rows->columns + column] =
                PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
        }
    }
    apr_pool_cleanup_register(pool, result, result_clear, apr_pool_cleanup_null);
}

/* Classes and codes of PostgreSQL's appendix A. */
enum answer_kind connection_classify(const char *state)
{
    static const struct {
        const char *state; /* or how it begins */
        enum answer_kind kind;
    } kinds[] = {
        {"23505", ANSWER_CONFLICT},  /* unique_violation */
        {"23503", ANSWER_CONFLICT},  /* foreign_key_violation: what is referred to belongs to another org, or is gone */
        {"40", ANSWER_AGAIN},        /* serialization failure, deadlock */
        {"08", ANSWER_LOST},         /* connection exceptions */
        {"57P", ANSWER_LOST},        /* shut down, crashed, starting up, database dropped */
        {"25006", ANSWER_LOST},      /* a standby: the primary is elsewhere now */
        {"53", ANSWER_BUSY},         /* out of connections, memory or disk */
        {"26000", ANSWER_UNPLANNED}, /* invalid_sql_statement_name */
        {"0A000", ANSWER_UNPLANNED}, /* feature_not_supported: "cached plan must not change result type" */
        {"57014", ANSWER_BUSY},      /* cancelled, by statement_timeout as a rule */
        {"55P03", ANSWER_BUSY},      /* lock_timeout */
    };

    for (size_t i = 0; state && i < sizeof(kinds) / sizeof(*kinds); ++i) {
        if (!strncmp(state, kinds[i].state, strlen(kinds[i].state))) {
            return kinds[i].kind;
        }
    }
    return state ? ANSWER_ERROR : ANSWER_LOST;
}

/* Takes the result over. */
static struct answer connection_answer(PGresult *result, apr_pool_t *pool, const struct statement *statement,
                                       struct rows *rows)
{
    struct answer answer = {.kind = ANSWER_OK};
    ExecStatusType status = PQresultStatus(result);
    const char *state;

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        rows_take(result, pool, rows);
        return answer;
    }
    state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    /* read_only_sql_transaction: elsewhere a sign of a standby, here of a statement that would write. */
    answer.kind = statement->read_only && state && !strcmp(state, "25006") ? ANSWER_ERROR : connection_classify(state);
    if (answer.kind == ANSWER_ERROR || answer.kind == ANSWER_UNPLANNED) {
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        answer.error = apr_pstrdup(pool, message ? message : "no message");
    }
    PQclear(result);
    return answer;
}

/* Waits for all that was sent. The rows come before the commit, and the server may still refuse or lose that: only when
 * it is ready for the next query is anything written. */
static struct answer connection_finish(PGconn *native, apr_pool_t *pool, const struct statement *statement,
                                       int64_t deadline, struct rows *rows)
{
    struct answer answer = {.kind = ANSWER_LOST};
    bool lost = false;
    PGresult *result;

    while (connection_receive(native, deadline, &lost)) {
        if (!(result = PQgetResult(native))) {
            return answer;
        }
        answer = connection_answer(result, pool, statement, rows);
    }
    answer.kind = lost ? ANSWER_LOST : ANSWER_TIMEOUT;
    return answer; /* the transaction is still active: connection_usable() says so, and the pool closes it */
}

static struct answer connection_send(PGconn *native, apr_pool_t *pool, const struct statement *statement,
                                     int64_t deadline, struct rows *rows)
{
    if (!PQsendQueryParams(native, statement->sql, statement->param_count, NULL, statement->params, NULL, NULL, 0)) {
        return (struct answer){.kind = ANSWER_LOST};
    }
    return connection_finish(native, pool, statement, deadline, rows);
}

/* The name says what the statement is, so that it means the same on whatever server connection a pooler lends us. */
static const char *plan_name(apr_pool_t *pool, const char *sql)
{
    return apr_psprintf(pool, "attune_%016" APR_UINT64_T_HEX_FMT, (apr_uint64_t)key_hash(sql, strlen(sql)));
}

static bool plan_known(const struct connection *connection, const char *sql)
{
    for (int i = 0; i < connection->planned_count; ++i) {
        if (connection->planned[i] == sql) {
            return true;
        }
    }
    return false;
}

/* Planning one of the large statements takes longer than running it. */
static struct answer plan_make(struct connection *connection, apr_pool_t *pool, const struct statement *statement,
                               const char *name, int64_t deadline)
{
    struct statement parse = {.sql = statement->sql};
    struct answer answer = {.kind = ANSWER_LOST};
    struct rows rows;

    if (PQsendPrepare(connection->native, name, statement->sql, statement->param_count, NULL)) {
        answer = connection_finish(connection->native, pool, &parse, deadline, &rows);
    }
    if (answer.kind == ANSWER_OK) {
        connection->planned[connection->planned_count++] = statement->sql;
    }
    return answer;
}

/* As connection_send, with a plan of the statement that the server keeps. A pooler that lends another server connection
 * for each transaction loses it: then, and where the plan cannot be made for whatever reason, this connection goes on
 * without any. What fails so has done nothing. */
static struct answer connection_send_planned(struct connection *connection, apr_pool_t *pool,
                                             const struct statement *statement, int64_t deadline, struct rows *rows)
{
    const char *name = plan_name(pool, statement->sql);
    struct answer answer = {.kind = ANSWER_OK};

    if (!plan_known(connection, statement->sql)) {
        answer = plan_make(connection, pool, statement, name, deadline);
    }
    if (answer.kind == ANSWER_OK) {
        if (!PQsendQueryPrepared(connection->native, name, statement->param_count, statement->params, NULL, NULL, 0)) {
            return (struct answer){.kind = ANSWER_LOST};
        }
        answer = connection_finish(connection->native, pool, statement, deadline, rows);
    } else if (answer.kind == ANSWER_ERROR) {
        answer.kind = ANSWER_UNPLANNED;
    }
    if (answer.kind == ANSWER_UNPLANNED) {
        connection->forgetful = true;
        answer = connection_send(connection->native, pool, statement, deadline, rows);
    }
    return answer;
}

/* One message with several commands, which take no parameters. */
static struct answer connection_command(PGconn *native, apr_pool_t *pool, const char *sql, int64_t deadline)
{
    struct statement command = {.sql = sql};
    struct rows rows;

    if (!PQsendQuery(native, sql)) {
        return (struct answer){.kind = ANSWER_LOST};
    }
    return connection_finish(native, pool, &command, deadline, &rows);
}

/* A transaction of its own settings, since those of the session are shared where a pooler stands in between. The server
 * gives up before we do, so that a statement that takes too long costs nobody the connection. */
static struct answer connection_send_read_only(PGconn *native, apr_pool_t *pool, const struct statement *statement,
                                               int64_t deadline, struct rows *rows)
{
    int64_t left = (deadline - clock_now()) / 1000 * 9 / 10; /* milliseconds */
    const char *begin = apr_psprintf(pool, "BEGIN READ ONLY; SET LOCAL statement_timeout = %" APR_INT64_T_FMT,
                                     (apr_int64_t)(left > 1 ? left : 1));
    struct answer answer = connection_command(native, pool, begin, deadline), end;

    if (answer.kind == ANSWER_OK) {
        answer = connection_send(native, pool, statement, deadline, rows);
    }
    if (answer.kind != ANSWER_TIMEOUT && answer.kind != ANSWER_LOST) {
        end = connection_command(native, pool, "ROLLBACK", deadline);
        if (answer.kind == ANSWER_OK && end.kind != ANSWER_OK) {
            answer = end;
        }
    }
    return answer;
}

static struct answer connection_send_one(struct connection *connection, apr_pool_t *pool,
                                         const struct statement *statement, int64_t deadline, struct rows *rows)
{
    if (statement->read_only) {
        return connection_send_read_only(connection->native, pool, statement, deadline, rows);
    }
    if (statement->frequent && !connection->forgetful &&
        (connection->planned_count < PLANNED_MAX || plan_known(connection, statement->sql))) {
        return connection_send_planned(connection, pool, statement, deadline, rows);
    }
    return connection_send(connection->native, pool, statement, deadline, rows);
}

struct answer connection_run(struct connection *connection, apr_pool_t *pool, const struct statement *statement,
                             int64_t deadline, struct rows *rows)
{
    struct answer answer;

    if (PQsetnonblocking(connection->native, 1)) {
        return (struct answer){.kind = ANSWER_LOST};
    }
    answer = connection_send_one(connection, pool, statement, deadline, rows);
    if (answer.kind == ANSWER_UNPLANNED) {
        answer.kind = ANSWER_ERROR; /* of a statement that had no plan: it is wrong in itself */
    }
    return answer;
}
