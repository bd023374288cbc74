/* SPDX-License-Identifier: Apache-2.0
 * What the operators' routes share. Who may call them is the site's own `Require`; these routes insist on somebody. */
#ifndef BILLING_WEB_ADMIN_H
#define BILLING_WEB_ADMIN_H

#include <httpd.h>
#include <stdbool.h>

struct operator_call {
    const char *actor; /* who it is: the authenticated user */
    bool livemode;
};

/** The caller of a route that reads. False where nobody is signed in, whatever the site lets through: the problem was
 * sent. */
bool operator_find(request_rec *r, struct operator_call *call, int *answered);

/** The caller of a route that changes something; another site's page is refused as well. */
bool operator_change(request_rec *r, struct operator_call *call, int *answered);

/** The first segment of `tail` as an org id, NULL where it is none: the problem was sent. `*rest` is what follows the
 * segment's slash, "" for nothing. */
const char *operator_org(request_rec *r, const char *tail, const char **rest, int *answered);

/** 503: the database does not answer. */
int operator_unavailable(request_rec *r);

#endif
