/* SPDX-License-Identifier: Apache-2.0
 * Settling with the provider: subscriptions in doubt, and checkouts whose end nobody told. */
#include "service/runtime.h"
#include "service/session.h"
#include "service/subscription.h"
#include "service/sweep_steps.h"

#include <apr_strings.h>

#define DOUBTS_PAGE   50
#define CHECKOUTS_MAX 100 /* in one sweep; they take turns */

/* A session that was completed without a subscription ever coming of it is given up: no payment takes longer. */
#define PAYMENT_TAKES (INT64_C(30) * 86400)

/* One object whose answer makes no sense must not end every sweep; so many in a row mean that the provider is away. */
#define MISSES_MAX 3

/* False where the sweep is to end. */
static bool provider_answers(struct sweep *sweep, enum provider_outcome outcome)
{
    bool miss = outcome == PROVIDER_UNAVAILABLE || outcome == PROVIDER_AMBIGUOUS;

    sweep->misses = miss ? sweep->misses + 1 : 0;
    return sweep->misses < MISSES_MAX || sweep_stop(sweep, SWEEP_PROVIDER);
}

/* False where the sweep is to end. A subscription that this account does not know stays as it is: another of the same
 * mode may. */
static bool doubt_settle(struct sweep *sweep, apr_pool_t *pool, const char *subscription)
{
    struct event_result result;
    enum provider_outcome asked;

    if (!sweep_may_go_on(sweep)) {
        return false;
    }
    asked = subscription_ask(pool, sweep->config, subscription, &result);
    if (!provider_answers(sweep, asked)) {
        return false;
    }
    sweep->report->doubts++;
    sweep->report->settled += asked == PROVIDER_OK && result.outcome == EVENT_APPLIED;
    if (asked == PROVIDER_OK && result.outcome == EVENT_FAILED) {
        return lease_renew(pool, sweep->lease) || sweep_stop(sweep, SWEEP_DATABASE);
    }
    return true;
}

static bool doubts_page(struct sweep *sweep, apr_pool_t *pool, const char **after, bool *more)
{
    const char *const *ids;
    size_t count;

    if (store_sweep_unsettled(runtime()->database, pool, sweep->key.provider, sweep->key.livemode, *after, DOUBTS_PAGE,
                              &ids, &count) != STORE_OK) {
        return sweep_stop(sweep, SWEEP_DATABASE);
    }
    for (size_t i = 0; i < count; ++i) {
        apr_pool_t *step;
        bool settled;

        apr_pool_create(&step, pool);
        settled = doubt_settle(sweep, step, ids[i]);
        apr_pool_destroy(step);
        if (!settled) {
            return false;
        }
        *after = apr_pstrdup(sweep->pool, ids[i]);
    }
    *more = count == DOUBTS_PAGE;
    return true;
}

/* A round through all of them, which may take more than one sweep. */
static void doubts_sweep(struct sweep *sweep)
{
    struct sweep_position position;
    const char *after;
    bool more = true;

    if (store_sweep_find(runtime()->database, sweep->pool, &sweep->key, &position) != STORE_OK) {
        sweep_stop(sweep, SWEEP_DATABASE);
        return;
    }
    after = position.settled_until;
    while (more && sweep_may_go_on(sweep)) {
        apr_pool_t *pool;

        apr_pool_create(&pool, sweep->pool);
        more = doubts_page(sweep, pool, &after, &more) && more;
        apr_pool_destroy(pool);
    }
    store_sweep_settled(runtime()->database, sweep->pool, &sweep->key,
                        sweep->report->end == SWEEP_COMPLETE ? "" : after);
}

/* What was reserved, but never came to a session, is over with its time; of a session the provider knows. */
static enum session_fate checkout_ask(struct sweep *sweep, apr_pool_t *pool, const struct stale_checkout *stale)
{
    struct provider_call call = provider_call(pool, sweep->config, &sweep->account, SWEEP_CALL_TIMEOUT);
    struct checkout checkout = {.checkout_id = stale->checkout_id, .session = stale->session};

    return stale->session ? session_ask(&call, sweep->config, stale->org, &checkout) : SESSION_OVER;
}

/* False where the sweep is to end. */
static bool checkout_settle(struct sweep *sweep, apr_pool_t *pool, const struct stale_checkout *stale)
{
    enum session_fate fate = checkout_ask(sweep, pool, stale);
    bool given_up = fate == SESSION_PAID && runtime_now() - stale->reserved_at > PAYMENT_TAKES;
    const char *state = given_up ? "failed" : !stale->session ? "expired" : NULL;
    enum store_result moved = STORE_OK;

    if (!provider_answers(sweep, fate == SESSION_UNKNOWN ? PROVIDER_UNAVAILABLE : PROVIDER_OK)) {
        return false;
    }
    if (state) {
        moved =
            store_checkout_move(runtime()->database, pool, stale->org, sweep->key.livemode, stale->checkout_id, state);
    }
    sweep->report->checkouts += moved == STORE_OK && (state || fate == SESSION_BOUGHT || fate == SESSION_OVER);
    return moved == STORE_OK || moved == STORE_CONFLICT || sweep_stop(sweep, SWEEP_DATABASE);
}

static void checkouts_sweep(struct sweep *sweep)
{
    struct stale_checkout *checkouts;
    size_t count;
    apr_pool_t *pool;

    if (store_sweep_checkouts(runtime()->database, sweep->pool, sweep->key.provider, sweep->key.livemode, CHECKOUTS_MAX,
                              &checkouts, &count) != STORE_OK) {
        sweep_stop(sweep, SWEEP_DATABASE);
        return;
    }
    apr_pool_create(&pool, sweep->pool);
    for (size_t i = 0; i < count && sweep_may_go_on(sweep) && checkout_settle(sweep, pool, &checkouts[i]); ++i) {
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
}

void sweep_doubts(struct sweep *sweep)
{
    if (sweep_may_go_on(sweep)) {
        doubts_sweep(sweep);
    }
    if (sweep_may_go_on(sweep)) {
        checkouts_sweep(sweep);
    }
}
