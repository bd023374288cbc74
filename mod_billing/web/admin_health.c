/* SPDX-License-Identifier: Apache-2.0
 * GET /health at the admin mount: whether events come, what waits for an operator, and how old the state is. */
#include "service/provider.h"
#include "service/runtime.h"
#include "service/sweep.h"
#include "store/operate.h"
#include "web/admin.h"
#include "web/answer.h"
#include "web/problem.h"
#include "web/routes.h"

#include <http_protocol.h>

/* Seconds since all that this node's memory holds was last known to be current; null: never, or there is no memory. */
static json_t *state_age(void)
{
    int64_t verified_at = runtime()->table ? table_verified_at(runtime()->table) : 0;

    return verified_at ? json_integer(runtime_now() - verified_at) : json_null();
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

static json_t *sweep_json(const struct health *health)
{
    json_t *report = health->sweep_report ? json_loads(health->sweep_report, 0, NULL) : NULL;

    if (!report) {
        return json_null();
    }
    json_object_set_new(report, "endedAt", json_time(health->swept_at));
    return report;
}

/* The one answer that is of use while the database is away. */
static int health_unavailable(request_rec *r)
{
    json_t *problem = problem_json(r, HTTP_SERVICE_UNAVAILABLE, "database_unavailable", "Service Unavailable",
                                   "The database cannot be asked now: gates serve what is known.");

    apr_table_setn(r->headers_out, "Retry-After", "5");
    json_object_set_new(problem, "stateAgeSeconds", state_age());
    return answer_json(r, HTTP_SERVICE_UNAVAILABLE, "application/problem+json", problem);
}

int admin_health_handler(request_rec *r, const char *tail)
{
    struct sweep_account account = {.provider = PROVIDER_NAME};
    struct operator_call call;
    struct health health;
    json_t *json;
    int answered;

    (void)tail;
    if (!operator_find(r, &call, &answered)) {
        return answered;
    }
    account.livemode = call.livemode;
    sweep_account_digest(r->pool, config_server(r->server), &account.account);
    if (store_health_find(runtime()->database, r->pool, &account, &health) != STORE_OK) {
        return health_unavailable(r);
    }
    json = json_object();
    json_object_set_new(json, "livemode", json_boolean(call.livemode));
    json_object_set_new(json, "schemaVersion", json_integer(health.schema_version));
    json_object_set_new(json, "stateAgeSeconds", state_age());
    json_object_set_new(json, "lastEvent", last_event_json(&health.last));
    json_object_set_new(json, "deadEvents", json_integer(health.dead));
    json_object_set_new(json, "unsettledSubscriptions", json_integer(health.unsettled));
    json_object_set_new(json, "orgsWithSeveralSubscriptions", several_json(&health));
    json_object_set_new(json, "livemodeMismatches", mismatch_json(&health));
    json_object_set_new(json, "lastSweep", sweep_json(&health));
    return answer_json(r, HTTP_OK, "application/json", json);
}
