/* SPDX-License-Identifier: Apache-2.0
 * Asking the provider about one subscription. */
#include "service/subscription.h"

#include "service/provider.h"

enum provider_outcome subscription_ask(apr_pool_t *pool, const struct server_config *config,
                                       const char *subscription_id, struct event_result *result)
{
    struct subscription_snapshot snapshot;
    struct event_answer answer = {.provider = PROVIDER_NAME, .config = config, .snapshot = &snapshot};
    struct provider_account account;
    struct provider_call call;
    struct provider_result asked;

    *result = (struct event_result){.outcome = EVENT_FAILED};
    if (!provider_account(config, pool, &account)) {
        return PROVIDER_REFUSED;
    }
    call = provider_call(pool, config, &account, PROVIDER_TIMEOUT_WEBHOOK);
    asked = account.provider->subscription_fetch(&call, subscription_id, &snapshot);
    provider_log(&asked, "fetch a subscription");
    if (asked.outcome == PROVIDER_OK) {
        answer.answered_at = asked.date;
        *result = event_apply_answer(pool, &answer);
    }
    return asked.outcome;
}

struct event_result subscription_sync(apr_pool_t *pool, const struct server_config *config, const char *subscription_id)
{
    struct event_result result;

    subscription_ask(pool, config, subscription_id, &result);
    return result;
}
