/* SPDX-License-Identifier: Apache-2.0
 * Statements of verify. */
#include "store/verify.h"

#include "store/record.h"

#include <apr_strings.h>

enum store_result store_verify_orgs(struct database *database, apr_pool_t *pool, const char *provider, bool livemode,
                                    const char *after, int most, const char *const **orgs, size_t *count)
{
    struct statement statement = {
        .sql = "(SELECT org_id::text FROM billing.link WHERE provider = $1 AND livemode = $2::boolean"
               "  AND org_id > $3::text ORDER BY org_id LIMIT $4::integer)"
               " UNION (SELECT org_id::text FROM billing.customer WHERE provider = $1 AND livemode = $2::boolean"
               "  AND org_id > $3::text AND deleted_at IS NULL ORDER BY org_id LIMIT $4::integer)"
               " ORDER BY org_id LIMIT $4::integer",
        .param_count = 4,
        .params = {provider, sql_bool(livemode), after, sql_int(pool, most)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *count = result == STORE_OK ? (size_t)rows.count : 0;
    *orgs = result == STORE_OK ? rows.values : NULL;
    return result;
}

enum verify_column {
    VERIFY_CUSTOMERS,
    VERIFY_HAS_LINK,
    VERIFY_LINK_CUSTOMER,
    VERIFY_LINK_SUBSCRIPTION,
    VERIFY_LINK_STATUS,
    VERIFY_LINK_GRACE_OVER,
    VERIFY_LINK_PERIOD_END,
    VERIFY_LINK_CANCEL_AT,
    VERIFY_COLUMNS
};

static void link_read(const struct rows *rows, struct link *link)
{
    const char *status = rows_text(rows, 0, VERIFY_LINK_STATUS);

    *link = (struct link){
        .customer = rows_text(rows, 0, VERIFY_LINK_CUSTOMER),
        .subscription = rows_text(rows, 0, VERIFY_LINK_SUBSCRIPTION),
        .grace_over = rows_bool(rows, 0, VERIFY_LINK_GRACE_OVER),
        .period_end = rows_int(rows, 0, VERIFY_LINK_PERIOD_END),
        .cancel_at = rows_int(rows, 0, VERIFY_LINK_CANCEL_AT),
    };
    if (status) {
        status_parse(status, &link->status);
    }
}

/* One row per subscription, or one with NULLs. */
enum store_result store_verify_find(struct database *database, apr_pool_t *pool, const char *provider, bool livemode,
                                    const char *org, struct verify_record *record)
{
    struct statement statement = {
        .sql =
            "SELECT (SELECT json_agg(customer_id ORDER BY first_seen, customer_id) FROM billing.customer"
            "   WHERE provider = $1 AND livemode = $2::boolean AND org_id = $3 AND deleted_at IS NULL),"
            " l.org_id IS NOT NULL, l.customer_id, l.subscription_id, l.status, l.grace_over, " SQL_SECONDS(
                "l.period_end") ", " SQL_SECONDS("l.cancel_at") ", " SQL_SUBSCRIPTION_COLUMNS " FROM (VALUES (1)) one"
                                                                " LEFT JOIN billing.link l ON l.org_id = $3 AND "
                                                                "l.livemode = $2::boolean AND l.provider = $1"
                                                                " LEFT JOIN billing.subscription s ON s.org_id = $3 "
                                                                "AND s.livemode = $2::boolean AND s.provider = $1",
        .param_count = 3,
        .params = {provider, sql_bool(livemode), org},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    memset(record, 0, sizeof(*record));
    if (result != STORE_OK) {
        return result;
    }
    record->customers = record_texts(pool, rows_text(&rows, 0, VERIFY_CUSTOMERS), &record->customer_count);
    record->has_link = rows_bool(&rows, 0, VERIFY_HAS_LINK);
    link_read(&rows, &record->link);
    record->subscriptions = apr_pcalloc(pool, sizeof(*record->subscriptions) * (size_t)(rows.count + 1));
    for (int row = 0; row < rows.count; ++row) {
        if (rows_text(&rows, row, VERIFY_COLUMNS)) {
            record_subscription(pool, &rows, row, VERIFY_COLUMNS, &record->subscriptions[record->subscription_count++]);
        }
    }
    return STORE_OK;
}
