/* SPDX-License-Identifier: Apache-2.0
 * Statements about the shadow report. */
#include "store/shadow.h"

#include "store/record.h"

/* Sorted, so that nodes that add the same rows at the same time wait for one another instead of deadlocking. */
static const char add_sql[] =
    "WITH batch AS (INSERT INTO billing.shadow_source AS s (source, batch, dropped)"
    "  VALUES ($1::text, $2::bigint, $3::bigint) ON CONFLICT (source) DO UPDATE SET batch = excluded.batch,"
    "  dropped = excluded.dropped, flushed_at = now() WHERE s.batch < excluded.batch RETURNING true)"
    "INSERT INTO billing.shadow AS s (org_id, livemode, feature, reason, day, requests, first_seen, last_seen)"
    " SELECT c.org_id, c.livemode, c.feature, c.reason, date '1970-01-01' + c.day, sum(c.requests),"
    "  to_timestamp(min(c.first_seen)), to_timestamp(max(c.last_seen))"
    " FROM batch, unnest($4::text[], $5::boolean[], $6::text[], $7::text[], $8::integer[], $9::bigint[],"
    "  $10::bigint[], $11::bigint[]) AS c (org_id, livemode, feature, reason, day, requests, first_seen, last_seen)"
    " GROUP BY c.livemode, c.feature, c.org_id, c.reason, c.day"
    " ORDER BY c.livemode, c.feature, c.org_id, c.reason, c.day"
    " ON CONFLICT (livemode, feature, org_id, reason, day) DO UPDATE SET requests = s.requests + excluded.requests,"
    "  first_seen = least(s.first_seen, excluded.first_seen), last_seen = greatest(s.last_seen, excluded.last_seen)";

enum store_result store_shadow_add(struct database *database, apr_pool_t *pool, const struct shadow_batch *batch,
                                   apr_interval_time_t wait)
{
    struct statement statement = {
        .sql = add_sql,
        .param_count = 11,
        .params = {batch->source, sql_int(pool, (int64_t)batch->number), sql_int(pool, (int64_t)batch->dropped),
                   sql_text_array(pool, batch->orgs, batch->count),
                   sql_text_array(pool, batch->livemodes, batch->count),
                   sql_text_array(pool, batch->features, batch->count),
                   sql_text_array(pool, batch->reasons, batch->count), sql_text_array(pool, batch->days, batch->count),
                   sql_text_array(pool, batch->requests, batch->count),
                   sql_text_array(pool, batch->first_seen, batch->count),
                   sql_text_array(pool, batch->last_seen, batch->count)},
        .wait = wait,
    };
    struct rows rows;

    return database_run(database, pool, &statement, &rows);
}

/* $1 mode, $2 since, $3 feature or NULL. */
#define SQL_FILTER                                                                                                     \
    " s.livemode = $1::boolean AND s.day >= (to_timestamp($2::bigint) AT TIME ZONE 'UTC')::date"                       \
    " AND ($3::text IS NULL OR s.feature = $3::text)"

enum shadow_column {
    SHADOW_FEATURE,
    SHADOW_ORG,
    SHADOW_REASON,
    SHADOW_REQUESTS,
    SHADOW_FIRST_SEEN,
    SHADOW_LAST_SEEN,
    SHADOW_STATUS,
    SHADOW_PROVIDER,
    SHADOW_PRICES
};

/* The plan follows from the prices, as everywhere: see store/state.c. */
static void shadow_read(apr_pool_t *pool, const struct catalogue *catalogue, bool livemode, const struct rows *rows,
                        int row, struct shadow_row *shadow)
{
    const char *status = rows_text(rows, row, SHADOW_STATUS);
    size_t price_count;
    const char *const *prices = record_texts(pool, rows_text(rows, row, SHADOW_PRICES), &price_count);

    shadow->feature = rows_text(rows, row, SHADOW_FEATURE);
    shadow->org = rows_text(rows, row, SHADOW_ORG);
    shadow->reason = rows_text(rows, row, SHADOW_REASON);
    shadow->requests = rows_int(rows, row, SHADOW_REQUESTS);
    shadow->first_seen = rows_int(rows, row, SHADOW_FIRST_SEEN);
    shadow->last_seen = rows_int(rows, row, SHADOW_LAST_SEEN);
    shadow->status = STATUS_NONE;
    if (status) {
        status_parse(status, &shadow->status);
        shadow->plan =
            catalogue_plan_of_prices(catalogue, rows_text(rows, row, SHADOW_PROVIDER), livemode, prices, price_count);
    }
}

enum store_result store_shadow_list(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                    const struct shadow_filter *filter, const struct shadow_row *after, int most,
                                    struct shadow_row **rows, int *count)
{
    struct statement statement = {
        .sql = "SELECT s.feature, s.org_id, s.reason, sum(s.requests)::bigint, " SQL_SECONDS(
            "min(s.first_seen)") ", " SQL_SECONDS("max(s.last_seen)") ","
                                                                      " l.status, l.provider, to_json(l.price_ids)"
                                                                      " FROM billing.shadow s LEFT JOIN billing.link l"
                                                                      "  ON l.org_id = s.org_id AND l.livemode = "
                                                                      "s.livemode"
                                                                      " WHERE" SQL_FILTER
                                                                      "  AND (s.feature, s.org_id, s.reason) > "
                                                                      "($4::text, $5::text, $6::text)"
                                                                      " GROUP BY s.feature, s.org_id, s.reason, "
                                                                      "l.org_id, l.livemode"
                                                                      " ORDER BY s.feature, s.org_id, s.reason LIMIT "
                                                                      "$7::integer",
        .param_count = 7,
        .params = {sql_bool(filter->livemode), sql_int(pool, filter->since), filter->feature,
                   after ? after->feature : "", after ? after->org : "", after ? after->reason : "",
                   sql_int(pool, most)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows found;
    enum store_result result = database_run(database, pool, &statement, &found);

    *count = 0;
    if (result != STORE_OK) {
        return result;
    }
    *count = found.count;
    *rows = apr_pcalloc(pool, sizeof(**rows) * (size_t)(found.count + 1));
    for (int row = 0; row < found.count; ++row) {
        shadow_read(pool, catalogue, filter->livemode, &found, row, &(*rows)[row]);
    }
    return STORE_OK;
}

/* It breaks texts with macros in them into letters: */
/* clang-format off */
/* One row at least, for the dropped ones. */
static const char totals_sql[] =
    "SELECT (SELECT coalesce(sum(d.dropped), 0)::bigint FROM billing.shadow_source d"
    "   WHERE d.flushed_at >= to_timestamp($2::bigint)),"
    " t.feature, t.reason, t.requests, t.orgs, t.first_seen, t.last_seen"
    " FROM (VALUES (1)) one LEFT JOIN (SELECT s.feature, s.reason, sum(s.requests)::bigint AS requests,"
    "   count(DISTINCT nullif(s.org_id, '')) AS orgs, " SQL_SECONDS("min(s.first_seen)") " AS first_seen, "
    SQL_SECONDS("max(s.last_seen)") " AS last_seen"
    "  FROM billing.shadow s WHERE" SQL_FILTER
    "  GROUP BY GROUPING SETS ((s.feature), (s.feature, s.reason))) t ON true"
    " ORDER BY t.feature, t.reason IS NOT NULL, t.orgs DESC, t.reason";
/* clang-format on */

enum total_column {
    TOTAL_DROPPED,
    TOTAL_FEATURE,
    TOTAL_REASON,
    TOTAL_REQUESTS,
    TOTAL_ORGS,
    TOTAL_FIRST_SEEN,
    TOTAL_LAST_SEEN
};

enum store_result store_shadow_totals(struct database *database, apr_pool_t *pool, const struct shadow_filter *filter,
                                      struct shadow_total **totals, int *count, int64_t *dropped)
{
    struct statement statement = {
        .sql = totals_sql,
        .param_count = 3,
        .params = {sql_bool(filter->livemode), sql_int(pool, filter->since), filter->feature},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *count = 0;
    if (result != STORE_OK) {
        return result;
    }
    *dropped = rows_int(&rows, 0, TOTAL_DROPPED);
    *totals = apr_pcalloc(pool, sizeof(**totals) * (size_t)rows.count);
    for (int row = 0; row < rows.count && rows_text(&rows, row, TOTAL_FEATURE); ++row) {
        (*totals)[(*count)++] = (struct shadow_total){
            .feature = rows_text(&rows, row, TOTAL_FEATURE),
            .reason = rows_text(&rows, row, TOTAL_REASON),
            .requests = rows_int(&rows, row, TOTAL_REQUESTS),
            .orgs = rows_int(&rows, row, TOTAL_ORGS),
            .first_seen = rows_int(&rows, row, TOTAL_FIRST_SEEN),
            .last_seen = rows_int(&rows, row, TOTAL_LAST_SEEN),
        };
    }
    return STORE_OK;
}

enum store_result store_shadow_prune(struct database *database, apr_pool_t *pool, apr_interval_time_t age)
{
    struct statement statement = {
        .sql =
            "WITH sources AS (DELETE FROM billing.shadow_source WHERE flushed_at < now() - $1::bigint * interval '1 s')"
            "DELETE FROM billing.shadow WHERE day < (now() AT TIME ZONE 'UTC' - $1::bigint * interval '1 s')::date",
        .param_count = 1,
        .params = {sql_int(pool, apr_time_sec(age))},
        .wait = DATABASE_WAIT_JOB,
    };
    struct rows rows;

    return database_run(database, pool, &statement, &rows);
}
