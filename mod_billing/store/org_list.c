/* SPDX-License-Identifier: Apache-2.0
 * Statements about orgs as a list. */
#include "store/org_list.h"

#include "store/record.h"

/* Of orgs in any status but past due there are enough to be met soon; if not, a page ends early and says so. */
#define LOOKED_AT_MAX 20000

/* It breaks texts with macros in them into letters: */
/* clang-format off */
/* $1 provider, $2 livemode, $3 prefix, $4 after, $5 status or NULL, $6 how many, $7 how many to look at. `source` is
 * what is looked through, in the order of its index; '~' follows every byte that an id may have. One row at least: the
 * columns before the org's say how many were looked at, and which was the last of them. */
#define SQL_ORG_LIST(source)                                                                                           \
    "WITH looked AS MATERIALIZED (SELECT x.org_id FROM " source                                                        \
    "  AND x.org_id COLLATE \"C\" > $4::text"                                                                          \
    "  AND ($3::text = '' OR (x.org_id COLLATE \"C\" >= $3::text AND x.org_id COLLATE \"C\" < $3::text || '~'))"       \
    "  ORDER BY x.org_id COLLATE \"C\" LIMIT $7::integer),"                                                            \
    "found AS (SELECT o.org_id, o.created_at, o.app_type, o.first_seen, coalesce(l.status, 'none') AS status,"         \
    "   l.price_ids, l.period_end, l.cancel_at, l.past_due_since"                                                      \
    "  FROM looked JOIN billing.org o USING (org_id)"                                                                  \
    "  LEFT JOIN billing.link l ON l.org_id = o.org_id AND l.livemode = $2::boolean AND l.provider = $1::text"         \
    "  WHERE $5::text IS NULL OR coalesce(l.status, 'none') = $5::text"                                                \
    "  ORDER BY o.org_id COLLATE \"C\" LIMIT $6::integer)"                                                             \
    "SELECT (SELECT count(*) FROM looked), (SELECT max(org_id COLLATE \"C\") FROM looked), f.org_id, "                 \
    SQL_SECONDS("f.created_at") ", f.app_type, " SQL_SECONDS("f.first_seen") ", f.status, to_json(f.price_ids), "      \
    SQL_SECONDS("f.period_end") ", " SQL_SECONDS("f.cancel_at") ", " SQL_SECONDS("f.past_due_since") ","               \
    " (SELECT count(*) FROM billing.override v WHERE v.org_id = f.org_id AND v.livemode = $2::boolean"                 \
    "   AND (v.expires_at IS NULL OR v.expires_at > now()))"                                                           \
    " FROM (VALUES (1)) one LEFT JOIN found f ON true ORDER BY f.org_id COLLATE \"C\""
/* clang-format on */

static const char all_sql[] = SQL_ORG_LIST("billing.org x WHERE true");
static const char past_due_sql[] =
    SQL_ORG_LIST("billing.link x WHERE x.livemode = $2::boolean AND x.status = 'past_due'");

enum list_column {
    LIST_LOOKED_AT,
    LIST_LAST,
    LIST_ORG,
    LIST_CREATED,
    LIST_APP_TYPE,
    LIST_FIRST_SEEN,
    LIST_STATUS,
    LIST_PRICES,
    LIST_PERIOD_END,
    LIST_CANCEL_AT,
    LIST_PAST_DUE_SINCE,
    LIST_OVERRIDES
};

/* The plan follows from the prices, as everywhere: see store/state.c. */
static void listed_read(apr_pool_t *pool, const struct catalogue *catalogue, const struct org_filter *filter,
                        const struct rows *rows, int row, struct listed_org *org)
{
    size_t price_count;
    const char *const *prices = record_texts(pool, rows_text(rows, row, LIST_PRICES), &price_count);

    *org = (struct listed_org){
        .org = rows_text(rows, row, LIST_ORG),
        .created_at = rows_int(rows, row, LIST_CREATED),
        .app_type = rows_text(rows, row, LIST_APP_TYPE),
        .first_seen = rows_int(rows, row, LIST_FIRST_SEEN),
        .plan = catalogue_plan_of_prices(catalogue, filter->provider, filter->livemode, prices, price_count),
        .period_end = rows_int(rows, row, LIST_PERIOD_END),
        .cancel_at = rows_int(rows, row, LIST_CANCEL_AT),
        .past_due_since = rows_int(rows, row, LIST_PAST_DUE_SINCE),
        .overrides = rows_int(rows, row, LIST_OVERRIDES),
    };
    status_parse(rows_text(rows, row, LIST_STATUS), &org->status);
}

/* A full list goes on after its last org, one that had to stop looking after the last it looked at. */
static const char *list_next(const struct rows *rows, const struct org_list *list, int most, int looked_at_max)
{
    if (list->count == (size_t)most) {
        return list->orgs[list->count - 1].org;
    }
    return rows_int(rows, 0, LIST_LOOKED_AT) >= looked_at_max ? rows_text(rows, 0, LIST_LAST) : NULL;
}

enum store_result store_org_list(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                 const struct org_filter *filter, struct org_list *list)
{
    bool past_due = filter->status && !strcmp(filter->status, status_name(STATUS_PAST_DUE));
    int looked_at_max = filter->status && !past_due ? LOOKED_AT_MAX : filter->most;
    struct statement statement = {
        .sql = past_due ? past_due_sql : all_sql,
        .param_count = 7,
        .params = {filter->provider, sql_bool(filter->livemode), filter->prefix, filter->after, filter->status,
                   sql_int(pool, filter->most), sql_int(pool, looked_at_max)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *list = (struct org_list){.count = 0};
    if (result != STORE_OK) {
        return result;
    }
    list->orgs = apr_pcalloc(pool, sizeof(*list->orgs) * (size_t)rows.count);
    for (int row = 0; row < rows.count && rows_text(&rows, row, LIST_ORG); ++row) {
        listed_read(pool, catalogue, filter, &rows, row, &list->orgs[list->count++]);
    }
    list->next = list_next(&rows, list, filter->most, looked_at_max);
    return STORE_OK;
}

enum store_result store_org_counts(struct database *database, apr_pool_t *pool, bool livemode,
                                   int64_t counts[ORG_COUNTS])
{
    struct statement statement = {
        .sql = "SELECT NULL, count(*) FROM billing.org UNION ALL"
               " SELECT l.status::text, count(*) FROM billing.link l WHERE l.livemode = $1::boolean GROUP BY l.status",
        .param_count = 1,
        .params = {sql_bool(livemode)},
        .wait = DATABASE_WAIT_WEB,
    };
    int64_t all = 0, others = 0;
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    memset(counts, 0, sizeof(*counts) * ORG_COUNTS);
    for (int row = 0; result == STORE_OK && row < rows.count; ++row) {
        enum billing_status status;

        if (!rows_text(&rows, row, 0)) {
            all = rows_int(&rows, row, 1);
        } else if (status_parse(rows_text(&rows, row, 0), &status) && status != STATUS_NONE) {
            others += counts[status] = rows_int(&rows, row, 1);
        }
    }
    counts[STATUS_NONE] = all - others;
    return result;
}
