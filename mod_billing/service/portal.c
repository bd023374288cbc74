/* SPDX-License-Identifier: Apache-2.0
 * Opening the portal. */
#include "service/portal.h"

#include "service/customer.h"
#include "service/provider.h"
#include "service/runtime.h"

#define RETRY_AFTER_DEFAULT 5

static struct portal_answer portal_unavailable(int retry_after)
{
    return (struct portal_answer){.outcome = PORTAL_UNAVAILABLE,
                                  .retry_after = retry_after ? retry_after : RETRY_AFTER_DEFAULT};
}

struct portal_answer portal_open(apr_pool_t *pool, const struct server_config *config, const char *org,
                                 enum portal_flow flow)
{
    struct provider_account account;
    struct provider_call call;
    struct provider_result result;
    struct portal_request request = {.return_url = config->return_url, .flow = flow};
    struct portal_answer answer = {.outcome = PORTAL_READY};
    bool livemode = config->mode == MODE_LIVE;

    if (store_customer_find(runtime()->database, pool, org, livemode, &request.customer) != STORE_OK) {
        return portal_unavailable(0);
    }
    if (!request.customer) {
        return (struct portal_answer){.outcome = PORTAL_NO_CUSTOMER};
    }
    if (!provider_account(config, pool, &account) || !config->return_url) {
        return (struct portal_answer){.outcome = PORTAL_REFUSED};
    }
    call = provider_call(pool, config, &account, 0);
    result = account.provider->portal_create(&call, &request, &answer.url);
    provider_log(&result, "open the portal");
    switch (result.outcome) {
    case PROVIDER_OK:
        return answer;
    case PROVIDER_NOT_FOUND:
        store_customer_forget(runtime()->database, pool, account.provider->name, org, livemode, request.customer);
        customer_publish(pool, org, livemode);
        return (struct portal_answer){.outcome = PORTAL_NO_CUSTOMER};
    case PROVIDER_REFUSED:
        return (struct portal_answer){.outcome = PORTAL_REFUSED};
    default:
        return portal_unavailable(result.retry_after);
    }
}
