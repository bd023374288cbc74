/* SPDX-License-Identifier: Apache-2.0
 * Decisions and limits in JSON. */
#include "web/decision_json.h"

json_t *decision_json(const struct decision *decision)
{
    json_t *json = json_object();

    json_object_set_new(json, "allowed", json_boolean(decision->allowed));
    json_object_set_new(json, "reason", json_string(reason_name(decision->reason)));
    json_object_set_new(json, "enforcement", json_string(enforcement_name(decision->enforcement)));
    json_object_set_new(json, "wouldDeny", json_boolean(decision->would_deny));
    return json;
}

json_t *limit_json(int64_t limit)
{
    if (limit == LIMIT_NOT_SET) {
        return NULL;
    }
    return limit == LIMIT_UNLIMITED ? json_null() : json_integer(limit);
}
