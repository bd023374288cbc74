/* SPDX-License-Identifier: Apache-2.0
 * Bodies of HTML forms. */
#ifndef BILLING_WEB_FORM_H
#define BILLING_WEB_FORM_H

#include "web/query.h"

/** Reads an application/x-www-form-urlencoded body into `values`, as query_read does the query. False where the problem
 * was sent: that of a query, 415, or those of body_read. */
bool form_read(request_rec *r, struct query_value *values, size_t count, int *answered);

#endif
