/* SPDX-License-Identifier: Apache-2.0
 * Grandfathering: written, audited, and visible in every child before the answer. */
#ifndef BILLING_SERVICE_GRANDFATHER_H
#define BILLING_SERVICE_GRANDFATHER_H

#include "store/grandfather.h"

/** Writes for the orgs that are not skipped, and makes it visible. Those that were granted or refused the feature
 * meanwhile are skipped afterwards. asked->token is set here.
 * @param batch_id 0 where there was nobody to write for */
enum store_result grandfather_write(apr_pool_t *pool, const struct org_actor *actor, struct grandfathering *asked,
                                    struct grandfather_org *orgs, int count, int64_t *batch_id);

/** As store_grandfather_undo. */
enum store_result grandfather_undo(apr_pool_t *pool, const struct org_actor *actor, int64_t batch_id,
                                   struct grandfather_batch *batch, const char *const **orgs, size_t *count);

#endif
