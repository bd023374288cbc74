/* SPDX-License-Identifier: Apache-2.0
 * The decision about an org as operators ask for it, with where each input came from. */
#ifndef BILLING_SERVICE_EXPLAIN_H
#define BILLING_SERVICE_EXPLAIN_H

#include "config/config.h"
#include "domain/explain.h"

#include <apr_pools.h>

struct explained {
    struct org_state state; /* where known */
    bool known;
    const char *source;             /* of the state: "shared_memory", "database"; NULL: nothing could tell */
    struct explanation explanation; /* points into the state */
};

/** context->org may be NULL. */
void explain_org(apr_pool_t *pool, const struct feature *feature, const struct gate_context *context, bool livemode,
                 struct explained *explained);

#endif
