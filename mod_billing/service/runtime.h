/* SPDX-License-Identifier: Apache-2.0
 * What a child process works with: the configuration, the database, the table in shared memory. Set up before the child
 * serves its first request, constant afterwards. */
#ifndef BILLING_SERVICE_RUNTIME_H
#define BILLING_SERVICE_RUNTIME_H

#include "cache/table.h"
#include "config/config.h"
#include "store/database.h"

struct runtime {
    server_rec *server;
    apr_pool_t *pool;
    const struct global_config *config;
    struct database *database; /* NULL: none is configured */
    struct table *table;       /* NULL: there was no room for it; everything is a miss */
    uint64_t fingerprint;      /* of the catalogue */
};

const struct runtime *runtime(void);

/** In each child, from child_init. The table comes from the parent. */
void runtime_start(apr_pool_t *pool, server_rec *server, struct table *table);

/** The id that marks what this installation creates at the provider: BillingInstallId, else the database's, remembered
 * after the first time. NULL while neither is known. */
const char *runtime_install_id(const struct server_config *config, apr_pool_t *pool);

/** Seconds since the epoch. */
int64_t runtime_now(void);

/** True once this child is to end: work beside requests must, since httpd waits for it. */
bool runtime_stopping(void);

#endif
