/* SPDX-License-Identifier: Apache-2.0
 * The payment provider of a server, ready to be called. */
#ifndef BILLING_SERVICE_PROVIDER_H
#define BILLING_SERVICE_PROVIDER_H

#include "config/config.h"
#include "provider/provider.h"
#include "service/event.h"

/* Everything is bought from this one so far; the catalogue, the database and the routes would take others. */
#define PROVIDER_NAME "stripe"

/** Once per child, before it serves: a client for each API base that any server names. */
void provider_start(apr_pool_t *pool, server_rec *server);

/** Fills in the account that `config` names. False where none can be called: no secret key. Strings live as long as the
 * configuration, or in `pool`. */
bool provider_account(const struct server_config *config, apr_pool_t *pool, struct provider_account *account);

/** One call within `timeout` (the site's BillingStripeTimeout where 0). */
struct provider_call provider_call(apr_pool_t *pool, const struct server_config *config,
                                   const struct provider_account *account, apr_interval_time_t timeout);

/** The judge who asks this account; lives in `pool`. NULL where it cannot be called. */
const struct event_judge *provider_judge(apr_pool_t *pool, const struct server_config *config,
                                         apr_interval_time_t timeout);

/** Logs what came back unless it is OK or NOT_FOUND. */
void provider_log(const struct provider_result *result, const char *what);

#endif
