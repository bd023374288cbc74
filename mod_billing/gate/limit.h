/* SPDX-License-Identifier: Apache-2.0
 * BillingRequireLimit: counts, by the site's own statement, how much of a limit an org has used.
 *
 * A limit is enforced as the required features are that use it (BillingUses), where there are any at the same place,
 * and by BillingEnforceDefault where there are none, so it is switched on in the same steps and never by surprise.
 *
 * What is counted is what is there before the request: of two requests at the same moment both may pass. */
#ifndef BILLING_GATE_LIMIT_H
#define BILLING_GATE_LIMIT_H

#include "gate/request.h"

/** Once per child. Statements of the site have connections of their own, half as many as DBDMax, so that slow ones
 * stand in nobody's way. */
void limit_start(apr_pool_t *pool, server_rec *server);

/** The denial of the first limit that denies, of those that `config` has, or NULL. Takes LIMIT_WAIT at most for each
 * limit that is set for the org. */
const struct denial *limit_judge(request_rec *r, const struct dir_config *config);

#define LIMIT_WAIT apr_time_from_sec(1)

/** True where somebody should sign in: a limit can deny, and whose it is depends on the user, who is not known yet. */
bool limit_needs_user(request_rec *r, const struct dir_config *config);

#endif
