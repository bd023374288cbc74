/* SPDX-License-Identifier: Apache-2.0
 * Sessions and what was bought with them; also the look at the provider for those who are back before the webhook. */
#include "service/session.h"

#include "service/checkout.h"
#include "service/provider.h"
#include "service/runtime.h"
#include "service/subscription.h"

static bool session_move(const struct provider_call *call, const char *org, const struct checkout *checkout,
                         const char *state)
{
    enum store_result result = store_checkout_move(runtime()->database, call->pool, org, call->account->livemode,
                                                   checkout->checkout_id, state);

    return result == STORE_OK || result == STORE_CONFLICT; /* an event was here before us */
}

/* Only once the subscription is known here may the checkout count as done: until then the checkout is all that keeps
 * the org from buying twice. */
static enum session_fate session_complete(const struct provider_call *call, const struct server_config *config,
                                          const char *org, const struct checkout *checkout, const char *subscription)
{
    enum event_outcome outcome =
        subscription ? subscription_sync(call->pool, config, subscription).outcome : EVENT_FAILED;
    bool known = outcome == EVENT_APPLIED || outcome == EVENT_STALE;

    if (!session_move(call, org, checkout, known ? "complete" : "pending")) {
        return SESSION_UNKNOWN;
    }
    return known ? SESSION_BOUGHT : SESSION_PAID;
}

enum session_fate session_apply(const struct provider_call *call, const struct server_config *config, const char *org,
                                const struct checkout *checkout, const struct checkout_session *session)
{
    switch (session->status) {
    case CHECKOUT_OPEN:
        return SESSION_OPEN;
    case CHECKOUT_COMPLETE:
        return session_complete(call, config, org, checkout, session->subscription);
    default:
        return session_move(call, org, checkout, "expired") ? SESSION_OVER : SESSION_UNKNOWN;
    }
}

enum session_fate session_ask(const struct provider_call *call, const struct server_config *config, const char *org,
                              const struct checkout *checkout)
{
    struct checkout_session session;
    struct provider_result result = call->account->provider->checkout_fetch(call, checkout->session, &session);

    provider_log(&result, "fetch a checkout session");
    switch (result.outcome) {
    case PROVIDER_OK:
        return session_apply(call, config, org, checkout, &session);
    case PROVIDER_NOT_FOUND: /* such as after a change of the account */
        return session_move(call, org, checkout, "expired") ? SESSION_OVER : SESSION_UNKNOWN;
    default:
        return SESSION_UNKNOWN;
    }
}

bool checkout_sync(apr_pool_t *pool, const struct server_config *config, const char *org,
                   struct checkout_pending *pending)
{
    struct database *database = runtime()->database;
    struct provider_account account;
    struct provider_call call;
    struct checkout checkout;
    enum session_fate fate;
    int64_t now;
    bool livemode = config->mode == MODE_LIVE;

    *pending = (struct checkout_pending){NULL, 0};
    if (store_checkout_find(database, pool, org, livemode, &checkout, &now) != STORE_OK || !checkout.session) {
        return false;
    }
    if (!checkout.pending && checkout.expires_at > now) {
        *pending = (struct checkout_pending){checkout.url, checkout.expires_at};
    }
    if (!provider_account(config, pool, &account) ||
        store_checkout_check(database, pool, org, livemode, checkout.checkout_id, false) != STORE_OK) {
        return false;
    }
    call = provider_call(pool, config, &account, PROVIDER_TIMEOUT_WEBHOOK);
    fate = session_ask(&call, config, org, &checkout);
    if (fate == SESSION_OPEN || fate == SESSION_UNKNOWN) {
        return false;
    }
    *pending = (struct checkout_pending){NULL, 0};
    return true;
}
