/* SPDX-License-Identifier: Apache-2.0
 * Statements about checkouts. */
#include "store/checkout.h"

#include "store/record.h"

#include <apr_strings.h>

/* SQL keeps the shape it is read in. */
/* clang-format off */

#define SQL_CHECKOUT_COLUMNS                                                                                           \
    "k.checkout_id, k.plan_key, k.price_id, k.return_url, k.request_key, k.session_id, k.customer_id, k.url,"          \
    " k.state = 'pending', " SQL_SECONDS("k.reserved_at") ", " SQL_SECONDS("k.expires_at")
#define CHECKOUT_COLUMN_COUNT 11

/* Those of the partial unique index: one per org and mode at most. */
#define SQL_CHECKOUT_IS_OPEN "k.state IN ('reserved', 'open', 'pending')"

static void checkout_read(const struct rows *rows, int column, struct checkout *checkout)
{
    checkout->checkout_id = rows_int(rows, 0, column);
    checkout->plan_key = rows_text(rows, 0, column + 1);
    checkout->price = rows_text(rows, 0, column + 2);
    checkout->return_url = rows_text(rows, 0, column + 3);
    checkout->request_key = rows_text(rows, 0, column + 4);
    checkout->session = rows_text(rows, 0, column + 5);
    checkout->customer = rows_text(rows, 0, column + 6);
    checkout->url = rows_text(rows, 0, column + 7);
    checkout->pending = rows_bool(rows, 0, column + 8);
    checkout->reserved_at = rows_int(rows, 0, column + 9);
    checkout->expires_at = rows_int(rows, 0, column + 10);
}

/* A customer is uncertain where a reservation ended, or hangs, without a session, after the org's last known customer.
 * One that failed was refused, so nothing was made. */
static const char context_sql[] =
    "SELECT " SQL_CHECKOUT_COLUMNS ","
    " EXISTS (SELECT FROM billing.subscription s WHERE s.org_id = q.org AND s.livemode = q.livemode"
    "   AND s.provider = $3 AND NOT s.ended),"
    " (SELECT c.customer_id FROM billing.customer c WHERE c.org_id = q.org AND c.livemode = q.livemode"
    "   AND c.provider = $3 AND c.deleted_at IS NULL ORDER BY c.first_seen DESC, c.customer_id DESC LIMIT 1),"
    " " SQL_SECONDS("u.since") ", " SQL_SECONDS("u.until") ","
    " r.count, " SQL_SECONDS("r.until") ", " SQL_SECONDS("now()")
    " FROM (SELECT $1::text AS org, $2::boolean AS livemode) q"
    " LEFT JOIN billing.checkout k ON k.org_id = q.org AND k.livemode = q.livemode AND " SQL_CHECKOUT_IS_OPEN
    " CROSS JOIN LATERAL (SELECT min(u.reserved_at) AS since, max(u.expires_at) AS until FROM billing.checkout u"
    "   WHERE u.org_id = q.org AND u.livemode = q.livemode AND u.provider = $3 AND u.session_id IS NULL"
    "   AND u.state <> 'failed' AND u.reserved_at > coalesce((SELECT max(c.first_seen) FROM billing.customer c"
    "    WHERE c.org_id = q.org AND c.livemode = q.livemode AND c.provider = $3), '-infinity')) u"
    " CROSS JOIN LATERAL (SELECT count(*) AS count, min(r.reserved_at) + interval '1 hour' AS until"
    "   FROM billing.checkout r WHERE r.org_id = q.org AND r.livemode = q.livemode AND r.session_id IS NOT NULL"
    "   AND r.reserved_at > now() - interval '1 hour') r";

enum store_result store_checkout_context(struct database *database, apr_pool_t *pool, const char *provider,
                                         const char *org, bool livemode, struct checkout_context *context)
{
    struct statement statement = {
        .sql = context_sql,
        .param_count = 3,
        .params = {org, sql_bool(livemode), provider},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    memset(context, 0, sizeof(*context));
    if (result == STORE_OK) {
        checkout_read(&rows, 0, &context->open);
        context->has_subscription = rows_bool(&rows, 0, CHECKOUT_COLUMN_COUNT);
        context->customer = rows_text(&rows, 0, CHECKOUT_COLUMN_COUNT + 1);
        context->uncertain_since = rows_int(&rows, 0, CHECKOUT_COLUMN_COUNT + 2);
        context->uncertain_until = rows_int(&rows, 0, CHECKOUT_COLUMN_COUNT + 3);
        context->recent = (int)rows_int(&rows, 0, CHECKOUT_COLUMN_COUNT + 4);
        context->recent_until = rows_int(&rows, 0, CHECKOUT_COLUMN_COUNT + 5);
        context->now = rows_int(&rows, 0, CHECKOUT_COLUMN_COUNT + 6);
    }
    return result;
}

enum store_result store_checkout_find(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                      struct checkout *checkout, int64_t *now)
{
    struct statement statement = {
        .sql = "SELECT " SQL_CHECKOUT_COLUMNS ", " SQL_SECONDS("now()") " FROM billing.checkout k"
               " WHERE k.org_id = $1 AND k.livemode = $2::boolean AND " SQL_CHECKOUT_IS_OPEN,
        .param_count = 2,
        .params = {org, sql_bool(livemode)},
        .wait = DATABASE_WAIT_GATE,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    memset(checkout, 0, sizeof(*checkout));
    *now = 0;
    if (result == STORE_OK && rows.count) {
        checkout_read(&rows, 0, checkout);
        *now = rows_int(&rows, 0, CHECKOUT_COLUMN_COUNT);
    }
    return result;
}

/* Runs a statement that gives a row where it did something. */
static enum store_result checkout_write(struct database *database, apr_pool_t *pool, const struct statement *statement,
                                        struct rows *rows)
{
    enum store_result result = database_run(database, pool, statement, rows);

    return result == STORE_OK && rows->count == 0 ? STORE_CONFLICT : result;
}

enum store_result store_checkout_reserve(struct database *database, apr_pool_t *pool,
                                         const struct checkout_reservation *reservation, int64_t *checkout_id)
{
    struct statement statement = {
        .sql = "WITH known AS (INSERT INTO billing.org (org_id) VALUES ($1::text) ON CONFLICT DO NOTHING)"
               "INSERT INTO billing.checkout AS k (org_id, livemode, provider, plan_key, price_id, return_url, expires_at)"
               " VALUES ($1::text, $2::boolean, $3::text, $4::text, $5::text, $6::text,"
               "  now() + $7::bigint * interval '1 second')"
               " ON CONFLICT (org_id, livemode) WHERE state IN ('reserved', 'open', 'pending') DO NOTHING"
               " RETURNING k.checkout_id",
        .param_count = 7,
        .params = {reservation->org, sql_bool(reservation->livemode), reservation->provider, reservation->plan_key,
                   reservation->price, reservation->return_url, sql_int(pool, reservation->lifetime)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = checkout_write(database, pool, &statement, &rows);

    *checkout_id = result == STORE_OK ? rows_int(&rows, 0, 0) : 0;
    return result;
}

enum store_result store_checkout_opened(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                        const struct checkout_opening *opening)
{
    struct statement statement = {
        .sql = "UPDATE billing.checkout SET session_id = $4::text, url = $5::text, customer_id = $6::text,"
               " expires_at = to_timestamp($7::bigint), state = 'open',"
               " checked_at = CASE WHEN $8::boolean THEN now() ELSE checked_at END"
               " WHERE org_id = $1::text AND livemode = $2::boolean AND checkout_id = $3::bigint"
               " AND (state = 'reserved' OR (state = 'open' AND session_id = $4::text)) RETURNING true",
        .param_count = 8,
        .params = {org, sql_bool(livemode), sql_int(pool, opening->checkout_id), opening->session, opening->url,
                   opening->customer, sql_int(pool, opening->expires_at), sql_bool(opening->fresh)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;

    return checkout_write(database, pool, &statement, &rows);
}

enum store_result store_checkout_move(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                      int64_t checkout_id, const char *state)
{
    struct statement statement = {
        .sql = "UPDATE billing.checkout k SET state = $4::text WHERE k.org_id = $1::text AND k.livemode = $2::boolean"
               " AND k.checkout_id = $3::bigint AND " SQL_CHECKOUT_IS_OPEN " RETURNING true",
        .param_count = 4,
        .params = {org, sql_bool(livemode), sql_int(pool, checkout_id), state},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;

    return checkout_write(database, pool, &statement, &rows);
}

enum store_result store_checkout_check(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                       int64_t checkout_id, bool eager)
{
    struct statement statement = {
        .sql = "UPDATE billing.checkout SET checked_at = now() WHERE org_id = $1::text AND livemode = $2::boolean"
               " AND checkout_id = $3::bigint AND state IN ('open', 'pending') AND (checked_at IS NULL OR"
               " now() > checked_at + greatest(interval '2 seconds', CASE WHEN NOT $4::boolean THEN"
               "  (now() - reserved_at) / 32 END)) RETURNING true",
        .param_count = 4,
        .params = {org, sql_bool(livemode), sql_int(pool, checkout_id), sql_bool(eager)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;

    return checkout_write(database, pool, &statement, &rows);
}

/* Events lock the link before the customer (store/event.c), so who writes both does, too. Where there is no link yet there
 * is nothing to lock, and a deadlock is left to PostgreSQL: who is ended is done again (store/database.c). For a customer
 * condition, which the planner cannot ask before. */
#define SQL_LINK_LOCKED                                                                                                \
    "locked AS MATERIALIZED (SELECT FROM billing.link WHERE org_id = $1::text AND livemode = $2::boolean FOR UPDATE),"
#define SQL_AFTER_LOCK "(SELECT count(*) FROM locked) >= 0"

/* The link is what shared memory is filled from, so a change of the customer is a change of it. */
enum store_result store_customer_bind(struct database *database, apr_pool_t *pool, const char *provider,
                                      const char *org, bool livemode, const char *customer)
{
    struct statement statement = {
        .sql = "WITH known AS (INSERT INTO billing.org (org_id) VALUES ($1::text) ON CONFLICT DO NOTHING)," SQL_LINK_LOCKED
               "bound AS (INSERT INTO billing.customer AS c (provider, livemode, customer_id, org_id)"
               "  SELECT $3::text, $2::boolean, $4::text, $1::text WHERE " SQL_AFTER_LOCK
               "  ON CONFLICT (provider, livemode, customer_id) DO UPDATE SET org_id = excluded.org_id"
               "   WHERE c.deleted_at IS NULL AND c.org_id = excluded.org_id RETURNING true)"
               "INSERT INTO billing.link AS l (org_id, livemode, provider, customer_id)"
               " SELECT $1::text, $2::boolean, $3::text, $4::text FROM bound"
               " ON CONFLICT (org_id, livemode) DO UPDATE SET customer_id = coalesce(l.customer_id, excluded.customer_id),"
               "  version = l.version + 1, changed = pg_current_xact_id(), changed_at = now() RETURNING true",
        .param_count = 4,
        .params = {org, sql_bool(livemode), provider, customer},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;

    return checkout_write(database, pool, &statement, &rows);
}

enum store_result store_customer_forget(struct database *database, apr_pool_t *pool, const char *provider,
                                        const char *org, bool livemode, const char *customer)
{
    struct statement statement = {
        .sql = "WITH " SQL_LINK_LOCKED
               "gone AS (UPDATE billing.customer SET deleted_at = now() WHERE " SQL_AFTER_LOCK
               "  AND provider = $3 AND livemode = $2::boolean"
               "  AND customer_id = $4 AND org_id = $1::text AND deleted_at IS NULL RETURNING true)"
               "UPDATE billing.link SET customer_id = NULL, version = version + 1, changed = pg_current_xact_id(),"
               " changed_at = now() FROM gone WHERE link.org_id = $1::text AND link.livemode = $2::boolean"
               " AND link.customer_id = $4 RETURNING true",
        .param_count = 4,
        .params = {org, sql_bool(livemode), provider, customer},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = checkout_write(database, pool, &statement, &rows);

    return result == STORE_CONFLICT ? STORE_OK : result; /* somebody else has told us already */
}

enum store_result store_customer_find(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                      const char **customer)
{
    struct statement statement = {
        .sql = "SELECT customer_id FROM billing.link WHERE org_id = $1 AND livemode = $2::boolean",
        .param_count = 2,
        .params = {org, sql_bool(livemode)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *customer = result == STORE_OK && rows.count ? rows_text(&rows, 0, 0) : NULL;
    return result;
}
