/* SPDX-License-Identifier: Apache-2.0
 * Opening a session: reserve first, ask the provider afterwards, so that a crash, a time-out or a second request always
 * finds what was begun. No url is shown before it is written, so a session that nobody could write nobody can pay. */
#include "service/checkout.h"

#include "provider/http.h"
#include "service/customer.h"
#include "service/provider.h"
#include "service/runtime.h"
#include "service/session.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

/* Steps that one request may take. Each that leads to another has changed something, so few are ever needed. */
#define STEPS_MAX 12

/* After this long a failure under a key is one that the provider remembers with it, and will give again for a day. */
#define KEY_PATIENCE        INT64_C(120) /* seconds */

#define RETRY_AFTER_DEFAULT 5

/* What a step leads to. */
enum step { STEP_DONE, STEP_AGAIN };

const struct provider_call *purchase_call(struct purchase *purchase)
{
    purchase->call.timeout = purchase->deadline - apr_time_now();
    return purchase->call.timeout >= HTTP_ATTEMPT_MIN ? &purchase->call : NULL;
}

const char *purchase_key(const struct purchase *purchase, const struct checkout *checkout, const char *what)
{
    return apr_pstrcat(purchase->call.pool, "attune-", checkout->request_key, "-", what, NULL);
}

static enum step purchase_done(struct purchase *purchase, enum checkout_outcome outcome)
{
    purchase->answer.outcome = outcome;
    if (!purchase->answer.retry_after) {
        purchase->answer.retry_after = RETRY_AFTER_DEFAULT;
    }
    return STEP_DONE;
}

static enum step purchase_ready(struct purchase *purchase, const char *url, int64_t expires_at)
{
    purchase->answer.url = url;
    purchase->answer.expires_at = expires_at;
    return purchase_done(purchase, CHECKOUT_READY);
}

static enum step purchase_end(struct purchase *purchase, const struct checkout *checkout, const char *state)
{
    enum store_result result = store_checkout_move(runtime()->database, purchase->call.pool, purchase->org,
                                                   purchase->account.livemode, checkout->checkout_id, state);

    return result == STORE_OK || result == STORE_CONFLICT ? STEP_AGAIN : purchase_done(purchase, CHECKOUT_NO_STATE);
}

/* What to do where the session is no more, or never was, what we thought. */
static enum step purchase_follow(struct purchase *purchase, enum session_fate fate)
{
    switch (fate) {
    case SESSION_BOUGHT:
    case SESSION_OVER:
        return STEP_AGAIN;
    case SESSION_PAID:
        return purchase_done(purchase, CHECKOUT_SUBSCRIBED);
    default:
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
}

/* Ends an open session: there must be none before there may be another. It may turn out to have been paid. */
static enum step purchase_expire(struct purchase *purchase, const struct checkout *checkout, const char *session_id)
{
    const struct provider_call *call = purchase_call(purchase);
    struct checkout_session session;
    struct provider_result result;

    if (!call) {
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
    result = call->account->provider->checkout_expire(call, session_id, &session);
    provider_log(&result, "expire a checkout session");
    purchase->answer.retry_after = result.retry_after;
    switch (result.outcome) {
    case PROVIDER_OK:
        return purchase_follow(purchase, session_apply(call, purchase->config, purchase->org, checkout, &session));
    case PROVIDER_NOT_FOUND:
        return purchase_end(purchase, checkout, "expired");
    case PROVIDER_REFUSED:
        return purchase_done(purchase, CHECKOUT_REFUSED);
    default:
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
}

/* The key of this reservation is of no use: the provider has forgotten it, remembers it with other words (the site's
 * configuration was changed meanwhile) or with a failure. What may have been made with it is found in the provider's
 * lists, and ended, as nobody was ever shown it. */
static enum step purchase_recover(struct purchase *purchase, const struct checkout *checkout)
{
    struct checkout_query query = {.org = purchase->org};
    enum provider_outcome outcome = customer_known(purchase, &query.customer);
    const struct provider_call *call = purchase_call(purchase);
    struct checkout_list list = {.count = 0};
    struct provider_result result;

    if (outcome == PROVIDER_NOT_FOUND) {
        return purchase_end(purchase, checkout, "expired"); /* not even a customer was made */
    }
    if (outcome != PROVIDER_OK || !call) {
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
    result = call->account->provider->checkouts_open(call, &query, &list);
    provider_log(&result, "list open checkout sessions");
    purchase->answer.retry_after = result.retry_after;
    if (result.outcome != PROVIDER_OK && result.outcome != PROVIDER_NOT_FOUND) {
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
    for (size_t i = 0; i < list.count; ++i) {
        if (purchase_expire(purchase, checkout, list.ids[i]) == STEP_DONE) {
            return STEP_DONE;
        }
    }
    return purchase_end(purchase, checkout, "expired");
}

/* Says in the log what the operator has to do. */
static enum step purchase_refused(struct purchase *purchase, const struct checkout *checkout, const char *detail)
{
    ap_log_error(
        APLOG_MARK, APLOG_ERR, 0, runtime()->server,
        "ATB0241: plan %s cannot be sold: the provider refuses price %s (%s). If it does not know the price, or "
        "the price does not recur, set BillingPrice in <BillingPlan %s> to one of the account and mode (%s) of "
        "BillingStripeSecretKey",
        checkout->plan_key, checkout->price, detail, checkout->plan_key, purchase->account.livemode ? "live" : "test");
    return purchase_end(purchase, checkout, "failed") == STEP_AGAIN ? purchase_done(purchase, CHECKOUT_REFUSED)
                                                                    : STEP_DONE;
}

/* Unreachable and ambiguous are one to the caller: later. The reservation stays, and with it the key. */
static enum step purchase_failed(struct purchase *purchase, const struct checkout *checkout,
                                 enum provider_outcome outcome)
{
    switch (outcome) {
    case PROVIDER_KEY_USED:
        return purchase_recover(purchase, checkout);
    case PROVIDER_AMBIGUOUS:
        return purchase->context.now - checkout->reserved_at > KEY_PATIENCE
                   ? purchase_recover(purchase, checkout)
                   : purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    case PROVIDER_REFUSED:
        return purchase_end(purchase, checkout, "failed") == STEP_AGAIN ? purchase_done(purchase, CHECKOUT_REFUSED)
                                                                        : STEP_DONE;
    default:
        return purchase_done(purchase, CHECKOUT_UNAVAILABLE);
    }
}

/* The session is made. Where its reservation was taken away meanwhile there may be another, so this one has to go. */
static enum step purchase_opened(struct purchase *purchase, const struct checkout *checkout, const char *customer,
                                 const struct checkout_session *session)
{
    struct checkout_opening opening = {
        .checkout_id = checkout->checkout_id,
        .session = session->id,
        .customer = customer,
        .url = session->url,
        .expires_at = session->expires_at,
        .fresh = checkout->checkout_id == purchase->reserved,
    };

    switch (store_checkout_opened(runtime()->database, purchase->call.pool, purchase->org, purchase->account.livemode,
                                  &opening)) {
    case STORE_OK:
        /* One that somebody else reserved may be for another plan, and by now paid or over. */
        return opening.fresh ? purchase_ready(purchase, session->url, session->expires_at) : STEP_AGAIN;
    case STORE_CONFLICT:
        return purchase_expire(purchase, checkout, session->id);
    default:
        return purchase_done(purchase, CHECKOUT_NO_STATE);
    }
}

/* Has the provider make the session that is reserved, again with the same key if somebody did so before. */
static enum step purchase_create(struct purchase *purchase, const struct checkout *checkout)
{
    struct checkout_request request = {
        .org = purchase->org,
        .price = checkout->price,
        .return_url = checkout->return_url,
        .expires_at = checkout->expires_at,
        .idempotency_key = purchase_key(purchase, checkout, "session"),
    };
    enum provider_outcome outcome = customer_for_checkout(purchase, checkout, &request.customer);
    const struct provider_call *call = purchase_call(purchase);
    struct checkout_session session;
    struct provider_result result;

    if (outcome == PROVIDER_NOT_FOUND) {
        return purchase_end(purchase, checkout, "failed");
    }
    if (outcome != PROVIDER_OK || !call) {
        return purchase_failed(purchase, checkout, outcome == PROVIDER_OK ? PROVIDER_UNAVAILABLE : outcome);
    }
    result = call->account->provider->checkout_create(call, &request, &session);
    purchase->answer.retry_after = result.retry_after;
    switch (result.outcome) {
    case PROVIDER_OK:
        return purchase_opened(purchase, checkout, request.customer, &session);
    case PROVIDER_NOT_FOUND: /* the customer was deleted there, and the event has not come yet */
        return customer_gone(call->pool, call->account, purchase->org, request.customer)
                   ? purchase_end(purchase, checkout, "failed")
                   : purchase_done(purchase, CHECKOUT_NO_STATE);
    case PROVIDER_REFUSED:
        return purchase_refused(purchase, checkout, result.detail);
    default:
        provider_log(&result, "create a checkout session");
        return purchase_failed(purchase, checkout, result.outcome);
    }
}

static bool purchase_capped(struct purchase *purchase)
{
    int64_t wait = purchase->context.recent_until - purchase->context.now;

    if (purchase->context.recent < CHECKOUTS_PER_HOUR) {
        return false;
    }
    purchase->answer.retry_after = wait > 1 ? (int)wait : 1;
    purchase_done(purchase, CHECKOUT_TOO_MANY);
    return true;
}

static enum step purchase_reserve(struct purchase *purchase)
{
    struct checkout_reservation reservation = {
        .provider = purchase->account.provider->name,
        .org = purchase->org,
        .livemode = purchase->account.livemode,
        .plan_key = purchase->plan->ref.key,
        .price = purchase->price,
        .return_url = purchase->config->return_url,
        .lifetime = CHECKOUT_LIFETIME,
    };

    if (purchase_capped(purchase)) {
        return STEP_DONE;
    }
    switch (store_checkout_reserve(runtime()->database, purchase->call.pool, &reservation, &purchase->reserved)) {
    case STORE_OK:
    case STORE_CONFLICT:
        return STEP_AGAIN; /* ours or somebody else's: the next step takes it up */
    default:
        return purchase_done(purchase, CHECKOUT_NO_STATE);
    }
}

/* Reserved, by us just now or by somebody whose answer never came. */
static enum step purchase_resume(struct purchase *purchase, const struct checkout *checkout)
{
    int64_t now = purchase->context.now;

    if (checkout->expires_at <= now) {
        return purchase_end(purchase, checkout, "expired"); /* and so is the session, if there ever was one */
    }
    return now - checkout->reserved_at > CHECKOUT_KEY_LIFETIME ? purchase_recover(purchase, checkout)
                                                               : purchase_create(purchase, checkout);
}

static bool purchase_may_ask(struct purchase *purchase, const struct checkout *checkout)
{
    return store_checkout_check(runtime()->database, purchase->call.pool, purchase->org, purchase->account.livemode,
                                checkout->checkout_id, true) == STORE_OK;
}

static enum session_fate purchase_ask(struct purchase *purchase, const struct checkout *checkout)
{
    const struct provider_call *call = purchase_call(purchase);

    return call ? session_ask(call, purchase->config, purchase->org, checkout) : SESSION_UNKNOWN;
}

/* Whether the open session is the one that would be made now. */
static bool purchase_fits(const struct purchase *purchase, const struct checkout *checkout)
{
    const char *customer = purchase->context.customer;

    return !strcmp(checkout->price, purchase->price) && !strcmp(checkout->return_url, purchase->config->return_url) &&
           customer && checkout->customer && !strcmp(checkout->customer, customer);
}

/* The session is open as far as we know. It may have been paid, or expired in the provider's dashboard, and the event
 * is still on its way or lost. */
static enum step purchase_reuse(struct purchase *purchase, const struct checkout *checkout)
{
    enum session_fate fate = SESSION_OPEN;

    if (checkout->pending) {
        fate = purchase_may_ask(purchase, checkout) ? purchase_ask(purchase, checkout) : SESSION_PAID;
        return fate == SESSION_BOUGHT || fate == SESSION_OVER ? STEP_AGAIN
                                                              : purchase_done(purchase, CHECKOUT_SUBSCRIBED);
    }
    if (checkout->expires_at <= purchase->context.now) {
        fate = purchase_ask(purchase, checkout);
        return fate == SESSION_OPEN ? purchase_expire(purchase, checkout, checkout->session)
                                    : purchase_follow(purchase, fate);
    }
    if (!purchase_fits(purchase, checkout)) {
        return purchase_capped(purchase) ? STEP_DONE : purchase_expire(purchase, checkout, checkout->session);
    }
    if (purchase_may_ask(purchase, checkout)) {
        fate = purchase_ask(purchase, checkout);
    }
    /* The same url again is no second session, so it needs no answer of the provider. */
    return fate == SESSION_OPEN || fate == SESSION_UNKNOWN
               ? purchase_ready(purchase, checkout->url, checkout->expires_at)
               : purchase_follow(purchase, fate);
}

/* A session that is open still, such as where the subscription was made in the provider's dashboard meanwhile, would
 * sell a second one. */
static enum step purchase_subscribed(struct purchase *purchase, const struct checkout *checkout)
{
    if (checkout->session && !checkout->pending) {
        purchase_expire(purchase, checkout, checkout->session);
    }
    return purchase_done(purchase, CHECKOUT_SUBSCRIBED);
}

static enum step purchase_step(struct purchase *purchase)
{
    const struct checkout *checkout = &purchase->context.open;

    if (store_checkout_context(runtime()->database, purchase->call.pool, purchase->account.provider->name,
                               purchase->org, purchase->account.livemode, &purchase->context) != STORE_OK) {
        return purchase_done(purchase, CHECKOUT_NO_STATE);
    }
    if (purchase->context.has_subscription) {
        return purchase_subscribed(purchase, checkout);
    }
    if (!checkout->checkout_id) {
        return purchase_reserve(purchase);
    }
    return checkout->session ? purchase_reuse(purchase, checkout) : purchase_resume(purchase, checkout);
}

/* NULL, or what the site's configuration lacks for selling. */
static const char *purchase_lacks(struct purchase *purchase)
{
    if (!provider_account(purchase->config, purchase->call.pool, &purchase->account)) {
        return "BillingStripeSecretKey is not set";
    }
    return purchase->config->return_url ? NULL : "BillingReturnURL is not set";
}

struct checkout_answer checkout_open(apr_pool_t *pool, const struct server_config *config, const char *org,
                                     const struct plan *plan)
{
    struct purchase purchase = {.config = config, .org = org, .plan = plan, .call.pool = pool};
    const char *lacking = purchase_lacks(&purchase);

    if (lacking) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, runtime()->server, "ATB0242: nothing can be sold: %s", lacking);
        purchase_done(&purchase, CHECKOUT_REFUSED);
        return purchase.answer;
    }
    purchase.price = plan_price(plan, PROVIDER_NAME, purchase.account.livemode);
    purchase.call = provider_call(pool, config, &purchase.account, 0);
    purchase.deadline = apr_time_now() + purchase.call.timeout;
    /* Without its id two installations that share an account could not tell their customers apart. */
    if (!purchase.account.installation) {
        purchase_done(&purchase, CHECKOUT_NO_STATE);
        return purchase.answer;
    }
    for (int i = 0; i < STEPS_MAX; ++i) {
        if (purchase_step(&purchase) == STEP_DONE) {
            return purchase.answer;
        }
    }
    purchase_done(&purchase, CHECKOUT_UNAVAILABLE);
    return purchase.answer;
}
