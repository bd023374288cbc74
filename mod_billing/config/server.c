/* SPDX-License-Identifier: Apache-2.0
 * The simpler directives of a server or virtual host. */
#include "config/server.h"
#include "config/directive.h"
#include "config/handlers.h"
#include "domain/key.h"

#include <apr_strings.h>

#define ORG_METADATA_MAX 40 /* what the provider takes as a metadata key */

struct server_config *config_server_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &attune_billing_module);
}

const char *config_set_mode(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    struct server_config *config = config_server_of(cmd->server);
    const char *error = config_context_server(cmd);
    if (error) {
        return error;
    }
    if (!strcasecmp(text, "test")) {
        config->mode = MODE_TEST;
    } else if (!strcasecmp(text, "live")) {
        config->mode = MODE_LIVE;
    } else {
        return config_error(cmd, "\"%s\" is neither test nor live", text);
    }
    config->mode_place = config_place_of(cmd);
    return NULL;
}

const char *config_set_stripe_timeout(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    const char *error = config_context_server(cmd);
    return error ? error
                 : config_duration(cmd, text, apr_time_from_sec(1), apr_time_from_sec(60), "1s to 60s",
                                   &config_server_of(cmd->server)->stripe_timeout);
}

const char *config_set_org_metadata(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    const char *error = config_context_server(cmd);
    if (error) {
        return error;
    }
    size_t length = strlen(text);
    if (length > ORG_METADATA_MAX || strpbrk(text, "[]")) {
        return config_error(cmd, "\"%s\" cannot be a metadata key: Stripe takes 1 to %d characters without [ and ]",
                            text, ORG_METADATA_MAX);
    }
    for (const char *at = text; *at; ++at) {
        if (*at <= ' ' || *at > '~') {
            return config_error(cmd, "a metadata key is of visible ASCII characters");
        }
    }
    config_server_of(cmd->server)->org_metadata = text;
    return NULL;
}

const char *config_set_install_id(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    const char *error = config_context_server(cmd);
    if (error) {
        return error;
    }
    if (!org_id_valid(text, strlen(text))) {
        return config_error(
            cmd, "\"%s\" cannot name an installation: use 1 to 64 of the characters A-Z a-z 0-9 _ . : -", text);
    }
    config_server_of(cmd->server)->install_id = text;
    return NULL;
}

const char *config_set_manage_roles(cmd_parms *cmd, void *dir, const char *args)
{
    (void)dir;
    const char *error = config_context_server(cmd);
    if (error) {
        return error;
    }
    struct server_config *config = config_server_of(cmd->server);
    struct key_list *roles = apr_pcalloc(cmd->pool, sizeof(*roles));
    if (config->manage_roles) {
        *roles = *config->manage_roles;
    }
    if (!(error = config_names(cmd, args, roles))) {
        config->manage_roles = roles;
    }
    return error;
}

/* A path as httpd compares it: unescaped and normalised, so one that is not could never match. */
static const char *mount_path(const cmd_parms *cmd, const char *text, const char **path)
{
    size_t length = strlen(text);
    while (length && text[length - 1] == '/') {
        --length;
    }
    if (*text != '/' || !length) {
        return config_error(cmd, "\"%s\" is not a path: it begins with / and is more than /", text);
    }
    char *copy = apr_pstrmemdup(cmd->pool, text, length);
    for (const char *at = copy; *at; ++at) {
        if (*at <= ' ' || *at > '~' || strchr("%?#\\\"<>*", *at)) {
            return config_error(cmd,
                                "\"%s\" holds a character that has no place in a path; write it unescaped, without "
                                "a query",
                                text);
        }
    }
    const char *slashed = apr_pstrcat(cmd->temp_pool, copy, "/", NULL);
    if (strstr(slashed, "//") || strstr(slashed, "/./") || strstr(slashed, "/../")) {
        return config_error(
            cmd, "\"%s\" holds an empty, \".\" or \"..\" segment, which httpd removes from every request", text);
    }
    *path = copy;
    return NULL;
}

const char *config_set_mount(cmd_parms *cmd, void *dir, const char *kind, const char *path)
{
    static const char *const kinds[MOUNT_COUNT] = {"api", "page", "admin", "metrics", "ofrep"};
    (void)dir;
    const char *error = config_context_server(cmd);
    if (error) {
        return error;
    }
    struct server_config *config = config_server_of(cmd->server);
    for (int i = 0; i < MOUNT_COUNT; ++i) {
        if (!strcasecmp(kind, kinds[i])) {
            config->has_mount = true;
            config->mount_places[i] = config_place_of(cmd);
            return mount_path(cmd, path, &config->mounts[i]);
        }
    }
    return config_error(cmd, "\"%s\" is none of api, page, admin, metrics and ofrep", kind);
}
