/* SPDX-License-Identifier: Apache-2.0
 * Opening the portal. */
#include "service/portal.h"

#include "service/customer.h"
#include "service/provider.h"
#include "service/runtime.h"

#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define RETRY_AFTER_DEFAULT 5

struct portal_answer portal_open(apr_pool_t *pool, const struct server_config *config, const char *org,
                                 enum portal_flow flow)
{
    struct provider_account account;
    struct provider_call call;
    struct provider_result result;
    struct portal_request request = {.return_url = config->return_url, .flow = flow};
    struct portal_answer answer = {.outcome = PORTAL_READY};
    bool livemode = config->mode == MODE_LIVE;

    if (!provider_account(config, pool, &account) || !config->return_url) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, runtime()->server, "ATB0243: there is no portal: %s is not set",
                     config->return_url ? "BillingStripeSecretKey" : "BillingReturnURL");
        return (struct portal_answer){.outcome = PORTAL_REFUSED};
    }
    if (store_customer_find(runtime()->database, pool, org, livemode, &request.customer) != STORE_OK) {
        return (struct portal_answer){.outcome = PORTAL_NO_STATE, .retry_after = RETRY_AFTER_DEFAULT};
    }
    if (!request.customer) {
        return (struct portal_answer){.outcome = PORTAL_NO_CUSTOMER};
    }
    call = provider_call(pool, config, &account, 0);
    result = account.provider->portal_create(&call, &request, &answer.url);
    provider_log(&result, "open the portal");
    switch (result.outcome) {
    case PROVIDER_OK:
        return answer;
    case PROVIDER_NOT_FOUND:
        customer_gone(pool, &account, org, request.customer);
        return (struct portal_answer){.outcome = PORTAL_NO_CUSTOMER};
    case PROVIDER_REFUSED:
        return (struct portal_answer){.outcome = PORTAL_REFUSED};
    default:
        return (struct portal_answer){.outcome = PORTAL_UNAVAILABLE, .retry_after = result.retry_after};
    }
}
