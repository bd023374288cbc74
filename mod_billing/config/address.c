/* SPDX-License-Identifier: Apache-2.0
 * URLs and origins: the provider's API, where people come back to, and who may call from a browser. */
#include "config/directive.h"
#include "config/handlers.h"
#include "config/server.h"
#include "config/value.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#define URL_MAX 2048

struct address {
    apr_uri_t uri;
    bool secure;   /* https */
    bool loopback; /* the host is this machine's own */
};

static bool host_is_loopback(const char *host)
{
    return !strcmp(host, "localhost") || !strcmp(host, "::1") ||
           (!strncmp(host, "127.", 4) && strspn(host, "0123456789.") == strlen(host));
}

static bool host_valid(const char *host)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
    static const char ipv6[] = "0123456789abcdef:.";
    const char *allowed = strchr(host, ':') ? ipv6 : name;
    return *host && *host != '.' && *host != '-' && strspn(host, allowed) == strlen(host);
}

/* Takes an absolute http or https URL apart; scheme and host in small letters. NULL, or the message. */
static const char *address_parse(const cmd_parms *cmd, const char *text, struct address *address)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; ++i) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"<>\\^`{|}", text[i])) {
            return config_error(cmd, "a URL holds no white space, control or other character that must be escaped");
        }
    }
    apr_uri_t *uri = &address->uri;
    if (length > URL_MAX || apr_uri_parse(cmd->pool, text, uri) != APR_SUCCESS || !uri->scheme || !uri->hostname) {
        return config_error(cmd, "\"%s\" is not an absolute URL such as https://app.example.com", text);
    }
    if (uri->user || uri->password || strchr(uri->hostinfo, '@')) {
        return config_error(cmd, "a URL with a user or password is refused");
    }
    ap_str_tolower(uri->scheme);
    ap_str_tolower(uri->hostname);
    address->secure = !strcmp(uri->scheme, "https");
    if (!address->secure && strcmp(uri->scheme, "http")) {
        return config_error(cmd, "\"%s\" is neither an https:// nor an http:// URL", text);
    }
    int64_t port = 1; /* apr_uri_parse would wrap a greater one than 65535 round */
    if (!host_valid(uri->hostname) || (uri->port_str && !value_number(uri->port_str, &port)) || port < 1 ||
        port > 65535) {
        return config_error(cmd, "\"%s\" has no valid host and port", text);
    }
    address->loopback = host_is_loopback(uri->hostname);
    return NULL;
}

const char *config_set_stripe_api_base(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    struct address address;
    const char *error = config_context_server(cmd);
    if (error || (error = address_parse(cmd, text, &address))) {
        return error;
    }
    if (!address.secure && !address.loopback) {
        return config_error(cmd, "the secret key would cross the network in the clear: use https:// (http:// is for a "
                                 "loopback address only)");
    }
    if (address.uri.query || address.uri.fragment) {
        return config_error(cmd, "\"%s\" has a query or fragment, which a base cannot have", text);
    }
    size_t length = strlen(text);
    while (text[length - 1] == '/') {
        --length;
    }
    config_server_of(cmd->server)->stripe_api_base = apr_pstrmemdup(cmd->pool, text, length);
    return NULL;
}

const char *config_set_return_url(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    struct address address;
    const char *error = config_context_server(cmd);
    if (error || (error = address_parse(cmd, text, &address))) {
        return error;
    }
    if (!address.secure && !address.loopback) {
        return config_error(cmd, "people would come back in the clear: use https:// (http:// is for localhost only)");
    }
    config_server_of(cmd->server)->return_url = text;
    return NULL;
}

/* As browsers write it in Origin: small letters, and no port where it is the scheme's own. */
static const char *origin_of(apr_pool_t *pool, const struct address *address)
{
    const apr_uri_t *uri = &address->uri;
    bool bracketed = strchr(uri->hostname, ':') != NULL;
    const char *host = bracketed ? apr_pstrcat(pool, "[", uri->hostname, "]", NULL) : uri->hostname;
    if (!uri->port_str || uri->port == (address->secure ? 443 : 80)) {
        return apr_pstrcat(pool, uri->scheme, "://", host, NULL);
    }
    return apr_psprintf(pool, "%s://%s:%d", uri->scheme, host, (int)uri->port);
}

static const char *origin_add(const cmd_parms *cmd, const char *text, apr_array_header_t *origins)
{
    struct address address;
    if (strchr(text, '*') || !strcmp(text, "null")) {
        return config_error(cmd, "\"%s\" would let any page in: name each origin, as https://app.example.com", text);
    }
    const char *error = address_parse(cmd, text, &address);
    if (error) {
        return error;
    }
    const apr_uri_t *uri = &address.uri;
    if ((uri->path && *uri->path) || uri->query || uri->fragment) {
        return config_error(cmd, "\"%s\" is more than an origin: scheme, host and port, without a slash behind", text);
    }
    APR_ARRAY_PUSH(origins, const char *) = origin_of(cmd->pool, &address);
    return NULL;
}

const char *config_set_allow_origin(cmd_parms *cmd, void *dir, const char *args)
{
    (void)dir;
    const char *error = config_context_server(cmd);
    if (error) {
        return error;
    }
    apr_array_header_t *words = config_words(cmd, args);
    if (!words->nelts) {
        return config_error(cmd, "takes one or more origins");
    }
    struct server_config *config = config_server_of(cmd->server);
    if (!config->allow_origins) {
        config->allow_origins = apr_array_make(cmd->pool, words->nelts, sizeof(const char *));
    }
    for (int i = 0; i < words->nelts && !error; ++i) {
        error = origin_add(cmd, config_word(words, i), config->allow_origins);
    }
    return error;
}
