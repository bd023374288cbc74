/* SPDX-License-Identifier: Apache-2.0
 * The decision: may this org, in this role, use this feature? Pure: same inputs, same answer, no clock, no lock,
 * no allocation. */
#ifndef BILLING_DOMAIN_GATE_H
#define BILLING_DOMAIN_GATE_H

#include "domain/catalogue.h"
#include "domain/state.h"

enum decision_reason {
    REASON_MODE_OFF,
    REASON_METHOD,
    REASON_NO_ORG,
    REASON_APP_TYPE,
    REASON_ROLE,
    REASON_OVERRIDE,
    REASON_UNVERIFIED,
    REASON_PLAN,
    REASON_GRACE,
    REASON_PAST_DUE,
    REASON_CANCELED,
    REASON_NO_SUBSCRIPTION,
    REASON_LIMIT,
    REASON_COUNT
};

struct gate_context {
    const char *org;      /* valid id, or NULL where the request has none */
    const char *app_type; /* from the request; NULL or "": the org record's counts */
    const char *roles;    /* comma list as the claim came, blanks around names allowed; NULL: none */
    uint64_t method;      /* one bit, in the numbering of feature.except_methods; 0 where there is no method */
    bool reading;         /* GET or HEAD */
    bool kill_switch;     /* every gate only monitors */
    bool has_usage;
    int64_t usage;
    int64_t now; /* seconds since the epoch */
};

struct decision {
    bool allowed;
    bool would_deny; /* allowed only because it is not enforced for this org */
    enum decision_reason reason;
    enum enforcement enforcement; /* as configured, also under the kill switch */
    int64_t limit;                /* of feature.uses: a value, LIMIT_UNLIMITED or LIMIT_NOT_SET */
    int64_t grace_until; /* reason grace, or past_due after it: when grace ends or ended; 0: does not apply, or is not
                            known (since when is not, or the provider has given up collecting) */
};

/** `state` is NULL where neither memory nor database could tell: then an app type that the request does not name is not
 * judged either, and the feature's stale policy decides. A plan that the catalogue does not know grants nothing. The
 * order of the rules is that of the contract (README, "The decision"); the first that matches decides, then enforcement
 * softens it. */
struct decision gate_decide(const struct feature *feature, const struct catalogue *catalogue,
                            const struct gate_context *context, const struct org_state *state);

/* The rules in the order in which they are looked at: what decides, then what makes a denial one that is only watched.
 */
enum gate_rule {
    RULE_OFF,
    RULE_METHOD,
    RULE_NO_ORG,
    RULE_APP_TYPE,
    RULE_ROLE,
    RULE_OVERRIDE,
    RULE_UNVERIFIED,
    RULE_SUBSCRIPTION, /* what is left to decide by; matches always */
    RULE_LIMIT,
    RULE_KILL_SWITCH,
    RULE_MONITOR,
    RULE_OLD_ORG,
    RULE_PERCENT,
    RULE_COUNT
};

/* The rules that were looked at for one decision. */
struct gate_trace {
    size_t count;
    struct gate_step {
        enum gate_rule rule;
        bool matched;
    } steps[RULE_COUNT];
};

/** gate_decide with the way it went: both are the same code. */
struct decision gate_explain(const struct feature *feature, const struct catalogue *catalogue,
                             const struct gate_context *context, const struct org_state *state,
                             struct gate_trace *trace);

/** The decision about a limit alone, of which `context` has the usage where it could be counted. It is enforced as
 * `policy` is: a feature that uses the limit, or one that stands in where there is none. Its roles, grants and methods
 * do not count. Where the usage is not known, or the state is not, the policy for stale states decides. */
struct decision limit_decide(const struct feature *policy, uint64_t limit_hash, const struct catalogue *catalogue,
                             const struct gate_context *context, const struct org_state *state);

/** Whether the org's creation is known and not before BillingNewOrgsSince. `state` may be NULL. */
bool org_is_new(const struct catalogue *catalogue, const struct org_state *state);

/** True where the policy can refuse anybody at all: neither off nor monitor. */
bool feature_can_deny(const struct feature *feature);

/** Whether the org is among the first `percent` of the feature: the first four bytes of SHA-256(feature NUL org), read
 * as a big-endian number, modulo 100 < percent. So widening never puts an org out again. False for names longer than
 * KEY_MAX and ORG_ID_MAX. */
bool feature_percent_includes(const char *feature, const char *org, unsigned percent);

/** That number, 0..99; PERCENT_NO_BUCKET, which no percentage includes, for names that are too long. */
#define PERCENT_NO_BUCKET 100U
unsigned feature_percent_bucket(const char *feature, const char *org);

/** The limit in force for this org: its override, else its plan's value. `state` may be NULL. */
int64_t limit_in_force(const struct catalogue *catalogue, const struct org_state *state, uint64_t limit_hash,
                       int64_t now);

/** "plan", "past_due", …: stable words of the JSON, the notes and the report. */
const char *reason_name(enum decision_reason reason);
bool reason_parse(const char *name, enum decision_reason *reason);

/** How the world is told of a denial: which of these a reason is belongs to the contract, the HTTP status does not. */
enum denial_kind { DENIAL_IDENTITY, DENIAL_FORBIDDEN, DENIAL_PAYMENT, DENIAL_UNVERIFIED };
enum denial_kind reason_denial_kind(enum decision_reason reason);

#endif
