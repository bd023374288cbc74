/* SPDX-License-Identifier: Apache-2.0
 * Shared memory that outlives reloads, and the look at the schema. */
#include "service/startup.h"

#include "config/config.h"
#include "store/installation.h"

#include <apr_shm.h>
#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define RETAINED_KEY "mod_attune_billing-table"

/* What outlives a reload of the configuration, and the unloading of this module with it. */
struct retained {
    apr_shm_t *shm;
    void *memory;
    apr_size_t size;
    bool started; /* a configuration has been in use: this is a reload */
};

static struct table *the_table;

struct table *startup_table(void)
{
    return the_table;
}

/* An anonymous segment starts with a word of APR's own (shmem/unix/shm.c), so it is aligned by hand. */
static void *startup_align(void *base)
{
    return (void *)(((apr_uintptr_t)base + TABLE_ALIGNMENT - 1) & ~(apr_uintptr_t)(TABLE_ALIGNMENT - 1));
}

/* In the process pool: a segment of pconf's would leave the children of the last generation writing to another one
 * than the new ones read (facts: tried with a graceful reload under load). */
static void startup_memory(struct retained *retained, server_rec *server)
{
    apr_size_t size = table_size(config_global()->cache_orgs);
    apr_status_t status;

    if (retained->memory && retained->size == size && (the_table = table_attach(retained->memory, size))) {
        return;
    }
    retained->memory = NULL;
    status = apr_shm_create(&retained->shm, size + TABLE_ALIGNMENT, NULL, server->process->pool);
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, server,
                     "ATB0221: no %" APR_SIZE_T_FMT " bytes of shared memory for %" APR_SIZE_T_FMT
                     " orgs: every decision asks the database. Lower BillingCacheOrgs, or give the machine more",
                     size, config_global()->cache_orgs);
        return;
    }
    retained->memory = startup_align(apr_shm_baseaddr_get(retained->shm));
    retained->size = size;
    the_table = table_format(retained->memory, size, config_global()->cache_orgs);
}

static int startup_schema(apr_pool_t *ptemp, server_rec *server, bool first)
{
    struct database *database = database_open(ptemp, &config_global()->database, server);
    struct installation installation;

    if (!first || !database || store_installation_find(database, ptemp, DATABASE_WAIT_WEB, &installation) != STORE_OK ||
        installation.version >= SCHEMA_VERSION_NEEDED) {
        return OK;
    }
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, server,
                 "ATB0222: the database of DBDParams has %s, version %d of the schema is needed: run `sql/migrate "
                 "CONNINFO` and start again",
                 installation.version ? apr_psprintf(ptemp, "version %d", installation.version) : "no schema billing",
                 SCHEMA_VERSION_NEEDED);
    return HTTP_INTERNAL_SERVER_ERROR;
}

int startup_prepare(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *server)
{
    struct retained *retained = ap_retained_data_get(RETAINED_KEY);
    bool first;

    (void)pconf;
    if (!retained) {
        retained = ap_retained_data_create(RETAINED_KEY, sizeof(*retained));
    }
    first = !retained->started;
    if (startup_schema(ptemp, server, first) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    retained->started = true;
    startup_memory(retained, server);
    return OK;
}
