/* SPDX-License-Identifier: Apache-2.0
 * Who calls a route: the org and the person of the authenticated request, never of what the client sent. */
#ifndef BILLING_WEB_MEMBER_H
#define BILLING_WEB_MEMBER_H

#include "domain/gate.h"

#include <httpd.h>
#include <stdbool.h>

struct member {
    const char *org;
    bool livemode;
    bool may_manage;             /* may open Checkout and the portal */
    struct gate_context context; /* for decisions that are not about a request's method */
    bool known;                  /* `state` is filled in; else neither memory nor database could tell */
    struct org_state state;
};

/** False where there is no org: then the problem was sent, 401 where nobody is signed in, 403 for one without an org.
 */
bool member_find(request_rec *r, struct member *member, int *answered);

/** The roles that may manage billing, where roles are told at all. */
const struct key_list *member_manage_roles(const request_rec *r);

#endif
