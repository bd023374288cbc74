/* SPDX-License-Identifier: Apache-2.0
 * Statements of the sweep and of retention. */
#include "store/sweep.h"

#include "store/record.h"

#include <apr_strings.h>

enum store_result store_sweep_find(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                   struct sweep_position *position)
{
    struct statement statement = {
        .sql =
            "SELECT " SQL_SECONDS("fetched_until") ", settled_until FROM billing.sweep"
                                                   " WHERE provider = $1 AND livemode = $2::boolean AND account = $3",
        .param_count = 3,
        .params = {account->provider, sql_bool(account->livemode), account->account},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *position = (struct sweep_position){.settled_until = ""};
    if (result == STORE_OK && rows.count) {
        position->fetched_until = rows_int(&rows, 0, 0);
        position->settled_until = rows_text(&rows, 0, 1) ? rows_text(&rows, 0, 1) : "";
    }
    return result;
}

static enum store_result sweep_write(struct database *database, apr_pool_t *pool, const char *sql,
                                     const struct sweep_account *account, const char *value)
{
    struct statement statement = {
        .sql = sql,
        .param_count = 4,
        .params = {account->provider, sql_bool(account->livemode), account->account, value},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;

    return database_run(database, pool, &statement, &rows);
}

enum store_result store_sweep_fetched(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                      int64_t until)
{
    return sweep_write(database, pool,
                       "INSERT INTO billing.sweep AS s (provider, livemode, account, fetched_until)"
                       " VALUES ($1::text, $2::boolean, $3::text, to_timestamp($4::bigint))"
                       " ON CONFLICT (provider, livemode, account)"
                       " DO UPDATE SET fetched_until = greatest(s.fetched_until, excluded.fetched_until)",
                       account, sql_time(pool, until));
}

enum store_result store_sweep_settled(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                      const char *until)
{
    return sweep_write(
        database, pool,
        "INSERT INTO billing.sweep AS s (provider, livemode, account, settled_until)"
        " VALUES ($1::text, $2::boolean, $3::text, $4::text)"
        " ON CONFLICT (provider, livemode, account) DO UPDATE SET settled_until = excluded.settled_until",
        account, until);
}

enum store_result store_sweep_report(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                     const char *report)
{
    return sweep_write(database, pool,
                       "INSERT INTO billing.sweep AS s (provider, livemode, account, swept_at, report)"
                       " VALUES ($1::text, $2::boolean, $3::text, now(), $4::json)"
                       " ON CONFLICT (provider, livemode, account)"
                       " DO UPDATE SET swept_at = excluded.swept_at, report = excluded.report",
                       account, report);
}

enum store_result store_verify_report(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                      const char *report)
{
    return sweep_write(database, pool,
                       "INSERT INTO billing.sweep AS s (provider, livemode, account, verified_at, verify_report)"
                       " VALUES ($1::text, $2::boolean, $3::text, now(), $4::json)"
                       " ON CONFLICT (provider, livemode, account)"
                       " DO UPDATE SET verified_at = excluded.verified_at, verify_report = excluded.verify_report",
                       account, report);
}

enum store_result store_verify_report_find(struct database *database, apr_pool_t *pool,
                                           const struct sweep_account *account, const char **report)
{
    struct statement statement = {
        .sql = "SELECT verify_report FROM billing.sweep"
               " WHERE provider = $1 AND livemode = $2::boolean AND account = $3",
        .param_count = 3,
        .params = {account->provider, sql_bool(account->livemode), account->account},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *report = result == STORE_OK && rows.count ? rows_text(&rows, 0, 0) : NULL;
    return result;
}

enum store_result store_sweep_stored(struct database *database, apr_pool_t *pool, const char *provider,
                                     const char *const *ids, size_t count, bool *stored)
{
    struct statement statement = {
        .sql = "SELECT EXISTS (SELECT FROM billing.event e WHERE e.provider = $1 AND e.event_id = asked.id)"
               " FROM unnest($2::text[]) WITH ORDINALITY asked (id, place) ORDER BY place",
        .param_count = 2,
        .params = {provider, sql_text_array(pool, ids, count)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    for (size_t i = 0; i < count; ++i) {
        stored[i] = result == STORE_OK && i < (size_t)rows.count && rows_bool(&rows, (int)i, 0);
    }
    return result;
}

enum store_result store_sweep_unsettled(struct database *database, apr_pool_t *pool, const char *provider,
                                        bool livemode, const char *after, int most, const char *const **ids,
                                        size_t *count)
{
    struct statement statement = {
        .sql = "SELECT subscription_id FROM billing.subscription WHERE provider = $1 AND livemode = $2::boolean"
               " AND unsettled AND subscription_id COLLATE \"C\" > $3::text"
               " ORDER BY subscription_id COLLATE \"C\" LIMIT $4::integer",
        .param_count = 4,
        .params = {provider, sql_bool(livemode), after, sql_int(pool, most)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *count = result == STORE_OK ? (size_t)rows.count : 0;
    *ids = result == STORE_OK ? rows.values : NULL;
    return result;
}

/* Asking takes its turn among all that are stale, so one that never gets an answer keeps nobody waiting. */
enum store_result store_sweep_checkouts(struct database *database, apr_pool_t *pool, const char *provider,
                                        bool livemode, int most, struct stale_checkout **checkouts, size_t *count)
{
    struct statement statement = {
        .sql = "WITH chosen AS (SELECT checkout_id FROM billing.checkout WHERE provider = $1"
               "  AND livemode = $2::boolean AND state IN ('reserved', 'open', 'pending') AND expires_at < now()"
               "  ORDER BY checked_at NULLS FIRST, checkout_id LIMIT $3::integer)"
               "UPDATE billing.checkout k SET checked_at = now() FROM chosen WHERE k.checkout_id = chosen.checkout_id"
               " RETURNING k.org_id, k.checkout_id, k.session_id, " SQL_SECONDS("k.reserved_at"),
        .param_count = 3,
        .params = {provider, sql_bool(livemode), sql_int(pool, most)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *count = result == STORE_OK ? (size_t)rows.count : 0;
    *checkouts = apr_pcalloc(pool, sizeof(**checkouts) * (*count + 1));
    for (int row = 0; row < (int)*count; ++row) {
        (*checkouts)[row] = (struct stale_checkout){
            .org = rows_text(&rows, row, 0),
            .checkout_id = rows_int(&rows, row, 1),
            .session = rows_text(&rows, row, 2),
            .reserved_at = rows_int(&rows, row, 3),
        };
    }
    return result;
}

enum store_result store_event_prune(struct database *database, apr_pool_t *pool, bool livemode, apr_interval_time_t age,
                                    int most, int *pruned)
{
    struct statement statement = {
        .sql = "WITH old AS (SELECT provider, event_id FROM billing.event"
               "  WHERE livemode = $3::boolean AND received_at < now() - $1::bigint * interval '1 second'"
               "  ORDER BY received_at LIMIT $2::integer),"
               "gone AS (DELETE FROM billing.event e USING old WHERE e.provider = old.provider"
               "  AND e.event_id = old.event_id RETURNING true)"
               "SELECT count(*) FROM gone",
        .param_count = 3,
        .params = {sql_int(pool, apr_time_sec(age)), sql_int(pool, most), sql_bool(livemode)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *pruned = result == STORE_OK ? (int)rows_int(&rows, 0, 0) : 0;
    return result;
}
