/* SPDX-License-Identifier: Apache-2.0
 * From a request to decisions about it. */
#include "gate/judge.h"

#include "gate/identity.h"
#include "gate/limit.h"
#include "gate/notes.h"
#include "gate/view.h"
#include "service/metrics.h"
#include "service/runtime.h"
#include "service/shadow.h"

#include <http_log.h>
#include <http_protocol.h>

APLOG_USE_MODULE(attune_billing);

/* Upstreams that obey one of these treat the request as another method than it says, so a rule that lets a method
 * through must not see it. */
static bool request_overrides_method(const request_rec *r)
{
    return apr_table_get(r->headers_in, "X-HTTP-Method-Override") || apr_table_get(r->headers_in, "X-HTTP-Method") ||
           apr_table_get(r->headers_in, "X-Method-Override");
}

struct gate_context gate_context_of(request_rec *r, const struct dir_config *config)
{
    struct gate_context context = {
        .org = identity_org(r, config),
        .app_type = identity_value(r, config, IDENTITY_APP_TYPE),
        .roles = identity_value(r, config, IDENTITY_ROLE),
        .kill_switch = kill_switch_on(),
        .now = apr_time_sec(r->request_time),
    };

    if (!config_global()->by_method || !request_overrides_method(r)) {
        context.method = r->header_only ? METHOD_BIT_HEAD : UINT64_C(1) << r->method_number;
        context.reading = r->method_number == M_GET;
    }
    return context;
}

/* Whether all that the feature's policy looks at is known before httpd authenticates. */
static bool feature_is_early(const struct dir_config *config, const struct feature *feature)
{
    return !identity_needs_auth(config, IDENTITY_ORG) &&
           !(feature->roles.count && identity_needs_auth(config, IDENTITY_ROLE)) &&
           !(feature->app_types.count && identity_needs_auth(config, IDENTITY_APP_TYPE)) &&
           !identity_needs_auth(config, IDENTITY_ORG_CREATED);
}

static bool feature_is_due(request_rec *r, const struct dir_config *config, const struct feature *feature,
                           enum judge_phase phase)
{
    switch (phase) {
    case JUDGE_EARLY:
        return feature_is_early(config, feature);
    case JUDGE_SIGNED_IN:
        return !identity_incomplete(r, config, feature);
    default:
        return true;
    }
}

/* A stranger learns nothing of an org before sign-in: where the site has one, only who has proven the org with a client
 * certificate is answered before it. */
bool judge_is_early(request_rec *r, const struct dir_config *config)
{
    const struct identity_source *org = config->identity[IDENTITY_ORG];

    return org && !org->needs_auth && (org->client_certificate || !request_can_authenticate(r));
}

int judge_status(const request_rec *r, const struct dir_config *config, const struct decision *decision)
{
    switch (reason_denial_kind(decision->reason)) {
    case DENIAL_IDENTITY:
        return request_signed_in(r) ? HTTP_FORBIDDEN : HTTP_UNAUTHORIZED;
    case DENIAL_PAYMENT:
        return config->deny_status ? config->deny_status : HTTP_PAYMENT_REQUIRED;
    case DENIAL_UNVERIFIED:
        return HTTP_SERVICE_UNAVAILABLE;
    default:
        return HTTP_FORBIDDEN;
    }
}

static struct denial *denial_make(request_rec *r, const struct dir_config *config,
                                  const struct required_feature *required, const struct gate_context *context,
                                  const struct org_state *state, const struct decision *decision)
{
    struct denial *denial = apr_pcalloc(r->pool, sizeof(*denial));

    denial->feature = required->feature;
    denial->decision = *decision;
    denial->org = context->org;
    denial->plan = state ? catalogue_plan(&config_global()->catalogue, state->plan) : NULL;
    denial->usage = context->has_usage ? context->usage : -1;
    denial->status = judge_status(r, config, decision);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "ATB0311: %s denied to org %s: %s (%s:%u)", required->key,
                  context->org ? context->org : "-", reason_name(decision->reason), required->place.file,
                  required->place.line);
    return denial;
}

/* What the decisions about one request share. */
struct judgement {
    struct gate_context context;
    struct org_state state;
    const struct org_state *known; /* `state`, or NULL where nothing could tell */
};

static void judgement_begin(request_rec *r, const struct dir_config *config, struct judgement *judgement)
{
    judgement->context = gate_context_of(r, config);
    judgement->known = NULL;
    if (judgement->context.org && view_find(r, judgement->context.org, &judgement->state)) {
        judgement->known = &judgement->state;
        identity_created_at(r, config, &judgement->state);
    }
}

/* What was counted for this feature of the client's request. `record` is of `r`. */
static struct feature_counts *judgement_counts(request_rec *r, struct request_record *record,
                                               const struct feature *feature)
{
    struct feature_counts *counts;

    if (r->main || r->prev) {
        r = request_first(r);
        record = request_record(r);
    }
    for (counts = &record->counts; counts->feature && counts->feature != feature; counts = counts->next) {
        if (!counts->next) {
            counts->next = apr_pcalloc(r->pool, sizeof(*counts->next));
        }
    }
    counts->feature = feature;
    return counts;
}

/* A client's request counts once for each feature, in the metrics and in the shadow report. Where mod_dir or
 * mod_autoindex only looks what it might serve, a denial tells something, but that nothing was denied does not. */
static void judgement_count(request_rec *r, struct request_record *record, const struct gate_context *context,
                            const struct feature *feature, const struct decision *decision)
{
    bool plainly_allowed = decision->allowed && !decision->would_deny;
    struct feature_counts *counts = r->main && plainly_allowed ? NULL : judgement_counts(r, record, feature);

    if (counts && !counts->measured) {
        counts->measured = true;
        metrics_decision(feature, decision);
    }
    if (decision->would_deny && !counts->shadowed) {
        counts->shadowed = true;
        shadow_count(r, feature, context->org, decision->reason, context->now);
    }
}

static const struct denial *judgement_of(request_rec *r, const struct dir_config *config, struct request_record *record,
                                         const struct judgement *judgement, const struct required_feature *required)
{
    const struct gate_context *context = &judgement->context;
    struct decision decision = gate_decide(required->feature, &config_global()->catalogue, context, judgement->known);

    notes_set(r, required, context, judgement->known, &decision);
    judgement_count(r, record, context, required->feature, &decision);
    return decision.allowed ? NULL : denial_make(r, config, required, context, judgement->known, &decision);
}

void gate_judge(request_rec *r, const struct dir_config *config, struct request_record *record, enum judge_phase phase)
{
    struct judgement judgement;
    bool begun = false;

    if (record->judged_of != config) {
        record->judged_of = config;
        record->judged = 0;
        record->counted = false;
    }
    for (; config->features && !record->denial && record->judged < config->features->nelts; ++record->judged) {
        const struct required_feature *required =
            APR_ARRAY_IDX(config->features, record->judged, const struct required_feature *);

        if (!feature_is_due(r, config, required->feature, phase)) {
            return;
        }
        if (!begun) {
            begun = true;
            judgement_begin(r, config, &judgement);
        }
        /* Without an org the status depends on whether somebody is signed in, and later phases may bring one. */
        if (phase != JUDGE_FINAL && !judgement.context.org) {
            return;
        }
        record->denial = judgement_of(r, config, record, &judgement, required);
    }
    if (phase == JUDGE_FINAL && config->limits && !record->denial && !record->counted) {
        record->counted = true;
        record->denial = limit_judge(r, config);
    }
}
