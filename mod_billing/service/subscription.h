/* SPDX-License-Identifier: Apache-2.0
 * Bringing a subscription up to what the provider says now, without an event. */
#ifndef BILLING_SERVICE_SUBSCRIPTION_H
#define BILLING_SERVICE_SUBSCRIPTION_H

#include "config/config.h"
#include "provider/provider.h"
#include "service/event.h"

/** Asks the provider and applies the answer, as event_apply_answer does. EVENT_APPLIED, EVENT_STALE, EVENT_DEAD with
 * the reason, or EVENT_FAILED where provider or database did not answer. */
struct event_result subscription_sync(apr_pool_t *pool, const struct server_config *config,
                                      const char *subscription_id);

/** The same, for those who need to know how the provider answered. `result` is that of subscription_sync. */
enum provider_outcome subscription_ask(apr_pool_t *pool, const struct server_config *config,
                                       const char *subscription_id, struct event_result *result);

#endif
