/* SPDX-License-Identifier: Apache-2.0
 * Why a decision came out as it did: the rules that were looked at, and the facts they looked at. Pure. */
#ifndef BILLING_DOMAIN_EXPLAIN_H
#define BILLING_DOMAIN_EXPLAIN_H

#include "domain/gate.h"

struct explanation {
    struct decision decision;        /* gate_decide's own */
    struct gate_trace trace;         /* the way to the same decision */
    const struct plan *plan;         /* the org's; NULL: none, or none that the catalogue knows */
    bool plan_grants;                /* the feature */
    const struct override *override; /* of the feature, in force; NULL: none. Points into the state, as the next */
    const struct override *limit_override; /* of the limit that the feature uses */
    int64_t age;                           /* seconds since the state was known to be current; -1: no state */
    bool org_is_new;                       /* for `new-orgs` */
    unsigned bucket; /* for `percent`: the org is in from bucket + 1 on; PERCENT_NO_BUCKET: no org */
};

/** `state` may be NULL, as for gate_decide. */
struct explanation explain_decision(const struct feature *feature, const struct catalogue *catalogue,
                                    const struct gate_context *context, const struct org_state *state);

/** Stable words for the rules: "off", "method", "no_org", … */
const char *rule_name(enum gate_rule rule);

/** True for the rules that only say whether a denial is enforced. */
bool rule_softens(enum gate_rule rule);

/* What would turn a denial into an allowance. */
struct remedy {
    bool plan;     /* another plan, or a subscription: see plan_unblocks */
    bool payment;  /* what is owed */
    bool override; /* a grant by an operator */
    bool limit;    /* a higher limit by an operator */
    bool refusal;  /* taking the operator's refusal away */
    bool role;
    bool app_type;
    bool sign_in; /* as a member of an org */
    bool retry;   /* the state has to be verified first */
};
struct remedy reason_remedy(enum decision_reason reason);

/** Whether a subscription to the plan would let an org use the feature that was denied for this reason: it grants the
 * feature, and where a limit was reached it has more than `limit`. */
bool plan_unblocks(const struct plan *plan, const struct feature *feature, enum decision_reason reason, int64_t limit);

#endif
