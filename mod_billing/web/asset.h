/* SPDX-License-Identifier: Apache-2.0
 * Files that the module carries with it: styles and scripts of its pages, and the description of its routes. They are
 * nobody's own, so anyone may keep them. */
#ifndef BILLING_WEB_ASSET_H
#define BILLING_WEB_ASSET_H

#include <httpd.h>

struct asset {
    const char *name;    /* of the file */
    const char *type;    /* its Content-Type */
    const char *version; /* another one where the bytes are others */
    const unsigned char *bytes;
    size_t size;
};

/* Made by the build (embed). */
extern const struct asset assets[];
extern const size_t asset_count;

/** NULL where there is none of this name. */
const struct asset *asset_find(const char *name);

/** Where pages find it: MOUNT/assets/VERSION/NAME, which may be kept for good. MOUNT/assets/NAME is there as well, for
 * pages of the site's own, and is asked for anew each time. */
const char *asset_url(apr_pool_t *pool, const char *mount, const char *name);

/** 200 with an ETag, or 304; what a handler returns. To be asked for anew each time, unless Cache-Control is set. */
int asset_answer(request_rec *r, const struct asset *asset);

#endif
