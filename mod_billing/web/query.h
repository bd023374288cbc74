/* SPDX-License-Identifier: Apache-2.0
 * The query of a request, by name. */
#ifndef BILLING_WEB_QUERY_H
#define BILLING_WEB_QUERY_H

#include <httpd.h>
#include <stdbool.h>
#include <stdint.h>

struct query_value {
    const char *name;
    const char *value; /* filled in, decoded; NULL: not given, or empty */
};

/** What clients say goes on to JSON and to the database, which hold nothing else. */
bool text_is_utf8(const char *text);

/** Reads the query into `values`. False where it has anything else, a name twice, or what cannot be decoded or is no
 * UTF-8: 400 `invalid_query` was sent. */
bool query_read(request_rec *r, struct query_value *values, size_t count, int *answered);

/** The same of `text`. */
bool query_parse(request_rec *r, const char *text, struct query_value *values, size_t count, int *answered);

/** Takes what has these names, and ignores the rest and what cannot be decoded: for pages that anybody links to. */
void query_pick(request_rec *r, struct query_value *values, size_t count);

/** A number of `value`, which must be `least` to `most`; `usual` where it is NULL. False where the problem was sent. */
bool query_number(request_rec *r, const char *value, int64_t least, int64_t most, int64_t usual, int64_t *number,
                  int *answered);

/** 400 `invalid_query`. */
int query_problem(request_rec *r, const char *detail);

#endif
