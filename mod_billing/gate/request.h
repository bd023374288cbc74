/* SPDX-License-Identifier: Apache-2.0
 * What the module remembers of one request, in request_config. Notes would not do: a site can write them, and they are
 * emptied on internal redirects. */
#ifndef BILLING_GATE_REQUEST_H
#define BILLING_GATE_REQUEST_H

#include "config/config.h"
#include "domain/gate.h"

#include <httpd.h>

struct denial {
    const struct feature *feature;
    const struct required_limit *counted; /* what was denied is this limit; `feature` uses it, or is NULL */
    struct decision decision;
    const char *org;
    const struct plan *plan; /* the org's; NULL: none */
    int64_t usage;           /* of the limit; -1: not told */
    int status;
};

/* What was counted of the decisions about one feature for one client's request. */
struct feature_counts {
    const struct feature *feature;
    bool measured, shadowed;
    struct feature_counts *next;
};

struct request_record {
    /* web/: the mount that claimed the request, and the path below it, beginning with '/' or empty. */
    bool claimed;
    bool serves_member; /* the route is about the signed-in caller, so somebody should sign in */
    bool for_people;    /* a person looks at the answer: problems are pages */
    enum mount mount;
    const char *path;

    /* gate/ */
    bool signing_in;     /* httpd asked its authentication modules */
    bool let_through;    /* no access hook objected: where it signed in, it did so successfully */
    bool authenticated;  /* httpd is past authenticating it, or has no way to: where it signed in, it did so truly */
    bool wants_user;     /* an authorization condition cannot be judged without one */
    bool error_document; /* the site's document for a denial of the gate: served */
    bool handling;       /* past fixups: its handler runs */

    /* How many features that this configuration requires are decided for good; those after them need fixups. Another
     * configuration begins anew: mod_dir and mod_negotiation may put another file in the place of this one. */
    const struct dir_config *judged_of;
    int judged;
    bool counted; /* the limits too */
    /* Of a client's first request_rec: for each feature; the first without one is unused. */
    struct feature_counts counts;
    const char *unanswered; /* of a client's first request_rec: an org that the database could not tell of; or NULL */
    const struct denial *denial;       /* NULL: none (so far) */
    struct known_state *known;         /* gate/view.c: of the org that was looked for; NULL: none yet */
    const struct denial *inner_denial; /* of a subrequest that looked for what to serve, such as mod_dir's; or NULL */
};

/** The record, made on first use. */
struct request_record *request_record(request_rec *r);

/** The record if there is one. */
static inline struct request_record *request_record_find(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &attune_billing_module);
}

/** The client's own: not a subrequest, nor what httpd was redirected to inside. */
request_rec *request_first(request_rec *r);

/** The gate's denial that the request ends with, or NULL where it ends with something else. */
const struct denial *request_denial(const request_rec *r);

/** True where r->user is somebody whom httpd has authenticated. r->user alone does not tell: it is set before the
 * password is checked, and stays where the check fails. */
bool request_signed_in(const request_rec *r);

/** Whether httpd has a way to authenticate here. AuthType None counts as none. */
bool request_can_authenticate(request_rec *r);

/** True for a CORS preflight, and whatever httpd looks up or serves in its place: it carries no credentials, so a
 * denial would only look like a CORS error. */
bool request_is_preflight(const request_rec *r);

/** An id for this request that a person can find in the log: mod_unique_id's, else a random one. */
const char *request_id(request_rec *r);

#endif
