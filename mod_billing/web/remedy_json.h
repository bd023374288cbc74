/* SPDX-License-Identifier: Apache-2.0
 * What would unblock a feature, as the operators' routes tell it. */
#ifndef BILLING_WEB_REMEDY_JSON_H
#define BILLING_WEB_REMEDY_JSON_H

#include "domain/explain.h"

#include <jansson.h>

/** A new object: each way by its word. "plan" has the keys of the plans that would do, "role" and "appType" the names
 * that are accepted; "payment", "override", "limit", "removeOverride", "signIn" and "retry" are true. Empty where
 * nothing is to be done.
 * @param feature NULL: the catalogue has it no longer
 * @param plan the org's own, NULL: none */
json_t *remedy_json(const struct catalogue *catalogue, const struct feature *feature, const struct plan *plan,
                    enum decision_reason reason);

#endif
