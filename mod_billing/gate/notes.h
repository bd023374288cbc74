/* SPDX-License-Identifier: Apache-2.0
 * What others see of a decision: environment and notes, for LogFormat, Header and scripts. */
#ifndef BILLING_GATE_NOTES_H
#define BILLING_GATE_NOTES_H

#include "config/config.h"
#include "domain/gate.h"

#include <httpd.h>

/** Once per configuration, from post_config: looks for whoever reads what notes_set sets. */
void notes_prepare(void);

/** Sets BILLING_ORG, BILLING_STATUS, BILLING_PLAN, BILLING_FEATURE, BILLING_DECISION (allow, deny, would-deny),
 * BILLING_REASON and BILLING_AGE (seconds) in notes and environment. The first feature that is denied, or would be,
 * stays; else the last one. `state` may be NULL. Seven variables cost as much as the rest of a gate, so for what is
 * plainly allowed they are left out where nothing can read them. */
void notes_set(request_rec *r, const struct required_feature *required, const struct gate_context *context,
               const struct org_state *state, const struct decision *decision);

/** Carries what was decided about r->prev on to `r`: httpd empties both for an internal redirect, and the access log
 * reads those of its last request. */
void notes_inherit(request_rec *r);

#endif
