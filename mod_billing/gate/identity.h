/* SPDX-License-Identifier: Apache-2.0
 * The authenticated context of a request: whose org, which role. It comes from the expressions of BillingOrg and its
 * siblings alone, never from anything a client sends. */
#ifndef BILLING_GATE_IDENTITY_H
#define BILLING_GATE_IDENTITY_H

#include "config/config.h"
#include "domain/state.h"

/** The value of one identity, from r->pool; NULL where it is not configured, empty, or not to be believed.
 *
 * It is read on the initial request first, so that a rewrite, which empties the environment, does not lose a claim, and
 * then inwards. Of the requests on that way only those count that httpd let through its authentication: after a failed
 * sign-in r->user still holds the name that was claimed, and an ErrorDocument is such a request's child. */
const char *identity_value(request_rec *r, const struct dir_config *config, enum identity identity);

/** True where the request claims a value already, believable or not: while httpd has not authenticated, whether it has
 * to. Never to be taken for the value. */
bool identity_claimed(request_rec *r, const struct dir_config *config, enum identity identity);

/** Whom httpd has authenticated this request as, by its modules or by a client certificate that verified; NULL where
 * r->user is nobody's, or only what somebody claimed to be. For handlers. */
const char *identity_user(request_rec *r);

/** The org of the request, valid, or NULL. */
const char *identity_org(request_rec *r, const struct dir_config *config);

/** Fills in when the org was created, where BillingOrgCreated says so: a claim counts before the org record. A date,
 * RFC 3339, or seconds since the epoch; anything else counts as not told. */
void identity_created_at(request_rec *r, const struct dir_config *config, struct org_state *state);

/** True where the value may be another one once the request is authenticated. */
bool identity_needs_auth(const struct dir_config *config, enum identity identity);

/** True where the feature's policy looks at something that depends on the user and that the request does not claim yet.
 */
bool identity_incomplete(request_rec *r, const struct dir_config *config, const struct feature *feature);

#endif
