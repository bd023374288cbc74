/* SPDX-License-Identifier: Apache-2.0
 * Counting and flushing. */
#include "service/shadow.h"

#include "cache/tally.h"
#include "service/retained.h"
#include "service/runtime.h"
#include "store/shadow.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define RETAINED_NAME "mod_attune_billing-shadow"

/* An org, a feature and a reason that were not written down yet take one. 6 MiB. */
#define SLOTS 32768

/* Counters in a statement: a transaction of some ten milliseconds. */
#define BATCH_MOST 2000

/* How long a child that ends may be kept from it. */
#define LAST_WAIT apr_time_from_sec(1)

#define DAY       INT64_C(86400)

static struct tally *counters;

/* Laid out in memory that was just made. */
static struct tally *shadow_format(void *memory)
{
    unsigned char random[TALLY_ID_MAX / 2];
    char id[TALLY_ID_MAX + 1];

    if (apr_generate_random_bytes(random, sizeof(random)) != APR_SUCCESS) {
        return NULL;
    }
    ap_bin2hex(random, sizeof(random), id);
    return tally_format(memory, tally_size(SLOTS), SLOTS, id);
}

void shadow_prepare(server_rec *server)
{
    void *memory;
    bool fresh;
    apr_status_t status = retained_memory(server, RETAINED_NAME, tally_size(SLOTS), TALLY_ALIGNMENT, &memory, &fresh);

    counters = !memory ? NULL : fresh ? shadow_format(memory) : tally_attach(memory, tally_size(SLOTS));
    if (!counters) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, server,
                     "ATB0261: no shared memory to count in: the shadow report stays empty");
    }
}

static apr_status_t shadow_end(void *data)
{
    apr_pool_t *pool;

    (void)data;
    apr_pool_create(&pool, NULL);
    shadow_flush(pool, LAST_WAIT);
    apr_pool_destroy(pool);
    return APR_SUCCESS;
}

void shadow_start(apr_pool_t *pool)
{
    /* Before the pool's other cleanups, so that the database can still be used. */
    apr_pool_pre_cleanup_register(pool, NULL, shadow_end);
}

/* Counting */

static int32_t day_of(int64_t seconds)
{
    return (int32_t)(seconds / DAY);
}

void shadow_count(request_rec *r, const struct feature *feature, const char *org, enum decision_reason reason,
                  int64_t now)
{
    struct tally_key key = {
        .org = org ? org : "",
        .livemode = config_server(r->server)->mode == MODE_LIVE,
        .feature = feature->ref.key,
        .reason = (unsigned char)reason,
        .day = day_of(now),
    };

    if (counters) {
        tally_count(counters, &key, now);
    }
}

/* Flushing */

struct collected {
    apr_pool_t *pool;
    apr_array_header_t *orgs, *livemodes, *features, *reasons, *days, *requests, *first_seen, *last_seen;
};

static void collect(void *baton, const struct tally_key *key, uint64_t count, int64_t first_seen, int64_t last_seen)
{
    struct collected *to = baton;

    /* The memory may be older than this configuration's module, or newer: a reason it does not know has no name. */
    if (key->reason >= REASON_COUNT) {
        return;
    }
    APR_ARRAY_PUSH(to->orgs, const char *) = apr_pstrdup(to->pool, key->org);
    APR_ARRAY_PUSH(to->livemodes, const char *) = sql_bool(key->livemode);
    APR_ARRAY_PUSH(to->features, const char *) = apr_pstrdup(to->pool, key->feature);
    APR_ARRAY_PUSH(to->reasons, const char *) = reason_name((enum decision_reason)key->reason);
    APR_ARRAY_PUSH(to->days, const char *) = sql_int(to->pool, key->day);
    APR_ARRAY_PUSH(to->requests, const char *) = sql_int(to->pool, (int64_t)count);
    APR_ARRAY_PUSH(to->first_seen, const char *) = sql_int(to->pool, first_seen);
    APR_ARRAY_PUSH(to->last_seen, const char *) = sql_int(to->pool, last_seen);
}

static const char **column(apr_array_header_t *array)
{
    return (const char **)array->elts;
}

static enum store_result shadow_write(apr_pool_t *pool, uint64_t number, apr_interval_time_t wait)
{
    struct shadow_batch batch = {.source = tally_id(counters), .number = number, .dropped = tally_dropped(counters)};
    struct collected found = {.pool = pool};
    apr_array_header_t **columns[] = {&found.orgs, &found.livemodes, &found.features,   &found.reasons,
                                      &found.days, &found.requests,  &found.first_seen, &found.last_seen};

    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); ++i) {
        *columns[i] = apr_array_make(pool, BATCH_MOST, sizeof(const char *));
    }
    tally_visit(counters, collect, &found);
    batch.count = (size_t)found.orgs->nelts;
    batch.orgs = column(found.orgs);
    batch.livemodes = column(found.livemodes);
    batch.features = column(found.features);
    batch.reasons = column(found.reasons);
    batch.days = column(found.days);
    batch.requests = column(found.requests);
    batch.first_seen = column(found.first_seen);
    batch.last_seen = column(found.last_seen);
    return store_shadow_add(runtime()->database, pool, &batch, wait);
}

/* All batches, one after the other. With the lock. */
static enum store_result shadow_write_all(apr_pool_t *pool, apr_time_t deadline)
{
    enum store_result result = STORE_OK;
    apr_pool_t *batch;
    uint64_t number;

    apr_pool_create(&batch, pool);
    while (result == STORE_OK && (number = tally_seal(counters, BATCH_MOST))) {
        apr_time_t left = deadline - apr_time_now();

        result = left > 0 ? shadow_write(batch, number, left) : STORE_UNAVAILABLE;
        if (result == STORE_OK) {
            tally_settle(counters);
        }
        apr_pool_clear(batch);
    }
    apr_pool_destroy(batch);
    return result;
}

enum store_result shadow_flush(apr_pool_t *pool, apr_interval_time_t wait)
{
    apr_time_t deadline = apr_time_now() + wait;
    enum store_result result;

    if (!counters) {
        return STORE_OK;
    }
    if (!runtime()->database || !tally_lock(counters, (unsigned)apr_time_as_msec(wait))) {
        return STORE_UNAVAILABLE;
    }
    result = shadow_write_all(pool, deadline);
    tally_unlock(counters);
    return result;
}
