/* SPDX-License-Identifier: Apache-2.0
 * Explaining with what is known of the org. */
#include "service/explain.h"

#include "service/runtime.h"
#include "service/state.h"

void explain_org(apr_pool_t *pool, const struct feature *feature, const struct gate_context *context, bool livemode,
                 struct explained *explained)
{
    const struct runtime *child = runtime();

    explained->source = NULL;
    if (context->org && child->table && table_lookup(child->table, context->org, livemode, &explained->state)) {
        explained->source = "shared_memory";
    } else if (context->org && state_find(pool, context->org, livemode, &explained->state)) {
        explained->source = "database";
    }
    explained->known = explained->source != NULL;
    explained->explanation =
        explain_decision(feature, &child->config->catalogue, context, explained->known ? &explained->state : NULL);
}
