/* SPDX-License-Identifier: Apache-2.0
 * The gate's hooks. See "The decision" in README for the order in which httpd comes by. */
#include "gate/hooks.h"

#include "gate/identity.h"
#include "gate/judge.h"
#include "gate/request.h"

#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

static bool gate_applies(const request_rec *r, const struct dir_config *config)
{
    const struct request_record *record;

    if (!config->features || !config->features->nelts) {
        return false;
    }
    record = request_record_find(r);
    return !(record && (record->claimed || record->error_document));
}

/* AuthType None counts as none. */
static bool request_can_authenticate(request_rec *r)
{
    const char *type = ap_auth_type(r);
    return type && strcasecmp(type, "None");
}

static bool gate_can_deny(const struct dir_config *config)
{
    if (kill_switch_on()) {
        return false;
    }
    for (int i = 0; i < config->features->nelts; ++i) {
        if (feature_can_deny(APR_ARRAY_IDX(config->features, i, const struct required_feature *)->feature)) {
            return true;
        }
    }
    return false;
}

static bool gate_needs_user(request_rec *r, const struct dir_config *config)
{
    return gate_applies(r, config) && identity_needs_auth(config, IDENTITY_ORG) && request_can_authenticate(r) &&
           !request_is_preflight(r) && gate_can_deny(config);
}

/* The document that the site shows for a denial of the gate, and what httpd looks up to find that document, is served
 * however it is gated; what the document includes is not. */
static void gate_recognise_error_document(request_rec *r)
{
    const struct request_record *outer = NULL;

    if (r->prev && ap_is_HTTP_ERROR(r->prev->status)) {
        outer = request_record_find(r->prev);
        if (outer && outer->denial && outer->denial->status == r->prev->status) {
            request_record(r)->error_document = true;
        }
    } else if (r->main && (outer = request_record_find(r->main)) && outer->error_document && !outer->handling) {
        request_record(r)->error_document = true;
    }
}

int gate_access_checker(request_rec *r)
{
    const struct dir_config *config = config_dir(r);
    struct request_record *record;

    if (!config->features) {
        return DECLINED;
    }
    gate_recognise_error_document(r);
    if (!gate_applies(r, config) || request_is_preflight(r)) {
        return DECLINED;
    }
    record = request_record(r);
    gate_judge(r, config, record, JUDGE_EARLY);
    if (record->denial) {
        return gate_denied(r, record);
    }
    if (ap_satisfies(r) == SATISFY_ANY && gate_needs_user(r, config)) {
        ap_note_auth_failure(r);
        return HTTP_UNAUTHORIZED;
    }
    return DECLINED;
}

int gate_force_authn(request_rec *r)
{
    const struct dir_config *config = config_dir(r);

    return gate_needs_user(r, config) ? OK : DECLINED;
}

int gate_type_checker(request_rec *r)
{
    request_record(r)->authenticated = true;
    return DECLINED;
}

int gate_fixups(request_rec *r)
{
    const struct dir_config *config = config_dir(r);
    struct request_record *record;

    if (!config->features) {
        return DECLINED;
    }
    gate_recognise_error_document(r);
    if (!gate_applies(r, config)) {
        return DECLINED;
    }
    record = request_record(r);
    record->gated = true;
    r->no_cache = 1;
    if (request_is_preflight(r)) {
        return DECLINED;
    }
    gate_judge(r, config, record, JUDGE_FINAL);
    return record->denial ? gate_denied(r, record) : DECLINED;
}

int gate_denied(request_rec *r, const struct request_record *record)
{
    int status = record->denial->status;

    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    if (status == HTTP_UNAUTHORIZED && request_can_authenticate(r)) {
        ap_note_auth_failure(r);
    }
    if (status == HTTP_SERVICE_UNAVAILABLE) {
        apr_table_setn(r->err_headers_out, "Retry-After", "5");
    }
    return status;
}
