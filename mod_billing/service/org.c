/* SPDX-License-Identifier: Apache-2.0
 * Operators' changes. */
#include "service/org.h"

#include "service/runtime.h"
#include "service/state.h"

enum store_result org_configure(apr_pool_t *pool, const struct org_actor *actor, const struct org_config *config)
{
    enum store_result result = store_org_configure(runtime()->database, pool, actor, config);

    if (result == STORE_OK) {
        state_refresh(pool, actor->org, actor->livemode);
        if (config->created_at_set || config->app_type_set) {
            state_refresh(pool, actor->org, !actor->livemode);
        }
    }
    return result;
}

enum store_result org_override_add(apr_pool_t *pool, const struct org_actor *actor, const struct org_override *override,
                                   int64_t *override_id)
{
    enum store_result result = store_override_add(runtime()->database, pool, actor, override, override_id);

    if (result == STORE_OK) {
        state_refresh(pool, actor->org, actor->livemode);
    }
    return result;
}

enum store_result org_override_remove(apr_pool_t *pool, const struct org_actor *actor, int64_t override_id)
{
    enum store_result result = store_override_remove(runtime()->database, pool, actor, override_id);

    if (result == STORE_OK) {
        state_refresh(pool, actor->org, actor->livemode);
    }
    return result;
}
