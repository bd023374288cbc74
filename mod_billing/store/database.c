/* SPDX-License-Identifier: Apache-2.0
 * The database: statements on connections of a pool. */
#include "store/database.h"

#include "store/clock.h"
#include "store/connection.h"
#include "store/pool.h"

#include <apr_dbd.h>
#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define SILENCE  apr_time_from_sec(1)
#define BACK_OFF apr_time_from_sec(1)
#define IDLE_MAX apr_time_from_sec(60)

/* How often a statement is sent that was lost with its connection, or ended since it was in another's way: who was
 * ended in a deadlock finds the other's change done the next time. */
#define LOST_MAX  2
#define AGAIN_MAX 5

struct database {
    server_rec *server;
    const apr_dbd_driver_t *driver;
    const char *params;
    struct pool *pool;
};

static struct connection *source_open(void *baton, char *reason, size_t size)
{
    const struct database *database = baton;

    return connection_open(database->driver, database->params, reason, size);
}

static void source_tell(void *baton, enum pool_news news, const char *reason)
{
    const struct database *database = baton;

    switch (news) {
    case POOL_AWAY:
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, database->server,
                     "ATB0202: the database cannot be used (%s): gates serve what is known, routes answer 503, until "
                     "it is back",
                     reason);
        break;
    case POOL_BACK:
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, database->server, "ATB0203: the database is back");
        break;
    default:
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, database->server,
                     "ATB0205: no further connection to the database (%s): requests share those that there are",
                     reason);
    }
}

static apr_status_t database_close(void *data)
{
    struct database *database = data;

    pool_close(database->pool);
    return APR_SUCCESS;
}

static const apr_dbd_driver_t *database_driver(apr_pool_t *pool, const char *name, server_rec *server)
{
    const apr_dbd_driver_t *driver = NULL;
    apr_status_t status = apr_dbd_init(pool);

    if (status == APR_SUCCESS) {
        status = apr_dbd_get_driver(pool, name, &driver);
    }
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, server,
                     "ATB0201: cannot load the apr_dbd driver '%s' (Debian: libaprutil1-dbd-pgsql)", name);
    }
    return driver;
}

struct database *database_open(apr_pool_t *pool, const struct database_config *config, server_rec *server)
{
    struct database *database = apr_pcalloc(pool, sizeof(*database));
    const struct pool_source source = {
        .baton = database,
        .open = source_open,
        .close = connection_close,
        .usable = connection_usable,
        .tell = source_tell,
        .silence = SILENCE,
        .back_off = BACK_OFF,
        .idle_max = IDLE_MAX,
    };

    if (!config->driver || !(database->driver = database_driver(pool, config->driver, server))) {
        return NULL;
    }
    database->server = server;
    database->params = config->params ? config->params : "";
    database->pool = pool_open(&source, config->max > 0 ? config->max : DATABASE_MAX_DEFAULT);
    if (!database->pool) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, database, database_close, apr_pool_cleanup_null);
    return database;
}

void database_serve(struct database *database)
{
    if (!pool_start(database->pool)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, database->server,
                     "ATB0206: no thread for the database's connections: requests open them themselves");
    }
}

const char *database_origin(apr_pool_t *pool, const struct database_config *config)
{
    return connection_origin(pool, config->params ? config->params : "");
}

static enum store_result database_result(struct database *database, const struct statement *statement,
                                         const struct answer *answer, struct rows *rows)
{
    switch (answer->kind) {
    case ANSWER_OK:
        return STORE_OK;
    case ANSWER_CONFLICT:
        return STORE_CONFLICT;
    case ANSWER_ERROR:
        if (statement->read_only) {
            rows->refusal = answer->error;
            return STORE_ERROR;
        }
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, database->server, "ATB0204: the database refused a statement: %s",
                     answer->error);
        return STORE_ERROR;
    default:
        return STORE_UNAVAILABLE;
    }
}

static enum pool_verdict database_verdict(enum answer_kind kind)
{
    return kind == ANSWER_LOST ? POOL_LOST : kind == ANSWER_TIMEOUT ? POOL_SILENT : POOL_ANSWERED;
}

static database_observer *the_observer;

void database_observe(database_observer *observer)
{
    the_observer = observer;
}

static enum database_end database_end(enum answer_kind kind)
{
    static const enum database_end ends[] = {
        [ANSWER_OK] = DATABASE_ANSWERED,   [ANSWER_CONFLICT] = DATABASE_CONFLICT, [ANSWER_BUSY] = DATABASE_BUSY,
        [ANSWER_ERROR] = DATABASE_REFUSED, [ANSWER_LOST] = DATABASE_LOST,         [ANSWER_TIMEOUT] = DATABASE_TIMEOUT,
        [ANSWER_AGAIN] = DATABASE_BUSY,
    };

    return ends[kind];
}

/* False where there was no connection for it. */
static bool database_try(struct database *database, apr_pool_t *pool, const struct statement *statement,
                         int64_t deadline, struct rows *rows, struct answer *answer, int64_t *waited)
{
    int64_t began = clock_now();
    struct connection *connection = pool_take(database->pool, deadline, statement->wait <= DATABASE_WAIT_WEB);

    *waited += clock_now() - began;
    if (!connection) {
        return false;
    }
    *answer = connection_run(connection, pool, statement, deadline, rows);
    pool_give(database->pool, connection, database_verdict(answer->kind));
    return true;
}

static int database_tries(enum answer_kind kind)
{
    return kind == ANSWER_LOST ? LOST_MAX : kind == ANSWER_AGAIN ? AGAIN_MAX : 1;
}

enum store_result database_run(struct database *database, apr_pool_t *pool, const struct statement *statement,
                               struct rows *rows)
{
    int64_t began = clock_now(), deadline = began + statement->wait, waited = 0;
    struct answer answer = {.kind = ANSWER_LOST};
    int sent[ANSWER_KINDS] = {0};
    bool connected;

    if (!database) {
        return STORE_UNAVAILABLE;
    }
    do {
        connected = database_try(database, pool, statement, deadline, rows, &answer, &waited);
        sent[answer.kind]++;
    } while (connected && sent[answer.kind] < database_tries(answer.kind) && clock_now() < deadline);
    if (the_observer) {
        the_observer(connected ? database_end(answer.kind) : DATABASE_NO_CONNECTION, waited,
                     clock_now() - began - waited);
    }
    return connected ? database_result(database, statement, &answer, rows) : STORE_UNAVAILABLE;
}
