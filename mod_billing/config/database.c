/* SPDX-License-Identifier: Apache-2.0
 * Which database mod_dbd was told of. */
#include "config/database.h"

#include "config/tree.h"
#include "config/value.h"

#define DATABASE_MAX_DEFAULT 10 /* mod_dbd's own */

static struct database_found database_in(apr_pool_t *pool, const ap_directive_t *driver, const ap_directive_t *first)
{
    struct database_found found = {{tree_argument(pool, driver), "", DATABASE_MAX_DEFAULT}, tree_place(driver), {0}};
    const ap_directive_t *params = tree_last(first, "DBDParams");
    if (params) {
        found.config.params = tree_argument(pool, params);
    }
    int64_t max;
    const ap_directive_t *maximum = tree_last(first, "DBDMax");
    if (maximum && value_number(tree_argument(pool, maximum), &max) && max > 0 && max <= INT32_MAX) {
        found.config.max = (int)max;
    }
    return found;
}

struct database_found database_find(apr_pool_t *pool)
{
    struct database_found found = {0};
    const ap_directive_t *driver = tree_last(ap_conftree, "DBDriver");
    if (driver) {
        return database_in(pool, driver, ap_conftree);
    }
    for (const ap_directive_t *host = ap_conftree; host; host = host->next) {
        driver = tree_is_host(host) ? tree_last(host->first_child, "DBDriver") : NULL;
        if (driver && found.config.driver) {
            found.second_place = tree_place(driver);
        } else if (driver) {
            found = database_in(pool, driver, host->first_child);
        }
    }
    return found;
}
