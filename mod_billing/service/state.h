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

/** Its two halves, for who may already know that the second has no answer. */
bool state_remembered(const char *org, bool livemode, struct org_state *state);
bool state_ask(apr_pool_t *pool, const char *org, bool livemode, struct org_state *state);

/** Once per child, before it serves. */
void state_start(apr_pool_t *pool);

/** Drawn before the statement that reads or writes a state, and handed to state_publish with it: what was stored and
 * lost again in between may have been newer. */
uint64_t state_ticket(const char *org, bool livemode);

/** Makes a state that was just written or read visible in every child; or, where the ticket says that it may be outrun,
 * makes whoever asks next ask the database. */
void state_publish(const char *org, bool livemode, const struct org_state *state, uint64_t ticket);

/** The same without a ticket: for the change feed alone, which tells again whatever has changed since. */
void state_bring(const char *org, bool livemode, const struct org_state *state);

/** The same for what somebody else's statement has written: read again. Where it cannot be, the change feed brings it.
 */
void state_refresh(apr_pool_t *pool, const char *org, bool livemode);

#endif
