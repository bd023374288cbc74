/* SPDX-License-Identifier: Apache-2.0
 * Notes and environment of a decision. */
#include "gate/notes.h"

#include <apr_strings.h>

static void note(request_rec *r, const char *name, const char *value)
{
    apr_table_setn(r->notes, name, value);
    apr_table_setn(r->subprocess_env, name, value);
}

static const char *const note_names[] = {"BILLING_ORG",      "BILLING_STATUS", "BILLING_PLAN", "BILLING_FEATURE",
                                         "BILLING_DECISION", "BILLING_REASON", "BILLING_AGE"};

void notes_inherit(request_rec *r)
{
    for (size_t i = 0; i < sizeof(note_names) / sizeof(*note_names); ++i) {
        const char *value = apr_table_get(r->prev->notes, note_names[i]);
        if (value) {
            note(r, note_names[i], value);
        }
    }
}

static const char *decision_word(const struct decision *decision)
{
    return !decision->allowed ? "deny" : decision->would_deny ? "would-deny" : "allow";
}

void notes_set(request_rec *r, const struct required_feature *required, const struct gate_context *context,
               const struct org_state *state, const struct decision *decision)
{
    const struct plan *plan = state ? catalogue_plan(&config_global()->catalogue, state->plan) : NULL;
    const char *before = apr_table_get(r->notes, "BILLING_DECISION");

    if (before && strcmp(before, "allow") && decision->allowed) {
        return;
    }
    note(r, "BILLING_ORG", context->org ? context->org : "");
    note(r, "BILLING_STATUS", state ? status_name(state->status) : "unknown");
    note(r, "BILLING_PLAN", plan ? plan->ref.key : "");
    note(r, "BILLING_FEATURE", required->key);
    note(r, "BILLING_DECISION", decision_word(decision));
    note(r, "BILLING_REASON", reason_name(decision->reason));
    note(r, "BILLING_AGE",
         state ? apr_psprintf(r->pool, "%" APR_INT64_T_FMT,
                              (apr_int64_t)(context->now > state->verified_at ? context->now - state->verified_at : 0))
               : "");
}
