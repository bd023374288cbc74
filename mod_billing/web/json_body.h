/* SPDX-License-Identifier: Apache-2.0
 * JSON bodies of routes that a person's browser calls. */
#ifndef BILLING_WEB_JSON_BODY_H
#define BILLING_WEB_JSON_BODY_H

#include <httpd.h>
#include <jansson.h>
#include <stdbool.h>

#define JSON_BODY_MAX (64 * 1024)

/** The object in the body, {} for an empty one; freed with r->pool. Members must be among `members` (NULL at the end).
 * False where the problem was sent: 415, 413, 400 invalid_json, unknown_member, or client_supplied_identifier where
 * body or query name an org, a customer or a subscription at any depth: those come from the authenticated request
 * alone. */
bool json_body_read(request_rec *r, const char *const *members, json_t **body, int *answered);

/** For operators, who name orgs: everything but the look for identifiers. */
bool operator_body_read(request_rec *r, const char *const *members, json_t **body, int *answered);

/** The same look at the query alone, for routes without a body. */
bool query_is_clean(request_rec *r, int *answered);

#endif
