/* SPDX-License-Identifier: Apache-2.0
 * The billing status page as HTML. */
#ifndef BILLING_WEB_PAGE_PAGE_H
#define BILLING_WEB_PAGE_PAGE_H

#include "web/page/view.h"

#include <httpd.h>

/* How somebody came here, from the query: each is one of a few known words, or NULL. */
struct page_arrival {
    const char *why_title, *why; /* why a gate sent them; NULL: none did */
    bool paid;                   /* back from Checkout, having paid */
    bool left;                   /* back from Checkout, having left it */
    int tries;                   /* how often a browser without scripts has looked since */
};

/* How often such a browser looks. The script gives up after about as long. */
#define TRIES_MAX 12

/** The page; what a handler returns. */
int page_show(request_rec *r, const struct view *view, const struct page_arrival *arrival);

/** On to the provider's page; what a handler returns. */
int page_leave(request_rec *r, const char *url);

#endif
