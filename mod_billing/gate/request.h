/* SPDX-License-Identifier: Apache-2.0
 * What the module remembers of one request, in request_config. Notes would not do: a site can write them, and they are
 * emptied on internal redirects. */
#ifndef BILLING_GATE_REQUEST_H
#define BILLING_GATE_REQUEST_H

#include "config/config.h"
#include "domain/gate.h"

#include <httpd.h>

struct route;

struct denial {
    const struct feature *feature;
    const struct required_feature *required;
    struct decision decision;
    const char *org;
    const struct plan *plan; /* the org's; NULL: none */
    int64_t usage;           /* of the limit; -1: not told */
    int status;
};

struct request_record {
    /* web/: the mount that claimed the request, and the path below it, beginning with '/' or empty. */
    bool claimed;
    enum mount mount;
    const char *path;

    /* gate/ */
    bool authenticated;    /* authn and authz let it through: what it says of its user is true */
    bool error_document;   /* the site's document for a denial of the gate: served */
    bool gated;            /* something was required of it */
    bool handling;         /* past fixups: its handler runs */
    int judged;            /* how many features are decided for good; those after it need fixups */
    struct denial *denial; /* NULL: none (so far) */
};

/** The record, made on first use. */
struct request_record *request_record(request_rec *r);

/** The record if there is one. */
struct request_record *request_record_find(const request_rec *r);

/** An id for this request that a person can find in the log: mod_unique_id's, else a random one. */
const char *request_id(request_rec *r);

#endif
