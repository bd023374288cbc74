/* SPDX-License-Identifier: Apache-2.0
 * Reading what an event is about, and writing it with its effect. */
#include "store/event.h"

#include "domain/key.h"
#include "store/record.h"

#include <apr_strings.h>

/* Columns of the head, before those of the subscription. */
enum head_column {
    HEAD_SEEN,
    HEAD_CUSTOMER_ORG,
    HEAD_SUBSCRIPTION_ORG,
    HEAD_CHECKOUT_ORG,
    HEAD_ORG,
    HEAD_CUSTOMER,
    HEAD_DELETED_CUSTOMERS,
    HEAD_LINK_VERSION,
    HEAD_CREATED_AT,
    HEAD_APP_TYPE,
    HEAD_OVERRIDES,
    HEAD_COLUMNS
};

/* $1 provider, $2 event id, $3 livemode, $4 customer, $5 subscription, $6 checkout session, $7 org of the metadata, $8
 * whether the event is replayed: then only one whose outcome may not change any more is seen.
 * One row per subscription of the org, or one with NULLs. */
/* clang-format off */
static const char context_sql[] =
    "WITH party AS ("
    " SELECT EXISTS (SELECT FROM billing.event WHERE provider = $1 AND event_id = $2"
    "  AND NOT ($8::boolean AND outcome IN ('dead', 'ignored'))) AS seen,"
    "  c.org_id AS customer_org, s.org_id AS subscription_org, k.org_id AS checkout_org,"
    "  coalesce(c.org_id, s.org_id, $7::text, k.org_id) AS org_id"
    " FROM (VALUES (1)) one"
    " LEFT JOIN billing.customer c ON c.provider = $1 AND c.livemode = $3::boolean AND c.customer_id = $4"
    " LEFT JOIN billing.subscription s"
    "  ON s.provider = $1 AND s.livemode = $3::boolean AND s.subscription_id = $5"
    " LEFT JOIN billing.checkout k ON k.provider = $1 AND k.livemode = $3::boolean AND k.session_id = $6)"
    "SELECT p.seen, p.customer_org, p.subscription_org, p.checkout_org, p.org_id,"
    " (SELECT max(customer_id COLLATE \"C\") FROM billing.customer"
    "   WHERE org_id = p.org_id AND livemode = $3::boolean AND provider = $1 AND deleted_at IS NULL),"
    " (SELECT json_agg(customer_id) FROM billing.customer WHERE livemode = $3::boolean AND provider = $1"
    "   AND (org_id = p.org_id OR customer_id = $4) AND deleted_at IS NOT NULL),"
    " l.version, " SQL_SECONDS("o.created_at") ", o.app_type, " SQL_OVERRIDES("p.org_id", "$3::boolean") ","
    SQL_SUBSCRIPTION_COLUMNS
    " FROM party p"
    " LEFT JOIN billing.link l ON l.org_id = p.org_id AND l.livemode = $3::boolean"
    " LEFT JOIN billing.org o ON o.org_id = p.org_id"
    " LEFT JOIN billing.subscription s"
    "  ON s.org_id = p.org_id AND s.livemode = $3::boolean AND s.provider = $1";
/* clang-format on */

static void context_head(apr_pool_t *pool, const struct rows *rows, struct event_context *context)
{
    const char *app_type = rows_text(rows, 0, HEAD_APP_TYPE);

    context->seen = rows_bool(rows, 0, HEAD_SEEN);
    context->customer_org = rows_text(rows, 0, HEAD_CUSTOMER_ORG);
    context->subscription_org = rows_text(rows, 0, HEAD_SUBSCRIPTION_ORG);
    context->checkout_org = rows_text(rows, 0, HEAD_CHECKOUT_ORG);
    context->org = rows_text(rows, 0, HEAD_ORG);
    context->customer = rows_text(rows, 0, HEAD_CUSTOMER);
    context->deleted_customers =
        record_texts(pool, rows_text(rows, 0, HEAD_DELETED_CUSTOMERS), &context->deleted_customer_count);
    context->link_version = rows_int(rows, 0, HEAD_LINK_VERSION);
    context->record.created_at = rows_int(rows, 0, HEAD_CREATED_AT);
    context->record.app_type = app_type ? key_hash_str(app_type) : 0;
    record_overrides(rows_text(rows, 0, HEAD_OVERRIDES), &context->record);
}

enum store_result store_event_context(struct database *database, apr_pool_t *pool, const char *provider,
                                      const struct billing_event *event, bool replay, apr_interval_time_t wait,
                                      struct event_context *context)
{
    const char *org = event->kind == EVENT_SUBSCRIPTION ? event->snapshot.org : NULL;
    struct statement statement = {
        .frequent = true,
        .sql = context_sql,
        .param_count = 8,
        .params = {provider, event->id, sql_bool(event->livemode), event->customer, event->subscription_id,
                   event->checkout_id, org && org_id_valid(org, strlen(org)) ? org : NULL, sql_bool(replay)},
        .wait = wait,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    memset(context, 0, sizeof(*context));
    if (result != STORE_OK) {
        return result;
    }
    context_head(pool, &rows, context);
    context->subscriptions = apr_pcalloc(pool, sizeof(*context->subscriptions) * (size_t)(rows.count + 1));
    for (int row = 0; row < rows.count; ++row) {
        struct subscription *subscription = &context->subscriptions[context->subscription_count];

        if (!rows_text(&rows, row, HEAD_COLUMNS)) {
            continue;
        }
        record_subscription(pool, &rows, row, HEAD_COLUMNS, subscription);
        context->subscription_count++;
        if (event->subscription_id && !strcmp(subscription->snapshot.id, event->subscription_id)) {
            context->current = subscription;
        }
    }
    return STORE_OK;
}

/* It reaches back to the newest stored event that showed the subscription other than past due: nothing before that one
 * can bear on past_due_since. */
/* clang-format off */
static const char timeline_sql[] =
    "SELECT " SQL_SECONDS("e.created") ", e.event_id, e.shown_status = 'past_due'"
    " FROM billing.event e WHERE e.subscription_id = $3 AND e.livemode = $2::boolean AND e.provider = $1"
    " AND e.shown_status IS NOT NULL AND (e.created, e.event_id) >= ("
    "  (SELECT n.created, n.event_id FROM billing.event n WHERE n.subscription_id = $3 AND n.livemode = $2::boolean"
    "    AND n.provider = $1 AND n.shown_status IS NOT NULL AND n.shown_status <> 'past_due'"
    "    ORDER BY n.created DESC, n.event_id DESC LIMIT 1)"
    "  UNION ALL SELECT '-infinity', '' LIMIT 1)";
/* clang-format on */

enum store_result store_event_timeline(struct database *database, apr_pool_t *pool, const char *provider,
                                       const struct billing_event *event, apr_interval_time_t wait,
                                       struct event_context *context)
{
    struct statement statement = {
        .frequent = true,
        .sql = timeline_sql,
        .param_count = 3,
        .params = {provider, sql_bool(event->livemode), event->subscription_id},
        .wait = wait,
    };
    struct rows rows;
    enum store_result result = database_run(database, pool, &statement, &rows);

    if (result != STORE_OK) {
        return result;
    }
    context->timeline_count = (size_t)rows.count;
    context->timeline = apr_pcalloc(pool, sizeof(*context->timeline) * (context->timeline_count + 1));
    for (int row = 0; row < rows.count; ++row) {
        context->timeline[row] =
            (struct timeline_entry){rows_int(&rows, row, 0), rows_text(&rows, row, 1), rows_bool(&rows, row, 2)};
    }
    return STORE_OK;
}

/* The event's own columns are $1 to $13 of every statement that writes one. */
#define SQL_EVENT_COLUMNS                                                                                              \
    "provider, event_id, type, api_version, created, livemode, org_id, customer_id, subscription_id, shown_status,"    \
    " outcome, error, body"
#define SQL_EVENT_VALUES                                                                                               \
    "$1::text, $2::text, $3::text, $4::text, to_timestamp($5::bigint), $6::boolean, $7::text, $8::text, $9::text,"     \
    " $10::text, $11::text, $12::text, $13::text"
#define EVENT_PARAM_COUNT 13

/* Decides an event again that is stored as dead or ignored; when it was received stays. `source` is "" or a FROM that
 * has a row where it may be done. */
#define SQL_EVENT_REDECIDE(source)                                                                                     \
    "UPDATE billing.event e SET type = $3::text, api_version = $4::text, created = to_timestamp($5::bigint),"          \
    " livemode = $6::boolean, org_id = $7::text, customer_id = $8::text, subscription_id = $9::text,"                  \
    " shown_status = $10::text, outcome = $11::text, error = $12::text, body = $13::text" source                       \
    " WHERE e.provider = $1::text AND e.event_id = $2::text AND e.outcome IN ('dead', 'ignored')"

static void event_params(apr_pool_t *pool, const struct event_record *record, const char **params)
{
    const struct billing_event *event = record->event;

    params[0] = record->provider;
    params[1] = event->id;
    params[2] = event->type;
    params[3] = event->api_version;
    params[4] = sql_int(pool, event->created);
    params[5] = sql_bool(event->livemode);
    params[6] = record->org;
    params[7] = event->customer;
    params[8] = event->subscription_id;
    params[9] = record->shown_status;
    params[10] = record->outcome;
    params[11] = record->error;
    params[12] = record->body;
}

static enum store_result event_write(struct database *database, apr_pool_t *pool, struct statement *statement)
{
    struct rows rows;
    enum store_result result = database_run(database, pool, statement, &rows);

    return result == STORE_OK && rows.count == 0 ? STORE_CONFLICT : result;
}

enum store_result store_event_keep(struct database *database, apr_pool_t *pool, const struct event_record *record,
                                   apr_interval_time_t wait)
{
    struct statement statement = {
        .sql = record->replay ? SQL_EVENT_REDECIDE("") " RETURNING true"
                              : "INSERT INTO billing.event (" SQL_EVENT_COLUMNS ") VALUES (" SQL_EVENT_VALUES ")"
                                " ON CONFLICT DO NOTHING RETURNING true",
        .param_count = EVENT_PARAM_COUNT,
        .wait = wait,
    };

    event_params(pool, record, statement.params);
    return event_write(database, pool, &statement);
}

#define SQL_BURIED                                                                                                     \
    "WITH buried AS (INSERT INTO billing.customer AS c (provider, livemode, customer_id, deleted_at)"                  \
    "  VALUES ($1::text, $6::boolean, $14::text, to_timestamp($5::bigint))"                                            \
    "  ON CONFLICT (provider, livemode, customer_id) DO UPDATE SET deleted_at = c.deleted_at"                          \
    "   WHERE c.org_id IS NULL RETURNING true)"

enum store_result store_event_bury(struct database *database, apr_pool_t *pool, const struct event_record *record,
                                   const char *customer, apr_interval_time_t wait)
{
    struct statement statement = {
        .sql = record->replay ? SQL_BURIED SQL_EVENT_REDECIDE(" FROM buried") " RETURNING true"
                              : SQL_BURIED "INSERT INTO billing.event (" SQL_EVENT_COLUMNS ") SELECT " SQL_EVENT_VALUES
                                           " FROM buried RETURNING true",
        .param_count = EVENT_PARAM_COUNT + 1,
        .wait = wait,
    };

    event_params(pool, record, statement.params);
    statement.params[EVENT_PARAM_COUNT] = customer;
    return event_write(database, pool, &statement);
}

/* $14 link version, $15 link customer, $16 link subscription, $17 status, $18 grace over, $19 plan, $20 prices, $21
 * period end, $22 cancel at, $23 past due since, $24 live count, $25 customer to know; $26… the subscription's row, $26
 * NULL where there is none; $44 deleted customer, $45 session, $46 its state.
 *
 * Everything hangs on `written`: where the link's version is no longer the one that was read it has no row, and nothing
 * at all is written. A link that is not there yet has version 0, which no row has. Foreign keys are checked when the
 * whole statement is done, so the order of its parts does not matter: and a customer, or with it a subscription, that
 * another org got in this very moment breaks one of them, which undoes it all. */
/* clang-format off */
#define SQL_CHECKOUT_STATES "ARRAY['reserved', 'open', 'pending', 'expired', 'failed', 'complete']"
/* Most events are about a subscription alone: what their statement does not name the server need not prepare. */
#define SQL_PARTIES                                                                                                    \
    "customer_gone AS (UPDATE billing.customer c SET deleted_at = to_timestamp($5::bigint) FROM written"               \
    "  WHERE c.provider = $1 AND c.livemode = $6::boolean AND c.customer_id = $44::text AND c.org_id = $7::text"       \
    "   AND c.deleted_at IS NULL),"                                                                                    \
    "checkout_moved AS (UPDATE billing.checkout k SET state = $46::text FROM written"                                  \
    "  WHERE k.provider = $1 AND k.livemode = $6::boolean AND k.session_id = $45::text AND k.org_id = $7::text"        \
    "   AND array_position(" SQL_CHECKOUT_STATES ", $46::text) > array_position(" SQL_CHECKOUT_STATES ", k.state)),"
#define SQL_APPLY(parties, event_kept)                                                                                 \
    "WITH written AS ("                                                                                                \
    " INSERT INTO billing.link AS l (org_id, livemode, provider, customer_id, subscription_id, status, grace_over,"    \
    "   plan_key, price_ids, period_end, cancel_at, past_due_since, live_count, version)"                              \
    "  VALUES ($7::text, $6::boolean, $1::text, $15::text, $16::text, $17::text, $18::boolean, $19::text, $20::text[],"\
    "   to_timestamp($21::bigint), to_timestamp($22::bigint), to_timestamp($23::bigint), $24::integer,"                \
    "   $14::bigint + 1)"                                                                                              \
    "  ON CONFLICT (org_id, livemode) DO UPDATE SET provider = excluded.provider, customer_id = excluded.customer_id," \
    "   subscription_id = excluded.subscription_id, status = excluded.status, grace_over = excluded.grace_over,"       \
    "   plan_key = excluded.plan_key, price_ids = excluded.price_ids, period_end = excluded.period_end,"               \
    "   cancel_at = excluded.cancel_at, past_due_since = excluded.past_due_since, live_count = excluded.live_count,"   \
    "   version = l.version + 1, changed = pg_current_xact_id(), changed_at = now()"                                   \
    "  WHERE l.version = $14::bigint RETURNING true),"                                                                 \
    "org_known AS (INSERT INTO billing.org (org_id) SELECT $7::text FROM written ON CONFLICT DO NOTHING),"             \
    "customer_known AS (INSERT INTO billing.customer AS c (provider, livemode, customer_id, org_id)"                   \
    "  SELECT $1::text, $6::boolean, $25::text, $7::text FROM written WHERE $25::text IS NOT NULL"                     \
    "  ON CONFLICT (provider, livemode, customer_id) DO UPDATE SET org_id = excluded.org_id WHERE c.org_id IS NULL),"  \
    parties                                                                                                            \
    "subscription_written AS (INSERT INTO billing.subscription (provider, livemode, org_id, subscription_id,"          \
    "   customer_id, raw_status, base_status, status, ended, grace_over, created, period_end, cancel_at, price_ids,"   \
    "   watermark, watermark_event, signal, signal_at, signal_event, past_due_since, unsettled)"                       \
    "  SELECT $1::text, $6::boolean, $7::text, $26::text, $27::text, $28::text, $29::text, $30::text, $31::boolean,"   \
    "   $32::boolean, to_timestamp($33::bigint), to_timestamp($34::bigint), to_timestamp($35::bigint), $36::text[],"   \
    "   to_timestamp($37::bigint), $38::text, $39::text, to_timestamp($40::bigint), $41::text,"                        \
    "   to_timestamp($42::bigint), $43::boolean FROM written WHERE $26::text IS NOT NULL"                              \
    "  ON CONFLICT (provider, livemode, subscription_id) DO UPDATE SET org_id = excluded.org_id,"                      \
    "   customer_id = excluded.customer_id, raw_status = excluded.raw_status,"                                         \
    "   base_status = excluded.base_status, status = excluded.status,"                                                 \
    "   ended = excluded.ended, grace_over = excluded.grace_over, created = excluded.created,"                         \
    "   period_end = excluded.period_end, cancel_at = excluded.cancel_at, price_ids = excluded.price_ids,"             \
    "   watermark = excluded.watermark, watermark_event = excluded.watermark_event, signal = excluded.signal,"         \
    "   signal_at = excluded.signal_at, signal_event = excluded.signal_event,"                                         \
    "   past_due_since = excluded.past_due_since, unsettled = excluded.unsettled),"                                    \
    "event_kept AS (" event_kept ")"                                                                                  \
    "SELECT true FROM written"

#define SQL_EVENT_NEW                                                                                                  \
    "INSERT INTO billing.event (" SQL_EVENT_COLUMNS ") SELECT " SQL_EVENT_VALUES " FROM written WHERE $2::text IS NOT NULL"

static const char apply_sql[] = SQL_APPLY("", SQL_EVENT_NEW);
static const char apply_parties_sql[] = SQL_APPLY(SQL_PARTIES, SQL_EVENT_NEW);
static const char reapply_sql[] = SQL_APPLY(SQL_PARTIES, SQL_EVENT_REDECIDE(" FROM written"));
/* clang-format on */

static void link_params(apr_pool_t *pool, const struct event_effect *effect, const char **params)
{
    const struct link *link = effect->link;

    *params++ = sql_int(pool, effect->link_version);
    *params++ = link->customer;
    *params++ = link->subscription;
    *params++ = status_name(link->status);
    *params++ = sql_bool(link->grace_over);
    *params++ = link->plan_key;
    *params++ = sql_text_array(pool, effect->price_ids, effect->price_count);
    *params++ = sql_time(pool, link->period_end);
    *params++ = sql_time(pool, link->cancel_at);
    *params++ = sql_time(pool, link->past_due_since);
    *params++ = sql_int(pool, (int64_t)link->live_count);
    *params++ = effect->customer;
}

static void subscription_params(apr_pool_t *pool, const struct subscription *subscription, const char **params)
{
    static const char *const signals[] = {[SIGNAL_NONE] = NULL, [SIGNAL_FAILED] = "failed", [SIGNAL_PAID] = "paid"};
    const struct subscription_snapshot *snapshot = &subscription->snapshot;

    *params++ = snapshot->id;
    *params++ = snapshot->customer;
    *params++ = snapshot->raw_status;
    *params++ = status_name(snapshot->status);
    *params++ = status_name(subscription->status);
    *params++ = sql_bool(snapshot->ended);
    *params++ = sql_bool(snapshot->grace_over);
    *params++ = sql_int(pool, snapshot->created);
    *params++ = sql_time(pool, snapshot->period_end);
    *params++ = sql_time(pool, snapshot->cancel_at);
    *params++ = sql_text_array(pool, snapshot->prices, snapshot->price_count);
    *params++ = sql_int(pool, subscription->watermark);
    *params++ = subscription->watermark_event;
    *params++ = signals[subscription->signal];
    *params++ = sql_time(pool, subscription->signal_at);
    *params++ = subscription->signal == SIGNAL_NONE ? NULL : subscription->signal_event;
    *params++ = sql_time(pool, subscription->past_due_since);
    *params++ = sql_bool(subscription->unsettled);
}

/* What the provider said without an event: all of an event's columns but these stay NULL. */
static void answer_params(apr_pool_t *pool, const struct event_record *record, const char **params)
{
    params[0] = record->provider;
    params[4] = sql_int(pool, record->event->created);
    params[5] = sql_bool(record->event->livemode);
}

static void parties_params(const struct event_effect *effect, const char **params)
{
    *params++ = effect->deleted_customer;
    *params++ = effect->checkout_session;
    *params++ = effect->checkout_state;
}

#define LINK_PARAM_COUNT         12
#define SUBSCRIPTION_PARAM_COUNT 18
#define PARTIES_PARAM_COUNT      3

enum store_result store_event_apply(struct database *database, apr_pool_t *pool, const struct event_record *record,
                                    const struct event_effect *effect, apr_interval_time_t wait)
{
    bool parties = record->replay || effect->deleted_customer || effect->checkout_session;
    struct statement statement = {
        .frequent = !record->replay,
        .sql = record->replay ? reapply_sql
               : parties      ? apply_parties_sql
                              : apply_sql,
        .param_count = EVENT_PARAM_COUNT + LINK_PARAM_COUNT + SUBSCRIPTION_PARAM_COUNT,
        .wait = wait,
    };

    if (record->event->id) {
        event_params(pool, record, statement.params);
    } else {
        answer_params(pool, record, statement.params);
    }
    statement.params[6] = effect->org;
    link_params(pool, effect, statement.params + EVENT_PARAM_COUNT);
    if (effect->subscription) {
        subscription_params(pool, effect->subscription, statement.params + EVENT_PARAM_COUNT + LINK_PARAM_COUNT);
    }
    if (parties) {
        parties_params(effect, statement.params + statement.param_count);
        statement.param_count += PARTIES_PARAM_COUNT;
    }
    return event_write(database, pool, &statement);
}
