/* SPDX-License-Identifier: Apache-2.0
 * What is told of a verification, and kept of it for the operators. */
#include "service/provider.h"
#include "service/runtime.h"
#include "service/sweep.h"
#include "service/verify_steps.h"
#include "store/sweep.h"

#include <apr_strings.h>
#include <stdlib.h>

#define DRIFT_KEPT 100 /* differences; beyond them only their number */

static json_t *text_json(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *drift_json(const struct drift *drift)
{
    json_t *json = json_object();

    json_object_set_new(json, "org", json_string(drift->org));
    json_object_set_new(json, "subscription", text_json(drift->subscription));
    json_object_set_new(json, "what", json_string(drift->what));
    json_object_set_new(json, "here", text_json(drift->here));
    json_object_set_new(json, "there", text_json(drift->there));
    json_object_set_new(json, "repair", text_json(drift->repair));
    json_object_set_new(json, "error", text_json(drift->error));
    return json;
}

json_t *verify_report_json(const struct verify_report *report, bool livemode)
{
    json_t *json = json_object(), *drift = json_array();

    for (size_t i = 0; i < report->drift_count; ++i) {
        json_array_append_new(drift, drift_json(&report->drift[i]));
    }
    json_object_set_new(json, "livemode", json_boolean(livemode));
    json_object_set_new(json, "checked", json_integer(report->checked));
    json_object_set_new(json, "unreachable", json_integer(report->unreachable));
    json_object_set_new(json, "repaired", json_integer(report->repaired));
    json_object_set_new(json, "driftCount", json_integer((json_int_t)report->drift_count));
    json_object_set_new(json, "drift", drift);
    json_object_set_new(json, "complete", json_boolean(report->complete));
    json_object_set_new(json, "next", report->complete ? json_null() : json_string(report->next));
    return json;
}

/* A call that goes on where the last one ended belongs to the same round through the orgs: its counts are added. */
static void report_join(json_t *report, const json_t *last, const char *after)
{
    static const char *const counts[] = {"checked", "unreachable", "repaired", "driftCount"};
    const char *ended = json_string_value(json_object_get(last, "next"));
    json_t *drift;

    if (!*after || !ended || strcmp(ended, after)) {
        return;
    }
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); ++i) {
        json_object_set_new(report, counts[i],
                            json_integer(json_integer_value(json_object_get(last, counts[i])) +
                                         json_integer_value(json_object_get(report, counts[i]))));
    }
    drift = json_copy(json_object_get(last, "drift"));
    json_array_extend(drift, json_object_get(report, "drift"));
    json_object_set_new(report, "drift", drift);
}

void verify_report_keep(apr_pool_t *pool, const struct verify_request *request, const struct verify_report *report)
{
    struct sweep_account account = {.provider = PROVIDER_NAME, .livemode = request->config->mode == MODE_LIVE};
    json_t *json, *last = NULL, *drift;
    const char *kept = NULL;
    char *text;

    if (!sweep_account_digest(pool, request->config, &account.account) ||
        store_verify_report_find(runtime()->database, pool, &account, &kept) != STORE_OK) {
        return;
    }
    json = verify_report_json(report, account.livemode);
    last = kept ? json_loads(kept, 0, NULL) : NULL;
    report_join(json, last, request->after);
    drift = json_object_get(json, "drift");
    while (json_array_size(drift) > DRIFT_KEPT) {
        json_array_remove(drift, json_array_size(drift) - 1);
    }
    if ((text = json_dumps(json, JSON_COMPACT))) {
        store_verify_report(runtime()->database, pool, &account, text);
    }
    free(text);
    json_decref(last);
    json_decref(json);
}
