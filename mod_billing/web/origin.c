/* SPDX-License-Identifier: Apache-2.0
 * Origins. */
#include "web/origin.h"

#include "config/config.h"
#include "gate/judge.h"
#include "web/problem.h"
#include "web/routes.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

static bool origin_allowed(const request_rec *r, const char *origin)
{
    const apr_array_header_t *allowed = config_server(r->server)->allow_origins;

    for (int i = 0; allowed && origin && i < allowed->nelts; ++i) {
        if (!strcasecmp(origin, APR_ARRAY_IDX(allowed, i, const char *))) {
            return true;
        }
    }
    return false;
}

/* Whether `origin` is where this request itself went. Behind a proxy that ends TLS the scheme is not known here, so the
 * host decides. */
static bool origin_is_own(request_rec *r, const char *origin)
{
    const char *host = apr_table_get(r->headers_in, "Host"), *authority = strstr(origin, "://");

    return host && authority && !strcasecmp(authority + 3, host);
}

/* By Sec-Fetch-Site: this site's own page, or the person. */
static bool site_is_own(const char *site)
{
    return !strcmp(site, "same-origin") || !strcmp(site, "none");
}

static bool cross_site(request_rec *r, int *answered)
{
    *answered = problem_send(r, HTTP_FORBIDDEN, "cross_site", "This can be done from the site's own pages only.");
    return false;
}

bool origin_may_change(request_rec *r, int *answered)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const char *origin = apr_table_get(r->headers_in, "Origin");

    if (origin_allowed(r, origin)) {
        return true;
    }
    if (site ? site_is_own(site) : !origin || origin_is_own(r, origin)) {
        return true;
    }
    return cross_site(r, answered);
}

bool origin_may_submit(request_rec *r, int *answered)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const char *origin = apr_table_get(r->headers_in, "Origin");

    /* A proxy in front may have changed Host: then BillingAllowOrigin has to name the site itself. */
    if (site ? site_is_own(site) : origin && (origin_is_own(r, origin) || origin_allowed(r, origin))) {
        return true;
    }
    return cross_site(r, answered);
}

void origin_headers(request_rec *r)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");

    if (!config_server(r->server)->allow_origins) {
        return;
    }
    /* Among the headers that errors keep: a refusal by the site's own sign-in has to be readable too. */
    apr_table_setn(r->err_headers_out, "Vary", "Origin");
    if (origin_allowed(r, origin)) {
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin", origin);
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Credentials", "true");
        apr_table_setn(r->err_headers_out, "Access-Control-Expose-Headers", "ETag, Retry-After");
    }
}

int origin_preflight(request_rec *r, int lookup)
{
    if (lookup || !request_is_preflight(r) || !origin_allowed(r, apr_table_get(r->headers_in, "Origin")) ||
        routes_translate_name(r) != OK) {
        return DECLINED;
    }
    apr_table_setn(r->headers_out, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    apr_table_setn(r->headers_out, "Access-Control-Allow-Headers",
                   "Authorization, Content-Type, If-None-Match, Idempotency-Key");
    apr_table_setn(r->headers_out, "Access-Control-Max-Age", "600");
    r->status = HTTP_NO_CONTENT;
    return OK;
}
