/* SPDX-License-Identifier: Apache-2.0
 * What a gate's decision costs in the process that takes it: the org's state is looked up in shared memory and judged
 * by the feature's policy, for orgs in random order. Ids are those of UUIDs and lie in the order of their use, so that
 * fetching the id itself costs what it costs in a request: nothing.
 *
 * Beside it, in turns: the same decision from a hash of APR's under a mutex, which is the least that a module pays that
 * keeps states per process (nothing of it is shared, or current); and one fetch from a random place of the table's
 * memory, which no table can do without.
 *
 *     decision_bench ORGS [ROUNDS]
 *
 * Prints nanoseconds of each round as JSON. */
#include "cache/segment.h"
#include "domain/gate.h"
#include "domain/key.h"

#include <apr_general.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ID_SIZE    40
#define DECISIONS  200000 /* in a round */
#define ROUNDS_MAX 1000
#define NOW        INT64_C(1800000000)
#define PLANS      4
#define FEATURES   12
#define STATE_SIZE offsetof(struct org_state, overrides) /* of a state without overrides */

/* A catalogue of ordinary size: all plans grant most features, and the orgs are spread over the plans. */
static struct world {
    char names[FEATURES][24], plan_names[PLANS][24];
    struct feature features[FEATURES];
    struct key_ref grants[FEATURES];
    struct plan plans[PLANS];
    struct catalogue catalogue;
    char (*ids)[ID_SIZE];
    size_t orgs;
    struct table *table;
    apr_hash_t *hash;
    apr_thread_mutex_t *mutex;
} world;

__attribute__((noreturn)) static void die(const char *what)
{
    fprintf(stderr, "decision_bench: %s\n", what);
    exit(1);
}

static double nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static uint64_t scramble(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

static void catalogue_make(void)
{
    for (int i = 0; i < FEATURES; ++i) {
        snprintf(world.names[i], sizeof(world.names[i]), "trucking.feature%d", i);
        world.grants[i] = (struct key_ref){world.names[i], key_hash_str(world.names[i])};
        world.features[i] = (struct feature){.ref = world.grants[i],
                                             .enforcement = ENFORCE_FULL,
                                             .percent = 100,
                                             .past_due = PAST_DUE_GRACE,
                                             .grace = GRACE_DEFAULT,
                                             .stale_max = STALE_DEFAULT,
                                             .stale_allow = true,
                                             .declared = true};
    }
    for (int i = 0; i < PLANS; ++i) {
        snprintf(world.plan_names[i], sizeof(world.plan_names[i]), "plan%d_monthly", i);
        world.plans[i] = (struct plan){.ref = {world.plan_names[i], key_hash_str(world.plan_names[i])},
                                       .grants = {world.grants, FEATURES}};
    }
    world.catalogue = (struct catalogue){world.plans, PLANS, world.features, FEATURES, INT64_MAX};
}

static void id_make(char *id, uint64_t number)
{
    uint64_t high = scramble(number), low = scramble(high);

    snprintf(id, ID_SIZE, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
             (unsigned)(high & 0xffff), (unsigned)(low >> 48), (unsigned long long)(low & 0xffffffffffff));
}

static void ids_make(size_t orgs)
{
    world.orgs = orgs;
    world.ids = malloc(orgs * sizeof(*world.ids));
    if (!world.ids) {
        die("no memory for the ids");
    }
    for (size_t i = 0; i < orgs; ++i) {
        id_make(world.ids[i], i);
    }
}

static void ids_shuffle(void)
{
    for (size_t i = world.orgs - 1; i > 0; --i) {
        size_t other = scramble(i) % (i + 1);
        char kept[ID_SIZE];
        memcpy(kept, world.ids[i], ID_SIZE);
        memcpy(world.ids[i], world.ids[other], ID_SIZE);
        memcpy(world.ids[other], kept, ID_SIZE);
    }
}

static void states_store(apr_pool_t *pool)
{
    static struct org_state state = {.status = STATUS_ACTIVE, .has_customer = true, .has_subscription = true};
    const char *reason;
    struct segment *segment = segment_open(NULL, world.orgs, pool, &reason);

    if (!segment || apr_thread_mutex_create(&world.mutex, APR_THREAD_MUTEX_DEFAULT, pool) != APR_SUCCESS) {
        die("no shared memory, or no mutex");
    }
    world.table = segment_table(segment);
    world.hash = apr_hash_make(pool);
    for (size_t i = 0; i < world.orgs; ++i) {
        state.plan = world.plans[i % PLANS].ref.hash;
        state.created_at = (int64_t)i;
        state.version = i + 1;
        state.verified_at = NOW;
        table_store(world.table, world.ids[i], true, &state, NOW);
        /* The key is copied: a hash of its own has its own. */
        apr_hash_set(world.hash, apr_pmemdup(pool, world.ids[i], ID_SIZE), APR_HASH_KEY_STRING,
                     apr_pmemdup(pool, &state, STATE_SIZE));
    }
}

/* The two ways to a state */

typedef bool (*state_finder)(const char *org, struct org_state *state);

static bool find_shared(const char *org, struct org_state *state)
{
    return table_lookup(world.table, org, true, state);
}

static bool find_hashed(const char *org, struct org_state *state)
{
    const void *found;

    apr_thread_mutex_lock(world.mutex);
    found = apr_hash_get(world.hash, org, APR_HASH_KEY_STRING);
    if (found) {
        memcpy(state, found, STATE_SIZE);
    }
    apr_thread_mutex_unlock(world.mutex);
    return found != NULL;
}

static double decide_round(state_finder find, size_t *next, size_t *denied)
{
    struct org_state state;
    struct gate_context context = {.method = 1, .reading = true, .now = NOW};
    double began = nanoseconds();

    for (size_t done = 0; done < DECISIONS; ++done) {
        struct decision decision;
        bool found;

        context.org = world.ids[*next];
        found = find(context.org, &state);
        decision = gate_decide(&world.features[done % FEATURES], &world.catalogue, &context, found ? &state : NULL);
        *denied += decision.reason != REASON_PLAN;
        *next = *next + 1 < world.orgs ? *next + 1 : 0;
    }
    return (nanoseconds() - began) / DECISIONS;
}

/* Each place depends on what the one before held, so the fetches cannot overlap. */
static double fetch_round(void)
{
    static uint64_t place;
    const char *memory = (const char *)world.table;
    size_t lines = table_size(world.orgs) / 64;
    double began = nanoseconds();

    for (size_t done = 0; done < DECISIONS; ++done) {
        place = scramble(place + *(const volatile uint64_t *)(const void *)(memory + place % lines * 64));
    }
    return (nanoseconds() - began) / DECISIONS;
}

static void print_rounds(const char *name, const double *rounds, int count)
{
    printf(", \"%s\": [", name);
    for (int i = 0; i < count; ++i) {
        printf("%s%.2f", i ? ", " : "", rounds[i]);
    }
    printf("]");
}

static void bench(int rounds)
{
    static double shared[ROUNDS_MAX], hashed[ROUNDS_MAX], fetch[ROUNDS_MAX];
    size_t next = 0, next_hashed = world.orgs / 2, denied = 0, missed = 0;

    for (int i = 0; i < rounds; ++i) {
        shared[i] = decide_round(find_shared, &next, &denied);
        hashed[i] = decide_round(find_hashed, &next_hashed, &missed);
        fetch[i] = fetch_round();
    }
    if (missed) {
        die("the hash does not hold every org");
    }
    printf("{\"orgs\": %zu, \"bytes\": %zu, \"evicted_share\": %.6f", world.orgs, table_size(world.orgs), (double)denied / DECISIONS / rounds);
    print_rounds("shared", shared, rounds);
    print_rounds("hash", hashed, rounds);
    print_rounds("fetch", fetch, rounds);
    printf("}\n");
}

int main(int argc, char **argv)
{
    long orgs = argc > 1 ? atol(argv[1]) : 0, rounds = argc > 2 ? atol(argv[2]) : 30;
    apr_pool_t *pool;

    if (orgs < 1 || rounds < 1 || rounds > ROUNDS_MAX) {
        die("say for how many orgs, and in how many rounds");
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    catalogue_make();
    ids_make((size_t)orgs);
    states_store(pool);
    ids_shuffle();
    bench((int)rounds);
    apr_terminate();
    return 0;
}
