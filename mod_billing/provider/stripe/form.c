/* SPDX-License-Identifier: Apache-2.0
 * Stripe's form encoding. */
#include "provider/stripe/form.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

struct form {
    apr_pool_t *pool;
    apr_array_header_t *pairs; /* const char *, each with its '&' but the first */
};

struct form *form_create(apr_pool_t *pool)
{
    struct form *form = apr_palloc(pool, sizeof(*form));
    form->pool = pool;
    form->pairs = apr_array_make(pool, 16, sizeof(const char *));
    return form;
}

/* RFC 3986's unreserved characters. Not isalnum: that asks the locale. */
static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

const char *form_escape(apr_pool_t *pool, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *escaped = apr_palloc(pool, 3 * strlen(text) + 1), *to = escaped;
    for (; *text; ++text) {
        if (unreserved(*text)) {
            *to++ = *text;
        } else {
            *to++ = '%';
            *to++ = digits[(unsigned char)*text >> 4];
            *to++ = digits[(unsigned char)*text & 15];
        }
    }
    *to = 0;
    return escaped;
}

static void pair_add(struct form *form, const char *name, const char *value)
{
    const char *separator = form->pairs->nelts > 0 ? "&" : "";
    APR_ARRAY_PUSH(form->pairs, const char *) =
        apr_pstrcat(form->pool, separator, name, "=", form_escape(form->pool, value), NULL);
}

void form_text(struct form *form, const char *name, const char *value)
{
    if (value) {
        pair_add(form, name, value);
    }
}

void form_integer(struct form *form, const char *name, int64_t value)
{
    pair_add(form, name, apr_psprintf(form->pool, "%" APR_INT64_T_FMT, value));
}

void form_flag(struct form *form, const char *name, bool value)
{
    pair_add(form, name, value ? "true" : "false");
}

void form_member(struct form *form, const char *name, const char *member, const char *value)
{
    if (value) {
        pair_add(form, apr_pstrcat(form->pool, name, "[", form_escape(form->pool, member), "]", NULL), value);
    }
}

void form_item(struct form *form, const char *name, unsigned index, const char *value)
{
    pair_add(form, apr_psprintf(form->pool, "%s[%u]", name, index), value);
}

const char *form_encoded(const struct form *form)
{
    return apr_array_pstrcat(form->pool, form->pairs, 0);
}
