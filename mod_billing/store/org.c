/* SPDX-License-Identifier: Apache-2.0
 * Statements about orgs and overrides. */
#include "store/org.h"

#include "store/record.h"

#include <apr_strings.h>

enum override_column {
    OVERRIDE_ID = 4,
    OVERRIDE_SOURCE,
    OVERRIDE_KIND,
    OVERRIDE_KEY,
    OVERRIDE_LIMIT_VALUE,
    OVERRIDE_EXPIRES,
    OVERRIDE_NOTE,
    OVERRIDE_AUTHOR,
    OVERRIDE_CREATED,
    OVERRIDE_IN_FORCE
};

static void override_read(const struct rows *rows, int row, struct org_override *override)
{
    override->override_id = rows_int(rows, row, OVERRIDE_ID);
    override->source = rows_text(rows, row, OVERRIDE_SOURCE);
    override->kind = rows_text(rows, row, OVERRIDE_KIND);
    override->key = rows_text(rows, row, OVERRIDE_KEY);
    override->limit = rows_int(rows, row, OVERRIDE_LIMIT_VALUE);
    override->expires_at = rows_int(rows, row, OVERRIDE_EXPIRES);
    override->note = rows_text(rows, row, OVERRIDE_NOTE);
    override->author = rows_text(rows, row, OVERRIDE_AUTHOR);
    override->created_at = rows_int(rows, row, OVERRIDE_CREATED);
    override->in_force = rows_bool(rows, row, OVERRIDE_IN_FORCE);
}

enum store_result store_org_find(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                 struct org_record *record)
{
    struct statement statement = {
        .sql = "SELECT o.org_id, " SQL_SECONDS("o.created_at") ", o.app_type, " SQL_SECONDS("o.first_seen") ","
               " v.override_id, v.source, v.kind, v.key, v.limit_value, " SQL_SECONDS("v.expires_at") ","
               " v.note, v.author, " SQL_SECONDS("v.created_at") ", v.expires_at IS NULL OR v.expires_at > now()"
               " FROM billing.org o LEFT JOIN billing.override v ON v.org_id = o.org_id AND v.livemode = $2::boolean"
               " WHERE o.org_id = $1 ORDER BY v.override_id DESC",
        .param_count = 2,
        .params = {org, sql_bool(livemode)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);
    struct org_override *overrides;

    memset(record, 0, sizeof(*record));
    if (result != STORE_OK || !rows.count) {
        return result;
    }
    record->known = true;
    record->created_at = rows_int(&rows, 0, 1);
    record->app_type = rows_text(&rows, 0, 2);
    record->first_seen = rows_int(&rows, 0, 3);
    record->overrides = overrides = apr_pcalloc(pool, sizeof(*overrides) * (size_t)rows.count);
    for (int row = 0; row < rows.count && rows_text(&rows, row, OVERRIDE_ID); ++row) {
        override_read(&rows, row, &overrides[record->override_count++]);
    }
    return STORE_OK;
}

enum store_result store_org_raw_status(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                       const char **raw_status)
{
    struct statement statement = {
        .sql = "SELECT s.raw_status FROM billing.link l JOIN billing.subscription s ON s.provider = l.provider"
               " AND s.livemode = l.livemode AND s.subscription_id = l.subscription_id"
               " WHERE l.org_id = $1::text AND l.livemode = $2::boolean AND NOT s.ended",
        .param_count = 2,
        .params = {org, sql_bool(livemode)},
        .wait = DATABASE_WAIT_GATE,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *raw_status = result == STORE_OK && rows.count ? rows_text(&rows, 0, 0) : NULL;
    return result;
}

/* An org never seen before; the one statement that writes more of it does so itself. */
#define SQL_KNOWN "known AS (INSERT INTO billing.org (org_id) VALUES ($1::text) ON CONFLICT DO NOTHING),"

/* The head of every statement here: $1 org, $2 mode, $3 actor, $4 detail, $5 provider. The link of this mode is made or
 * counted up, which also holds off a second change of the same org until this one is done; the audit row says which. */
#define SQL_CHANGE(action)                                                                                             \
    "counted AS (INSERT INTO billing.link AS l (org_id, livemode, provider) VALUES ($1::text, $2::boolean, $5::text)"   \
    " ON CONFLICT (org_id, livemode) DO UPDATE SET version = l.version + 1, changed = pg_current_xact_id(),"             \
    " changed_at = now() RETURNING true),"                                                                              \
    "audited AS (INSERT INTO billing.audit (actor, action, org_id, livemode, detail)"                                   \
    " SELECT $3::text, '" action "', $1::text, $2::boolean, $4::jsonb FROM counted)"

static void change_params(const struct org_actor *actor, const char **params)
{
    params[0] = actor->org;
    params[1] = sql_bool(actor->livemode);
    params[2] = actor->actor;
    params[3] = actor->detail;
    params[4] = actor->provider;
}

static enum store_result change_run(struct database *database, apr_pool_t *pool, const struct statement *statement,
                                    struct rows *rows)
{
    enum store_result result = database_run(database, pool, statement, rows);

    return result == STORE_OK && rows->count == 0 ? STORE_CONFLICT : result;
}

/* The org record is the same in both modes, so the other mode's link counts up as well where there is one. */
static const char configure_sql[] =
    "WITH " SQL_CHANGE("configure") ","
    "recorded AS (INSERT INTO billing.org AS o (org_id, created_at, app_type)"
    "  VALUES ($1::text, to_timestamp($7::bigint), $9::text) ON CONFLICT (org_id) DO UPDATE SET"
    "  created_at = CASE WHEN $6::boolean THEN excluded.created_at ELSE o.created_at END,"
    "  app_type = CASE WHEN $8::boolean THEN excluded.app_type ELSE o.app_type END),"
    "other_mode AS (UPDATE billing.link SET version = version + 1, changed = pg_current_xact_id(), changed_at = now()"
    "  WHERE org_id = $1::text AND livemode <> $2::boolean AND ($6::boolean OR $8::boolean)),"
    "dropped AS (DELETE FROM billing.override v USING counted WHERE v.org_id = $1::text AND v.livemode = $2::boolean"
    "  AND v.source = 'config' AND CASE WHEN v.kind = 'limit' THEN $13::boolean ELSE $10::boolean END),"
    "features AS (INSERT INTO billing.override (org_id, livemode, source, kind, key, author)"
    "  SELECT $1::text, $2::boolean, 'config', f.kind, f.key, $3::text FROM counted,"
    "   unnest($11::text[], $12::text[]) AS f (key, kind)),"
    "limits AS (INSERT INTO billing.override (org_id, livemode, source, kind, key, limit_value, author)"
    "  SELECT $1::text, $2::boolean, 'config', 'limit', m.key, m.value, $3::text FROM counted,"
    "   unnest($14::text[], $15::bigint[]) AS m (key, value))"
    "SELECT true FROM counted";

enum store_result store_org_configure(struct database *database, apr_pool_t *pool, const struct org_actor *actor,
                                      const struct org_config *config)
{
    struct statement statement = {
        .sql = configure_sql,
        .param_count = 15,
        .wait = DATABASE_WAIT_WEB,
    };
    const char **params = statement.params;
    struct rows rows;

    change_params(actor, params);
    params[5] = sql_bool(config->created_at_set);
    params[6] = sql_time(pool, config->created_at);
    params[7] = sql_bool(config->app_type_set);
    params[8] = config->app_type;
    params[9] = sql_bool(config->features_set);
    params[10] = sql_text_array(pool, config->features, config->feature_count);
    params[11] = sql_text_array(pool, config->feature_kinds, config->feature_count);
    params[12] = sql_bool(config->limits_set);
    params[13] = sql_text_array(pool, config->limits, config->limit_count);
    params[14] = sql_text_array(pool, config->limit_values, config->limit_count);
    return change_run(database, pool, &statement, &rows);
}

enum store_result store_override_add(struct database *database, apr_pool_t *pool, const struct org_actor *actor,
                                     const struct org_override *override, int64_t *override_id)
{
    struct statement statement = {
        .sql = "WITH " SQL_KNOWN SQL_CHANGE("override")
               "INSERT INTO billing.override (org_id, livemode, source, kind, key, limit_value, expires_at, note, author)"
               " SELECT $1::text, $2::boolean, 'override', $6::text, $7::text, $8::bigint, to_timestamp($9::bigint),"
               " $10::text, $3::text FROM counted RETURNING override_id",
        .param_count = 10,
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result;

    change_params(actor, statement.params);
    statement.params[5] = override->kind;
    statement.params[6] = override->key;
    statement.params[7] = strcmp(override->kind, "limit") ? NULL : sql_int(pool, override->limit);
    statement.params[8] = sql_time(pool, override->expires_at);
    statement.params[9] = override->note;
    result = change_run(database, pool, &statement, &rows);
    *override_id = result == STORE_OK ? rows_int(&rows, 0, 0) : 0;
    return result;
}

enum store_result store_override_remove(struct database *database, apr_pool_t *pool, const struct org_actor *actor,
                                        int64_t override_id)
{
    struct statement statement = {
        .sql = "WITH " SQL_KNOWN SQL_CHANGE("remove_override")
               "DELETE FROM billing.override v USING counted WHERE v.org_id = $1::text AND v.livemode = $2::boolean"
               " AND v.override_id = $6::bigint RETURNING true",
        .param_count = 6,
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;

    change_params(actor, statement.params);
    statement.params[5] = sql_int(pool, override_id);
    return change_run(database, pool, &statement, &rows);
}
