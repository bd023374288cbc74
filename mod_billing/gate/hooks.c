/* SPDX-License-Identifier: Apache-2.0
 * The gate's hooks, in the order in which httpd comes by. */
#include "gate/hooks.h"

#include "gate/applies.h"
#include "gate/caching.h"
#include "gate/denial.h"
#include "gate/identity.h"
#include "gate/judge.h"
#include "gate/notes.h"

#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

static int gate_denied(request_rec *r, const struct denial *denial)
{
    denial_headers(r, denial);
    /* The challenge that the site's own authentication would have sent. */
    if (denial->status == HTTP_UNAUTHORIZED && request_can_authenticate(r)) {
        ap_note_auth_failure(r);
    }
    for (const request_rec *outer = r->main; outer; outer = outer->main) {
        struct request_record *record = request_record_find(outer);
        if (record) {
            record->inner_denial = denial;
        }
    }
    return denial->status;
}

/* A route about the signed-in caller, below a section that lets everybody in but knows how to sign in. */
static bool route_needs_user(request_rec *r, const struct dir_config *config)
{
    const struct request_record *record = request_record_find(r);

    return record && record->serves_member && !request_is_preflight(r) && request_can_authenticate(r) &&
           identity_needs_auth(config, IDENTITY_ORG) && !identity_claimed(r, config, IDENTITY_ORG);
}

static int gate_decide_now(request_rec *r, enum judge_phase phase)
{
    const struct dir_config *config = config_dir(r);
    struct request_record *record;

    if (!gate_applies(r, config) || request_is_preflight(r)) {
        return DECLINED;
    }
    record = request_record(r);
    gate_judge(r, config, record, phase);
    /* Whatever is decided, the page around this one says what its receiver may see. */
    if (phase == JUDGE_FINAL || record->denial) {
        caching_forbid_around(r);
    }
    return record->denial ? gate_denied(r, record->denial) : DECLINED;
}

int gate_access_checker(request_rec *r)
{
    const struct dir_config *config = config_dir(r);

    gate_recognise_error_document(r);
    if (ap_satisfies(r) == SATISFY_ANY) {
        return gate_needs_user(r, config) || route_needs_user(r, config) ? HTTP_UNAUTHORIZED : DECLINED;
    }
    return judge_is_early(r, config) ? gate_decide_now(r, JUDGE_EARLY) : DECLINED;
}

int gate_force_authn(request_rec *r)
{
    const struct dir_config *config = config_dir(r);

    return gate_needs_user(r, config) || route_needs_user(r, config) ? OK : DECLINED;
}

int gate_check_user_id(request_rec *r)
{
    request_record(r)->signing_in = true;
    return DECLINED;
}

/* The request whose sign-in httpd lets stand for this one too (server/request.c: same configuration), or NULL. */
static const request_rec *request_vouched_by(const request_rec *r)
{
    if (r->prev && r->prev->per_dir_config == r->per_dir_config) {
        return r->prev;
    }
    return r->main && r->main->per_dir_config == r->per_dir_config ? r->main : NULL;
}

/* mod_negotiation comes next, looks at all that might be served and takes what the gate refuses for missing: 404 where
 * the gate has a better answer. */
static bool request_is_negotiated(request_rec *r)
{
    return r->finfo.filetype == APR_NOFILE && (ap_allow_options(r) & OPT_MULTI);
}

int gate_type_checker(request_rec *r)
{
    struct request_record *record = request_record(r);
    const request_rec *voucher = request_vouched_by(r);

    if (voucher) {
        /* It may have been refused itself: an ErrorDocument inherits a name that failed its password. */
        const struct request_record *outer = request_record_find(voucher);
        record->let_through = outer && outer->let_through;
        record->signing_in = outer && outer->signing_in;
    } else {
        record->let_through = true;
    }
    return request_is_negotiated(r) ? gate_decide_now(r, JUDGE_SIGNED_IN) : DECLINED;
}

int gate_fixups(request_rec *r)
{
    if (r->prev) {
        notes_inherit(r);
    }
    gate_recognise_error_document(r);
    return gate_decide_now(r, JUDGE_FINAL);
}
