/* SPDX-License-Identifier: Apache-2.0
 * GET /orgs?prefix=&status=&after=&limit= and GET /org-counts at the admin mount: which orgs there are. */
#include "domain/key.h"
#include "service/provider.h"
#include "service/runtime.h"
#include "store/org_list.h"
#include "web/admin/operator.h"
#include "web/answer.h"
#include "web/query.h"

#include <http_protocol.h>

#define ORGS_USUAL 50
#define ORGS_MAX   200

/* The names of the query, in the order of the values. */
enum list_query { QUERY_PREFIX, QUERY_STATUS, QUERY_AFTER, QUERY_LIMIT, QUERY_COUNT };

static bool filter_read(request_rec *r, struct org_filter *filter, int *answered)
{
    struct query_value query[QUERY_COUNT] = {
        {.name = "prefix"}, {.name = "status"}, {.name = "after"}, {.name = "limit"}};
    const char *prefix, *after;
    enum billing_status status;
    int64_t most;

    if (!query_read(r, query, QUERY_COUNT, answered) ||
        !query_number(r, query[QUERY_LIMIT].value, 1, ORGS_MAX, ORGS_USUAL, &most, answered)) {
        return false;
    }
    prefix = query[QUERY_PREFIX].value;
    after = query[QUERY_AFTER].value;
    filter->most = (int)most;
    filter->prefix = prefix ? prefix : "";
    filter->after = after ? after : "";
    filter->status = query[QUERY_STATUS].value;
    if (prefix && !org_id_valid(prefix, strlen(prefix))) {
        *answered = query_problem(r, "prefix is how an org id begins: letters, digits and _ . : - alone.");
        return false;
    }
    if (filter->status && !status_parse(filter->status, &status)) {
        *answered = query_problem(r, "status is active, past_due, canceled or none.");
        return false;
    }
    if (after && !org_id_valid(after, strlen(after))) {
        *answered = query_problem(r, "after is the next of an earlier answer.");
        return false;
    }
    return true;
}

static json_t *listed_json(const struct listed_org *org)
{
    json_t *json = json_object();

    json_object_set_new(json, "org", json_string(org->org));
    json_object_set_new(json, "createdAt", json_time(org->created_at));
    json_object_set_new(json, "appType", json_text_or_null(org->app_type));
    json_object_set_new(json, "firstSeen", json_time(org->first_seen));
    json_object_set_new(json, "status", json_string(status_name(org->status)));
    json_object_set_new(json, "planKey", json_text_or_null(org->plan ? org->plan->ref.key : NULL));
    json_object_set_new(json, "currentPeriodEnd", json_time(org->period_end));
    json_object_set_new(json, "cancelAt", json_time(org->cancel_at));
    json_object_set_new(json, "pastDueSince", json_time(org->past_due_since));
    json_object_set_new(json, "overrides", json_integer(org->overrides));
    return json;
}

static json_t *orgs_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                         int *answered)
{
    struct org_filter filter = {.provider = PROVIDER_NAME, .livemode = call->livemode};
    struct org_list list;
    enum store_result result;
    json_t *json, *orgs;

    (void)tail;
    (void)body;
    if (!filter_read(r, &filter, answered)) {
        return NULL;
    }
    result = store_org_list(runtime()->database, r->pool, &config_global()->catalogue, &filter, &list);
    if (result != STORE_OK) {
        return operator_store_problem(r, result, answered);
    }
    orgs = json_array();
    for (size_t i = 0; i < list.count; ++i) {
        json_array_append_new(orgs, listed_json(&list.orgs[i]));
    }
    json = json_object();
    json_object_set_new(json, "livemode", json_boolean(call->livemode));
    json_object_set_new(json, "orgs", orgs);
    json_object_set_new(json, "next", json_text_or_null(list.next));
    return json;
}

static json_t *counts_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                           int *answered)
{
    int64_t counts[ORG_COUNTS], all = 0;
    enum store_result result = store_org_counts(runtime()->database, r->pool, call->livemode, counts);
    json_t *json, *statuses;

    (void)tail;
    (void)body;
    if (result != STORE_OK) {
        return operator_store_problem(r, result, answered);
    }
    statuses = json_object();
    for (int i = 0; i < ORG_COUNTS; ++i) {
        json_object_set_new(statuses, status_name((enum billing_status)i), json_integer(counts[i]));
        all += counts[i];
    }
    json = json_object();
    json_object_set_new(json, "livemode", json_boolean(call->livemode));
    json_object_set_new(json, "orgs", json_integer(all));
    json_object_set_new(json, "statuses", statuses);
    return json;
}

const struct operator_task admin_orgs = {orgs_work, false, NULL};
const struct operator_task admin_org_counts = {counts_work, false, NULL};
