/* SPDX-License-Identifier: Apache-2.0
 * The pool of connections: taking one within a deadline, giving it back, staying away from a database that is down. */
#include "store/database.h"

#include "store/connection.h"

#include <apr_dbd.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

/* How long everybody but one prober stays away after a failure. */
#define BACK_OFF apr_time_from_sec(1)

struct database {
    apr_pool_t *pool;
    server_rec *server;
    const apr_dbd_driver_t *driver;
    const char *params;
    int max;

    apr_thread_mutex_t *lock; /* guards all that follows; never held while connecting or waiting for an answer */
    apr_thread_cond_t *changed;
    struct connection *idle; /* a stack: the warm ones are used first */
    int open;                /* idle and in use */
    bool connecting;         /* one at a time: a database that is away must not take a worker each */
    apr_time_t away_until;   /* failed lately: until then one prober alone may try */
    bool away_logged;
};

static apr_status_t database_close(void *data)
{
    struct database *database = data;

    for (struct connection *connection = database->idle, *next; connection; connection = next) {
        next = connection->next;
        connection_close(connection);
    }
    database->idle = NULL;
    return APR_SUCCESS;
}

struct database *database_open(apr_pool_t *pool, const struct database_config *config, server_rec *server)
{
    struct database *database = apr_pcalloc(pool, sizeof(*database));
    apr_status_t status;

    if (!config->driver) {
        return NULL;
    }
    status = apr_dbd_init(pool);
    if (status == APR_SUCCESS) {
        status = apr_dbd_get_driver(pool, config->driver, &database->driver);
    }
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, server,
                     "ATB0201: cannot load the apr_dbd driver '%s' (Debian: libaprutil1-dbd-pgsql)", config->driver);
        return NULL;
    }
    database->pool = pool;
    database->server = server;
    database->params = config->params ? config->params : "";
    database->max = config->max > 0 ? config->max : 10;
    apr_thread_mutex_create(&database->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    apr_thread_cond_create(&database->changed, pool);
    apr_pool_cleanup_register(pool, database, database_close, apr_pool_cleanup_null);
    return database;
}

static void database_note_failure(struct database *database, const char *what)
{
    database->away_until = apr_time_now() + BACK_OFF;
    if (!database->away_logged) {
        database->away_logged = true;
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, database->server,
                     "ATB0202: the database cannot be used (%s): gates serve what is known, routes answer 503, until "
                     "it is back",
                     what);
    }
}

static void database_note_success(struct database *database)
{
    database->away_until = 0;
    if (database->away_logged) {
        database->away_logged = false;
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, database->server, "ATB0203: the database is back");
    }
}

/* Opens one more connection. Called with the lock held, which is let go while connecting. */
static struct connection *database_connect(struct database *database)
{
    struct connection *connection;
    const char *error = NULL;

    database->connecting = true;
    database->open++;
    apr_thread_mutex_unlock(database->lock);
    connection = connection_open(database->driver, database->params, &error);
    apr_thread_mutex_lock(database->lock);
    database->connecting = false;
    if (connection) {
        database_note_success(database);
    } else {
        database->open--;
        database_note_failure(database, error);
    }
    apr_thread_cond_broadcast(database->changed);
    return connection;
}

static struct connection *database_take(struct database *database, apr_time_t deadline)
{
    struct connection *connection = NULL;

    apr_thread_mutex_lock(database->lock);
    for (;;) {
        apr_time_t now = apr_time_now();

        if (now < database->away_until) {
            break;
        }
        if (database->away_until) {
            database->away_until = now + BACK_OFF; /* we are the prober of this second */
        }
        if ((connection = database->idle)) {
            database->idle = connection->next;
            break;
        }
        if (database->open < database->max && !database->connecting) {
            connection = database_connect(database);
            break;
        }
        if (now >= deadline ||
            apr_thread_cond_timedwait(database->changed, database->lock, deadline - now) == APR_TIMEUP) {
            break;
        }
    }
    apr_thread_mutex_unlock(database->lock);
    return connection;
}

static void database_give(struct database *database, struct connection *connection, const char *failure)
{
    bool broken = connection_broken(connection);

    apr_thread_mutex_lock(database->lock);
    if (broken) {
        database->open--;
    } else {
        connection->next = database->idle;
        database->idle = connection;
    }
    if (failure) {
        database_note_failure(database, failure);
    } else if (!broken) {
        database_note_success(database);
    }
    apr_thread_cond_signal(database->changed);
    apr_thread_mutex_unlock(database->lock);
    if (broken) {
        connection_close(connection);
    }
}

/* After the server went away every idle connection is dead: closing them all spares the next callers finding out one by
 * one. */
static void database_drop_idle(struct database *database)
{
    struct connection *connection;

    apr_thread_mutex_lock(database->lock);
    connection = database->idle;
    database->idle = NULL;
    for (struct connection *each = connection; each; each = each->next) {
        database->open--;
    }
    apr_thread_mutex_unlock(database->lock);
    while (connection) {
        struct connection *next = connection->next;
        connection_close(connection);
        connection = next;
    }
}

static enum store_result database_result(struct database *database, const struct answer *answer)
{
    switch (answer->kind) {
    case ANSWER_OK:
        return STORE_OK;
    case ANSWER_CONFLICT:
        return STORE_CONFLICT;
    case ANSWER_ERROR:
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, database->server, "ATB0204: the database refused a statement: %s",
                     answer->error);
        return STORE_ERROR;
    default:
        return STORE_UNAVAILABLE;
    }
}

enum store_result database_run(struct database *database, apr_pool_t *pool, const struct statement *statement,
                               struct rows *rows)
{
    apr_time_t deadline = apr_time_now() + statement->wait;
    struct answer answer = {.kind = ANSWER_LOST};

    if (!database) {
        return STORE_UNAVAILABLE;
    }
    for (int attempt = 0; attempt < 2 && answer.kind == ANSWER_LOST; ++attempt) {
        struct connection *connection = database_take(database, deadline);
        if (!connection) {
            return STORE_UNAVAILABLE;
        }
        answer = connection_run(connection, pool, statement, deadline, rows);
        database_give(database, connection, answer.kind == ANSWER_TIMEOUT ? "no answer in time" : NULL);
        if (answer.kind == ANSWER_LOST) {
            database_drop_idle(database);
        }
    }
    return database_result(database, &answer);
}
