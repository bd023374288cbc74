/* SPDX-License-Identifier: Apache-2.0
 * Shared memory that outlives reloads, its content that outlives stops, and the look at the schema. */
#include "service/startup.h"

#include "cache/segment.h"
#include "cache/snapshot.h"
#include "config/config.h"
#include "store/installation.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define RETAINED_KEY  "mod_attune_billing-table"
#define SNAPSHOT_NAME "attune_billing.state" /* below DefaultRuntimeDir */

/* A state says itself how old it is, so this only keeps rubbish out. */
#define SNAPSHOT_AGE_MAX INT64_C(2592000) /* 30 days */

/* What outlives a reload of the configuration, and the unloading of this module with it. */
struct retained {
    struct segment *segment;
    bool started; /* a configuration has been in use: this is a reload */
};

static struct table *the_table;

struct table *startup_table(void)
{
    return the_table;
}

/* Saving and loading */

struct keeping {
    struct table *table;
    const char *path, *origin;
};

/* A cleanup of pconf, so it also runs at each reload, and there is nothing to do then. The log is closed already when
 * the server stops; standard error still goes there. */
static apr_status_t keeping_save(void *data)
{
    const struct keeping *keeping = data;
    char reason[SNAPSHOT_REASON_SIZE];

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_EXITING &&
        !snapshot_save(keeping->table, keeping->path, keeping->origin, apr_time_sec(apr_time_now()), reason)) {
        fprintf(stderr, "ATB0224: the state of the orgs was not saved in %s (%s): the next start asks the database\n",
                keeping->path, reason);
    }
    return APR_SUCCESS;
}

static void keeping_load(const struct keeping *keeping, server_rec *server)
{
    char reason[SNAPSHOT_REASON_SIZE];
    uint64_t entries;

    switch (snapshot_load(keeping->table, keeping->path, keeping->origin, apr_time_sec(apr_time_now()),
                          SNAPSHOT_AGE_MAX, &entries, reason)) {
    case SNAPSHOT_LOADED:
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, server, "ATB0225: %" APR_UINT64_T_FMT " orgs are known from %s",
                     (apr_uint64_t)entries, keeping->path);
        break;
    case SNAPSHOT_REFUSED:
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, "ATB0226: %s is not used: %s", keeping->path, reason);
        break;
    default:
        break;
    }
}

static void startup_keep(apr_pool_t *pconf, server_rec *server, bool first)
{
    struct keeping *keeping = apr_palloc(pconf, sizeof(*keeping));

    keeping->table = the_table;
    keeping->path = ap_runtime_dir_relative(pconf, SNAPSHOT_NAME);
    keeping->origin = database_origin(pconf, &config_global()->database);
    if (first) {
        keeping_load(keeping, server);
    }
    apr_pool_cleanup_register(pconf, keeping, keeping_save, apr_pool_cleanup_null);
}

/* The segment is of the process: one of pconf's would leave the children of the last generation writing to another one
 * than the new ones read. */
static void startup_memory(struct retained *retained, apr_pool_t *pconf, server_rec *server)
{
    const char *reason;

    retained->segment = segment_open(retained->segment, config_global()->cache_orgs, server->process->pool, &reason);
    the_table = retained->segment ? segment_table(retained->segment) : NULL;
    if (reason) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "ATB0221: %s: %s. Lower BillingCacheOrgs, or give the machine more", reason,
                     the_table ? "the memory of before is used" : "every decision asks the database");
    }
    if (the_table) {
        /* From now on the children of another catalogue write no states, and the change feed reads all anew. */
        table_mark_set(the_table, TABLE_CATALOGUE, catalogue_fingerprint(&config_global()->catalogue));
        startup_keep(pconf, server, !retained->started);
    }
}

/* The schema */

static int startup_refuse(apr_pool_t *ptemp, server_rec *server, const struct installation *installation)
{
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, server,
                 "ATB0222: the database of DBDParams has %s, version %d of the schema is needed: run `sql/migrate "
                 "CONNINFO` and start again",
                 installation->version ? apr_psprintf(ptemp, "version %d", installation->version) : "no schema billing",
                 SCHEMA_VERSION_NEEDED);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* Of a first start alone: a reload that fails takes down what works. */
static int startup_schema(apr_pool_t *ptemp, server_rec *server)
{
    struct database *database = database_open(ptemp, &config_global()->database, server);
    struct installation installation;

    switch (store_installation_find(database, ptemp, DATABASE_WAIT_WEB, &installation)) {
    case STORE_OK:
        return installation.version >= SCHEMA_VERSION_NEEDED ? OK : startup_refuse(ptemp, server, &installation);
    case STORE_ERROR:
        ap_log_error(
            APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, server,
            "ATB0223: the database of DBDParams does not let its user read the schema billing: run `sql/migrate "
            "CONNINFO --grant USER` and start again");
        return HTTP_INTERNAL_SERVER_ERROR;
    default:
        return OK;
    }
}

int startup_prepare(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *server)
{
    struct retained *retained = ap_retained_data_get(RETAINED_KEY);

    if (!retained) {
        retained = ap_retained_data_create(RETAINED_KEY, sizeof(*retained));
    }
    if (!retained->started && startup_schema(ptemp, server) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    startup_memory(retained, pconf, server);
    retained->started = true;
    return OK;
}
