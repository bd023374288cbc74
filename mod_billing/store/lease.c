/* SPDX-License-Identifier: Apache-2.0
 * Statements about leases. All times are the database's, so the clocks of nodes do not matter. */
#include "store/lease.h"

/* Each is idempotent for its holder, as database_run wants it. */
static enum store_result lease_run(struct database *database, apr_pool_t *pool, struct statement *statement)
{
    struct rows rows;
    enum store_result result;

    statement->wait = DATABASE_WAIT_WEB;
    result = database_run(database, pool, statement, &rows);
    return result == STORE_OK && !(rows.count && rows_bool(&rows, 0, 0)) ? STORE_CONFLICT : result;
}

static const char *lease_milliseconds(apr_pool_t *pool, apr_interval_time_t time)
{
    return sql_int(pool, apr_time_as_msec(time));
}

/* Scheduled work that was never done yet only gets its row here, without a holder, and is due later: so a site's first
 * start does not begin with it. */
enum store_result store_lease_take(struct database *database, apr_pool_t *pool, const struct lease_claim *claim)
{
    struct statement statement = {
        .sql = "INSERT INTO billing.lease AS l (name, holder, until, due)"
               " VALUES ($1::text, CASE WHEN $4::boolean THEN NULL ELSE $2::text END,"
               "  now() + $3::bigint * interval '1 ms', now() + $5::bigint * interval '1 ms')"
               " ON CONFLICT (name) DO UPDATE SET holder = $2::text, until = excluded.until"
               " WHERE (l.holder IS NULL OR l.until < now() OR l.holder = $2::text)"
               "  AND (NOT $4::boolean OR l.due <= now())"
               " RETURNING l.holder IS NOT DISTINCT FROM $2::text",
        .param_count = 5,
        .params = {claim->name, claim->holder, lease_milliseconds(pool, claim->lifetime), sql_bool(claim->only_if_due),
                   lease_milliseconds(pool, claim->first)},
    };

    return lease_run(database, pool, &statement);
}

enum store_result store_lease_renew(struct database *database, apr_pool_t *pool, const struct lease_claim *claim)
{
    struct statement statement = {
        .sql = "UPDATE billing.lease SET until = now() + $3::bigint * interval '1 ms'"
               " WHERE name = $1 AND holder = $2 RETURNING true",
        .param_count = 3,
        .params = {claim->name, claim->holder, lease_milliseconds(pool, claim->lifetime)},
    };

    return lease_run(database, pool, &statement);
}

enum store_result store_lease_return(struct database *database, apr_pool_t *pool, const struct lease_claim *claim,
                                     apr_interval_time_t pause)
{
    struct statement statement = {
        .sql = "UPDATE billing.lease SET holder = NULL, until = now(), due = now() + $3::bigint * interval '1 ms'"
               " WHERE name = $1 AND holder = $2 RETURNING true",
        .param_count = 3,
        .params = {claim->name, claim->holder, lease_milliseconds(pool, pause)},
    };

    return lease_run(database, pool, &statement);
}
