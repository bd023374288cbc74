/* SPDX-License-Identifier: Apache-2.0
 * What is gated, and what only looks as if it were. */
#include "gate/applies.h"

#include "gate/denial.h"
#include "gate/identity.h"
#include "gate/judge.h"
#include "gate/limit.h"

#include <apr_lib.h>
#include <http_protocol.h>

#define ACME_FOLDER "/.well-known/acme-challenge/"

/* An ACME http-01 token (RFC 8555, 8.3) that is a file of this server's, which it sends as it is. A tenant who does not
 * pay must not lose the certificate. No backend or script is reached that way, and the token is one segment of its
 * alphabet, so nothing else can be: mod_md answers before any gate in any case. */
static bool request_is_acme_challenge(const request_rec *r)
{
    const char *token;

    /* Asked several times for each request: nearly all are told apart by their second letter. */
    if (!r->uri || r->uri[0] != '/' || r->uri[1] != '.' || r->finfo.filetype != APR_REG || r->handler || r->proxyreq ||
        strncmp(r->uri, ACME_FOLDER, sizeof(ACME_FOLDER) - 1)) {
        return false;
    }
    token = r->uri + sizeof(ACME_FOLDER) - 1;
    while (apr_isalnum(*token) || *token == '-' || *token == '_') {
        ++token;
    }
    return !*token;
}

static bool dir_is_gated(const struct dir_config *config)
{
    return (config->features && config->features->nelts) || config->limits;
}

bool gate_applies(const request_rec *r, const struct dir_config *config)
{
    const struct request_record *record;

    if (!dir_is_gated(config)) {
        return false;
    }
    record = request_record_find(r);
    return !(record && (record->claimed || record->error_document)) && !request_is_acme_challenge(r);
}

void gate_recognise_error_document(request_rec *r)
{
    const struct request_record *outer;
    const struct denial *denial;

    if (r->prev) {
        denial = request_denial(r->prev);
        if (denial) {
            request_record(r)->error_document = true;
            denial_headers(r, denial);
        }
    } else if (r->main && (outer = request_record_find(r->main)) && outer->error_document && !outer->handling) {
        request_record(r)->error_document = true;
    }
}

bool gate_needs_user(request_rec *r, const struct dir_config *config)
{
    if (!dir_is_gated(config) || !request_can_authenticate(r) || !gate_applies(r, config) || request_is_preflight(r) ||
        kill_switch_on()) {
        return false;
    }
    for (int i = 0; config->features && i < config->features->nelts; ++i) {
        const struct feature *feature = APR_ARRAY_IDX(config->features, i, struct required_feature *)->feature;
        if (feature_can_deny(feature) && identity_incomplete(r, config, feature)) {
            return true;
        }
    }
    return limit_needs_user(r, config);
}
