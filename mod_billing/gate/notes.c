/* SPDX-License-Identifier: Apache-2.0
 * Notes and environment of a decision. */
#include "gate/notes.h"

#include <apr_strings.h>
#include <http_config.h>
#include <util_cfgtree.h>

static bool anything_may_read;

static bool tree_names_ours(const ap_directive_t *directive)
{
    for (; directive; directive = directive->next) {
        if ((directive->args && strstr(directive->args, "BILLING_")) || tree_names_ours(directive->first_child)) {
            return true;
        }
    }
    return false;
}

void notes_prepare(void)
{
    /* These hand the environment to pages, scripts and programs without a word in the configuration. */
    static const char *const readers[] = {"mod_include.c", "mod_lua.c", "mod_perl.c", "mod_ext_filter.c", NULL};

    anything_may_read = tree_names_ours(ap_conftree);
    for (const char *const *reader = readers; *reader; ++reader) {
        anything_may_read |= ap_find_linked_module(*reader) != NULL;
    }
}

/* httpd remembers of every folder on the way whether it had a file. */
static bool request_has_htaccess(const request_rec *r)
{
    for (const struct htaccess_result *folder = r->htaccess; folder; folder = folder->next) {
        if (folder->htaccess) {
            return true;
        }
    }
    return false;
}

/* A file that is sent as it is, and a backend that speaks HTTP, see nothing of them; any other handler may. */
static bool request_shows_environment(const request_rec *r)
{
    return (r->handler && !(r->proxyreq && r->filename && !strncmp(r->filename, "proxy:http", 10))) ||
           request_has_htaccess(r);
}

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
    const struct plan *plan;
    bool plainly_allowed = decision->allowed && !decision->would_deny;
    const char *before;

    if (plainly_allowed && !anything_may_read && !request_shows_environment(r)) {
        return;
    }
    before = apr_table_get(r->notes, "BILLING_DECISION");
    if (before && strcmp(before, "allow") && decision->allowed) {
        return;
    }
    plan = state ? catalogue_plan(&config_global()->catalogue, state->plan) : NULL;
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
