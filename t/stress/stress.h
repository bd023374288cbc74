/* SPDX-License-Identifier: Apache-2.0
 * What the stress tests of the table share: states whose every field follows from the org and the version, so that a
 * reader can tell a state that somebody wrote whole for this org from everything else. */
#ifndef BILLING_STRESS_H
#define BILLING_STRESS_H

#include "cache/table_layout.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define STRESS_ORGS_MAX 2000

static inline uint64_t stress_scramble(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

static inline uint64_t stress_random(uint64_t *seed)
{
    return stress_scramble(++*seed);
}

/* Ids of all lengths from 6 to 64. */
static inline void stress_id(char id[65], unsigned org)
{
    int len = snprintf(id, 65, "org-%u-", org);
    memset(id + len, 'x', 64 - (size_t)len);
    id[6 + org % 59 < (unsigned)len ? len : 6 + (int)(org % 59)] = '\0';
}

/* Mostly none, sometimes a few, rarely as many as there can be. */
static inline size_t stress_overrides(uint64_t mix)
{
    return mix % 4 ? 0 : mix / 4 % 16 ? mix / 64 % 9 : mix / 64 % (OVERRIDES_MAX + 1);
}

static inline void stress_state(struct org_state *state, unsigned org, uint64_t version)
{
    uint64_t mix = stress_scramble(version * STRESS_ORGS_MAX + org);
    state->status = (enum billing_status)(mix % 4);
    state->grace_over = mix / 4 % 2;
    state->has_customer = mix / 8 % 2;
    state->has_subscription = mix / 16 % 2;
    state->plan = stress_scramble(mix);
    state->app_type = stress_scramble(mix + 1);
    state->period_end = (int64_t)stress_scramble(mix + 2);
    state->cancel_at = (int64_t)stress_scramble(mix + 3);
    state->past_due_since = (int64_t)stress_scramble(mix + 4);
    state->created_at = (int64_t)stress_scramble(mix + 5);
    state->version = version;
    state->override_count = stress_overrides(mix >> 8);
    for (size_t i = 0; i < state->override_count; ++i) {
        state->overrides[i] = (struct override){.key = stress_scramble(mix + 6 + i),
                                                .kind = OVERRIDE_LIMIT,
                                                .limit = (int64_t)(stress_scramble(mix - i) % 2000000000),
                                                .expires = (int64_t)(mix % 5000000000 + i)};
    }
}

/* NULL where the state is one that a writer wrote for this org, else what is wrong with it. */
static inline const char *stress_wrong(const struct org_state *state, unsigned org, uint64_t newest)
{
    struct org_state expected;
    stress_state(&expected, org, state->version);
    if (!state->version || state->version > newest) {
        return "a version that nobody wrote";
    }
    if (state->status != expected.status || state->grace_over != expected.grace_over || state->plan != expected.plan ||
        state->has_customer != expected.has_customer || state->has_subscription != expected.has_subscription ||
        state->app_type != expected.app_type || state->period_end != expected.period_end ||
        state->cancel_at != expected.cancel_at || state->past_due_since != expected.past_due_since ||
        state->created_at != expected.created_at) {
        return "fields of different writes";
    }
    if (state->override_count != expected.override_count) {
        return "the number of overrides of another write";
    }
    for (size_t i = 0; i < state->override_count; ++i) {
        const struct override *one = &state->overrides[i], *other = &expected.overrides[i];
        if (one->key != other->key || one->kind != other->kind || one->limit != other->limit ||
            one->expires != other->expires) {
            return "overrides of different writes";
        }
    }
    return NULL;
}

/* What the workers of one run share; it lies in shared memory where they are processes. */
struct stress {
    struct table *table;
    unsigned orgs;
    _Atomic bool stop;
    _Atomic uint64_t committed[STRESS_ORGS_MAX]; /* stands for the database: the newest version of each org */
    _Atomic uint64_t told[STRESS_ORGS_MAX];      /* the newest whose writer has been told that it is done */
    _Atomic uint64_t lookups, hits, stores;
    _Atomic bool failed;
    char failure[200];
};

static inline void stress_fail(struct stress *stress, const char *what, unsigned org, uint64_t version)
{
    if (!atomic_exchange(&stress->failed, true)) {
        snprintf(stress->failure, sizeof(stress->failure), "%s (org %u, version %llu)", what, org,
                 (unsigned long long)version);
    }
    atomic_store(&stress->stop, true);
}

/* Commits a new version, or reads the newest as after a miss, and puts it into the table, sometimes late. */
static inline void stress_write(struct stress *stress, uint64_t *seed)
{
    struct org_state state;
    char id[65];
    uint64_t dice = stress_random(seed);
    unsigned org = (unsigned)(stress_random(seed) % stress->orgs);
    stress_id(id, org);
    if (dice % 50 == 0) {
        table_forget(stress->table, id, true);
        return;
    }
    uint64_t ticket = table_ticket(stress->table, id, true);
    uint64_t version =
        dice % 2 ? atomic_fetch_add(&stress->committed[org], 1) + 1 : atomic_load(&stress->committed[org]);
    if (!version) {
        return;
    }
    stress_state(&state, org, version);
    for (volatile uint64_t wait = dice % 16 == 1 ? dice / 16 % 2000 : 0; wait; --wait) {
    }
    table_fill(stress->table, id, true, &state, 1, ticket);
    for (uint64_t told = atomic_load(&stress->told[org]); told < version;) {
        if (atomic_compare_exchange_weak(&stress->told[org], &told, version)) {
            break;
        }
    }
    atomic_fetch_add_explicit(&stress->stores, 1, memory_order_relaxed);
}

/* Whatever is killed, stopped, evicted or forgotten: an org's state is one that was written whole for it, not older
 * than what anybody was told is done, and never older than what this reader saw before. */
static inline void stress_read(struct stress *stress, uint64_t *seed, uint64_t *seen)
{
    struct org_state state;
    char id[65];
    unsigned org = (unsigned)(stress_random(seed) % stress->orgs);
    stress_id(id, org);
    uint64_t told = atomic_load(&stress->told[org]);
    bool found = table_lookup(stress->table, id, true, &state);
    atomic_fetch_add_explicit(&stress->lookups, 1, memory_order_relaxed);
    if (!found) {
        return;
    }
    atomic_fetch_add_explicit(&stress->hits, 1, memory_order_relaxed);
    const char *wrong = stress_wrong(&state, org, atomic_load(&stress->committed[org]));
    if (!wrong && state.version < told) {
        wrong = "an older version than its writer was told";
    }
    if (!wrong && state.version < seen[org]) {
        wrong = "an older version than before";
    }
    if (wrong) {
        stress_fail(stress, wrong, org, state.version);
    }
    seen[org] = state.version;
}

/* Stores every org anew, which must succeed now that nobody disturbs it, and looks at the whole table. */
static inline bool stress_settle(struct stress *stress)
{
    for (unsigned org = 0; org < stress->orgs && !stress->failed; ++org) {
        struct org_state state;
        char id[65];
        uint64_t version = stress->committed[org] + 1;
        stress_id(id, org);
        stress_state(&state, org, version);
        if (!table_store(stress->table, id, true, &state, 1)) {
            stress_fail(stress, "a store was refused", org, version);
        } else if (table_lookup(stress->table, id, true, &state) && state.version != version) {
            stress_fail(stress, "a store left another version", org, state.version);
        }
    }
    const char *wrong = table_validate(stress->table);
    if (wrong) {
        stress_fail(stress, wrong, 0, 0);
    }
    return !stress->failed;
}

static inline void stress_report(struct stress *stress, const char *what)
{
    struct table_stats stats;
    table_stats(stress->table, &stats);
    printf("%s: %u orgs, room for %llu: %llu stores, %llu lookups, %llu hits, %llu evictions, %llu locks robbed, %llu "
           "spoilt, %llu refused: %s\n",
           what, stress->orgs, (unsigned long long)stats.capacity, (unsigned long long)stress->stores,
           (unsigned long long)stress->lookups, (unsigned long long)stress->hits, (unsigned long long)stats.evictions,
           (unsigned long long)stats.stolen_locks, (unsigned long long)stats.spoilt_entries,
           (unsigned long long)stats.refused_stores, stress->failed ? stress->failure : "ok");
}

#endif
