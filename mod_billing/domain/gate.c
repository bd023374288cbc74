/* SPDX-License-Identifier: Apache-2.0
 * The decision: one function per rule of the contract, gate_judge for their order, gate_decide for what enforcement
 * makes of the outcome. */
#include "domain/gate.h"
#include "domain/key.h"

#include <openssl/sha.h>
#include <string.h>

/* Times come from clocks that jump, from claims and from a provider: sums stay at the ends of the range instead of
 * wrapping round, which would turn "long ago" into "in the future". */
static int64_t add_saturating(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return b < 0 ? INT64_MIN : INT64_MAX;
    }
    return sum;
}

static int64_t subtract_saturating(int64_t a, int64_t b)
{
    int64_t difference;
    if (__builtin_sub_overflow(a, b, &difference)) {
        return b < 0 ? INT64_MAX : INT64_MIN;
    }
    return difference;
}

static inline bool list_names(const struct key_list *list, const char *name, size_t len)
{
    uint64_t hash = key_hash(name, len);
    for (size_t i = 0; i < list->count; ++i) {
        const struct key_ref *item = &list->items[i];
        if (item->hash == hash && !strncmp(item->key, name, len) && !item->key[len]) {
            return true;
        }
    }
    return false;
}

static bool list_holds_hash(const struct key_list *list, uint64_t hash)
{
    for (size_t i = 0; i < list->count; ++i) {
        if (list->items[i].hash == hash) {
            return true;
        }
    }
    return false;
}

/* Where only the org record could tell and there is no state, this rule has nothing to judge: that is for the
 * feature's stale policy to decide, which comes right after. */
static inline bool app_type_refused(const struct feature *feature, const struct gate_context *context,
                                    const struct org_state *state)
{
    const struct key_list *wanted = &feature->app_types;
    if (!wanted->count) {
        return false;
    }
    if (context->app_type && *context->app_type) {
        return !list_names(wanted, context->app_type, strlen(context->app_type));
    }
    return state && !list_holds_hash(wanted, state->app_type);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* The length of the name at the start of a comma list, without the blanks after it. */
static size_t role_length(const char *name, const char *end)
{
    while (end > name && is_blank(end[-1])) {
        --end;
    }
    return (size_t)(end - name);
}

static inline bool role_refused(const struct feature *feature, const char *roles)
{
    if (!feature->roles.count) {
        return false;
    }
    while (roles && *roles) {
        while (is_blank(*roles)) {
            ++roles;
        }
        const char *end = roles;
        while (*end && *end != ',') {
            ++end;
        }
        if (list_names(&feature->roles, roles, role_length(roles, end))) {
            return false;
        }
        roles = *end ? end + 1 : end;
    }
    return true;
}

static inline bool state_unverified(const struct feature *feature, const struct gate_context *context,
                                    const struct org_state *state)
{
    return !state || subtract_saturating(context->now, state->verified_at) > feature->stale_max;
}

static void decide(struct decision *decision, bool allowed, enum decision_reason reason)
{
    decision->allowed = allowed;
    decision->reason = reason;
}

static void judge_grace(struct decision *decision, const struct feature *feature, const struct gate_context *context,
                        const struct org_state *state)
{
    if (state->grace_over) {
        decide(decision, false, REASON_PAST_DUE);
    } else if (!state->past_due_since) {
        decide(decision, true, REASON_GRACE);
    } else {
        decision->grace_until = add_saturating(state->past_due_since, feature->grace);
        bool lasting = context->now < decision->grace_until;
        decide(decision, lasting, lasting ? REASON_GRACE : REASON_PAST_DUE);
    }
}

static inline void judge_past_due(struct decision *decision, const struct feature *feature,
                                  const struct gate_context *context, const struct org_state *state)
{
    bool allowed = false;
    switch (feature->past_due) {
    case PAST_DUE_GRACE:
        judge_grace(decision, feature, context, state);
        return;
    case PAST_DUE_ALLOW:
        allowed = true;
        break;
    case PAST_DUE_READ_ONLY:
        allowed = context->reading;
        break;
    case PAST_DUE_DENY:
        break;
    }
    decide(decision, allowed, allowed ? REASON_GRACE : REASON_PAST_DUE);
}

static inline void judge_link(struct decision *decision, const struct feature *feature,
                              const struct catalogue *catalogue, const struct gate_context *context,
                              const struct org_state *state)
{
    if (state->status == STATUS_CANCELED) {
        decide(decision, false, REASON_CANCELED);
        return;
    }
    if (state->status != STATUS_ACTIVE && state->status != STATUS_PAST_DUE) {
        decide(decision, false, REASON_NO_SUBSCRIPTION);
        return;
    }
    const struct plan *plan = catalogue_plan(catalogue, state->plan);
    if (!plan || !plan_grants(plan, feature->ref.hash)) {
        decide(decision, false, REASON_PLAN);
    } else if (state->status == STATUS_ACTIVE) {
        decide(decision, true, REASON_PLAN);
    } else {
        judge_past_due(decision, feature, context, state);
    }
}

static inline bool limit_reached(const struct gate_context *context, int64_t limit)
{
    return context->has_usage && limit >= 0 && context->usage >= limit;
}

/* The trace is for gate_explain alone: gate_decide passes NULL, and since these are always part of their caller,
 * nothing of it is left there. */
#define TRACED static inline __attribute__((always_inline))

TRACED bool matches(struct gate_trace *trace, enum gate_rule rule, bool matched)
{
    if (trace) {
        trace->steps[trace->count++] = (struct gate_step){rule, matched};
    }
    return matched;
}

/* The rules in the order of the contract: the first that matches decides. */
TRACED void gate_judge(struct decision *decision, const struct feature *feature, const struct catalogue *catalogue,
                       const struct gate_context *context, const struct org_state *state, struct gate_trace *trace)
{
    if (matches(trace, RULE_OFF, feature->enforcement == ENFORCE_OFF)) {
        decide(decision, true, REASON_MODE_OFF);
        return;
    }
    if (matches(trace, RULE_METHOD, feature->except_methods & context->method)) {
        decide(decision, true, REASON_METHOD);
        return;
    }
    if (matches(trace, RULE_NO_ORG, !context->org)) {
        decide(decision, false, REASON_NO_ORG);
        return;
    }
    if (matches(trace, RULE_APP_TYPE, app_type_refused(feature, context, state))) {
        decide(decision, false, REASON_APP_TYPE);
        return;
    }
    if (matches(trace, RULE_ROLE, role_refused(feature, context->roles))) {
        decide(decision, false, REASON_ROLE);
        return;
    }
    const struct override *override = state ? state_feature_override(state, feature->ref.hash, context->now) : NULL;
    if (matches(trace, RULE_OVERRIDE, override)) {
        decide(decision, override->kind == OVERRIDE_GRANT, REASON_OVERRIDE);
    } else if (matches(trace, RULE_UNVERIFIED, state_unverified(feature, context, state))) {
        decide(decision, feature->stale_allow, REASON_UNVERIFIED);
        return;
    } else {
        judge_link(decision, feature, catalogue, context, state);
        matches(trace, RULE_SUBSCRIPTION, true);
    }
    if (decision->allowed && matches(trace, RULE_LIMIT, limit_reached(context, decision->limit))) {
        decide(decision, false, REASON_LIMIT);
        decision->grace_until = 0;
    }
}

bool org_is_new(const struct catalogue *catalogue, const struct org_state *state)
{
    return state && state->created_at && catalogue->new_orgs_since != INT64_MAX &&
           state->created_at >= catalogue->new_orgs_since;
}

/* What makes a denial one that is only watched. */
TRACED bool denial_softened(enum decision_reason reason, const struct feature *feature,
                            const struct catalogue *catalogue, const struct gate_context *context,
                            const struct org_state *state, struct gate_trace *trace)
{
    if (matches(trace, RULE_KILL_SWITCH, context->kill_switch) ||
        matches(trace, RULE_MONITOR, feature->enforcement == ENFORCE_MONITOR)) {
        return true;
    }
    if (reason == REASON_NO_ORG) {
        return false; /* else dropping one's token would open the gate */
    }
    return matches(trace, RULE_OLD_ORG, feature->enforcement == ENFORCE_NEW_ORGS && !org_is_new(catalogue, state)) ||
           matches(trace, RULE_PERCENT,
                   feature->percent < 100 &&
                       !feature_percent_includes(feature->ref.key, context->org, feature->percent));
}

TRACED struct decision gate_run(const struct feature *feature, const struct catalogue *catalogue,
                                const struct gate_context *context, const struct org_state *state,
                                struct gate_trace *trace)
{
    struct decision decision = {.enforcement = feature->enforcement, .limit = LIMIT_NOT_SET};
    if (feature->uses.hash) {
        decision.limit = limit_in_force(catalogue, state, feature->uses.hash, context->now);
    }
    gate_judge(&decision, feature, catalogue, context, state, trace);
    if (!decision.allowed && denial_softened(decision.reason, feature, catalogue, context, state, trace)) {
        decision.allowed = true;
        decision.would_deny = true;
    }
    return decision;
}

struct decision gate_decide(const struct feature *feature, const struct catalogue *catalogue,
                            const struct gate_context *context, const struct org_state *state)
{
    return gate_run(feature, catalogue, context, state, NULL);
}

struct decision gate_explain(const struct feature *feature, const struct catalogue *catalogue,
                             const struct gate_context *context, const struct org_state *state,
                             struct gate_trace *trace)
{
    trace->count = 0;
    return gate_run(feature, catalogue, context, state, trace);
}

static void judge_counted(struct decision *decision, const struct feature *policy, const struct gate_context *context,
                          const struct org_state *state)
{
    if (policy->enforcement == ENFORCE_OFF) {
        decide(decision, true, REASON_MODE_OFF);
    } else if (!context->org) {
        decide(decision, false, REASON_NO_ORG);
    } else if (state_unverified(policy, context, state)) {
        decide(decision, policy->stale_allow, REASON_UNVERIFIED);
    } else if (decision->limit < 0) {
        decide(decision, true, REASON_PLAN);
    } else if (!context->has_usage) {
        decide(decision, policy->stale_allow, REASON_UNVERIFIED);
    } else {
        bool reached = limit_reached(context, decision->limit);
        decide(decision, !reached, reached ? REASON_LIMIT : REASON_PLAN);
    }
}

struct decision limit_decide(const struct feature *policy, uint64_t limit_hash, const struct catalogue *catalogue,
                             const struct gate_context *context, const struct org_state *state)
{
    struct decision decision = {.enforcement = policy->enforcement,
                                .limit = limit_in_force(catalogue, state, limit_hash, context->now)};
    judge_counted(&decision, policy, context, state);
    if (!decision.allowed && denial_softened(decision.reason, policy, catalogue, context, state, NULL)) {
        decision.allowed = true;
        decision.would_deny = true;
    }
    return decision;
}

bool feature_can_deny(const struct feature *feature)
{
    return feature->enforcement != ENFORCE_OFF && feature->enforcement != ENFORCE_MONITOR;
}

unsigned feature_percent_bucket(const char *feature, const char *org)
{
    unsigned char text[KEY_MAX + 1 + ORG_ID_MAX];
    unsigned char digest[SHA256_DIGEST_LENGTH];
    size_t feature_len = strnlen(feature, KEY_MAX + 1);
    size_t org_len = strnlen(org, ORG_ID_MAX + 1);
    if (feature_len > KEY_MAX || org_len > ORG_ID_MAX) {
        return PERCENT_NO_BUCKET;
    }
    memcpy(text, feature, feature_len);
    text[feature_len] = '\0';
    memcpy(text + feature_len + 1, org, org_len);
    if (!SHA256(text, feature_len + 1 + org_len, digest)) {
        return PERCENT_NO_BUCKET; /* libcrypto is out of memory: nobody is locked out for that */
    }
    uint32_t number = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 | digest[3];
    return number % 100;
}

bool feature_percent_includes(const char *feature, const char *org, unsigned percent)
{
    return feature_percent_bucket(feature, org) < percent;
}

int64_t limit_in_force(const struct catalogue *catalogue, const struct org_state *state, uint64_t limit_hash,
                       int64_t now)
{
    if (!state || !limit_hash) {
        return LIMIT_NOT_SET;
    }
    const struct override *override = state_limit_override(state, limit_hash, now);
    return override ? override->limit : plan_limit_value(catalogue_plan(catalogue, state->plan), limit_hash);
}

static const char *const reason_names[REASON_COUNT] = {
    [REASON_MODE_OFF] = "mode_off",     [REASON_METHOD] = "method",     [REASON_NO_ORG] = "no_org",
    [REASON_APP_TYPE] = "app_type",     [REASON_ROLE] = "role",         [REASON_OVERRIDE] = "override",
    [REASON_UNVERIFIED] = "unverified", [REASON_PLAN] = "plan",         [REASON_GRACE] = "grace",
    [REASON_PAST_DUE] = "past_due",     [REASON_CANCELED] = "canceled", [REASON_NO_SUBSCRIPTION] = "no_subscription",
    [REASON_LIMIT] = "limit",
};

const char *reason_name(enum decision_reason reason)
{
    return reason_names[reason];
}

bool reason_parse(const char *name, enum decision_reason *reason)
{
    for (int i = 0; i < REASON_COUNT; ++i) {
        if (!strcmp(name, reason_names[i])) {
            *reason = (enum decision_reason)i;
            return true;
        }
    }
    return false;
}

enum denial_kind reason_denial_kind(enum decision_reason reason)
{
    switch (reason) {
    case REASON_NO_ORG:
        return DENIAL_IDENTITY;
    case REASON_PLAN:
    case REASON_PAST_DUE:
    case REASON_CANCELED:
    case REASON_NO_SUBSCRIPTION:
    case REASON_LIMIT:
        return DENIAL_PAYMENT;
    case REASON_UNVERIFIED:
        return DENIAL_UNVERIFIED;
    default:
        return DENIAL_FORBIDDEN;
    }
}
