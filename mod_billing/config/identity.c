/* SPDX-License-Identifier: Apache-2.0
 * BillingOrg, BillingUser, BillingRole, BillingAppType, BillingLocation and BillingOrgCreated: where the authenticated
 * context of a request comes from. */
#include "config/build.h"
#include "config/directive.h"
#include "config/expression.h"
#include "config/handlers.h"
#include "config/value.h"
#include "domain/key.h"

#include <apr_lib.h>
#include <apr_network_io.h>
#include <apr_strings.h>

/* One network of the list. */
static const char *proxy_add(const cmd_parms *cmd, char *text, apr_array_header_t *networks)
{
    char *mask = strchr(text, '/');
    const char *written = apr_pstrdup(cmd->temp_pool, text);
    if (mask) {
        *mask++ = '\0';
    }
    int64_t bits;
    if (mask && value_number(mask, &bits) && !bits) {
        return config_error(cmd, "%s would trust every client: name the addresses of the proxy", written);
    }
    apr_ipsubnet_t *network;
    if (apr_ipsubnet_create(&network, text, mask, cmd->pool) != APR_SUCCESS) {
        return config_error(
            cmd, "\"%s\" is not a network: write trusted-proxy=192.0.2.10 or trusted-proxy=10.0.0.0/8,::1", written);
    }
    APR_ARRAY_PUSH(networks, apr_ipsubnet_t *) = network;
    return NULL;
}

static const char *proxies_parse(const cmd_parms *cmd, const char *text, apr_array_header_t **networks)
{
    if (strncasecmp(text, "trusted-proxy=", 14)) {
        return config_error(cmd, "\"%s\" is not trusted-proxy=CIDR,…; an expression with blanks is put in quotes",
                            text);
    }
    *networks = apr_array_make(cmd->pool, 2, sizeof(apr_ipsubnet_t *));
    char *list = apr_pstrdup(cmd->pool, text + 14);
    const char *error = NULL;
    do {
        char *comma = strchr(list, ',');
        if (comma) {
            *comma++ = '\0';
        }
        error = proxy_add(cmd, list, *networks);
        list = comma;
    } while (list && !error);
    return error;
}

static const char *client_refused(const cmd_parms *cmd, const char *text, const char *name)
{
    return config_error(
        cmd,
        "\"%s\" reads %s, which the client itself sends, so anybody could claim to be anybody. Use what "
        "the authentication module has set, such as \"%%{reqenv:OIDC_CLAIM_org_id}\", or, where a "
        "proxy in front sets it and removes what its clients send, name that proxy: "
        "trusted-proxy=192.0.2.10",
        text, name);
}

/* Constant text can be judged now; anything else when a request brings it. */
static const char *literal_check(const cmd_parms *cmd, enum identity identity, const char *text)
{
    int64_t seconds;
    if (identity == IDENTITY_ORG && !org_id_valid(text, strlen(text))) {
        return config_error(cmd, "\"%s\" is no org id: use 1 to 64 of the characters A-Z a-z 0-9 _ . : -", text);
    }
    if (identity == IDENTITY_ORG_CREATED && !value_date(text, &seconds)) {
        return config_error(cmd, "\"%s\" is no date such as 2026-12-01", text);
    }
    return NULL;
}

/* The name in an expression that is exactly "%{reqenv:NAME}", as nearly all are; NULL for any other. */
static const char *variable_alone(const cmd_parms *cmd, const char *text)
{
    static const char begin[] = "%{reqenv:";
    const char *name = text + sizeof(begin) - 1, *end = name;
    if (strncmp(text, begin, sizeof(begin) - 1)) {
        return NULL;
    }
    while (apr_isalnum(*end) || *end == '_') {
        ++end;
    }
    return end > name && !strcmp(end, "}") ? apr_pstrmemdup(cmd->pool, name, (apr_size_t)(end - name)) : NULL;
}

static void note_server_name(const cmd_parms *cmd, struct config_place place)
{
    struct key_use use = {{"SERVER_NAME", 0}, cmd->cmd->name, place};
    APR_ARRAY_PUSH(config_build()->server_name_uses, struct key_use) = use;
}

static const char *expression_check(const cmd_parms *cmd, const struct identity_source *source,
                                    const struct expression_use *use, enum identity identity)
{
    if (use->circular) {
        return config_error(cmd, "\"%s\" reads %s, which is itself found by way of BillingOrg and its siblings",
                            source->text, use->circular);
    }
    if (use->client && !source->trusted_proxies) {
        return client_refused(cmd, source->text, use->client);
    }
    return source->literal ? literal_check(cmd, identity, source->literal) : NULL;
}

const char *config_set_identity(cmd_parms *cmd, void *dir, const char *expression, const char *trusted)
{
    enum identity identity = (enum identity)(intptr_t)cmd->info;
    struct identity_source *source = apr_pcalloc(cmd->pool, sizeof(*source));
    const char *error = config_context_directory(cmd);
    if (error || (trusted && (error = proxies_parse(cmd, trusted, &source->trusted_proxies)))) {
        return error;
    }
    struct expression_use use;
    source->text = expression;
    source->place = config_place_of(cmd);
    source->expr = expression_parse(cmd, expression, &use, &error);
    if (error) {
        return config_error(cmd, "\"%s\" is not an expression: %s", expression, error);
    }
    source->variable = variable_alone(cmd, expression);
    source->needs_auth = use.needs_auth;
    source->client_certificate = use.client_certificate;
    /* %, $ and \ mean something in an expression even where no name stands in it. */
    if (!use.any && !strpbrk(expression, "%$\\")) {
        source->literal = expression;
    }
    if ((error = expression_check(cmd, source, &use, identity))) {
        return error;
    }
    if (use.server_name) {
        note_server_name(cmd, source->place);
    }
    ((struct dir_config *)dir)->identity[identity] = source;
    return NULL;
}
