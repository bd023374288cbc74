/* SPDX-License-Identifier: Apache-2.0
 * The one function that decides about a request. */
#ifndef BILLING_GATE_JUDGE_H
#define BILLING_GATE_JUDGE_H

#include "config/config.h"
#include "gate/request.h"

/* When it is asked: before httpd has authenticated only features are decided whose every input is free of
 * authentication; between that and fixups only those whose every input is there. */
enum judge_phase { JUDGE_EARLY, JUDGE_SIGNED_IN, JUDGE_FINAL };

/** Whether anything may be decided in JUDGE_EARLY. */
bool judge_is_early(request_rec *r, const struct dir_config *config);

/** Decides, once per request, feature and set of inputs, all features that are required of `r` and can be decided in
 * this phase, up to the first denial. record->denial is set where there is one. */
void gate_judge(request_rec *r, const struct dir_config *config, struct request_record *record, enum judge_phase phase);

/** What the domain needs to know of the request, for any decision about it. Strings live in r->pool. */
struct gate_context gate_context_of(request_rec *r, const struct dir_config *config);

/** The HTTP status of a denial. */
int judge_status(const request_rec *r, const struct dir_config *config, const struct decision *decision);

/** True while the file of BillingKillSwitch exists; looked at once a second. */
bool kill_switch_on(void);

#endif
