/* SPDX-License-Identifier: Apache-2.0
 * Whose database this is, and whether its schema is one that this module can work with. */
#ifndef BILLING_STORE_INSTALLATION_H
#define BILLING_STORE_INSTALLATION_H

#include "store/database.h"

/* The newest migration in sql/. Later versions only add, so a newer schema is fine. */
#define SCHEMA_VERSION_NEEDED 5

struct installation {
    int version;            /* 0: no schema */
    const char *install_id; /* random, made with the schema */
};

enum store_result store_installation_find(struct database *database, apr_pool_t *pool, apr_interval_time_t wait,
                                          struct installation *installation);

#endif
