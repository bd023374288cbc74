/* SPDX-License-Identifier: Apache-2.0
 * What operators change of an org: written, audited, and visible in every child before the answer. */
#ifndef BILLING_SERVICE_ORG_H
#define BILLING_SERVICE_ORG_H

#include "store/org.h"

/** As store_org_configure. */
enum store_result org_configure(apr_pool_t *pool, const struct org_actor *actor, const struct org_config *config);

/** As store_override_add and store_override_remove. */
enum store_result org_override_add(apr_pool_t *pool, const struct org_actor *actor, const struct org_override *override,
                                   int64_t *override_id);
enum store_result org_override_remove(apr_pool_t *pool, const struct org_actor *actor, int64_t override_id);

#endif
