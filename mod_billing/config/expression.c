/* SPDX-License-Identifier: Apache-2.0
 * What an identity expression reads. The parser resolves every variable and function, nested ones too, through one
 * lookup function; ours looks at the name and passes it on. */
#include "config/expression.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

/* Where the lookup function, which has no argument for it, puts what it learns. Set while an expression of ours is
 * parsed, by the one thread that reads the configuration. */
static struct expression_use *collecting;

static const char *const client_variables[] = {
    "QUERY_STRING", "THE_REQUEST",     "REQUEST_URI",  "REQUEST_FILENAME", "SCRIPT_FILENAME",
    "SCRIPT_NAME",  "PATH_INFO",       "DOCUMENT_URI", "REQUEST_METHOD",   "CONTENT_TYPE",
    "REMOTE_IDENT", "SERVER_PROTOCOL", "SSL_TLS_SNI",  "CONTEXT_PREFIX",   NULL};

/* Variables whose value is there before authentication and not changed by it. */
static const char *const early_variables[] = {
    "SERVER_NAME", "SERVER_PORT", "SERVER_ADMIN",  "SERVER_SOFTWARE", "REQUEST_SCHEME", "REQUEST_LOG_ID",
    "HTTPS",       "HTTP2",       "IPV6",          "CONN_LOG_ID",     "REMOTE_HOST",    "CONN_REMOTE_ADDR",
    "REMOTE_ADDR", "REMOTE_PORT", "DOCUMENT_ROOT", "API_VERSION",     "TIME",           "CONTEXT_DOCUMENT_ROOT",
    "IS_SUBREQ",   NULL};

/* Functions whose result follows from their argument, or from this machine, alone. */
static const char *const pure_functions[] = {"osenv",    "tolower", "toupper",     "escape", "unescape", "base64",
                                             "unbase64", "sha1",    "md5",         "ldap",   "file",     "filesize",
                                             "filemod",  "SSL",     "PeerExtList", NULL};

static const char *const request_functions[] = {"req", "http", "req_novary", NULL};
static const char *const environment_functions[] = {"reqenv", "env", NULL};
static const char *const billing_variables[] = {"BILLING_ORG", "BILLING_PLAN", "BILLING_STATUS", NULL};

static bool among(const char *name, const char *const *names)
{
    for (; *names; ++names) {
        if (!strcasecmp(name, *names)) {
            return true;
        }
    }
    return false;
}

static bool begins(const char *name, const char *prefix)
{
    return !strncasecmp(name, prefix, strlen(prefix));
}

static bool client_variable(const char *name)
{
    return begins(name, "HTTP_") || among(name, client_variables);
}

static void note_first(const char **where, apr_pool_t *pool, const ap_expr_lookup_parms *parms)
{
    if (!*where) {
        *where = parms->arg ? apr_pstrcat(pool, parms->name, ":", parms->arg, NULL) : apr_pstrdup(pool, parms->name);
    }
}

static void learn_variable(const ap_expr_lookup_parms *parms)
{
    const char *name = parms->name;
    if (client_variable(name)) {
        note_first(&collecting->client, parms->pool, parms);
    } else if (among(name, billing_variables)) {
        note_first(&collecting->circular, parms->pool, parms);
    } else if (begins(name, "SSL_CLIENT_")) {
        collecting->client_certificate = true;
    } else if (!strcasecmp(name, "SERVER_NAME")) {
        collecting->server_name = true;
    } else if (!begins(name, "SSL_") && !begins(name, "TIME_") && !among(name, early_variables)) {
        collecting->needs_auth = true;
    }
}

/* An environment variable hides where its value came from, but for those of which the name says it: CGI's own, and
 * what a named group of <LocationMatch> and its like took out of the path. */
static bool environment_of_client(const char *name)
{
    return client_variable(name) || begins(name, "MATCH_");
}

static void learn_function(const ap_expr_lookup_parms *parms)
{
    const char *name = parms->name;
    const char *argument = parms->arg;
    if (among(name, request_functions)) {
        note_first(&collecting->client, parms->pool, parms);
        return;
    }
    if (!strcasecmp(name, "billing")) {
        note_first(&collecting->circular, parms->pool, parms);
        return;
    }
    if (argument && among(name, environment_functions) && environment_of_client(argument)) {
        note_first(&collecting->client, parms->pool, parms);
    }
    if (!strcasecmp(name, "SSL") && argument && !strcasecmp(argument, "SSL_TLS_SNI")) {
        note_first(&collecting->client, parms->pool, parms);
    }
    if (!strcasecmp(name, "PeerExtList") || (argument ? begins(argument, "SSL_CLIENT_") : !strcasecmp(name, "SSL"))) {
        collecting->client_certificate = true;
    }
    if (!among(name, pure_functions)) {
        collecting->needs_auth = true;
    }
}

static int expression_lookup(ap_expr_lookup_parms *parms)
{
    collecting->any = true;
    if (parms->type == AP_EXPR_FUNC_VAR) {
        learn_variable(parms);
    } else {
        learn_function(parms);
    }
    return ap_expr_lookup_default(parms);
}

const ap_expr_info_t *expression_parse(const cmd_parms *cmd, const char *text, struct expression_use *use,
                                       const char **error)
{
    memset(use, 0, sizeof(*use));
    collecting = use;
    const ap_expr_info_t *expression =
        ap_expr_parse_cmd(cmd, text, AP_EXPR_FLAG_STRING_RESULT | AP_EXPR_FLAG_DONT_VARY, error, expression_lookup);
    collecting = NULL;
    return expression;
}
