/* SPDX-License-Identifier: Apache-2.0
 * The authorization providers. */
#include "gate/require.h"

#include "config/directive.h"
#include "domain/key.h"
#include "gate/request.h"
#include "gate/view.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>
#include <mod_auth.h>
#include <util_cfgtree.h>

APLOG_USE_MODULE(attune_billing);

/* One `Require` line, in the pool of the configuration. */
struct requirement {
    const struct required_feature *feature; /* billing-feature; else NULL */
    apr_array_header_t *plans;              /* billing-plan: uint64_t, key_hash; else NULL */
    unsigned statuses;                      /* billing-status: bits by enum billing_status */
    bool may_negate;                        /* `Require not …`, or an alias, of which it cannot be told */
    struct config_place place;
};

/* <AuthzProviderAlias>: the sections that use it are not known. */
static bool line_is_alias(const cmd_parms *cmd)
{
    return strcasecmp(cmd->cmd->name, "Require") != 0;
}

/* To httpd a negated condition that is not met, for want of a user, is neutral, so a section might grant without it:
 * then somebody has to sign in first. */
static bool line_may_negate(const cmd_parms *cmd)
{
    const char *args = cmd->directive->args;

    return line_is_alias(cmd) || !strcasecmp(ap_getword_conf(cmd->temp_pool, &args), "not");
}

/* mod_authz_core answers 401 to somebody who is signed in and refused, so a browser asks for another password, of which
 * none would help. This is its own switch for that, set as if it stood beside the line. */
static const char *line_forbids(const cmd_parms *cmd)
{
    cmd_parms beside = *cmd; /* the walk writes to it */
    ap_directive_t directive = {.directive = "AuthzSendForbiddenOnFailure",
                                .args = "On",
                                .filename = cmd->directive->filename,
                                .line_num = cmd->directive->line_num};

    return ap_walk_config(&directive, &beside, beside.context);
}

static const char *line_begin(cmd_parms *cmd, const char *line, struct requirement **requirement,
                              apr_array_header_t **words)
{
    const char *error = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);

    if (error || (!line_is_alias(cmd) && (error = line_forbids(cmd)))) {
        return error;
    }
    *requirement = apr_pcalloc(cmd->pool, sizeof(**requirement));
    (*requirement)->may_negate = line_may_negate(cmd);
    (*requirement)->place = config_place_of(cmd);
    *words = config_words(cmd, line);
    return NULL;
}

static const char *feature_parse(cmd_parms *cmd, const char *line, const void **parsed)
{
    struct requirement *requirement;
    apr_array_header_t *words;
    struct key_ref ref;
    const char *error = line_begin(cmd, line, &requirement, &words);

    if (error) {
        return error;
    }
    if (words->nelts != 1) {
        return config_error(cmd,
                            "billing-feature takes one feature key; several stand in <RequireAll> or <RequireAny>");
    }
    if ((error = config_feature_key(cmd, config_word(words, 0), &ref))) {
        return error;
    }
    requirement->feature = config_feature_reference(cmd->pool, ref.key, requirement->place);
    *parsed = requirement;
    return NULL;
}

static const char *plan_parse(cmd_parms *cmd, const char *line, const void **parsed)
{
    struct requirement *requirement;
    apr_array_header_t *words;
    const char *error = line_begin(cmd, line, &requirement, &words);

    if (!error && !words->nelts) {
        error = config_error(cmd, "billing-plan takes one or more plan keys");
    }
    if (error) {
        return error;
    }
    requirement->plans = apr_array_make(cmd->pool, words->nelts, sizeof(uint64_t));
    for (int i = 0; i < words->nelts; ++i) {
        struct key_ref ref;
        if ((error = config_key(cmd, "plan", config_word(words, i), &ref))) {
            return error;
        }
        config_plan_reference(ref.key, requirement->place);
        APR_ARRAY_PUSH(requirement->plans, uint64_t) = ref.hash;
    }
    *parsed = requirement;
    return NULL;
}

static const char *status_parse_line(cmd_parms *cmd, const char *line, const void **parsed)
{
    struct requirement *requirement;
    apr_array_header_t *words;
    const char *error = line_begin(cmd, line, &requirement, &words);

    if (!error && !words->nelts) {
        error = config_error(cmd, "billing-status takes one or more of active, past_due, canceled and none");
    }
    if (error) {
        return error;
    }
    for (int i = 0; i < words->nelts; ++i) {
        enum billing_status status;
        if (!status_parse(config_word(words, i), &status)) {
            return config_error(cmd, "\"%s\" is none of active, past_due, canceled and none", config_word(words, i));
        }
        requirement->statuses |= 1U << status;
    }
    config_status_reference();
    *parsed = requirement;
    return NULL;
}

static bool requirement_names_plan(const struct requirement *requirement, const struct plan *plan)
{
    for (int i = 0; plan && i < requirement->plans->nelts; ++i) {
        if (APR_ARRAY_IDX(requirement->plans, i, uint64_t) == plan->ref.hash) {
            return true;
        }
    }
    return false;
}

/* A plan and a status are plain facts of the org: only a feature has an enforcement, and a kill switch softens it. */
static bool requirement_met(const struct requirement *requirement, const struct gate_view *view)
{
    if (requirement->feature) {
        return view_decide(view, requirement->feature->feature).allowed;
    }
    if (requirement->plans) {
        return requirement_names_plan(requirement, view_plan(view));
    }
    return view->state && requirement->statuses & 1U << view->state->status;
}

static authz_status require_check(request_rec *r, const char *line, const void *parsed)
{
    const struct requirement *requirement = parsed;
    struct request_record *record = request_record(r);
    struct gate_view view;

    if (!request_can_authenticate(r)) {
        record->authenticated = true; /* as much as it ever will be */
    } else if (!record->authenticated || !r->user || !*r->user) {
        record->wants_user |= requirement->may_negate;
        return AUTHZ_DENIED_NO_USER;
    }
    view_take(r, config_dir(r), &view);
    if (requirement_met(requirement, &view)) {
        return AUTHZ_GRANTED;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "ATB0341: org %s (%s) does not meet Require %s (%s:%u)",
                  view.context.org ? view.context.org : "-", view_status(&view), line, requirement->place.file,
                  requirement->place.line);
    return AUTHZ_DENIED;
}

/* Comes only to requests whose authentication succeeded. */
static int require_auth_checker(request_rec *r)
{
    request_record(r)->authenticated = true;
    return DECLINED;
}

static int require_force_authn(request_rec *r)
{
    const struct request_record *record = request_record_find(r);

    return record && record->wants_user ? OK : DECLINED;
}

void require_register(apr_pool_t *pool)
{
    static const struct {
        const char *name;
        authz_provider provider;
    } providers[] = {
        {"billing-feature", {require_check, feature_parse}},
        {"billing-plan", {require_check, plan_parse}},
        {"billing-status", {require_check, status_parse_line}},
    };

    for (size_t i = 0; i < sizeof(providers) / sizeof(*providers); ++i) {
        ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, providers[i].name, AUTHZ_PROVIDER_VERSION,
                                  &providers[i].provider, AP_AUTH_INTERNAL_PER_CONF);
    }
    ap_hook_check_authz(require_auth_checker, NULL, NULL, APR_HOOK_REALLY_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_force_authn(require_force_authn, NULL, NULL, APR_HOOK_MIDDLE);
}
