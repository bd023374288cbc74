/* SPDX-License-Identifier: Apache-2.0
 * The module record and its hooks. */
#include "config/config.h"
#include "gate/caching.h"
#include "gate/export.h"
#include "gate/expression.h"
#include "gate/forward.h"
#include "gate/hooks.h"
#include "gate/limit.h"
#include "gate/notes.h"
#include "gate/require.h"
#include "jobs/watchdog.h"
#include "provider/http.h"
#include "service/metrics.h"
#include "service/provider.h"
#include "service/runtime.h"
#include "service/shadow.h"
#include "service/startup.h"
#include "service/state.h"
#include "web/ofrep.h"
#include "web/origin.h"
#include "web/routes.h"
#include "web/status.h"

#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <httpd.h>

AP_DECLARE_MODULE(attune_billing);

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

static int billing_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK; /* the first of the two passes of a start */
    }
    if (http_initialize(pconf) != APR_SUCCESS || startup_prepare(pconf, ptemp, server) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    shadow_prepare(server);
    metrics_prepare(pconf, server);
    notes_prepare();
    ofrep_prepare(pconf);
    return watchdog_register(pconf, server);
}

static void billing_child_init(apr_pool_t *pchild, server_rec *server)
{
    metrics_start();
    runtime_start(pchild, server, startup_table());
    state_start(pchild);
    shadow_start(pchild);
    provider_start(pchild, server);
    caching_start();
    limit_start(pchild, server);
}

static void billing_hooks(apr_pool_t *pool)
{
    static const char *const watchdog[] = {"mod_watchdog.c", NULL};
    static const char *const ssl[] = {"mod_ssl.c", NULL};
    /* These set the environment in their fixups. */
    static const char *const environment[] = {"mod_env.c", "mod_ssl.c", "mod_session.c", "mod_lua.c", NULL};

    ap_hook_pre_config(billing_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(billing_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(billing_post_config, NULL, watchdog, APR_HOOK_MIDDLE);
    ap_hook_child_init(billing_child_init, NULL, NULL, APR_HOOK_MIDDLE);

    ap_hook_quick_handler(origin_preflight, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_pre_translate_name(routes_pre_translate_name, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_translate_name(routes_translate_name, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(routes_map_to_storage, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(routes_fixups, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(routes_handler, NULL, NULL, APR_HOOK_REALLY_FIRST);

    ap_hook_check_access(gate_access_checker, ssl, NULL, APR_HOOK_LAST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_force_authn(gate_force_authn, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_authn(gate_check_user_id, NULL, NULL, APR_HOOK_REALLY_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_type_checker(gate_type_checker, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(gate_fixups, environment, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_filter(gate_insert_filter, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_error_filter(gate_insert_error_filter, NULL, NULL, APR_HOOK_LAST);
    gate_register_filters();
    expression_register();
    require_register(pool);
    forward_register();
    export_register();
    status_register();
}

/* All else is hidden (-fvisibility=hidden). */
module AP_MODULE_DECLARE_DATA __attribute__((visibility("default"))) attune_billing_module = {
    STANDARD20_MODULE_STUFF, config_dir_create, config_dir_merge, config_server_create,
    config_server_merge,     config_directives, billing_hooks,
#if defined(AP_MODULE_FLAG_NONE)
    AP_MODULE_FLAG_NONE,
#endif
};
