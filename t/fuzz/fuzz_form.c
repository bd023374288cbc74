/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: the form encoder. The input's lines are in turn a metadata key and its value; what comes out must read
 * back as just that. */
#include "provider/stripe/form.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static int hex(char digit)
{
    const char *digits = "0123456789ABCDEF", *at = strchr(digits, digit);
    if (!digit || !at) {
        abort();
    }
    return (int)(at - digits);
}

/* The decoded text from `*encoded` up to `end`, which must be there. */
static char *decode_until(apr_pool_t *pool, const char **encoded, char end)
{
    char *decoded = apr_palloc(pool, strlen(*encoded) + 1), *to = decoded;
    for (; **encoded != end; ++*encoded) {
        if (**encoded == '%') {
            *to++ = (char)(hex((*encoded)[1]) << 4 | hex((*encoded)[2]));
            *encoded += 2;
        } else if (strchr("&=[]+ #?/", **encoded)) { /* and NUL */
            abort();
        } else {
            *to++ = **encoded;
        }
    }
    *to = 0;
    return decoded;
}

static void must_be(const char *is, const char *wanted)
{
    if (strcmp(is, wanted)) {
        abort();
    }
}

/* The text up to the end of the line, which is cut off `rest`. */
static const char *line_cut(char **rest)
{
    char *line = *rest;
    *rest += strcspn(line, "\n");
    if (**rest) {
        *(*rest)++ = 0;
    }
    return line;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *pool;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    struct form *form = form_create(pool);
    const char *lines[2000];
    size_t count = 0;
    for (char *rest = apr_pstrmemdup(pool, (const char *)data, size); *rest && count < 2000; count += 2) {
        lines[count] = line_cut(&rest);
        lines[count + 1] = line_cut(&rest);
        form_member(form, "metadata", lines[count], lines[count + 1]);
    }
    const char *encoded = form_encoded(form);
    for (size_t i = 0; i < count; i += 2) {
        const char *name = i ? "&metadata[" : "metadata[";
        if (strncmp(encoded, name, strlen(name))) {
            abort();
        }
        encoded += strlen(name);
        must_be(decode_until(pool, &encoded, ']'), lines[i]);
        if (strncmp(encoded, "]=", 2)) {
            abort();
        }
        encoded += 2;
        must_be(decode_until(pool, &encoded, i + 2 < count ? '&' : 0), lines[i + 1]);
    }
    must_be(encoded, "");
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
