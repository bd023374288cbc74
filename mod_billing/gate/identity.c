/* SPDX-License-Identifier: Apache-2.0
 * Evaluating identity expressions where they can be believed. */
#include "gate/identity.h"

#include "config/value.h"
#include "domain/key.h"
#include "gate/request.h"

#include <http_log.h>
#include <http_protocol.h>
#include <http_ssl.h>

APLOG_USE_MODULE(attune_billing);

/* No claim worth believing is longer; a role list may be. */
#define IDENTITY_MAX 1024

static bool identity_from_trusted_proxy(const request_rec *r, const struct identity_source *source)
{
    if (!source->trusted_proxies) {
        return true;
    }
    for (int i = 0; i < source->trusted_proxies->nelts; ++i) {
        /* The peer of the connection itself: r->useragent_addr is what mod_remoteip makes of a header. */
        if (apr_ipsubnet_test(APR_ARRAY_IDX(source->trusted_proxies, i, apr_ipsubnet_t *),
                              r->connection->client_addr)) {
            return true;
        }
    }
    return false;
}

/* `SSLVerifyClient optional` yields a subject even where the certificate did not verify. */
static bool identity_certificate_verified(request_rec *r)
{
    const char *value = ap_ssl_var_lookup(r->pool, r->server, r->connection, r, "SSL_CLIENT_VERIFY");

    return value && !strcmp(value, "SUCCESS");
}

static const char *identity_evaluate(request_rec *r, const struct identity_source *source)
{
    const char *error = NULL, *value;

    if (source->client_certificate && !identity_certificate_verified(r)) {
        return NULL;
    }
    value = source->variable ? apr_table_get(r->subprocess_env, source->variable)
                             : ap_expr_str_exec(r, source->expr, &error);
    if (error) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "ATB0301: cannot evaluate %s of %s:%u: %s", source->text,
                      source->place.file, source->place.line, error);
        return NULL;
    }
    return value && *value && strlen(value) <= IDENTITY_MAX ? value : NULL;
}

/* Whether r->user, and what the environment made of it, is true. Where httpd asked no authentication module nobody has
 * a name, unless a module reads it out of the client's own header (ap_get_basic_auth_pw), or mod_ssl out of the
 * client's certificate, verified or not (SSLUserName). */
static bool identity_user_true(request_rec *r, const struct request_record *record)
{
    return record->signing_in || !r->user ||
           (!apr_table_get(r->notes, AP_GET_BASIC_AUTH_PW_NOTE) && identity_certificate_verified(r));
}

const char *identity_user(request_rec *r)
{
    const struct request_record *record = request_record_find(r);
    bool known = r->user && *r->user && record && record->let_through && identity_user_true(r, record);

    return known ? r->user : NULL;
}

/* Whether what this request says can be believed. A value that needs no authentication is true anyway. While
 * authorization asks about the request itself nothing has let it through yet. */
static bool identity_believable(request_rec *r, const struct identity_source *source, bool itself)
{
    const struct request_record *record = request_record_find(r);

    return !source->needs_auth ||
           (record && (record->let_through || (itself && record->authenticated)) && identity_user_true(r, record));
}

static const char *identity_inwards(request_rec *at, const struct identity_source *source, bool itself)
{
    request_rec *outer = at->main ? at->main : at->prev;
    const char *value = outer ? identity_inwards(outer, source, false) : NULL;

    if (!value && identity_believable(at, source, itself)) {
        value = identity_evaluate(at, source);
    }
    return value;
}

const char *identity_value(request_rec *r, const struct dir_config *config, enum identity identity)
{
    const struct identity_source *source = config->identity[identity];

    if (!source || !identity_from_trusted_proxy(r, source)) {
        return NULL;
    }
    return source->literal ? source->literal : identity_inwards(r, source, true);
}

bool identity_claimed(request_rec *r, const struct dir_config *config, enum identity identity)
{
    const struct identity_source *source = config->identity[identity];

    for (request_rec *at = r; source && at; at = at->main ? at->main : at->prev) {
        if (identity_from_trusted_proxy(at, source) && identity_evaluate(at, source)) {
            return true;
        }
    }
    return false;
}

const char *identity_org(request_rec *r, const struct dir_config *config)
{
    const char *org = identity_value(r, config, IDENTITY_ORG);

    if (org && !org_id_valid(org, strlen(org))) {
        ap_log_rerror(
            APLOG_MARK, APLOG_WARNING, 0, r,
            "ATB0302: BillingOrg gave a value that is no org id (1 to 64 of A-Z a-z 0-9 _ . : -); the request "
            "has no org");
        return NULL;
    }
    return org;
}

/* Seconds and milliseconds since the epoch cannot be mistaken for one another: no org is from the year 5138. */
#define MILLISECONDS_FROM INT64_C(100000000000)

void identity_created_at(request_rec *r, const struct dir_config *config, struct org_state *state)
{
    const char *text = identity_value(r, config, IDENTITY_ORG_CREATED);
    int64_t created;

    if (!text) {
        return;
    }
    if (value_date(text, &created)) {
        state->created_at = created;
    } else if (value_number(text, &created)) {
        state->created_at = created >= MILLISECONDS_FROM ? created / 1000 : created;
    }
}

bool identity_needs_auth(const struct dir_config *config, enum identity identity)
{
    return config->identity[identity] && config->identity[identity]->needs_auth;
}

/* Whether this depends on the user, who is not known yet. */
static bool identity_missing(request_rec *r, const struct dir_config *config, enum identity identity)
{
    return identity_needs_auth(config, identity) && !identity_claimed(r, config, identity);
}

bool identity_incomplete(request_rec *r, const struct dir_config *config, const struct feature *feature)
{
    return identity_missing(r, config, IDENTITY_ORG) ||
           (feature->roles.count && identity_missing(r, config, IDENTITY_ROLE)) ||
           (feature->app_types.count && identity_missing(r, config, IDENTITY_APP_TYPE)) ||
           (feature->enforcement == ENFORCE_NEW_ORGS && identity_missing(r, config, IDENTITY_ORG_CREATED));
}
