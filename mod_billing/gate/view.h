/* SPDX-License-Identifier: Apache-2.0
 * What is known of a request's org at this moment, for all that asks beside the gate: authorization, expressions, the
 * headers for a backend, other modules. */
#ifndef BILLING_GATE_VIEW_H
#define BILLING_GATE_VIEW_H

#include "config/config.h"
#include "domain/gate.h"

#include <httpd.h>

struct gate_view {
    struct gate_context context;
    const struct org_state *state; /* NULL: there is no org, or neither memory nor database could tell */
};

/** The org's state, for which the database is waited for once for each request of a client, however many places httpd
 * looks in for what to serve. False where neither memory nor database could tell. */
bool view_find(request_rec *r, const char *org, struct org_state *state);

/** Identities count as far as they can be believed now: a request may have no org before sign-in and one after it. The
 * org's state is looked for once per request, so that all who ask see the same. Lives in r->pool. */
void view_take(request_rec *r, const struct dir_config *config, struct gate_view *view);

struct decision view_decide(const struct gate_view *view, const struct feature *feature);

/** "active", …; "unknown" where there is an org but no state; "" without an org. */
const char *view_status(const struct gate_view *view);

/** The org's plan, or NULL. */
const struct plan *view_plan(const struct gate_view *view);

#endif
