/* SPDX-License-Identifier: Apache-2.0
 * A decision as the routes tell it. */
#ifndef BILLING_WEB_DECISION_JSON_H
#define BILLING_WEB_DECISION_JSON_H

#include "domain/gate.h"

#include <jansson.h>

/** A new object with allowed, reason, enforcement and wouldDeny. */
json_t *decision_json(const struct decision *decision);

/** A limit in force: a number, null for unlimited, NULL where none is set. */
json_t *limit_json(int64_t limit);

#endif
