/* SPDX-License-Identifier: Apache-2.0
 * GET /assets/… at the page and admin mounts: files for browsers. */
#include "web/asset.h"

#include "web/problem.h"
#include "web/routes.h"

#include <apr_strings.h>
#include <http_protocol.h>

const struct asset *asset_find(const char *name)
{
    for (size_t i = 0; i < asset_count; ++i) {
        if (!strcmp(assets[i].name, name)) {
            return &assets[i];
        }
    }
    return NULL;
}

const char *asset_url(apr_pool_t *pool, const char *mount, const char *name)
{
    const struct asset *asset = asset_find(name);

    ap_assert(asset);
    return apr_pstrcat(pool, mount, "/assets/", asset->version, "/", name, NULL);
}

int asset_answer(request_rec *r, const struct asset *asset)
{
    apr_table_setn(r->headers_out, "ETag", apr_pstrcat(r->pool, "\"", asset->version, "\"", NULL));
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    if (!apr_table_get(r->headers_out, "Cache-Control")) {
        apr_table_setn(r->headers_out, "Cache-Control", "no-cache");
    }
    if (ap_meets_conditions(r) == HTTP_NOT_MODIFIED) {
        r->status = HTTP_NOT_MODIFIED;
        return OK;
    }
    ap_set_content_type(r, asset->type);
    ap_set_content_length(r, (apr_off_t)asset->size);
    if (!r->header_only) {
        ap_rwrite(asset->bytes, (int)asset->size, r);
    }
    return OK;
}

/* A version that is not the one here is that of another node, while they are being upgraded: the file is served, and
 * not kept. */
int asset_handler(request_rec *r, const char *tail)
{
    const char *slash = strchr(tail, '/');
    const struct asset *asset = asset_find(slash ? slash + 1 : tail);

    if (!asset) {
        return problem_send(r, HTTP_NOT_FOUND, "not_found", "There is no such file here.");
    }
    if (slash && strlen(asset->version) == (size_t)(slash - tail) &&
        !strncmp(tail, asset->version, (size_t)(slash - tail))) {
        apr_table_setn(r->headers_out, "Cache-Control", "public, max-age=31536000, immutable");
    }
    return asset_answer(r, asset);
}
