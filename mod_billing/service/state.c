/* SPDX-License-Identifier: Apache-2.0
 * Lookup, and the one bounded fill on a miss. */
#include "service/state.h"

#include "domain/key.h"
#include "service/metrics.h"
#include "service/runtime.h"
#include "store/state.h"

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

/* Orgs that are being asked for at this moment. One that asks for the same org waits for the answer of the first, so a
 * cold org costs one query however many requests it starts with. More than these at once are asked for each by itself.
 */
#define FLIGHTS_MAX 32

static struct flights {
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *landed;
    struct flight {
        char org[ORG_ID_MAX + 1];
        bool livemode;
        bool busy;
    } flights[FLIGHTS_MAX];
} flying;

void state_start(apr_pool_t *pool)
{
    apr_thread_mutex_create(&flying.lock, APR_THREAD_MUTEX_DEFAULT, pool);
    apr_thread_cond_create(&flying.landed, pool);
    memset(flying.flights, 0, sizeof(flying.flights));
}

static struct flight *flight_find(const char *org, bool livemode)
{
    for (int i = 0; i < FLIGHTS_MAX; ++i) {
        struct flight *flight = &flying.flights[i];
        if (flight->busy && flight->livemode == livemode && !strcmp(flight->org, org)) {
            return flight;
        }
    }
    return NULL;
}

static struct flight *flight_take(const char *org, bool livemode)
{
    for (int i = 0; i < FLIGHTS_MAX; ++i) {
        struct flight *flight = &flying.flights[i];
        if (!flight->busy) {
            flight->busy = true;
            flight->livemode = livemode;
            apr_cpystrn(flight->org, org, sizeof(flight->org));
            return flight;
        }
    }
    return NULL;
}

/* True once somebody else's flight for this org has landed or the deadline has passed; false and `mine` where this
 * request is to fly itself. */
static bool flight_join(const char *org, bool livemode, apr_time_t deadline, struct flight **mine)
{
    bool waited = false;

    *mine = NULL;
    apr_thread_mutex_lock(flying.lock);
    while (flight_find(org, livemode)) {
        apr_time_t left = deadline - apr_time_now();

        waited = true;
        if (left <= 0 || apr_thread_cond_timedwait(flying.landed, flying.lock, left) == APR_TIMEUP) {
            break;
        }
    }
    if (!waited) {
        *mine = flight_take(org, livemode);
    }
    apr_thread_mutex_unlock(flying.lock);
    return waited;
}

static void flight_land(struct flight *flight)
{
    if (flight) {
        apr_thread_mutex_lock(flying.lock);
        flight->busy = false;
        apr_thread_cond_broadcast(flying.landed);
        apr_thread_mutex_unlock(flying.lock);
    }
}

static bool state_fill(apr_pool_t *pool, const char *org, bool livemode, apr_interval_time_t wait,
                       struct org_state *state)
{
    const struct runtime *child = runtime();
    uint64_t ticket = state_ticket(org, livemode);

    if (store_state_find(child->database, pool, &child->config->catalogue, org, livemode, wait, state) != STORE_OK) {
        return false;
    }
    state->verified_at = runtime_now();
    state_publish(org, livemode, state, ticket);
    return true;
}

/* The database is asked, by one for all. */
static bool state_ask_once(apr_pool_t *pool, const char *org, bool livemode, struct org_state *state)
{
    const struct runtime *child = runtime();
    apr_time_t deadline = apr_time_now() + DATABASE_WAIT_GATE;
    struct flight *mine;
    bool found;

    if (!child->database) {
        return false;
    }
    if (flight_join(org, livemode, deadline, &mine) && child->table &&
        table_lookup(child->table, org, livemode, state)) {
        return true;
    }
    /* Somebody else's answer need not be in the table: it may be full, or of another generation's catalogue. */
    found = apr_time_now() < deadline && state_fill(pool, org, livemode, deadline - apr_time_now(), state);
    flight_land(mine);
    return found;
}

bool state_remembered(const char *org, bool livemode, struct org_state *state)
{
    const struct runtime *child = runtime();
    bool found = child->table && table_lookup(child->table, org, livemode, state);

    if (found) {
        metrics_lookup(LOOKUP_HIT);
    }
    return found;
}

bool state_ask(apr_pool_t *pool, const char *org, bool livemode, struct org_state *state)
{
    bool found = state_ask_once(pool, org, livemode, state);

    metrics_lookup(found ? LOOKUP_MISS : LOOKUP_UNKNOWN);
    return found;
}

bool state_find(apr_pool_t *pool, const char *org, bool livemode, struct org_state *state)
{
    return state_remembered(org, livemode, state) || state_ask(pool, org, livemode, state);
}

uint64_t state_ticket(const char *org, bool livemode)
{
    const struct runtime *child = runtime();

    return child->table ? table_ticket(child->table, org, livemode) : 0;
}

/* The plan in a state comes from its prices by the catalogue. During a graceful reload the last generation still has
 * its own: what it writes must not stand in the table that the new one reads, so whoever asks next asks the database.
 * Looked at after it is written, since the new one may have come in between. */
static void state_keep_catalogue(const struct runtime *child, const char *org, bool livemode)
{
    if (table_mark(child->table, TABLE_CATALOGUE) != child->fingerprint) {
        table_forget(child->table, org, livemode);
    }
}

void state_publish(const char *org, bool livemode, const struct org_state *state, uint64_t ticket)
{
    const struct runtime *child = runtime();

    if (child->table) {
        table_fill(child->table, org, livemode, state, runtime_now(), ticket);
        state_keep_catalogue(child, org, livemode);
    }
}

void state_bring(const char *org, bool livemode, const struct org_state *state)
{
    const struct runtime *child = runtime();

    table_store(child->table, org, livemode, state, runtime_now());
    state_keep_catalogue(child, org, livemode);
}

void state_refresh(apr_pool_t *pool, const char *org, bool livemode)
{
    const struct runtime *child = runtime();
    uint64_t ticket = state_ticket(org, livemode);
    struct org_state state;

    if (store_state_find(child->database, pool, &child->config->catalogue, org, livemode, DATABASE_WAIT_WEB, &state) ==
        STORE_OK) {
        state_publish(org, livemode, &state, ticket);
    }
}
