/* SPDX-License-Identifier: Apache-2.0
 * The change feed. */
#include "jobs/feed.h"

#include "domain/key.h"
#include "service/runtime.h"
#include "service/state.h"
#include "store/state.h"

#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <http_log.h>
#include <stdlib.h>

APLOG_USE_MODULE(attune_billing);

/* Rows of one statement: some 300 KiB at a time, however much has changed. */
#define PAGE 1000

/* So many orgs are read by two connections at once, since most of the time is the server's. */
#define HALVES_FROM 50000

/* The snapshot of the last pass of this child, from malloc. While some transaction of anybody's stays open for an hour
 * the position does not move, so all that an hour has changed is looked at in every pass; with this at hand what was
 * seen before is left out. NULL: not known, which only costs time. */
static char *last_snapshot;

static void feed_remember(const char *snapshot)
{
    free(last_snapshot);
    last_snapshot = snapshot ? strdup(snapshot) : NULL;
}

/* Every pass ends with the table as the database was at `moment` or later. */
static void feed_note(const struct state_moment *moment, int64_t now)
{
    table_verified_set(runtime()->table, now, moment->position);
    feed_remember(moment->snapshot);
}

static void feed_store(void *baton, const char *org, bool livemode, const struct org_state *state)
{
    (void)baton;
    state_bring(org, livemode, state);
}

static void feed_forget(const struct org_key *gone, int count)
{
    for (int i = 0; i < count; ++i) {
        table_forget(runtime()->table, gone[i].org, gone[i].livemode);
    }
}

/* Everything */

/* A table that is ahead of the database was filled from one that has lost its newest transactions since, or been put
 * back. Or this page was read just before the change: then forgetting costs whoever asks next one query. */
static void feed_adopt(void *baton, const char *org, bool livemode, const struct org_state *state)
{
    struct org_state known;

    (void)baton;
    if (table_lookup(runtime()->table, org, livemode, &known) && known.version > state->version) {
        table_forget(runtime()->table, org, livemode);
    } else {
        state_bring(org, livemode, state);
    }
}

/* From the first org behind `after` to `until`, both of which may be NULL. */
static bool feed_walk(apr_pool_t *parent, const char *after, const char *until)
{
    static const struct state_visitor adopter = {.visit = feed_adopt};
    const struct runtime *child = runtime();
    /* Behind `after` in both modes: true is the greater one. */
    struct state_walk walk = {.place.livemode = true, .until = until};
    apr_pool_t *pool;

    if (after) {
        apr_cpystrn(walk.place.org, after, sizeof(walk.place.org));
    }
    apr_pool_create(&pool, parent);
    while (!walk.place.ended) {
        apr_pool_clear(pool);
        if (runtime_stopping() ||
            store_state_walk(child->database, pool, &child->config->catalogue, &walk, PAGE, &adopter) != STORE_OK) {
            return false;
        }
    }
    apr_pool_destroy(pool);
    return true;
}

/* The second half of a walk, in a thread and a connection of its own. */
struct feed_half {
    const char *after;
    apr_pool_t *pool; /* with an allocator of its own: those of the first half's thread are not safe for two */
    apr_thread_t *thread;
    bool done;
};

static void *APR_THREAD_FUNC feed_half_run(apr_thread_t *thread, void *data)
{
    struct feed_half *half = data;

    (void)thread;
    half->done = feed_walk(half->pool, half->after, NULL);
    return NULL;
}

static bool feed_half_begin(struct feed_half *half, apr_pool_t *pool)
{
    if (apr_pool_create_unmanaged_ex(&half->pool, NULL, NULL) != APR_SUCCESS) {
        return false;
    }
    if (apr_thread_create(&half->thread, NULL, feed_half_run, half, pool) != APR_SUCCESS) {
        apr_pool_destroy(half->pool);
        return false;
    }
    return true;
}

static bool feed_half_end(struct feed_half *half)
{
    apr_status_t status;

    apr_thread_join(&status, half->thread);
    apr_pool_destroy(half->pool);
    return half->done;
}

static bool feed_walk_all(apr_pool_t *pool)
{
    struct feed_half second = {.done = false};
    bool done;

    if (store_state_middle(runtime()->database, pool, HALVES_FROM, &second.after) != STORE_OK) {
        return false;
    }
    if (!second.after || !feed_half_begin(&second, pool)) {
        return feed_walk(pool, NULL, NULL);
    }
    done = feed_walk(pool, NULL, second.after);
    return feed_half_end(&second) && done;
}

/* Entries of which the database may know nothing (any more). */
struct feed_check {
    apr_pool_t *pool;
    struct org_key keys[PAGE];
    int count;
    bool failed;
};

static void feed_check_page(struct feed_check *check)
{
    bool missing[PAGE];

    check->failed =
        check->failed || runtime_stopping() ||
        store_state_missing(runtime()->database, check->pool, check->keys, check->count, missing) != STORE_OK;
    for (int i = 0; !check->failed && i < check->count; ++i) {
        if (missing[i]) {
            feed_forget(&check->keys[i], 1);
        }
    }
    check->count = 0;
    apr_pool_clear(check->pool);
}

static bool feed_check_visit(void *baton, const char *org, bool livemode, const struct org_state *state)
{
    struct feed_check *check = baton;

    if (state->version) {
        check->keys[check->count++] = (struct org_key){apr_pstrdup(check->pool, org), livemode};
    }
    if (check->count == PAGE) {
        feed_check_page(check);
    }
    return !check->failed;
}

static bool feed_check_all(apr_pool_t *pool)
{
    struct feed_check *check = malloc(sizeof(*check));
    bool failed = true;

    if (check) {
        apr_pool_clear(pool);
        check->pool = pool;
        check->count = 0;
        check->failed = false;
        table_visit(runtime()->table, feed_check_visit, check);
        if (check->count && !check->failed) {
            feed_check_page(check);
        }
        failed = check->failed;
        free(check);
    }
    return !failed;
}

/* Of a table that was empty all is from the database just read. */
static bool feed_table_is_empty(void)
{
    struct table_stats stats;

    table_stats(runtime()->table, &stats);
    return !stats.entries;
}

/* The moment is taken before: what changes meanwhile is found by the next pass. */
static bool feed_everything(apr_pool_t *pool, uint64_t basis)
{
    bool was_empty = feed_table_is_empty(), done;
    apr_pool_t *page;

    apr_pool_create(&page, pool);
    done = feed_walk_all(page) && (was_empty || feed_check_all(page));
    apr_pool_destroy(page);
    if (done) {
        table_mark_set(runtime()->table, TABLE_BASIS, basis);
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, runtime()->server,
                     "ATB0501: the state of all orgs was read into shared memory");
    }
    return done;
}

/* What has changed */

/* Those that are gone were forgotten before: one that was made anew begins with version 1 again. */
static bool feed_changes(apr_pool_t *pool, uint64_t position)
{
    static const struct state_visitor storer = {.visit = feed_store};
    const struct runtime *child = runtime();
    struct state_changes reading = {.snapshot = last_snapshot, .position = position};
    apr_pool_t *page;

    apr_pool_create(&page, pool);
    while (!reading.place.ended) {
        apr_pool_clear(page);
        if (runtime_stopping() || store_state_changes(child->database, page, &child->config->catalogue, &reading, PAGE,
                                                      &storer) != STORE_OK) {
            return false; /* the page pool goes with its parent */
        }
    }
    apr_pool_destroy(page);
    return true;
}

/* What all of the table was read from: this catalogue, and the database as it is since it was last started, failed over
 * or restored. Another one, and the position in it means nothing. Never 0. */
static uint64_t feed_basis(const struct state_moment *moment)
{
    uint64_t basis = runtime()->fingerprint ^ (moment->identity * UINT64_C(0x9e3779b97f4a7c15));

    return basis ? basis : 1;
}

void feed_pass(apr_pool_t *pool)
{
    const struct runtime *child = runtime();
    int64_t now = runtime_now();
    struct state_moment moment;
    struct org_key *gone;
    uint64_t position, basis;
    int count;

    if (!child->database || !child->table || table_mark(child->table, TABLE_CATALOGUE) != child->fingerprint) {
        return; /* the next generation's catalogue is in force: its own feed has taken over */
    }
    position = table_position(child->table);
    if (store_state_gone(child->database, pool, position, last_snapshot, PAGE, &moment, &gone, &count) != STORE_OK) {
        return;
    }
    basis = feed_basis(&moment);
    if (table_mark(child->table, TABLE_BASIS) != basis || !position || position > moment.position || count == PAGE) {
        feed_remember(NULL);
        if (!feed_everything(pool, basis)) {
            return;
        }
    } else {
        feed_forget(gone, count);
        if (!feed_changes(pool, position)) {
            return;
        }
    }
    feed_note(&moment, now);
}
