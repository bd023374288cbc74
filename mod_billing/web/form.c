/* SPDX-License-Identifier: Apache-2.0
 * Forms. */
#include "web/form.h"

#include "web/body.h"
#include "web/problem.h"

#include <http_protocol.h>

#define FORM_MAX  (64 * 1024)
#define FORM_TYPE "application/x-www-form-urlencoded"

bool form_read(request_rec *r, struct query_value *values, size_t count, int *answered)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    struct body body;

    if (!type || strcspn(type, "; \t") != strlen(FORM_TYPE) || strncasecmp(type, FORM_TYPE, strlen(FORM_TYPE))) {
        *answered = problem_send(r, HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Send " FORM_TYPE ".");
        return false;
    }
    *answered = body_read(r, FORM_MAX, &body);
    if (*answered != OK) {
        return false;
    }
    /* Else what follows a NUL would not count. */
    if (strlen(body.data) != body.length) {
        *answered = query_problem(r, "The form cannot be decoded.");
        return false;
    }
    return query_parse(r, body.data, values, count, answered);
}
