/* SPDX-License-Identifier: Apache-2.0
 * The change feed. */
#include "jobs/feed.h"

#include "domain/key.h"
#include "service/runtime.h"
#include "service/state.h"
#include "store/state.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define WARM_PAGE 1000

/* A new child may have another catalogue than the one that filled the table, so it reads everything once: plans are
 * recognised by the prices of the subscription. */
static bool warm;

static void feed_store(const struct org_change *changes, int count)
{
    for (int i = 0; i < count; ++i) {
        state_publish(changes[i].org, changes[i].livemode, &changes[i].state);
    }
}

/* Everything. The position is taken first, so that what changes meanwhile is found by the next pass. */
static bool feed_warm(apr_pool_t *pool, uint64_t *position)
{
    const struct runtime *child = runtime();
    struct state_walk walk = {NULL, false};
    char last[ORG_ID_MAX + 1];
    struct org_change *changes;
    apr_pool_t *page;
    int count;

    if (store_state_position(child->database, pool, position) != STORE_OK) {
        return false;
    }
    apr_pool_create(&page, pool);
    do {
        if (runtime_stopping() || store_state_walk(child->database, page, &child->config->catalogue, &walk, WARM_PAGE,
                                                &changes, &count) != STORE_OK) {
            return false;
        }
        feed_store(changes, count);
        if (count) {
            apr_cpystrn(last, walk.org, sizeof(last));
            walk.org = last;
        }
        apr_pool_clear(page);
    } while (count == WARM_PAGE);
    apr_pool_destroy(page);
    return true;
}

static bool feed_changes(apr_pool_t *pool, uint64_t *position)
{
    const struct runtime *child = runtime();
    uint64_t before = *position;
    struct org_change *changes;
    int count;

    if (store_state_changes(child->database, pool, &child->config->catalogue, position, &changes, &count) != STORE_OK) {
        return false;
    }
    feed_store(changes, count);
    if (*position < before) {
        warm =
            false; /* the database was put back to an earlier state: nothing in the table can be trusted to be newer */
        return false;
    }
    return true;
}

void feed_pass(apr_pool_t *pool)
{
    const struct runtime *child = runtime();
    int64_t now = runtime_now();
    uint64_t position;

    if (!child->database || !child->table) {
        return;
    }
    position = table_position(child->table);
    if (!warm || !position) {
        if (!feed_warm(pool, &position)) {
            return;
        }
        warm = true;
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, child->server, "ATB0501: the state of all orgs is in shared memory");
    } else if (!feed_changes(pool, &position)) {
        return;
    }
    table_verified_set(child->table, now, position);
}
