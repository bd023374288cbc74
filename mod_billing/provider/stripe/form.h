/* SPDX-License-Identifier: Apache-2.0
 * Stripe's form encoding: nested names in brackets (a[b][0]=v), RFC 3986 percent-encoding with a space as %20, byte for
 * byte as the official SDKs send it. The same text serves as body and as query. */
#ifndef BILLING_STRIPE_FORM_H
#define BILLING_STRIPE_FORM_H

#include <apr_pools.h>
#include <stdbool.h>
#include <stdint.h>

struct form;

struct form *form_create(apr_pool_t *pool);

/* `name` is a literal of ours and is not encoded: "line_items[0][price]". Values and members are encoded. */

/** NULL is left out; "" unsets at Stripe. */
void form_text(struct form *form, const char *name, const char *value);
void form_integer(struct form *form, const char *name, int64_t value);
void form_flag(struct form *form, const char *name, bool value);

/** name[member]=value. Brackets in `member` are encoded, so that it stays one level. NULL is left out. */
void form_member(struct form *form, const char *name, const char *member, const char *value);

/** name[index]=value */
void form_item(struct form *form, const char *name, unsigned index, const char *value);

/** What was added so far, in the pool; "" if nothing was. */
const char *form_encoded(const struct form *form);

/** The text percent-encoded, for a path or a value. */
const char *form_escape(apr_pool_t *pool, const char *text);

#endif
