/* SPDX-License-Identifier: Apache-2.0
 * Opening the provider's own pages for a member, whether JSON or a form asked for it. */
#ifndef BILLING_WEB_OPENING_H
#define BILLING_WEB_OPENING_H

#include "domain/catalogue.h"
#include "web/member.h"

#include <httpd.h>
#include <stdbool.h>
#include <stdint.h>

/** False where the member's role may not manage billing: 403 `role_not_allowed` was sent. */
bool opening_allowed(request_rec *r, const struct member *member, int *answered);

struct opening {
    const char *url;
    const struct plan *plan; /* Checkout's */
    int64_t expires_at;      /* Checkout's, seconds since the epoch */
};

/** Checkout for the plan of this key; NULL means the only one there is. False where the problem was sent. */
bool opening_checkout(request_rec *r, const struct member *member, const char *plan_key, struct opening *opening,
                      int *answered);

/** The portal, at the flow of this name; NULL means its first page. False where the problem was sent. */
bool opening_portal(request_rec *r, const struct member *member, const char *flow_name, struct opening *opening,
                    int *answered);

#endif
