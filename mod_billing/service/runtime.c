/* SPDX-License-Identifier: Apache-2.0
 * The child's one runtime. */
#include "service/runtime.h"

#include "store/installation.h"

#include <ap_mpm.h>
#include <stdatomic.h>
#include <stdlib.h>

static struct runtime child;
static _Atomic(char *) install_id; /* once known */

const struct runtime *runtime(void)
{
    return &child;
}

void runtime_start(apr_pool_t *pool, server_rec *server, struct table *table)
{
    child.pool = pool;
    child.server = server;
    child.config = config_global();
    child.table = table;
    child.fingerprint = catalogue_fingerprint(&child.config->catalogue);
    child.database = database_open(pool, &child.config->database, server);
    if (child.database) {
        database_serve(child.database);
    }
    install_id = NULL;
}

const char *runtime_install_id(const struct server_config *config, apr_pool_t *pool)
{
    struct installation installation;

    if (config->install_id) {
        return config->install_id;
    }
    if (!install_id && store_installation_find(child.database, pool, DATABASE_WAIT_WEB, &installation) == STORE_OK &&
        installation.install_id) {
        /* malloc, not a pool: any thread may come here, and the first answer stays for the life of the child. */
        char *copy = strdup(installation.install_id), *unknown = NULL;
        if (copy && !atomic_compare_exchange_strong(&install_id, &unknown, copy)) {
            free(copy);
        }
    }
    return install_id;
}

int64_t runtime_now(void)
{
    return apr_time_sec(apr_time_now());
}

bool runtime_stopping(void)
{
    int state = AP_MPMQ_RUNNING;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) != APR_SUCCESS || state == AP_MPMQ_STOPPING;
}
