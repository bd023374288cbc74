/* SPDX-License-Identifier: Apache-2.0
 * Stripe's form encoding, held to what the official Node SDK sends. */
#include "provider/stripe/form.h"
#include "tap_apr.h"

#include <apr_strings.h>
#include <jansson.h>
#include <stdlib.h>

static apr_pool_t *pool;

static void encodes(void)
{
    struct form *form = form_create(pool);
    CU_ASSERT_STRING_EQUAL(form_encoded(form), "");
    form_text(form, "email", "a+b@example.com");
    form_text(form, "name", "\xc3\x9cn\xc3\xaf & Co (x)!*'");
    form_member(form, "metadata", "tenant_id", "t1");
    CU_ASSERT_STRING_EQUAL(form_encoded(form), "email=a%2Bb%40example.com&name=%C3%9Cn%C3%AF%20%26%20Co%20%28x%29%21%2A"
                                               "%27&metadata[tenant_id]=t1");
    form = form_create(pool);
    form_text(form, "gone", "");
    form_text(form, "absent", NULL);
    form_member(form, "metadata", "absent", NULL);
    form_integer(form, "amount", -1500);
    form_integer(form, "big", INT64_MAX);
    form_flag(form, "active", false);
    form_flag(form, "auto_advance", true);
    form_item(form, "types", 0, "invoice.paid");
    form_item(form, "types", 10, "x y");
    form_text(form, "a[b][0][c]", "=&?#[]");
    CU_ASSERT_STRING_EQUAL(form_encoded(form),
                           "gone=&amount=-1500&big=9223372036854775807&active=false&auto_advance=true&types[0]=invoice."
                           "paid&types[10]=x%20y&a[b][0][c]=%3D%26%3F%23%5B%5D");
}

/* A member's name comes from the configuration: it must not become a level of its own, nor another pair. */
static void members_are_one_level(void)
{
    struct form *form = form_create(pool);
    form_member(form, "metadata", "a][b&c=d", "v");
    CU_ASSERT_STRING_EQUAL(form_encoded(form), "metadata[a%5D%5Bb%26c%3Dd]=v");
}

static void escapes_every_byte(void)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (int byte = 1; byte < 256; ++byte) {
        char text[2] = {(char)byte, 0}, wanted[4];
        snprintf(wanted, sizeof(wanted), strchr(unreserved, byte) ? "%c" : "%%%02X", byte);
        CU_ASSERT_STRING_EQUAL(form_escape(pool, text), wanted);
    }
    CU_ASSERT_STRING_EQUAL(form_escape(pool, ""), "");
    CU_ASSERT_STRING_EQUAL(form_escape(pool, "../cus_1?x"), "..%2Fcus_1%3Fx");
}

static char *decode(const char *text, size_t len)
{
    char *decoded = apr_palloc(pool, len + 1), *to = decoded;
    for (size_t i = 0; i < len; ++i) {
        unsigned byte = (unsigned char)text[i];
        if (byte == '%') {
            sscanf(text + i + 1, "%2x", &byte);
            i += 2;
        }
        *to++ = (char)byte;
    }
    *to = 0;
    return decoded;
}

/* Takes an encoded body apart and puts it together again. */
static const char *again(const char *encoded)
{
    struct form *form = form_create(pool);
    while (*encoded) {
        size_t len = strcspn(encoded, "&"), name_len = strcspn(encoded, "=");
        form_text(form, apr_pstrmemdup(pool, encoded, name_len), decode(encoded + name_len + 1, len - name_len - 1));
        encoded += len + (encoded[len] == '&');
    }
    return form_encoded(form);
}

static void sdk_bodies(void)
{
    json_t *calls = json_load_file(SRCDIR "/../shared/fixtures/wire-stripe-node-23.1.0.json", 0, NULL);
    if (!calls) {
        printf("# the SDK's requests are not here\n");
        return;
    }
    CU_ASSERT(json_array_size(calls) >= 20);
    for (size_t i = 0; i < json_array_size(calls); ++i) {
        const json_t *call = json_array_get(calls, i);
        const char *body = json_string_value(json_object_get(call, "body"));
        const char *query = strchr(json_string_value(json_object_get(call, "url")), '?');
        CU_ASSERT_STRING_EQUAL(again(body), body);
        if (query) {
            CU_ASSERT_STRING_EQUAL(again(query + 1), query + 1);
        }
    }
    json_decref(calls);
}

static const struct unit_test tests[] = {
    {"encodes", encodes},
    {"members_are_one_level", members_are_one_level},
    {"escapes_every_byte", escapes_every_byte},
    {"sdk_bodies", sdk_bodies},
};

UNIT_MAIN_APR(tests, pool, NULL)
