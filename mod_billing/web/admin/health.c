/* SPDX-License-Identifier: Apache-2.0
 * GET /health at the admin mount: whether events come, what waits for an operator, and how old the state is. */
#include "gate/judge.h"
#include "service/provider.h"
#include "service/runtime.h"
#include "service/sweep.h"
#include "store/operate.h"
#include "web/admin/operator.h"
#include "web/answer.h"
#include "web/problem.h"

#include <http_protocol.h>

/* Where the gates' decisions come from: "shared_memory", which the change feed keeps current, "snapshot", what the last
 * stop saved and no feed has looked at since, or "database", asked for each org anew. */
static const char *state_source(void)
{
    struct table *table = runtime()->table;

    if (table && table_mark(table, TABLE_BASIS)) {
        return "shared_memory";
    }
    return table && table_verified_at(table) ? "snapshot" : "database";
}

/* Seconds since all that this node's memory holds was last known to be current; null: never, or there is no memory. */
static json_t *state_age(void)
{
    int64_t verified_at = runtime()->table ? table_verified_at(runtime()->table) : 0;

    return verified_at ? json_integer(runtime_now() - verified_at) : json_null();
}

static json_t *switch_json(void)
{
    json_t *json = json_object();

    json_object_set_new(json, "file", json_text_or_null(config_global()->kill_switch));
    json_object_set_new(json, "on", json_boolean(kill_switch_on()));
    return json;
}

static json_t *last_event_json(const struct stored_event *last)
{
    int64_t received_at = apr_time_sec(last->received_at);
    json_t *json;

    if (!last->id) {
        return json_null();
    }
    json = json_object();
    json_object_set_new(json, "id", json_string(last->id));
    json_object_set_new(json, "type", json_string(last->type));
    json_object_set_new(json, "receivedAt", json_time(received_at));
    json_object_set_new(json, "lagSeconds", json_integer(received_at - last->created));
    return json;
}

static json_t *several_json(const struct health *health)
{
    json_t *json = json_object(), *orgs = json_array();

    for (size_t i = 0; i < health->few_count; ++i) {
        json_array_append_new(orgs, json_string(health->few_orgs[i]));
    }
    json_object_set_new(json, "count", json_integer(health->several));
    json_object_set_new(json, "orgs", orgs);
    return json;
}

static json_t *mismatch_json(const struct health *health)
{
    json_t *json = json_object();

    json_object_set_new(json, "count", json_integer(health->mismatches));
    json_object_set_new(json, "lastAt", json_time(health->mismatch_at));
    json_object_set_new(json, "lastEvent", json_text_or_null(health->mismatch_event));
    return json;
}

/* A report as it is kept, with when that was. */
static json_t *kept_json(const char *text, int64_t ended_at)
{
    json_t *report = text ? json_loads(text, 0, NULL) : NULL;

    if (!report) {
        return json_null();
    }
    json_object_set_new(report, "endedAt", json_time(ended_at));
    return report;
}

/* The one problem that is of use while the database is away. */
static json_t *health_unavailable(request_rec *r, int *answered)
{
    json_t *problem = problem_json(r, HTTP_SERVICE_UNAVAILABLE, "database_unavailable", "Service Unavailable",
                                   "The database cannot be asked now: gates serve what is known.");

    apr_table_setn(r->headers_out, "Retry-After", "5");
    json_object_set_new(problem, "stateAgeSeconds", state_age());
    json_object_set_new(problem, "stateSource", json_string(state_source()));
    json_object_set_new(problem, "killSwitch", switch_json());
    *answered = problem_answer(r, HTTP_SERVICE_UNAVAILABLE, problem);
    return NULL;
}

static json_t *health_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                           int *answered)
{
    struct sweep_account account = {.provider = PROVIDER_NAME, .livemode = call->livemode};
    struct health health;
    json_t *json;

    (void)tail;
    (void)body;
    sweep_account_digest(r->pool, config_server(r->server), &account.account);
    if (store_health_find(runtime()->database, r->pool, &account, &health) != STORE_OK) {
        return health_unavailable(r, answered);
    }
    json = json_object();
    json_object_set_new(json, "livemode", json_boolean(call->livemode));
    json_object_set_new(json, "schemaVersion", json_integer(health.schema_version));
    json_object_set_new(json, "stateSource", json_string(state_source()));
    json_object_set_new(json, "stateAgeSeconds", state_age());
    json_object_set_new(json, "killSwitch", switch_json());
    json_object_set_new(json, "lastEvent", last_event_json(&health.last));
    json_object_set_new(json, "deadEvents", json_integer(health.dead));
    json_object_set_new(json, "unsettledSubscriptions", json_integer(health.unsettled));
    json_object_set_new(json, "orgsWithSeveralSubscriptions", several_json(&health));
    json_object_set_new(json, "livemodeMismatches", mismatch_json(&health));
    json_object_set_new(json, "lastSweep", kept_json(health.sweep_report, health.swept_at));
    json_object_set_new(json, "lastVerify", kept_json(health.verify_report, health.verified_at));
    return json;
}

const struct operator_task admin_health = {health_work, false, NULL};
