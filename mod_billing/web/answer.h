/* SPDX-License-Identifier: Apache-2.0
 * Answers in JSON, and text. */
#ifndef BILLING_WEB_ANSWER_H
#define BILLING_WEB_ANSWER_H

#include <httpd.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/** Compact text of `json` in `pool`; takes the object over. */
const char *json_text(apr_pool_t *pool, json_t *json);

/** Sends `json` (taken over) with this status; OK, which a handler returns. Cache-Control is `private, no-store` unless
 * the headers have one. */
int answer_json(request_rec *r, int status, const char *content_type, json_t *json);

/** 200 with an ETag over `json` without the member `volatile_member` (NULL: over all of it), or 304. */
int answer_json_etag(request_rec *r, json_t *json, const char *volatile_member);

/** An ETag that is another one for other data. */
const char *answer_etag(apr_pool_t *pool, const void *data, size_t length);

/** Gives the answer this ETag. True: the client has it already and 304 is set, so the handler returns OK; also for
 * POST, where httpd would answer 412 to If-None-Match. */
bool answer_is_known(request_rec *r, const char *etag);

/** 200 with `text`, which is true for this moment alone. */
int answer_text_now(request_rec *r, const char *content_type, const char *text);

/** RFC 3339 in UTC, or null for 0. */
json_t *json_time(int64_t seconds);
/** A string, or null for NULL. */
json_t *json_text_or_null(const char *text);

#endif
