/* SPDX-License-Identifier: Apache-2.0
 * Opening a session: reserve first, ask the provider afterwards, so that a crash, a time-out or a second request always
 * finds what was begun. */
#include "service/checkout.h"

#include "service/customer.h"
#include "service/provider.h"
#include "service/runtime.h"
#include "service/subscription.h"
#include "store/checkout.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

/* The provider takes 30 minutes to 24 hours from the moment of creation, and a reservation may be taken up again while
 * its idempotency key lives. */
#define RESERVATION_LIFETIME INT64_C(84600) /* seconds: 23.5 h */

/* Steps that one request may take: finish somebody's reservation, expire it, reserve, find the customer gone, reserve. */
#define STEPS_MAX 8

#define RETRY_AFTER_DEFAULT 5

struct purchase {
    const struct server_config *config;
    struct provider_call call;
    const char *org;
    const struct plan *plan;
    const char *price;
    struct checkout_context context;
    struct checkout_answer answer;
};

/* What a step leads to. */
enum step { STEP_DONE, STEP_AGAIN };

static enum step purchase_done(struct purchase *purchase, enum checkout_outcome outcome)
{
    purchase->answer.outcome = outcome;
    if (outcome == CHECKOUT_UNAVAILABLE && !purchase->answer.retry_after) {
        purchase->answer.retry_after = RETRY_AFTER_DEFAULT;
    }
    return STEP_DONE;
}

/* Busy, unreachable and ambiguous are all one to the caller: later. The reservation stays, and with it the key. */
static enum step purchase_failed(struct purchase *purchase, const struct checkout *checkout,
                                 enum provider_outcome outcome)
{
    if (outcome != PROVIDER_REFUSED) {
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
    store_checkout_ended(runtime()->database, purchase->call.pool, purchase->org, purchase->call.account->livemode,
                         checkout->checkout_id, "failed");
    return purchase_done(purchase, CHECKOUT_REFUSED);
}

static enum step purchase_ready(struct purchase *purchase, const char *url, int64_t expires_at)
{
    purchase->answer.url = url;
    purchase->answer.expires_at = expires_at;
    return purchase_done(purchase, CHECKOUT_READY);
}

static enum step purchase_end(struct purchase *purchase, const struct checkout *checkout, const char *state)
{
    enum store_result result =
        store_checkout_ended(runtime()->database, purchase->call.pool, purchase->org, purchase->call.account->livemode,
                             checkout->checkout_id, state);

    return result == STORE_OK || result == STORE_CONFLICT ? STEP_AGAIN : purchase_done(purchase, CHECKOUT_UNAVAILABLE);
}

/* The provider no longer knows the customer: it was deleted there and the event has not come yet. */
static enum step purchase_customer_gone(struct purchase *purchase, const struct checkout *checkout,
                                        const char *customer)
{
    const struct provider_account *account = purchase->call.account;

    if (store_customer_forget(runtime()->database, purchase->call.pool, account->provider->name, purchase->org,
                              account->livemode, customer) != STORE_OK) {
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
    customer_publish(purchase->call.pool, purchase->org, account->livemode);
    return purchase_end(purchase, checkout, "failed");
}

static enum step purchase_opened(struct purchase *purchase, const struct checkout *checkout,
                                 const struct checkout_session *session)
{
    enum store_result result;

    if (session->status != CHECKOUT_OPEN || !session->url) {
        return purchase_end(purchase, checkout, session->status == CHECKOUT_COMPLETE ? "complete" : "expired");
    }
    result = store_checkout_opened(runtime()->database, purchase->call.pool, purchase->org,
                                   purchase->call.account->livemode, checkout->checkout_id, session->id, session->url,
                                   session->expires_at);
    if (result != STORE_OK && result != STORE_CONFLICT) {
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
    return STEP_AGAIN; /* it is found as open now, and judged like any other */
}

/* What the provider itself said was logged; what to do about it depends on the plan. */
static void purchase_explain(const struct purchase *purchase)
{
    const char *mode = purchase->call.account->livemode ? "live" : "test";

    ap_log_error(APLOG_MARK, APLOG_ERR, 0, runtime()->server,
                 "ATB0232: plan %s cannot be sold: the provider refused a checkout for its price %s in %s mode. If it "
                 "does not know that price, the price is of the other mode or of another account: name the one of %s "
                 "mode in <BillingPlan %s> by `BillingPrice stripe:%s price_...`",
                 purchase->plan->ref.key, purchase->price, mode, mode, purchase->plan->ref.key, mode);
}

/* Has the provider make the session that is reserved, again with the same key if somebody did so before. */
static enum step purchase_create(struct purchase *purchase, const struct checkout *checkout)
{
    const struct provider *provider = purchase->call.account->provider;
    struct checkout_request request = {
        .org = purchase->org,
        .price = checkout->price,
        .return_url = purchase->config->return_url,
        .expires_at = checkout->expires_at,
        .idempotency_key = checkout_key(&purchase->call, checkout, "session"),
    };
    struct checkout_session session;
    struct provider_result result;
    enum provider_outcome outcome =
        customer_for_checkout(&purchase->call, purchase->org, &purchase->context, checkout, &request.customer);

    if (outcome != PROVIDER_OK) {
        return purchase_failed(purchase, checkout, outcome);
    }
    result = provider->checkout_create(&purchase->call, &request, &session);
    provider_log(&result, "create a checkout session");
    purchase->answer.retry_after = result.retry_after;
    switch (result.outcome) {
    case PROVIDER_OK:
        return purchase_opened(purchase, checkout, &session);
    case PROVIDER_NOT_FOUND:
        return purchase_customer_gone(purchase, checkout, request.customer);
    case PROVIDER_REFUSED:
        purchase_explain(purchase);
        return purchase_failed(purchase, checkout, result.outcome);
    default:
        return purchase_failed(purchase, checkout, result.outcome);
    }
}

/* Another plan than the open session's is wanted: that one must be over before there may be a second. */
static enum step purchase_expire(struct purchase *purchase, const struct checkout *checkout)
{
    struct checkout_session session;
    struct provider_result result =
        purchase->call.account->provider->checkout_expire(&purchase->call, checkout->session, &session);

    provider_log(&result, "expire a checkout session");
    purchase->answer.retry_after = result.retry_after;
    if (result.outcome == PROVIDER_NOT_FOUND) {
        return purchase_end(purchase, checkout, "expired");
    }
    if (result.outcome != PROVIDER_OK) {
        return result.outcome == PROVIDER_REFUSED ? purchase_done(purchase, CHECKOUT_REFUSED)
                                                  : purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
    if (session.status == CHECKOUT_COMPLETE) {
        return purchase_done(purchase, CHECKOUT_SUBSCRIBED);
    }
    return purchase_end(purchase, checkout, "expired");
}

/* The session is open as far as we know. */
static enum step purchase_reuse(struct purchase *purchase, const struct checkout *checkout)
{
    struct checkout_pending pending;

    if (checkout->pending) {
        return purchase_done(purchase, CHECKOUT_SUBSCRIBED);
    }
    if (checkout->expires_at <= purchase->context.now) {
        return purchase_end(purchase, checkout, "expired");
    }
    if (strcmp(checkout->price, purchase->price)) {
        return purchase_expire(purchase, checkout);
    }
    /* It may have been paid, or expired in the provider's dashboard, and the event is still on its way. */
    if (checkout_sync(purchase->call.pool, purchase->config, purchase->org, &pending)) {
        return STEP_AGAIN;
    }
    return purchase_ready(purchase, checkout->url, checkout->expires_at);
}

static enum step purchase_reserve(struct purchase *purchase)
{
    const struct provider_account *account = purchase->call.account;
    struct checkout checkout;

    if (purchase->context.recent >= CHECKOUTS_PER_HOUR) {
        int64_t wait = purchase->context.recent_until - purchase->context.now;
        purchase->answer.retry_after = wait > 1 ? (int)wait : 1;
        return purchase_done(purchase, CHECKOUT_TOO_MANY);
    }
    switch (store_checkout_reserve(runtime()->database, purchase->call.pool, account->provider->name, purchase->org,
                                   account->livemode, purchase->plan->ref.key, purchase->price, RESERVATION_LIFETIME,
                                   &checkout)) {
    case STORE_OK:
    case STORE_CONFLICT:
        return STEP_AGAIN; /* ours or somebody else's: the next step takes it up */
    default:
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
}

/* Reserved, by us just now or by somebody whose answer never came. After CHECKOUT_KEY_LIFETIME the provider may have
 * forgotten the key, so a session might be open that nobody can find: it has to expire first. */
static enum step purchase_resume(struct purchase *purchase, const struct checkout *checkout)
{
    int64_t now = purchase->context.now;

    if (checkout->expires_at <= now) {
        return purchase_end(purchase, checkout, "expired");
    }
    if (now - checkout->reserved_at > CHECKOUT_KEY_LIFETIME) {
        purchase->answer.retry_after = (int)(checkout->expires_at - now);
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
    return purchase_create(purchase, checkout);
}

static enum step purchase_step(struct purchase *purchase)
{
    const struct provider_account *account = purchase->call.account;
    const struct checkout *checkout = &purchase->context.open;

    if (store_checkout_context(runtime()->database, purchase->call.pool, account->provider->name, purchase->org,
                               account->livemode, &purchase->context) != STORE_OK) {
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
    if (purchase->context.has_subscription) {
        return purchase_done(purchase, CHECKOUT_SUBSCRIBED);
    }
    if (!checkout->checkout_id) {
        return purchase_reserve(purchase);
    }
    if (!checkout->session) {
        return purchase_resume(purchase, checkout);
    }
    return purchase_reuse(purchase, checkout);
}

struct checkout_answer checkout_open(apr_pool_t *pool, const struct server_config *config, const char *org,
                                     const struct plan *plan)
{
    struct provider_account account;
    struct purchase purchase = {.config = config, .org = org, .plan = plan};

    if (!provider_account(config, pool, &account) || !config->return_url ||
        !(purchase.price = plan_price(plan, PROVIDER_NAME, account.livemode))) {
        purchase_done(&purchase, CHECKOUT_REFUSED);
        return purchase.answer;
    }
    /* Without it two installations that share an account could not tell their keys apart. */
    if (!account.installation) {
        purchase_done(&purchase, CHECKOUT_UNAVAILABLE);
        return purchase.answer;
    }
    purchase.call = provider_call(pool, config, &account, 0);
    for (int i = 0; i < STEPS_MAX; ++i) {
        if (purchase_step(&purchase) == STEP_DONE) {
            return purchase.answer;
        }
    }
    purchase_done(&purchase, CHECKOUT_UNAVAILABLE);
    return purchase.answer;
}

/* Applies what the provider says of an open session. */
static bool session_settled(const struct provider_call *call, const struct server_config *config, const char *org,
                            const struct checkout *checkout, const struct checkout_session *session)
{
    if (session->status == CHECKOUT_OPEN) {
        return false;
    }
    if (session->status == CHECKOUT_COMPLETE && session->subscription) {
        subscription_sync(call->pool, config, session->subscription);
    }
    store_checkout_ended(runtime()->database, call->pool, org, call->account->livemode, checkout->checkout_id,
                         session->status == CHECKOUT_COMPLETE ? "complete" : "expired");
    return true;
}

bool checkout_sync(apr_pool_t *pool, const struct server_config *config, const char *org,
                   struct checkout_pending *pending)
{
    struct database *database = runtime()->database;
    struct checkout_context context;
    struct provider_account account;
    struct provider_call call;
    struct checkout_session session;
    struct provider_result result;
    bool livemode = config->mode == MODE_LIVE;

    *pending = (struct checkout_pending){NULL, 0};
    if (store_checkout_context(database, pool, PROVIDER_NAME, org, livemode, &context) != STORE_OK ||
        !context.open.session || context.open.expires_at <= context.now) {
        return false;
    }
    *pending = (struct checkout_pending){context.open.url, context.open.expires_at};
    if (!provider_account(config, pool, &account) ||
        store_checkout_check(database, pool, org, livemode, context.open.checkout_id) != STORE_OK) {
        return false;
    }
    call = provider_call(pool, config, &account, PROVIDER_TIMEOUT_WEBHOOK);
    result = account.provider->checkout_fetch(&call, context.open.session, &session);
    provider_log(&result, "fetch a checkout session");
    if (result.outcome != PROVIDER_OK || !session_settled(&call, config, org, &context.open, &session)) {
        return false;
    }
    *pending = (struct checkout_pending){NULL, 0};
    return true;
}
