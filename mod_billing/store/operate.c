/* SPDX-License-Identifier: Apache-2.0
 * Statements behind the operators' routes. */
#include "store/operate.h"

#include "store/record.h"

#include <apr_strings.h>

#define SQL_MICROSECONDS(column) "(extract(epoch from " column ") * 1000000)::bigint"

#define SQL_STORED_EVENT                                                                                               \
    "e.event_id, e.type, e.api_version, " SQL_SECONDS("e.created") ", e.org_id, e.customer_id, e.subscription_id,"     \
                                                                   " e.outcome, e.error, " SQL_MICROSECONDS(           \
                                                                       "e.received_at")
#define STORED_EVENT_COLUMN_COUNT 10

static void stored_event_read(const struct rows *rows, int row, int column, struct stored_event *event)
{
    *event = (struct stored_event){
        .id = rows_text(rows, row, column),
        .type = rows_text(rows, row, column + 1),
        .api_version = rows_text(rows, row, column + 2),
        .created = rows_int(rows, row, column + 3),
        .org = rows_text(rows, row, column + 4),
        .customer = rows_text(rows, row, column + 5),
        .subscription = rows_text(rows, row, column + 6),
        .outcome = rows_text(rows, row, column + 7),
        .error = rows_text(rows, row, column + 8),
        .received_at = rows_int(rows, row, column + 9),
    };
}

/* Outcome and type have no index of their own, but for dead ones, which are few. */
#define LOOKED_AT_MAX 20000

/* $1 provider, $2 livemode, $3 outcome, $4 type, $5 org, $6 and $7 the place to go on from, $8 how many, $9 how many to
 * look at. A statement is planned with its values, so what is not asked for costs nothing. One row at least: the
 * columns before the event's say how many were looked at, and which was the last of them. */
#define SQL_EVENT_LIST(comparison, direction, opposite)                                                                \
    "WITH e AS MATERIALIZED (SELECT w.event_id, w.type, w.api_version, w.created, w.org_id, w.customer_id,"            \
    "  w.subscription_id, w.outcome, w.error, w.received_at FROM billing.event w"                                      \
    "  WHERE w.provider = $1 AND w.livemode = $2::boolean AND ($5::text IS NULL OR w.org_id = $5)"                     \
    "   AND ($3::text IS DISTINCT FROM 'dead' OR w.outcome = 'dead')"                                                  \
    "   AND ($6::bigint IS NULL OR (w.received_at, w.event_id) " comparison                                            \
    "    (timestamptz 'epoch' + $6::bigint * interval '1 microsecond', $7::text))"                                     \
    "  ORDER BY w.received_at " direction ", w.event_id " direction " LIMIT $9::integer),"                             \
    "last AS (SELECT received_at, event_id FROM e ORDER BY received_at " opposite ", event_id " opposite " LIMIT 1),"  \
    "found AS (SELECT * FROM e WHERE ($3::text IS NULL OR outcome = $3) AND ($4::text IS NULL OR type = $4)"           \
    "  ORDER BY received_at " direction ", event_id " direction " LIMIT $8::integer)"                                  \
    "SELECT (SELECT count(*) FROM e), (SELECT " SQL_MICROSECONDS(                                                      \
        "received_at") " FROM last),"                                                                                  \
                       " (SELECT event_id FROM last), " SQL_STORED_EVENT                                               \
                       " FROM (VALUES (1)) one LEFT JOIN found e ON true"                                              \
                       " ORDER BY e.received_at " direction ", e.event_id " direction

enum list_column { LIST_LOOKED_AT, LIST_LAST_RECEIVED, LIST_LAST_ID, LIST_EVENT };

/* A full list goes on after its last event, one that had to stop looking after the last it looked at. */
static struct event_place list_next(const struct rows *rows, const struct event_list *list, int most, int looked_at_max)
{
    if (list->count == (size_t)most) {
        return (struct event_place){list->events[list->count - 1].received_at, list->events[list->count - 1].id};
    }
    if (rows_int(rows, 0, LIST_LOOKED_AT) >= looked_at_max) {
        return (struct event_place){rows_int(rows, 0, LIST_LAST_RECEIVED), rows_text(rows, 0, LIST_LAST_ID)};
    }
    return (struct event_place){.id = NULL};
}

enum store_result store_event_list(struct database *database, apr_pool_t *pool, const struct event_filter *filter,
                                   struct event_list *list)
{
    bool sparse = filter->type || (filter->outcome && strcmp(filter->outcome, "dead"));
    int looked_at_max = sparse ? LOOKED_AT_MAX : filter->most;
    struct statement statement = {
        .sql = filter->oldest_first ? SQL_EVENT_LIST(">", "ASC", "DESC") : SQL_EVENT_LIST("<", "DESC", "ASC"),
        .param_count = 9,
        .params = {filter->provider, sql_bool(filter->livemode), filter->outcome, filter->type, filter->org,
                   filter->from.id ? sql_int(pool, filter->from.received_at) : NULL, filter->from.id,
                   sql_int(pool, filter->most), sql_int(pool, looked_at_max)},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    *list = (struct event_list){.count = 0};
    if (result != STORE_OK) {
        return result;
    }
    list->events = apr_pcalloc(pool, sizeof(*list->events) * (size_t)rows.count);
    for (int row = 0; row < rows.count && rows_text(&rows, row, LIST_EVENT); ++row) {
        stored_event_read(&rows, row, LIST_EVENT, &list->events[list->count++]);
    }
    list->next = list_next(&rows, list, filter->most, looked_at_max);
    return STORE_OK;
}

enum store_result store_event_find(struct database *database, apr_pool_t *pool, const char *provider, bool livemode,
                                   const char *id, struct stored_event *event)
{
    struct statement statement = {
        .sql = "SELECT " SQL_STORED_EVENT ", e.body FROM billing.event e"
               " WHERE e.provider = $1 AND e.livemode = $2::boolean AND e.event_id = $3",
        .param_count = 3,
        .params = {provider, sql_bool(livemode), id},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    if (result == STORE_OK && !rows.count) {
        return STORE_CONFLICT;
    }
    if (result == STORE_OK) {
        stored_event_read(&rows, 0, 0, event);
        event->body = rows_text(&rows, 0, STORED_EVENT_COLUMN_COUNT);
    }
    return result;
}

enum store_result store_mismatch_count(struct database *database, apr_pool_t *pool, bool livemode, const char *event)
{
    struct statement statement = {
        .sql = "INSERT INTO billing.livemode_mismatch AS m (livemode, count, last_event, last_at)"
               " VALUES ($1::boolean, 1, $2::text, now()) ON CONFLICT (livemode)"
               " DO UPDATE SET count = m.count + 1, last_event = excluded.last_event, last_at = excluded.last_at",
        .param_count = 2,
        .params = {sql_bool(livemode), event},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;

    return database_run(database, pool, &statement, &rows);
}

/* $1 provider, $2 livemode, $3 account. One row always. */
static const char health_sql[] =
    "SELECT v.version,"
    " (SELECT count(*) FROM billing.event d WHERE d.provider = $1 AND d.livemode = $2::boolean AND d.outcome = 'dead'),"
    " (SELECT count(*) FROM billing.subscription s WHERE s.provider = $1 AND s.livemode = $2::boolean AND s.unsettled),"
    " (SELECT count(*) FROM billing.link l WHERE l.provider = $1 AND l.livemode = $2::boolean AND l.live_count > 1),"
    " (SELECT json_agg(few.org_id) FROM (SELECT l.org_id FROM billing.link l WHERE l.provider = $1"
    "   AND l.livemode = $2::boolean AND l.live_count > 1 ORDER BY l.org_id LIMIT 20) few),"
    " m.count, " SQL_SECONDS("m.last_at") ", m.last_event, " SQL_SECONDS("w.swept_at") ", w.report, " SQL_SECONDS(
        "w.verified_at") ", w.verify_report, " SQL_STORED_EVENT
                         " FROM (SELECT max(version) AS version FROM billing.schema_version) v"
                         " LEFT JOIN billing.livemode_mismatch m ON m.livemode = $2::boolean"
                         " LEFT JOIN billing.sweep w ON w.provider = $1 AND w.livemode = $2::boolean AND w.account = "
                         "$3::text"
                         " LEFT JOIN LATERAL (SELECT * FROM billing.event r WHERE r.provider = $1 AND r.livemode = "
                         "$2::boolean"
                         "  ORDER BY r.received_at DESC LIMIT 1) e ON true";

enum health_column {
    HEALTH_SCHEMA,
    HEALTH_DEAD,
    HEALTH_UNSETTLED,
    HEALTH_SEVERAL,
    HEALTH_FEW,
    HEALTH_MISMATCHES,
    HEALTH_MISMATCH_AT,
    HEALTH_MISMATCH_EVENT,
    HEALTH_SWEPT_AT,
    HEALTH_REPORT,
    HEALTH_VERIFIED_AT,
    HEALTH_VERIFY_REPORT,
    HEALTH_EVENT
};

enum store_result store_health_find(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                    struct health *health)
{
    struct statement statement = {
        .sql = health_sql,
        .param_count = 3,
        .params = {account->provider, sql_bool(account->livemode), account->account},
        .wait = DATABASE_WAIT_WEB,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    memset(health, 0, sizeof(*health));
    if (result != STORE_OK) {
        return result;
    }
    health->schema_version = (int)rows_int(&rows, 0, HEALTH_SCHEMA);
    health->dead = rows_int(&rows, 0, HEALTH_DEAD);
    health->unsettled = rows_int(&rows, 0, HEALTH_UNSETTLED);
    health->several = rows_int(&rows, 0, HEALTH_SEVERAL);
    health->few_orgs = record_texts(pool, rows_text(&rows, 0, HEALTH_FEW), &health->few_count);
    health->mismatches = rows_int(&rows, 0, HEALTH_MISMATCHES);
    health->mismatch_at = rows_int(&rows, 0, HEALTH_MISMATCH_AT);
    health->mismatch_event = rows_text(&rows, 0, HEALTH_MISMATCH_EVENT);
    health->swept_at = rows_int(&rows, 0, HEALTH_SWEPT_AT);
    health->sweep_report = rows_text(&rows, 0, HEALTH_REPORT);
    health->verified_at = rows_int(&rows, 0, HEALTH_VERIFIED_AT);
    health->verify_report = rows_text(&rows, 0, HEALTH_VERIFY_REPORT);
    stored_event_read(&rows, 0, HEALTH_EVENT, &health->last);
    return result;
}
