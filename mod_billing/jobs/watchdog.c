/* SPDX-License-Identifier: Apache-2.0
 * Registering with mod_watchdog. */
#include "jobs/watchdog.h"

#include "config/config.h"
#include "jobs/feed.h"
#include "service/runtime.h"

#include <http_log.h>
#include <mod_watchdog.h>

APLOG_USE_MODULE(attune_billing);

#define WATCHDOG_NAME "_attune_billing_feed_"

/* Always succeeds: a callback that fails once is never called again (mod_watchdog.c:204-210). */
static apr_status_t watchdog_callback(int state, void *data, apr_pool_t *pool)
{
    (void)data;
    if (state == AP_WATCHDOG_STATE_RUNNING && runtime()->config) {
        feed_pass(pool);
    }
    return APR_SUCCESS;
}

int watchdog_register(apr_pool_t *pconf, server_rec *server)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *watchdog;
    apr_status_t status;

    if (!get || !add) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                     "ATB0502: mod_watchdog is not loaded: changes made elsewhere are not seen, nothing is swept");
        return OK;
    }
    status = get(&watchdog, WATCHDOG_NAME, 0, 1, pconf);
    if (status == APR_SUCCESS) {
        status = add(watchdog, config_global()->cache_refresh, NULL, watchdog_callback);
    }
    if (status != APR_SUCCESS && !APR_STATUS_IS_EEXIST(status)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, server, "ATB0503: cannot register with mod_watchdog");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}
