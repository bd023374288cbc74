/* SPDX-License-Identifier: Apache-2.0
 * Accounts, and asking them about subscriptions. */
#include "service/provider.h"

#include "provider/http.h"
#include "service/runtime.h"

#include <ap_mpm.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

/* http_client by API base, "" for the provider's own. Written before the child serves, read-only afterwards. */
static apr_hash_t *clients;

static const char *client_key(const struct server_config *config)
{
    return config->stripe_api_base ? config->stripe_api_base : "";
}

/* A provider that hangs holds a thread for each call that is under way, so a quarter of the threads is never given to
 * it. A child of a single thread can keep nothing back. */
static unsigned client_concurrent(void)
{
    int threads = 1;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    threads = threads > 1 ? threads - (threads + 3) / 4 : 1;
    return threads < HTTP_CONCURRENT_DEFAULT ? (unsigned)threads : HTTP_CONCURRENT_DEFAULT;
}

void provider_start(apr_pool_t *pool, server_rec *server)
{
    struct http_settings settings = {.concurrent = client_concurrent()};

    clients = apr_hash_make(pool);
    for (server_rec *each = server; each; each = each->next) {
        const struct server_config *config = config_server(each);
        struct http_client *client;

        if (config->stripe_key && !apr_hash_get(clients, client_key(config), APR_HASH_KEY_STRING) &&
            http_client_create(pool, &settings, &client) == APR_SUCCESS) {
            apr_hash_set(clients, client_key(config), APR_HASH_KEY_STRING, client);
        }
    }
}

bool provider_account(const struct server_config *config, apr_pool_t *pool, struct provider_account *account)
{
    memset(account, 0, sizeof(*account));
    account->provider = provider_find(PROVIDER_NAME);
    account->http = clients ? apr_hash_get(clients, client_key(config), APR_HASH_KEY_STRING) : NULL;
    account->secret_key = config->stripe_key;
    account->api_base = config->stripe_api_base;
    account->org_metadata = config->org_metadata ? config->org_metadata : CONFIG_ORG_METADATA_DEFAULT;
    account->installation = runtime_install_id(config, pool);
    account->livemode = config->mode == MODE_LIVE;
    return account->http && account->secret_key;
}

struct provider_call provider_call(apr_pool_t *pool, const struct server_config *config,
                                   const struct provider_account *account, apr_interval_time_t timeout)
{
    apr_interval_time_t site = config->stripe_timeout ? config->stripe_timeout : PROVIDER_TIMEOUT_DEFAULT;

    return (struct provider_call){
        .pool = pool, .account = account, .timeout = timeout && timeout < site ? timeout : site};
}

void provider_log(const struct provider_result *result, const char *what)
{
    if (result->outcome != PROVIDER_OK && result->outcome != PROVIDER_NOT_FOUND) {
        ap_log_error(APLOG_MARK, result->outcome == PROVIDER_REFUSED ? APLOG_ERR : APLOG_WARNING, 0, runtime()->server,
                     "ATB0231: the provider, asked to %s: %s (%s%s%s)", what, result->detail,
                     provider_outcome_name(result->outcome), result->request_id ? ", " : "",
                     result->request_id ? result->request_id : "");
    }
}

struct judge {
    struct event_judge judge;
    const struct server_config *config;
    struct provider_account account;
    apr_interval_time_t timeout;
};

static bool judge_fetch(void *context, apr_pool_t *pool, const char *subscription_id,
                        struct subscription_snapshot *snapshot, int64_t *answered_at)
{
    const struct judge *judge = context;
    struct provider_call call = provider_call(pool, judge->config, &judge->account, judge->timeout);
    struct provider_result result = judge->account.provider->subscription_fetch(&call, subscription_id, snapshot);

    provider_log(&result, "fetch a subscription");
    *answered_at = result.date;
    return result.outcome == PROVIDER_OK;
}

const struct event_judge *provider_judge(apr_pool_t *pool, const struct server_config *config,
                                         apr_interval_time_t timeout)
{
    struct judge *judge = apr_pcalloc(pool, sizeof(*judge));

    judge->judge.fetch = judge_fetch;
    judge->judge.context = judge;
    judge->config = config;
    judge->timeout = timeout;
    return provider_account(config, pool, &judge->account) ? &judge->judge : NULL;
}
