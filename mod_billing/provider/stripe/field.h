/* SPDX-License-Identifier: Apache-2.0
 * Reads members of Stripe's objects without trust. A member that is absent or null is no error: it reads as NULL, 0 or
 * false. One of the wrong type or size sets `error`, once, and reads as absent. All results are copies in the pool. */
#ifndef BILLING_STRIPE_FIELD_H
#define BILLING_STRIPE_FIELD_H

#include <apr_pools.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define STRIPE_TEXT_MAX 255                   /* bytes of an id, a type, a status; lengths of ids vary */
#define STRIPE_TIME_MAX INT64_C(253402300799) /* the end of the year 9999, what PostgreSQL takes with ease */
#define STRIPE_URL_MAX  8192                  /* bytes */

struct fields {
    apr_pool_t *pool;
    const char *error; /* the first thing that was wrong; NULL: nothing */
};

/** Sets the error unless one is set already. */
void field_fail(struct fields *fields, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The member, borrowed from `object`; NULL where it is absent or null, or `object` is NULL or no object. */
const json_t *field_get(const json_t *object, const char *name);

/** Text of 1..STRIPE_TEXT_MAX bytes without control characters. */
const char *field_text(struct fields *fields, const json_t *object, const char *name);

/** An id: text, or an expanded object whose own `id` is taken. */
const char *field_id(struct fields *fields, const json_t *object, const char *name);

/** An absolute http(s) URL of at most STRIPE_URL_MAX bytes. */
const char *field_url(struct fields *fields, const json_t *object, const char *name);

/** Seconds since the epoch, 0..STRIPE_TIME_MAX. */
int64_t field_time(struct fields *fields, const json_t *object, const char *name);

bool field_flag(struct fields *fields, const json_t *object, const char *name);

/** metadata[key] of the object. Never an error: anyone with the Dashboard may write there. */
const char *field_metadata(apr_pool_t *pool, const json_t *object, const char *key);

/** The text in quotes, cut short and printable, for a sentence. */
const char *field_quote(apr_pool_t *pool, const char *text);

#endif
