/* SPDX-License-Identifier: Apache-2.0
 * schema_version and installation. */
#include "store/installation.h"

enum store_result store_installation_find(struct database *database, apr_pool_t *pool, apr_interval_time_t wait,
                                          struct installation *installation)
{
    struct statement exists = {.sql = "SELECT to_regclass('billing.schema_version') IS NOT NULL", .wait = wait};
    struct statement read = {.sql = "SELECT (SELECT max(version) FROM billing.schema_version),"
                                    " (SELECT install_id FROM billing.installation)",
                             .wait = wait};
    struct rows rows;
    enum store_result result = database_run(database, pool, &exists, &rows);

    installation->version = 0;
    installation->install_id = NULL;
    if (result != STORE_OK || !rows_bool(&rows, 0, 0)) {
        return result;
    }
    result = database_run(database, pool, &read, &rows);
    if (result == STORE_OK) {
        installation->version = (int)rows_int(&rows, 0, 0);
        installation->install_id = rows_text(&rows, 0, 1);
    }
    return result;
}
