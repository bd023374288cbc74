/* SPDX-License-Identifier: Apache-2.0
 * Reading a JSON object and refusing what must not be in it. */
#include "web/json_body.h"

#include "web/body.h"
#include "web/problem.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_protocol.h>

/* Deeper than any body of ours, and far from what recursion could mind. */
#define DEPTH_MAX 16

/* Names under which a client could say on whose behalf it acts, folded (small letters and digits alone), with the
 * beginnings and ends that are seen around them. */
static const char *const identifiers[] = {
    "org", "organisation", "organization", "tenant", "account", "customer", "subscription", "clientreference",
};
static const char *const beginnings[] = {"stripe", "provider", "billing", "external", ""};
static const char *const ends[] = {"id", "ids", "key", "slug", "s", ""};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Whether `name` is one of the identifiers and then an end. */
static bool name_is_known(const char *name)
{
    for (size_t i = 0; i < COUNT(identifiers); ++i) {
        size_t length = strlen(identifiers[i]);

        for (size_t k = 0; !strncmp(name, identifiers[i], length) && k < COUNT(ends); ++k) {
            if (!strcmp(name + length, ends[k])) {
                return true;
            }
        }
    }
    return false;
}

static bool name_is_identifier(const char *name)
{
    char folded[48];
    size_t length = 0;

    for (; *name; ++name) {
        if (apr_isalnum(*name)) {
            if (length == sizeof(folded) - 1) {
                return false;
            }
            folded[length++] = (char)apr_tolower(*name);
        }
    }
    folded[length] = '\0';
    for (size_t i = 0; i < COUNT(beginnings); ++i) {
        size_t skip = strlen(beginnings[i]);

        if (!strncmp(folded, beginnings[i], skip) && name_is_known(folded + skip)) {
            return true;
        }
    }
    return false;
}

static bool json_names_identifier(const json_t *json, int depth)
{
    const char *key;
    const json_t *value;
    size_t i;

    if (depth > DEPTH_MAX) {
        return true; /* whatever it is, it is not looked through */
    }
    if (json_is_array(json)) {
        json_array_foreach(json, i, value)
        {
            if (json_names_identifier(value, depth + 1)) {
                return true;
            }
        }
    }
    if (json_is_object(json)) {
        json_object_foreach((json_t *)json, key, value)
        {
            if (name_is_identifier(key) || json_names_identifier(value, depth + 1)) {
                return true;
            }
        }
    }
    return false;
}

static bool query_names_identifier(request_rec *r)
{
    char *rest = r->args ? apr_pstrdup(r->pool, r->args) : NULL, *pair;

    while (rest && (pair = apr_strtok(rest, "&;", &rest))) {
        char *end = strpbrk(pair, "=[");
        if (end) {
            *end = '\0';
        }
        ap_unescape_urlencoded(pair);
        if (name_is_identifier(pair)) {
            return true;
        }
    }
    return false;
}

static int identifier_refused(request_rec *r)
{
    return problem_send(r, HTTP_BAD_REQUEST, "client_supplied_identifier",
                        "Organisation, customer and subscription follow from who is signed in. Leave them out.");
}

bool query_is_clean(request_rec *r, int *answered)
{
    if (query_names_identifier(r)) {
        *answered = identifier_refused(r);
        return false;
    }
    return true;
}

static bool request_is_json(const request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    size_t length = type ? strcspn(type, "; \t") : 0;

    return type && length == strlen("application/json") && !strncasecmp(type, "application/json", length);
}

static apr_status_t json_release(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

static bool member_is_known(const char *name, const char *const *members)
{
    for (; *members; ++members) {
        if (!strcmp(name, *members)) {
            return true;
        }
    }
    return false;
}

static bool json_is_clean(request_rec *r, const json_t *body, const char *const *members, bool by_member, int *answered)
{
    const char *key;
    const json_t *value;

    if (!json_is_object(body)) {
        *answered = problem_send(r, HTTP_BAD_REQUEST, "invalid_json", "The body must be one JSON object.");
        return false;
    }
    if (by_member && (query_names_identifier(r) || json_names_identifier(body, 0))) {
        *answered = identifier_refused(r);
        return false;
    }
    json_object_foreach((json_t *)body, key, value)
    {
        if (!member_is_known(key, members)) {
            *answered = problem_send(r, HTTP_BAD_REQUEST, "unknown_member",
                                     "The body has a member that this route does not know.");
            return false;
        }
    }
    return true;
}

static bool body_parse(request_rec *r, const char *const *members, bool by_member, json_t **body, int *answered)
{
    struct body raw;

    if (!request_is_json(r)) {
        *answered = problem_send(r, HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Send application/json.");
        return false;
    }
    *answered = body_read(r, JSON_BODY_MAX, &raw);
    if (*answered != OK) {
        return false;
    }
    *body = raw.length ? json_loadb(raw.data, raw.length, JSON_REJECT_DUPLICATES, NULL) : json_object();
    if (!*body) {
        *answered = problem_send(r, HTTP_BAD_REQUEST, "invalid_json", "The body is not valid JSON.");
        return false;
    }
    apr_pool_cleanup_register(r->pool, *body, json_release, apr_pool_cleanup_null);
    return json_is_clean(r, *body, members, by_member, answered);
}

bool json_body_read(request_rec *r, const char *const *members, json_t **body, int *answered)
{
    return body_parse(r, members, true, body, answered);
}

bool operator_body_read(request_rec *r, const char *const *members, json_t **body, int *answered)
{
    return body_parse(r, members, false, body, answered);
}
