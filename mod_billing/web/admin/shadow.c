/* SPDX-License-Identifier: Apache-2.0
 * GET /shadow at the admin mount: what would have been denied, by org, feature and reason.
 *
 * Query: feature=KEY, since=DATE (counts its whole day; 30 days ago unless given), format=json|csv, limit=1..10000,
 * after= the `next` of an earlier answer. JSON has `totals` by feature beside the rows; CSV names the next page in its
 * Link header. This server's counts are written down first, those of other nodes are some seconds old. */
#include "service/shadow.h"
#include "config/value.h"
#include "domain/key.h"
#include "service/runtime.h"
#include "store/shadow.h"
#include "web/admin/operator.h"
#include "web/answer.h"
#include "web/csv.h"
#include "web/problem.h"
#include "web/query.h"
#include "web/remedy_json.h"
#include "web/routes.h"

#include <apr_strings.h>
#include <http_protocol.h>

#define ROWS_MAX   10000
#define ROWS_USUAL 1000
#define SINCE_DAYS 30

/* The names of the query, in the order of the values. */
enum report_query { QUERY_FEATURE, QUERY_SINCE, QUERY_FORMAT, QUERY_LIMIT, QUERY_AFTER, QUERY_COUNT };

struct report {
    struct shadow_filter filter;
    struct query_value query[QUERY_COUNT];
    bool csv;
    int most;
    struct shadow_row after; /* org NULL: from the first on */
    struct shadow_row *rows;
    int count;
    const char *next; /* NULL: these are all */
};

static const struct feature *feature_named(const char *key)
{
    return catalogue_feature(&config_global()->catalogue, key);
}

/* feature/org/reason: none of them has a slash in it. */
static const char *place_text(apr_pool_t *pool, const struct shadow_row *row)
{
    return apr_pstrcat(pool, row->feature, "/", row->org, "/", row->reason, NULL);
}

static bool place_parse(apr_pool_t *pool, const char *text, struct shadow_row *after)
{
    char *feature = apr_pstrdup(pool, text), *org = strchr(feature, '/'), *reason = org ? strchr(org + 1, '/') : NULL;
    enum decision_reason known;

    if (!reason) {
        return false;
    }
    *org++ = '\0';
    *reason++ = '\0';
    *after = (struct shadow_row){.feature = feature, .org = org, .reason = reason};
    return key_valid(feature) && (!*org || org_id_valid(org, strlen(org))) && reason_parse(reason, &known);
}

/* NULL, or what is wrong with the query. */
static const char *report_check(apr_pool_t *pool, struct report *report)
{
    const char *since = report->query[QUERY_SINCE].value, *format = report->query[QUERY_FORMAT].value;
    const char *after = report->query[QUERY_AFTER].value;

    report->filter.feature = report->query[QUERY_FEATURE].value;
    if (report->filter.feature && !key_valid(report->filter.feature)) {
        return "feature is no feature key.";
    }
    report->filter.since = runtime_now() - SINCE_DAYS * INT64_C(86400);
    if (since && !value_date(since, &report->filter.since)) {
        return "since is a date such as 2026-12-01 or an RFC 3339 time.";
    }
    report->csv = format && !strcmp(format, "csv");
    if (format && !report->csv && strcmp(format, "json")) {
        return "format is json or csv.";
    }
    return after && !place_parse(pool, after, &report->after) ? "after is the next of an earlier answer." : NULL;
}

static bool report_read(request_rec *r, struct report *report, int *answered)
{
    static const char *const names[QUERY_COUNT] = {"feature", "since", "format", "limit", "after"};
    const char *wrong;
    int64_t most;

    for (int i = 0; i < QUERY_COUNT; ++i) {
        report->query[i].name = names[i];
    }
    if (!query_read(r, report->query, QUERY_COUNT, answered) ||
        !query_number(r, report->query[QUERY_LIMIT].value, 1, ROWS_MAX, ROWS_USUAL, &most, answered)) {
        return false;
    }
    report->most = (int)most;
    wrong = report_check(r->pool, report);
    if (wrong) {
        *answered = query_problem(r, wrong);
    }
    return !wrong;
}

/* One row more than asked for tells whether there is a next page. */
static enum store_result report_find(request_rec *r, struct report *report)
{
    enum store_result result =
        store_shadow_list(runtime()->database, r->pool, &config_global()->catalogue, &report->filter,
                          report->after.org ? &report->after : NULL, report->most + 1, &report->rows, &report->count);

    if (result == STORE_OK && report->count > report->most) {
        report->count = report->most;
        report->next = place_text(r->pool, &report->rows[report->count - 1]);
    }
    return result;
}

static json_t *row_remedy(const struct shadow_row *row)
{
    enum decision_reason reason;

    return reason_parse(row->reason, &reason)
               ? remedy_json(&config_global()->catalogue, feature_named(row->feature), row->plan, reason)
               : json_object();
}

static const char *feature_enforcement(const char *key)
{
    const struct feature *feature = feature_named(key);
    return feature ? enforcement_name(feature->enforcement) : NULL;
}

/* JSON */

static json_t *row_json(const struct shadow_row *row)
{
    json_t *json = json_object();

    json_object_set_new(json, "org", json_text_or_null(*row->org ? row->org : NULL));
    json_object_set_new(json, "feature", json_string(row->feature));
    json_object_set_new(json, "reason", json_string(row->reason));
    json_object_set_new(json, "requests", json_integer(row->requests));
    json_object_set_new(json, "firstSeen", json_time(row->first_seen));
    json_object_set_new(json, "lastSeen", json_time(row->last_seen));
    json_object_set_new(json, "status", json_string(status_name(row->status)));
    json_object_set_new(json, "planKey", json_text_or_null(row->plan ? row->plan->ref.key : NULL));
    json_object_set_new(json, "enforcement", json_text_or_null(feature_enforcement(row->feature)));
    json_object_set_new(json, "unblock", row_remedy(row));
    return json;
}

/* The counts come by feature, its total first and then by reason. */
static json_t *total_json(const struct shadow_total *total, const char *name, const char *value)
{
    json_t *json = json_object();

    json_object_set_new(json, name, json_string(value));
    json_object_set_new(json, "requests", json_integer(total->requests));
    json_object_set_new(json, "orgs", json_integer(total->orgs));
    json_object_set_new(json, "firstSeen", json_time(total->first_seen));
    json_object_set_new(json, "lastSeen", json_time(total->last_seen));
    return json;
}

static json_t *totals_json(const struct shadow_total *totals, int count)
{
    json_t *json = json_array(), *reasons = NULL;

    for (int i = 0; i < count; ++i) {
        const struct shadow_total *total = &totals[i];
        json_t *feature;

        if (total->reason) {
            json_array_append_new(reasons, total_json(total, "reason", total->reason));
            continue;
        }
        feature = total_json(total, "feature", total->feature);
        reasons = json_array();
        json_object_set_new(feature, "enforcement", json_text_or_null(feature_enforcement(total->feature)));
        json_object_set_new(feature, "reasons", reasons);
        json_array_append_new(json, feature);
    }
    return json;
}

static json_t *report_json(request_rec *r, const struct report *report, int *answered)
{
    json_t *json, *rows;
    struct shadow_total *totals;
    int64_t dropped;
    int count;

    if (store_shadow_totals(runtime()->database, r->pool, &report->filter, &totals, &count, &dropped) != STORE_OK) {
        *answered = operator_unavailable(r);
        return NULL;
    }
    rows = json_array();
    for (int i = 0; i < report->count; ++i) {
        json_array_append_new(rows, row_json(&report->rows[i]));
    }
    json = json_object();
    json_object_set_new(json, "livemode", json_boolean(report->filter.livemode));
    json_object_set_new(json, "since", json_time(report->filter.since - report->filter.since % 86400));
    json_object_set_new(json, "totals", totals_json(totals, count));
    json_object_set_new(json, "dropped", json_integer(dropped));
    json_object_set_new(json, "rows", rows);
    json_object_set_new(json, "next", json_text_or_null(report->next));
    return json;
}

/* CSV */

/* The JSON object in one cell: "plan:founding_monthly|fleet_monthly override". */
static const char *remedy_cell(apr_pool_t *pool, json_t *remedy)
{
    const char *cell = "", *word;
    const json_t *names;

    json_object_foreach(remedy, word, names)
    {
        cell = apr_pstrcat(pool, cell, *cell ? " " : "", word, json_array_size(names) ? ":" : "", NULL);
        for (size_t i = 0; i < json_array_size(names); ++i) {
            cell = apr_pstrcat(pool, cell, i ? "|" : "", json_string_value(json_array_get(names, i)), NULL);
        }
    }
    json_decref(remedy);
    return cell;
}

static const char *time_cell(apr_pool_t *pool, int64_t seconds)
{
    json_t *time = json_time(seconds);
    const char *cell = apr_pstrdup(pool, json_string_value(time));

    json_decref(time);
    return cell;
}

static const char *row_line(apr_pool_t *pool, const struct shadow_row *row)
{
    const char *const cells[] = {
        row->org,
        row->feature,
        row->reason,
        apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)row->requests),
        time_cell(pool, row->first_seen),
        time_cell(pool, row->last_seen),
        status_name(row->status),
        row->plan ? row->plan->ref.key : NULL,
        feature_enforcement(row->feature),
        remedy_cell(pool, row_remedy(row)),
    };
    return csv_line(pool, cells, sizeof(cells) / sizeof(*cells));
}

/* RFC 8288. */
static const char *next_link(request_rec *r, const struct report *report)
{
    const char *feature = report->filter.feature, *since = time_cell(r->pool, report->filter.since);

    return apr_psprintf(r->pool, "<?format=csv&limit=%d&since=%s%s%s&after=%s>; rel=\"next\"", report->most,
                        since ? since : "1970-01-01", feature ? "&feature=" : "", feature ? feature : "", report->next);
}

static int report_csv(request_rec *r, const struct report *report)
{
    static const char *const names[] = {"org",      "feature", "reason",  "requests",    "firstSeen",
                                        "lastSeen", "status",  "planKey", "enforcement", "unblock"};

    ap_set_content_type(r, "text/csv; charset=utf-8; header=present");
    apr_table_setn(r->headers_out, "Cache-Control", "private, no-store");
    apr_table_setn(r->headers_out, "Content-Disposition", "attachment; filename=\"shadow.csv\"");
    if (report->next) {
        apr_table_setn(r->headers_out, "Link", next_link(r, report));
    }
    if (r->header_only) {
        return OK;
    }
    ap_rputs(csv_line(r->pool, names, sizeof(names) / sizeof(*names)), r);
    for (int i = 0; i < report->count; ++i) {
        ap_rputs(row_line(r->pool, &report->rows[i]), r);
    }
    return OK;
}

static bool report_make(request_rec *r, const struct operator_call *call, struct report *report, int *answered)
{
    if (!report_read(r, report, answered)) {
        return false;
    }
    report->filter.livemode = call->livemode;
    if (shadow_flush(r->pool, DATABASE_WAIT_WEB) == STORE_UNAVAILABLE || report_find(r, report) != STORE_OK) {
        *answered = operator_unavailable(r);
        return false;
    }
    return true;
}

static json_t *shadow_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                           int *answered)
{
    struct report report = {.most = 0};

    (void)tail;
    (void)body;
    return report_make(r, call, &report, answered) ? report_json(r, &report, answered) : NULL;
}

const struct operator_task admin_shadow = {shadow_work, false, NULL};

int admin_shadow_handler(request_rec *r, const char *tail)
{
    struct report report = {.most = 0};
    struct operator_call call;
    json_t *json;
    int answered;

    (void)tail;
    if (!operator_find(r, &call, &answered) || !report_make(r, &call, &report, &answered)) {
        return answered;
    }
    if (report.csv) {
        return report_csv(r, &report);
    }
    json = report_json(r, &report, &answered);
    return json ? answer_json(r, HTTP_OK, "application/json", json) : answered;
}
