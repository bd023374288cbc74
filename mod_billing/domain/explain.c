/* SPDX-License-Identifier: Apache-2.0
 * Explaining a decision, and what would change it. */
#include "domain/explain.h"

static int64_t state_age(const struct gate_context *context, const struct org_state *state)
{
    if (!state) {
        return -1;
    }
    return context->now > state->verified_at && state->verified_at >= 0 ? context->now - state->verified_at : 0;
}

struct explanation explain_decision(const struct feature *feature, const struct catalogue *catalogue,
                                    const struct gate_context *context, const struct org_state *state)
{
    struct explanation explanation = {
        .decision = gate_decide(feature, catalogue, context, state),
        .age = state_age(context, state),
        .org_is_new = org_is_new(catalogue, state),
        .bucket = context->org ? feature_percent_bucket(feature->ref.key, context->org) : PERCENT_NO_BUCKET,
    };
    gate_explain(feature, catalogue, context, state, &explanation.trace);
    if (state) {
        explanation.plan = catalogue_plan(catalogue, state->plan);
        explanation.plan_grants = explanation.plan && plan_grants(explanation.plan, feature->ref.hash);
        explanation.override = state_feature_override(state, feature->ref.hash, context->now);
        explanation.limit_override =
            feature->uses.hash ? state_limit_override(state, feature->uses.hash, context->now) : NULL;
    }
    return explanation;
}

const char *rule_name(enum gate_rule rule)
{
    static const char *const names[RULE_COUNT] = {
        [RULE_OFF] = "off",
        [RULE_METHOD] = "method",
        [RULE_NO_ORG] = "no_org",
        [RULE_APP_TYPE] = "app_type",
        [RULE_ROLE] = "role",
        [RULE_OVERRIDE] = "override",
        [RULE_UNVERIFIED] = "unverified",
        [RULE_SUBSCRIPTION] = "subscription",
        [RULE_LIMIT] = "limit",
        [RULE_KILL_SWITCH] = "kill_switch",
        [RULE_MONITOR] = "monitor",
        [RULE_OLD_ORG] = "old_org",
        [RULE_PERCENT] = "percent",
    };
    return names[rule];
}

bool rule_softens(enum gate_rule rule)
{
    return rule >= RULE_KILL_SWITCH;
}

struct remedy reason_remedy(enum decision_reason reason)
{
    switch (reason) {
    case REASON_NO_ORG:
        return (struct remedy){.sign_in = true};
    case REASON_APP_TYPE:
        return (struct remedy){.app_type = true};
    case REASON_ROLE:
        return (struct remedy){.role = true};
    case REASON_OVERRIDE:
        return (struct remedy){.refusal = true};
    case REASON_UNVERIFIED:
        return (struct remedy){.retry = true};
    case REASON_PLAN:
    case REASON_CANCELED:
    case REASON_NO_SUBSCRIPTION:
        return (struct remedy){.plan = true, .override = true};
    case REASON_PAST_DUE:
        return (struct remedy){.payment = true, .override = true};
    case REASON_LIMIT:
        return (struct remedy){.plan = true, .limit = true};
    default:
        return (struct remedy){0};
    }
}

bool plan_unblocks(const struct plan *plan, const struct feature *feature, enum decision_reason reason, int64_t limit)
{
    int64_t offered = plan_limit_value(plan, feature->uses.hash);

    return plan_grants(plan, feature->ref.hash) &&
           (reason != REASON_LIMIT || offered == LIMIT_UNLIMITED || offered == LIMIT_NOT_SET || offered > limit);
}
