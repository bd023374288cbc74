/* SPDX-License-Identifier: Apache-2.0
 * Who may call from a browser: this site's own pages, and the origins of BillingAllowOrigin. */
#ifndef BILLING_WEB_ORIGIN_H
#define BILLING_WEB_ORIGIN_H

#include <httpd.h>
#include <stdbool.h>

/** False where a browser says that another site's page makes it change something: 403 `cross_site` was sent. Requests
 * from programs, which send neither Sec-Fetch-Site nor Origin, pass. */
bool origin_may_change(request_rec *r, int *answered);

/** The same of a form, which only a browser sends and which stands on this module's own pages: what says nothing of
 * where it stands is refused as well, and so is a form of an origin that may call the routes. */
bool origin_may_submit(request_rec *r, int *answered);

/** The CORS headers for an allowed origin, on any answer. */
void origin_headers(request_rec *r);

/** quick_handler: answers a preflight of an allowed origin for a path of a mount. It carries no credentials, so it must
 * not meet the site's authentication. */
int origin_preflight(request_rec *r, int lookup);

#endif
