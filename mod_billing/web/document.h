/* SPDX-License-Identifier: Apache-2.0
 * The frame of the module's own pages. */
#ifndef BILLING_WEB_DOCUMENT_H
#define BILLING_WEB_DOCUMENT_H

#include "web/html.h"

struct document {
    const char *mount; /* below which its files are found */
    const char *title;
    const char *refresh; /* without a script, the page goes there after REFRESH_PAUSE; NULL: it stays */
};

#define REFRESH_PAUSE "5" /* seconds */

/** Everything up to the header of the page, which the caller writes. <main id="main"> is the target of its skip link.
 */
void document_begin(apr_pool_t *pool, struct html *html, const struct document *document);

/** Ends the page and answers the request: never kept, never framed, and nothing runs or loads that is not a file of
 * this server. Forms may go to this server and to `form_targets`, origins divided by spaces, "" for none. What a
 * handler returns. */
int document_answer(request_rec *r, int status, struct html *html, const char *form_targets);

/** 303; what a handler returns. */
int document_go(request_rec *r, const char *url);

#endif
