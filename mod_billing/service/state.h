/* SPDX-License-Identifier: Apache-2.0
 * What is known of an org right now, from wherever it is nearest. */
#ifndef BILLING_SERVICE_STATE_H
#define BILLING_SERVICE_STATE_H

#include "domain/state.h"

#include <apr_pools.h>
#include <stdbool.h>

/** From shared memory, or on a miss from the database, once per org and child however many ask at the same time. False
 * where neither can tell. Waits DATABASE_WAIT_GATE at most. */
bool state_find(apr_pool_t *pool, const char *org, bool livemode, struct org_state *state);

/** Once per child, before it serves. */
void state_start(apr_pool_t *pool);

/** Makes a state that was just written visible in every child. */
void state_publish(const char *org, bool livemode, const struct org_state *state);

/** The same for what somebody else's statement has written: read again. Where it cannot be, the change feed brings it. */
void state_refresh(apr_pool_t *pool, const char *org, bool livemode);

#endif
