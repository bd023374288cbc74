/* SPDX-License-Identifier: Apache-2.0
 * Registering with mod_watchdog. */
#include "jobs/watchdog.h"

#include "config/config.h"
#include "jobs/feed.h"
#include "jobs/report.h"
#include "jobs/sweep.h"
#include "service/runtime.h"

#include <http_log.h>
#include <mod_watchdog.h>

APLOG_USE_MODULE(attune_billing);

/* A thread each, so that waiting for the provider, or for a long statement, never holds up the change feed. */
#define FEED_NAME   "_attune_billing_feed_"
#define SWEEP_NAME  "_attune_billing_sweep_"
#define REPORT_NAME "_attune_billing_report_"

/* They always succeed: a callback that fails once is never called again (mod_watchdog.c:204-210). While the watchdog is
 * STARTING this child may not be set up yet. */
static apr_status_t feed_callback(int state, void *data, apr_pool_t *pool)
{
    (void)data;
    if (state == AP_WATCHDOG_STATE_RUNNING && runtime()->config) {
        feed_pass(pool);
    }
    return APR_SUCCESS;
}

static apr_status_t sweep_callback(int state, void *data, apr_pool_t *pool)
{
    (void)data;
    if (state == AP_WATCHDOG_STATE_RUNNING && runtime()->config) {
        sweep_pass(pool);
    }
    return APR_SUCCESS;
}

static apr_status_t report_callback(int state, void *data, apr_pool_t *pool)
{
    (void)data;
    if (state == AP_WATCHDOG_STATE_RUNNING && runtime()->config) {
        report_pass(pool);
    }
    return APR_SUCCESS;
}

static apr_status_t watchdog_add(apr_pool_t *pconf, const char *name, apr_interval_time_t interval,
                                 ap_watchdog_callback_fn_t *callback)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *watchdog;
    apr_status_t status = get && add ? get(&watchdog, name, 0, 1, pconf) : APR_ENOTIMPL;

    if (status == APR_SUCCESS) {
        status = add(watchdog, interval, NULL, callback);
    }
    return APR_STATUS_IS_EEXIST(status) ? APR_SUCCESS : status;
}

int watchdog_register(apr_pool_t *pconf, server_rec *server)
{
    apr_status_t status = watchdog_add(pconf, FEED_NAME, config_global()->cache_refresh, feed_callback);

    if (status == APR_SUCCESS) {
        status = watchdog_add(pconf, SWEEP_NAME, sweep_tick(), sweep_callback);
    }
    if (status == APR_SUCCESS) {
        status = watchdog_add(pconf, REPORT_NAME, REPORT_INTERVAL, report_callback);
    }
    if (status == APR_ENOTIMPL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                     "ATB0502: mod_watchdog is not loaded: changes made elsewhere are not seen, nothing is swept");
        return OK;
    }
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, server, "ATB0503: cannot register with mod_watchdog");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}
