/* SPDX-License-Identifier: Apache-2.0
 * Which database mod_dbd was told of. It offers no way to ask, so its directives are read where they stand. */
#ifndef BILLING_CONFIG_DATABASE_H
#define BILLING_CONFIG_DATABASE_H

#include "config/config.h"

struct database_found {
    struct database_config config;
    struct config_place driver_place;
    struct config_place second_place; /* of a DBDriver in another virtual host; `file` NULL: there is none */
};

/** The main server's DBDriver, DBDParams and DBDMax; those of the one virtual host that has a DBDriver where the main
 * server has none. */
struct database_found database_find(apr_pool_t *pool);

#endif
