/* SPDX-License-Identifier: Apache-2.0
 * The module record and its hooks; nothing else. */
#include "config/config.h"

#include <ap_config.h>

static int billing_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    config_reset(pconf);
    return OK;
}

static int billing_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    (void)plog;
    return config_check(pconf, ptemp, server);
}

static void billing_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_pre_config(billing_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(billing_check_config, NULL, NULL, APR_HOOK_MIDDLE);
}

__attribute__((visibility("default"))) AP_DECLARE_MODULE(attune_billing) = {
    STANDARD20_MODULE_STUFF, config_dir_create, config_dir_merge, config_server_create,
    config_server_merge,     config_directives, billing_hooks,    AP_MODULE_FLAG_NONE,
};
