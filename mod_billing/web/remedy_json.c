/* SPDX-License-Identifier: Apache-2.0
 * Remedies. */
#include "web/remedy_json.h"

static json_t *names_json(const struct key_list *names)
{
    json_t *json = json_array();

    for (size_t i = 0; i < names->count; ++i) {
        json_array_append_new(json, json_string(names->items[i].key));
    }
    return json;
}

static json_t *plans_json(const struct catalogue *catalogue, const struct feature *feature, const struct plan *plan,
                          enum decision_reason reason)
{
    int64_t limit = plan_limit_value(plan, feature->uses.hash);
    json_t *json = json_array();

    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        if (plan_unblocks(&catalogue->plans[i], feature, reason, limit)) {
            json_array_append_new(json, json_string(catalogue->plans[i].ref.key));
        }
    }
    return json;
}

static void way_json(json_t *json, const char *word, bool open)
{
    if (open) {
        json_object_set_new(json, word, json_true());
    }
}

json_t *remedy_json(const struct catalogue *catalogue, const struct feature *feature, const struct plan *plan,
                    enum decision_reason reason)
{
    struct remedy remedy = reason_remedy(reason);
    json_t *json = json_object();

    if (!feature) {
        return json;
    }
    if (remedy.plan) {
        json_object_set_new(json, "plan", plans_json(catalogue, feature, plan, reason));
    }
    if (remedy.role) {
        json_object_set_new(json, "role", names_json(&feature->roles));
    }
    if (remedy.app_type) {
        json_object_set_new(json, "appType", names_json(&feature->app_types));
    }
    way_json(json, "payment", remedy.payment);
    way_json(json, "override", remedy.override);
    way_json(json, "limit", remedy.limit);
    way_json(json, "removeOverride", remedy.refusal);
    way_json(json, "signIn", remedy.sign_in);
    way_json(json, "retry", remedy.retry);
    return json;
}
