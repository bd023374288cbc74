/* SPDX-License-Identifier: Apache-2.0
 * Org states out of link, org and override. */
#include "store/state.h"

#include "domain/key.h"
#include "store/record.h"

#include <apr_strings.h>
#include <stdlib.h>

/* It breaks texts with macros in them into letters: */
/* clang-format off */
/* The columns that state_read reads, of link l and org o. Nearly all orgs have no override: to look for one first costs
 * less than an aggregate of none. */
#define SQL_STATE_COLUMNS                                                                                              \
    "l.org_id, l.livemode, l.provider, l.status, l.grace_over, to_json(l.price_ids), "                                 \
    SQL_SECONDS("l.period_end") ", " SQL_SECONDS("l.cancel_at") ", " SQL_SECONDS("l.past_due_since") ", "              \
    "l.version, " SQL_SECONDS("o.created_at") ", o.app_type, l.customer_id IS NOT NULL, l.live_count > 0, "            \
    "CASE WHEN EXISTS (SELECT FROM billing.override w WHERE w.org_id = l.org_id AND w.livemode = l.livemode)"          \
    " THEN " SQL_OVERRIDES("l.org_id", "l.livemode") " END"
/* clang-format on */

enum state_column {
    STATE_ORG,
    STATE_LIVEMODE,
    STATE_PROVIDER,
    STATE_STATUS,
    STATE_GRACE_OVER,
    STATE_PRICES,
    STATE_PERIOD_END,
    STATE_CANCEL_AT,
    STATE_PAST_DUE_SINCE,
    STATE_VERSION,
    STATE_CREATED_AT,
    STATE_APP_TYPE,
    STATE_HAS_CUSTOMER,
    STATE_HAS_SUBSCRIPTION,
    STATE_OVERRIDES
};

/* The plan of the row before: most orgs have the same few prices. */
struct plan_read {
    const char *prices, *provider; /* NULL: none yet */
    bool livemode;
    const struct plan *plan;
};

/* The plan follows from the prices at every read, not from the stored plan_key: so a plan that is added to the
 * catalogue later is recognised without a new event. */
static const struct plan *plan_read(apr_pool_t *pool, const struct catalogue *catalogue, const struct rows *rows,
                                    int row, int first, struct plan_read *last)
{
    const char *text = rows_text(rows, row, first + STATE_PRICES);
    const char *provider = rows_text(rows, row, first + STATE_PROVIDER);
    bool livemode = rows_bool(rows, row, first + STATE_LIVEMODE);
    size_t price_count;
    const char *const *prices;

    if (!text || !provider) {
        return NULL; /* no link */
    }
    if (!last->prices || strcmp(last->prices, text) || strcmp(last->provider, provider) || last->livemode != livemode) {
        prices = record_texts(pool, text, &price_count);
        *last = (struct plan_read){text, provider, livemode,
                                   catalogue_plan_of_prices(catalogue, provider, livemode, prices, price_count)};
    }
    return last->plan;
}

static void state_read(apr_pool_t *pool, const struct catalogue *catalogue, const struct rows *rows, int row, int first,
                       struct plan_read *last, struct org_state *state)
{
    const char *status = rows_text(rows, row, first + STATE_STATUS);
    const char *app_type = rows_text(rows, row, first + STATE_APP_TYPE);
    const struct plan *plan = plan_read(pool, catalogue, rows, row, first, last);

    memset(state, 0, offsetof(struct org_state, overrides));
    if (status) {
        status_parse(status, &state->status);
    }
    state->grace_over = rows_bool(rows, row, first + STATE_GRACE_OVER);
    state->has_customer = rows_bool(rows, row, first + STATE_HAS_CUSTOMER);
    state->has_subscription = rows_bool(rows, row, first + STATE_HAS_SUBSCRIPTION);
    state->plan = plan ? plan->ref.hash : 0;
    state->app_type = app_type ? key_hash_str(app_type) : 0;
    state->period_end = rows_int(rows, row, first + STATE_PERIOD_END);
    state->cancel_at = rows_int(rows, row, first + STATE_CANCEL_AT);
    state->past_due_since = rows_int(rows, row, first + STATE_PAST_DUE_SINCE);
    state->created_at = rows_int(rows, row, first + STATE_CREATED_AT);
    state->version = (uint64_t)rows_int(rows, row, first + STATE_VERSION);
    record_overrides(rows_text(rows, row, first + STATE_OVERRIDES), state);
}

enum store_result store_state_find(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                   const char *org, bool livemode, apr_interval_time_t wait, struct org_state *state)
{
    struct statement statement = {
        .frequent = true,
        .sql = "SELECT " SQL_STATE_COLUMNS " FROM billing.org o LEFT JOIN billing.link l ON l.org_id = o.org_id"
               " AND l.livemode = $2::boolean WHERE o.org_id = $1",
        .param_count = 2,
        .params = {org, sql_bool(livemode)},
        .wait = wait,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    if (result == STORE_OK) {
        memset(state, 0, sizeof(*state));
        if (rows.count) {
            state_read(pool, catalogue, &rows, 0, 0, &(struct plan_read){0}, state);
        }
    }
    return result;
}

void store_state_of_link(const struct link *link, const struct org_state *record, int64_t version,
                         struct org_state *state)
{
    *state = *record;
    state->status = link->status;
    state->grace_over = link->grace_over;
    state->has_customer = link->customer != NULL;
    state->has_subscription = link->live_count > 0;
    state->plan = link->plan_key ? key_hash_str(link->plan_key) : 0;
    state->period_end = link->period_end;
    state->cancel_at = link->cancel_at;
    state->past_due_since = link->past_due_since;
    state->version = (uint64_t)version;
}

/* Rows whose first column is a link's `changed`. */
static enum store_result state_list(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                    const struct statement *statement, const struct state_visitor *visitor,
                                    struct rows *rows)
{
    enum store_result result = database_run(database, pool, statement, rows);
    struct plan_read last = {0};
    struct org_state state;

    for (int row = 0; result == STORE_OK && row < rows->count; ++row) {
        state_read(pool, catalogue, rows, row, 1, &last, &state);
        visitor->visit(visitor->baton, rows_text(rows, row, 1 + STATE_ORG), rows_bool(rows, row, 1 + STATE_LIVEMODE),
                       &state);
    }
    return result;
}

/* The next page of a reading, of `most` rows at most. */
static enum store_result state_page(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                    const struct statement *statement, const struct state_visitor *visitor, int most,
                                    struct state_place *place, struct rows *rows)
{
    enum store_result result = state_list(database, pool, catalogue, statement, visitor, rows);

    if (result == STORE_OK) {
        place->ended = rows->count < most;
    }
    if (result == STORE_OK && rows->count) {
        apr_cpystrn(place->org, rows_text(rows, rows->count - 1, 1 + STATE_ORG), sizeof(place->org));
        place->livemode = rows_bool(rows, rows->count - 1, 1 + STATE_LIVEMODE);
    }
    return result;
}

static const char *sql_xid(apr_pool_t *pool, uint64_t xid)
{
    return apr_psprintf(pool, "%" APR_UINT64_T_FMT, (apr_uint64_t)xid);
}

/* A restart, a fail-over or a restored server has another time of its start; a table that was restored, emptied or
 * rewritten has another file. */
#define SQL_IDENTITY                                                                                                   \
    "hashtextextended(extract(epoch FROM pg_postmaster_start_time()) || '/' || pg_relation_filenode('billing.link'), " \
    "0)"

enum store_result store_state_gone(struct database *database, apr_pool_t *pool, uint64_t position, const char *snapshot,
                                   int most, struct state_moment *moment, struct org_key **gone, int *count)
{
    struct statement statement = {
        .frequent = true,
        .sql = "SELECT pg_snapshot_xmin(pg_current_snapshot()), pg_current_snapshot(), " SQL_IDENTITY ","
               " g.org_id, g.livemode FROM (VALUES (1)) one LEFT JOIN LATERAL ("
               "  SELECT org_id, livemode FROM billing.link_gone WHERE changed >= $1::text::xid8"
               "   AND ($2::text IS NULL OR NOT pg_visible_in_snapshot(changed, $2::text::pg_snapshot))"
               "  LIMIT $3::integer) g ON true",
        .param_count = 3,
        .params = {sql_xid(pool, position), snapshot, sql_int(pool, most)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *count = 0;
    if (result != STORE_OK) {
        return result;
    }
    moment->position = strtoull(rows_text(&rows, 0, 0), NULL, 10);
    moment->snapshot = rows_text(&rows, 0, 1);
    moment->identity = (uint64_t)rows_int(&rows, 0, 2);
    *gone = apr_pcalloc(pool, sizeof(**gone) * (size_t)rows.count);
    for (int row = 0; row < rows.count && rows_text(&rows, row, 3); ++row) {
        (*gone)[(*count)++] = (struct org_key){rows_text(&rows, row, 3), rows_bool(&rows, row, 4)};
    }
    return STORE_OK;
}

enum store_result store_state_middle(struct database *database, apr_pool_t *pool, int64_t least, const char **org)
{
    struct statement statement = {
        .sql = "SELECT m.org_id FROM pg_class c, LATERAL (SELECT org_id FROM billing.link ORDER BY org_id, livemode"
               "  OFFSET c.reltuples::bigint / 2 LIMIT 1) m"
               " WHERE c.oid = 'billing.link'::regclass AND c.reltuples >= $1::bigint",
        .param_count = 1,
        .params = {sql_int(pool, least)},
        .wait = DATABASE_WAIT_JOB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *org = result == STORE_OK && rows.count ? rows_text(&rows, 0, 0) : NULL;
    return result;
}

/* Two statements, since a plan that serves both would read on behind the last org. */
#define SQL_WALK(until)                                                                                                \
    "SELECT l.changed, " SQL_STATE_COLUMNS " FROM billing.link l JOIN billing.org o ON o.org_id = l.org_id"            \
    " WHERE (l.org_id, l.livemode) > ($1::text, $2::boolean)" until " ORDER BY l.org_id, l.livemode LIMIT $3::integer"

enum store_result store_state_walk(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                   struct state_walk *walk, int most, const struct state_visitor *visitor)
{
    struct statement statement = {
        .frequent = true,
        .sql = walk->until ? SQL_WALK(" AND l.org_id <= $4::text") : SQL_WALK(""),
        .param_count = walk->until ? 4 : 3,
        .params = {walk->place.org, sql_bool(walk->place.livemode), sql_int(pool, most), walk->until},
        .wait = DATABASE_WAIT_JOB,
    };
    struct rows rows;

    return state_page(database, pool, catalogue, &statement, visitor, most, &walk->place, &rows);
}

enum store_result store_state_of_orgs(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                      const char *const *orgs, size_t org_count, bool livemode,
                                      const struct state_visitor *visitor)
{
    struct statement statement = {
        .sql = "SELECT '0', " SQL_STATE_COLUMNS " FROM billing.link l JOIN billing.org o ON o.org_id = l.org_id"
               " WHERE l.org_id = ANY($1::text[]) AND l.livemode = $2::boolean",
        .param_count = 2,
        .params = {sql_text_array(pool, orgs, org_count), sql_bool(livemode)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;

    return state_list(database, pool, catalogue, &statement, visitor, &rows);
}

enum store_result store_state_changes(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                      struct state_changes *reading, int most, const struct state_visitor *visitor)
{
    struct statement statement = {
        .frequent = true,
        .sql = "SELECT l.changed, " SQL_STATE_COLUMNS " FROM billing.link l JOIN billing.org o ON o.org_id = l.org_id"
               " WHERE (l.changed, l.org_id, l.livemode) > ($1::text::xid8, $2::text, $3::boolean)"
               " AND ($4::text IS NULL OR NOT pg_visible_in_snapshot(l.changed, $4::text::pg_snapshot))"
               " ORDER BY l.changed, l.org_id, l.livemode LIMIT $5::integer",
        .param_count = 5,
        .params = {sql_xid(pool, reading->position), reading->place.org, sql_bool(reading->place.livemode),
                   reading->snapshot, sql_int(pool, most)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = state_page(database, pool, catalogue, &statement, visitor, most, &reading->place, &rows);

    if (result == STORE_OK && rows.count) {
        reading->position = strtoull(rows_text(&rows, rows.count - 1, 0), NULL, 10);
    }
    return result;
}

enum store_result store_state_missing(struct database *database, apr_pool_t *pool, const struct org_key *keys,
                                      int count, bool *missing)
{
    const char **orgs = apr_palloc(pool, sizeof(*orgs) * (size_t)count);
    const char **modes = apr_palloc(pool, sizeof(*modes) * (size_t)count);
    struct statement statement = {
        .sql =
            "SELECT k.number - 1 FROM unnest($1::text[], $2::boolean[]) WITH ORDINALITY AS k (org_id, livemode, number)"
            " WHERE NOT EXISTS (SELECT FROM billing.link l WHERE l.org_id = k.org_id AND l.livemode = k.livemode)",
        .param_count = 2,
        .wait = DATABASE_WAIT_JOB,
    };
    struct rows rows;
    enum store_result result;

    for (int i = 0; i < count; ++i) {
        orgs[i] = keys[i].org;
        modes[i] = sql_bool(keys[i].livemode);
        missing[i] = false;
    }
    statement.params[0] = sql_text_array(pool, orgs, (size_t)count);
    statement.params[1] = sql_text_array(pool, modes, (size_t)count);
    result = database_run(database, pool, &statement, &rows);
    for (int row = 0; result == STORE_OK && row < rows.count; ++row) {
        missing[rows_int(&rows, row, 0)] = true;
    }
    return result;
}
