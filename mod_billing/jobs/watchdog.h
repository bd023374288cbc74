/* SPDX-License-Identifier: Apache-2.0
 * Work beside requests, in threads that mod_watchdog runs in one child each of this node. */
#ifndef BILLING_JOBS_WATCHDOG_H
#define BILLING_JOBS_WATCHDOG_H

#include <httpd.h>

/** From post_config. OK, or an error that was logged. Without mod_watchdog the table is filled on demand only, which is
 * logged as well. */
int watchdog_register(apr_pool_t *pconf, server_rec *server);

#endif
