/* SPDX-License-Identifier: Apache-2.0
 * What a denial says to whom it meets. */
#ifndef BILLING_GATE_DENIAL_H
#define BILLING_GATE_DENIAL_H

#include "gate/request.h"

/* What is said to people of a reason that can deny. Nothing in it names an org, a person or an amount. */
struct denial_words {
    const char *code; /* of the problem */
    const char *title;
    const char *detail;
};
struct denial_words denial_words(enum decision_reason reason);

/** The body, in r->pool: problem+json, or a small page for a browser that navigates. */
const char *denial_body(request_rec *r, const struct denial *denial, const char **content_type);

/** What goes with the status, whoever writes the body. */
void denial_headers(request_rec *r, const struct denial *denial);

#endif
