/* SPDX-License-Identifier: Apache-2.0
 * What the operators' routes and pages share. Who may call them is the site's own `Require`; these insist on somebody.
 *
 * A task is what a route does, made once: the route answers its JSON, a page shows it. */
#ifndef BILLING_WEB_ADMIN_OPERATOR_H
#define BILLING_WEB_ADMIN_OPERATOR_H

#include "store/database.h"

#include <httpd.h>
#include <jansson.h>
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

/** 503, or 500 where the database refused a statement. NULL. */
json_t *operator_store_problem(request_rec *r, enum store_result result, int *answered);

/** 400 `invalid_member`. NULL. */
json_t *operator_member_problem(request_rec *r, const char *detail, int *answered);

/* `tail` is as of a route_handler; `body` is the object that was sent, with known members alone, or NULL where the
 * route takes none. A new object, or NULL where the problem was sent: then `*answered` is what a handler returns. */
typedef json_t *operator_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                              int *answered);

struct operator_task {
    operator_work *work;
    bool changes;
    const char *const *members; /* of its body, NULL at the end; NULL: it takes none */
};

/* Of a task that takes an empty object. */
extern const char *const operator_no_members[];

/** Does the task and answers with its JSON; what a handler returns. */
int operator_answer(request_rec *r, const char *tail, const struct operator_task *task);

extern const struct operator_task admin_health, admin_sweep, admin_verify;
extern const struct operator_task admin_orgs, admin_org_counts, admin_org, admin_org_configure;
extern const struct operator_task admin_override_add, admin_override_remove;
extern const struct operator_task admin_events, admin_event, admin_event_replay, admin_events_replay;
extern const struct operator_task admin_shadow, admin_explain;
extern const struct operator_task admin_grandfather, admin_grandfather_list, admin_grandfather_undo;

#endif
