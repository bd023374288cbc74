/* SPDX-License-Identifier: Apache-2.0
 * Statements about grandfathering. */
#include "store/grandfather.h"

#include "store/record.h"

#include <stdlib.h>

/* The orgs of $1 mode, $2 feature and $3 days. An operator's own word counts for more than use: who has a grant needs
 * none, who was refused stays so. */
#define SQL_USERS                                                                                                      \
    "SELECT u.*, CASE WHEN EXISTS (SELECT FROM billing.override v WHERE v.org_id = u.org_id"                           \
    "   AND v.livemode = $1::boolean AND v.key = $2::text AND v.kind = 'refuse'"                                       \
    "   AND (v.expires_at IS NULL OR v.expires_at > now())) THEN 'refused'"                                            \
    "  WHEN EXISTS (SELECT FROM billing.override v WHERE v.org_id = u.org_id"                                          \
    "   AND v.livemode = $1::boolean AND v.key = $2::text AND v.kind = 'grant'"                                        \
    "   AND (v.expires_at IS NULL OR v.expires_at > now())) THEN 'granted' END AS skipped"                             \
    " FROM (SELECT s.org_id, sum(s.requests)::bigint AS requests, min(s.first_seen) AS first_seen,"                    \
    "   max(s.last_seen) AS last_seen FROM billing.shadow s WHERE s.livemode = $1::boolean AND s.feature = $2::text"   \
    "   AND s.last_seen >= now() - $3::integer * interval '1 day' AND s.org_id <> ''"                                  \
    "   AND s.reason IN ('plan', 'past_due', 'canceled', 'no_subscription') GROUP BY s.org_id) u"

enum store_result store_grandfather_orgs(struct database *database, apr_pool_t *pool, bool livemode,
                                         const struct grandfathering *asked, struct grandfather_org **orgs, int *count)
{
    struct statement statement = {
        .sql = "SELECT w.org_id, w.requests, " SQL_SECONDS("w.first_seen") ", " SQL_SECONDS(
            "w.last_seen") ", w.skipped FROM (" SQL_USERS ") w ORDER BY w.org_id",
        .param_count = 3,
        .params = {sql_bool(livemode), asked->feature, sql_int(pool, asked->days)},
        .wait = DATABASE_WAIT_JOB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *count = 0;
    if (result != STORE_OK) {
        return result;
    }
    *count = rows.count;
    *orgs = apr_pcalloc(pool, sizeof(**orgs) * (size_t)(rows.count + 1));
    for (int row = 0; row < rows.count; ++row) {
        (*orgs)[row] =
            (struct grandfather_org){rows_text(&rows, row, 0), rows_int(&rows, row, 1), rows_int(&rows, row, 2),
                                     rows_int(&rows, row, 3), rows_text(&rows, row, 4)};
    }
    return STORE_OK;
}

/* Links are touched in the order of their orgs, so that two batches at once wait for one another. */
static const char write_sql[] =
    "WITH chosen AS (SELECT c.org_id FROM unnest($10::text[]) AS c (org_id) WHERE NOT EXISTS ("
    "  SELECT FROM billing.override v WHERE v.org_id = c.org_id AND v.livemode = $1::boolean AND v.key = $2::text"
    "  AND v.kind IN ('grant', 'refuse') AND (v.expires_at IS NULL OR v.expires_at > now()))),"
    "batch AS (INSERT INTO billing.grandfather (livemode, feature, days, expires_at, note, author, token, orgs)"
    "  SELECT $1::boolean, $2::text, $3::integer, to_timestamp($4::bigint), $5::text, $6::text, $7::text, count(*)"
    "  FROM chosen HAVING count(*) > 0 ON CONFLICT (token) DO NOTHING RETURNING batch_id, orgs),"
    "known AS (INSERT INTO billing.org (org_id) SELECT c.org_id FROM chosen c, batch ORDER BY c.org_id"
    "  ON CONFLICT DO NOTHING),"
    "counted AS (INSERT INTO billing.link AS l (org_id, livemode, provider)"
    "  SELECT c.org_id, $1::boolean, $8::text FROM chosen c, batch ORDER BY c.org_id"
    "  ON CONFLICT (org_id, livemode) DO UPDATE SET version = l.version + 1, changed = pg_current_xact_id(),"
    "  changed_at = now() RETURNING org_id),"
    "written AS (INSERT INTO billing.override (org_id, livemode, source, kind, key, expires_at, note, author, batch_id)"
    "  SELECT c.org_id, $1::boolean, 'grandfather', 'grant', $2::text, to_timestamp($4::bigint), $5::text, $6::text,"
    "  b.batch_id FROM counted c, batch b),"
    "audited AS (INSERT INTO billing.audit (actor, action, livemode, detail) SELECT $6::text, 'grandfather',"
    "  $1::boolean, $9::jsonb || jsonb_build_object('batch', b.batch_id, 'orgs', b.orgs) FROM batch b)"
    "SELECT batch_id FROM batch";

enum store_result store_grandfather_write(struct database *database, apr_pool_t *pool, const struct org_actor *actor,
                                          const struct grandfathering *asked, const char *const *orgs, size_t count)
{
    struct statement statement = {
        .sql = write_sql,
        .param_count = 10,
        .params = {sql_bool(actor->livemode), asked->feature, sql_int(pool, asked->days),
                   sql_time(pool, asked->expires_at), asked->note, actor->actor, asked->token, actor->provider,
                   actor->detail, sql_text_array(pool, orgs, count)},
        .wait = DATABASE_WAIT_JOB,
    };
    struct rows rows;

    return database_run(database, pool, &statement, &rows);
}

/* The columns that batch_read reads, of grandfather g. */
#define SQL_BATCH                                                                                                      \
    "g.batch_id, g.feature, g.days, " SQL_SECONDS("g.expires_at") ", g.note, g.author, g.orgs, " SQL_SECONDS(          \
        "g.created_at") ", " SQL_SECONDS("g.undone_at") ", g.undone_by"
#define BATCH_COLUMN_COUNT 10

static void batch_read(const struct rows *rows, int row, struct grandfather_batch *batch)
{
    *batch = (struct grandfather_batch){
        .batch_id = rows_int(rows, row, 0),
        .feature = rows_text(rows, row, 1),
        .days = (int)rows_int(rows, row, 2),
        .expires_at = rows_int(rows, row, 3),
        .note = rows_text(rows, row, 4),
        .author = rows_text(rows, row, 5),
        .org_count = rows_int(rows, row, 6),
        .created_at = rows_int(rows, row, 7),
        .undone_at = rows_int(rows, row, 8),
        .undone_by = rows_text(rows, row, 9),
    };
}

/* The orgs in the column behind the batch's. */
static const char *const *batch_orgs(apr_pool_t *pool, const struct rows *rows, size_t *count)
{
    const char **orgs = apr_pcalloc(pool, sizeof(*orgs) * (size_t)(rows->count + 1));

    *count = 0;
    for (int row = 0; row < rows->count; ++row) {
        const char *org = rows_text(rows, row, BATCH_COLUMN_COUNT);
        if (org) {
            orgs[(*count)++] = org;
        }
    }
    return orgs;
}

enum store_result store_grandfather_written(struct database *database, apr_pool_t *pool, bool livemode,
                                            const char *token, struct grandfather_batch *batch,
                                            const char *const **orgs, size_t *count)
{
    struct statement statement = {
        .sql = "SELECT " SQL_BATCH ", v.org_id FROM billing.grandfather g LEFT JOIN billing.override v"
               " ON v.batch_id = g.batch_id AND v.livemode = g.livemode"
               " WHERE g.livemode = $1::boolean AND g.token = $2::text ORDER BY v.org_id",
        .param_count = 2,
        .params = {sql_bool(livemode), token},
        .wait = DATABASE_WAIT_JOB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *batch = (struct grandfather_batch){0};
    *orgs = NULL;
    *count = 0;
    if (result == STORE_OK && rows.count) {
        batch_read(&rows, 0, batch);
        *orgs = batch_orgs(pool, &rows, count);
    }
    return result;
}

enum store_result store_grandfather_list(struct database *database, apr_pool_t *pool, bool livemode, int most,
                                         struct grandfather_batch **batches, int *count)
{
    struct statement statement = {
        .sql = "SELECT " SQL_BATCH " FROM billing.grandfather g WHERE g.livemode = $1::boolean"
               " ORDER BY g.batch_id DESC LIMIT $2::integer",
        .param_count = 2,
        .params = {sql_bool(livemode), sql_int(pool, most)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *count = 0;
    if (result != STORE_OK) {
        return result;
    }
    *count = rows.count;
    *batches = apr_pcalloc(pool, sizeof(**batches) * (size_t)(rows.count + 1));
    for (int row = 0; row < rows.count; ++row) {
        batch_read(&rows, row, &(*batches)[row]);
    }
    return STORE_OK;
}

/* `held` comes first and keeps a second undoing of the same batch out until this one is done. */
static const char undo_sql[] =
    "WITH held AS (SELECT g.* FROM billing.grandfather g WHERE g.batch_id = $1::bigint AND g.livemode = $2::boolean"
    "  FOR UPDATE),"
    "dropped AS (DELETE FROM billing.override v USING held h WHERE v.batch_id = h.batch_id"
    "  AND v.livemode = $2::boolean RETURNING v.org_id),"
    "counted AS (UPDATE billing.link l SET version = l.version + 1, changed = pg_current_xact_id(), changed_at = now()"
    "  WHERE l.livemode = $2::boolean AND l.org_id IN (SELECT org_id FROM dropped) RETURNING l.org_id),"
    "undone AS (UPDATE billing.grandfather g SET undone_at = now(), undone_by = $3::text FROM held h"
    "  WHERE g.batch_id = h.batch_id AND h.undone_at IS NULL RETURNING g.batch_id, g.undone_at, g.undone_by),"
    "audited AS (INSERT INTO billing.audit (actor, action, livemode, detail) SELECT $3::text, 'undo_grandfather',"
    "  $2::boolean, $4::jsonb || jsonb_build_object('orgs', (SELECT count(*) FROM dropped)) FROM undone)"
    "SELECT " SQL_BATCH ", c.org_id FROM (SELECT h.batch_id, h.feature, h.days, h.expires_at, h.note, h.author, h.orgs,"
    "  h.created_at, coalesce(h.undone_at, u.undone_at) AS undone_at, coalesce(h.undone_by, u.undone_by) AS undone_by"
    "  FROM held h LEFT JOIN undone u ON true) g LEFT JOIN counted c ON true ORDER BY c.org_id";

enum store_result store_grandfather_undo(struct database *database, apr_pool_t *pool, const struct org_actor *actor,
                                         int64_t batch_id, struct grandfather_batch *batch, const char *const **orgs,
                                         size_t *count)
{
    struct statement statement = {
        .sql = undo_sql,
        .param_count = 4,
        .params = {sql_int(pool, batch_id), sql_bool(actor->livemode), actor->actor, actor->detail},
        .wait = DATABASE_WAIT_JOB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *count = 0;
    if (result != STORE_OK || !rows.count) {
        return result == STORE_OK ? STORE_CONFLICT : result;
    }
    batch_read(&rows, 0, batch);
    *orgs = batch_orgs(pool, &rows, count);
    return STORE_OK;
}
