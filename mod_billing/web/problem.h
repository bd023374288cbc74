/* SPDX-License-Identifier: Apache-2.0
 * Errors as RFC 9457 problem details. */
#ifndef BILLING_WEB_PROBLEM_H
#define BILLING_WEB_PROBLEM_H

#include <httpd.h>
#include <jansson.h>

/** A new object with type, title, status, code, detail and requestId. */
json_t *problem_json(request_rec *r, int status, const char *code, const char *title, const char *detail);

/** Its text, in r->pool; takes the object over. */
const char *problem_text(request_rec *r, json_t *problem);

/** Answers the request with a problem; what a handler returns. `code` is stable and snake_case, `detail` says what to
 * do about it and contains nothing that the client sent. */
int problem_send(request_rec *r, int status, const char *code, const char *detail);

/** The same with a problem that has more members; takes the object over. */
int problem_answer(request_rec *r, int status, json_t *problem);

/** 503 with Retry-After. */
int problem_unavailable(request_rec *r, const char *code, const char *detail, int retry_after);

#endif
