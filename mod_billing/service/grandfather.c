/* SPDX-License-Identifier: Apache-2.0
 * Writing and undoing a batch. */
#include "service/grandfather.h"

#include "service/runtime.h"
#include "service/state.h"
#include "store/state.h"

#include <apr_general.h>
#include <apr_hash.h>
#include <httpd.h>

#define PAGE 500

static apr_hash_t *grandfather_tickets(apr_pool_t *pool, const char *const *orgs, size_t count, bool livemode)
{
    apr_hash_t *tickets = apr_hash_make(pool);
    uint64_t *all = apr_palloc(pool, sizeof(*all) * count);

    for (size_t i = 0; i < count; ++i) {
        all[i] = state_ticket(orgs[i], livemode);
        apr_hash_set(tickets, orgs[i], APR_HASH_KEY_STRING, &all[i]);
    }
    return tickets;
}

/* With the ticket that was taken before the org was read. */
static void grandfather_publish_one(void *tickets, const char *org, bool livemode, const struct org_state *state)
{
    const uint64_t *ticket = apr_hash_get(tickets, org, APR_HASH_KEY_STRING);

    state_publish(org, livemode, state, *ticket);
}

/* What cannot be read now is brought by the change feed. */
static void grandfather_publish(apr_pool_t *pool, const char *const *orgs, size_t count, bool livemode)
{
    const struct runtime *child = runtime();
    apr_pool_t *page;

    apr_pool_create(&page, pool);
    for (size_t first = 0; first < count; first += PAGE) {
        size_t size = count - first < PAGE ? count - first : PAGE;
        struct state_visitor publisher = {.visit = grandfather_publish_one,
                                          .baton = grandfather_tickets(page, orgs + first, size, livemode)};

        if (store_state_of_orgs(child->database, page, &child->config->catalogue, orgs + first, size, livemode,
                                &publisher) != STORE_OK) {
            break;
        }
        apr_pool_clear(page);
    }
    apr_pool_destroy(page);
}

static const char *grandfather_token(apr_pool_t *pool)
{
    unsigned char random[16];
    char *text = apr_palloc(pool, 2 * sizeof(random) + 1);

    if (apr_generate_random_bytes(random, sizeof(random)) != APR_SUCCESS) {
        return NULL;
    }
    ap_bin2hex(random, sizeof(random), text);
    return text;
}

static void grandfather_mark(apr_pool_t *pool, struct grandfather_org *orgs, int count, const char *const *written,
                             size_t written_count)
{
    apr_hash_t *names = apr_hash_make(pool);

    for (size_t i = 0; i < written_count; ++i) {
        apr_hash_set(names, written[i], APR_HASH_KEY_STRING, written[i]);
    }
    for (int i = 0; i < count; ++i) {
        if (!orgs[i].skipped && !apr_hash_get(names, orgs[i].org, APR_HASH_KEY_STRING)) {
            orgs[i].skipped = "granted";
        }
    }
}

enum store_result grandfather_write(apr_pool_t *pool, const struct org_actor *actor, struct grandfathering *asked,
                                    struct grandfather_org *orgs, int count, int64_t *batch_id)
{
    struct database *database = runtime()->database;
    const char **chosen = apr_palloc(pool, sizeof(*chosen) * (size_t)(count + 1));
    struct grandfather_batch batch;
    const char *const *written;
    size_t chosen_count = 0, written_count;
    enum store_result result;

    for (int i = 0; i < count; ++i) {
        if (!orgs[i].skipped) {
            chosen[chosen_count++] = orgs[i].org;
        }
    }
    asked->token = grandfather_token(pool);
    if (!asked->token) {
        return STORE_ERROR;
    }
    result = store_grandfather_write(database, pool, actor, asked, chosen, chosen_count);
    if (result == STORE_OK) {
        result =
            store_grandfather_written(database, pool, actor->livemode, asked->token, &batch, &written, &written_count);
    }
    if (result == STORE_OK) {
        grandfather_publish(pool, written, written_count, actor->livemode);
        grandfather_mark(pool, orgs, count, written, written_count);
        *batch_id = batch.batch_id;
    }
    return result;
}

enum store_result grandfather_undo(apr_pool_t *pool, const struct org_actor *actor, int64_t batch_id,
                                   struct grandfather_batch *batch, const char *const **orgs, size_t *count)
{
    enum store_result result = store_grandfather_undo(runtime()->database, pool, actor, batch_id, batch, orgs, count);

    if (result == STORE_OK) {
        grandfather_publish(pool, *orgs, *count, actor->livemode);
    }
    return result;
}
