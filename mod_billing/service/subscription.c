/* SPDX-License-Identifier: Apache-2.0
 * Asking the provider about one subscription. */
#include "service/subscription.h"

#include "service/provider.h"

struct event_result subscription_sync(apr_pool_t *pool, const struct server_config *config, const char *subscription_id)
{
    struct event_result failed = {.outcome = EVENT_FAILED};
    struct subscription_snapshot snapshot;
    struct event_answer answer = {.provider = PROVIDER_NAME, .config = config, .snapshot = &snapshot};
    struct provider_account account;
    struct provider_call call;
    struct provider_result result;

    if (!provider_account(config, pool, &account)) {
        return failed;
    }
    call = provider_call(pool, config, &account, PROVIDER_TIMEOUT_WEBHOOK);
    result = account.provider->subscription_fetch(&call, subscription_id, &snapshot);
    provider_log(&result, "fetch a subscription");
    if (result.outcome != PROVIDER_OK) {
        return failed;
    }
    answer.answered_at = result.date;
    return event_apply_answer(pool, &answer);
}
