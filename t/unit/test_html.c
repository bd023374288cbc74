/* SPDX-License-Identifier: Apache-2.0
 * Nothing that is written as a text can become markup. */
#include "web/html.h"

#include "tap_apr.h"

#include <apr_strings.h>

static apr_pool_t *pool;

static const char *written(const struct html *html)
{
    size_t length;
    const char *text = html_result(html, &length);

    return apr_pstrmemdup(pool, text, length);
}

static const char *escaped(const char *text)
{
    struct html *html = html_new(pool);

    html_text(html, text);
    return written(html);
}

static void markup_is_escaped(void)
{
    CU_ASSERT_STRING_EQUAL(escaped("<b a=\"x\" b='y'>&amp;"), "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
    CU_ASSERT_STRING_EQUAL(escaped(""), "");
    CU_ASSERT_STRING_EQUAL(escaped(NULL), "");
    CU_ASSERT_STRING_EQUAL(escaped("a\tb\nc\rd"), "a\tb\nc\rd");
}

#define BAD "\xEF\xBF\xBD"

static void what_is_no_text_is_replaced(void)
{
    CU_ASSERT_STRING_EQUAL(escaped("a\x01z\x7F"), "a" BAD "z" BAD);
    CU_ASSERT_STRING_EQUAL(escaped("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x9A\x9A"), "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x9A\x9A");
    CU_ASSERT_STRING_EQUAL(escaped("\xC0\xBC"), BAD BAD);         /* an overlong < */
    CU_ASSERT_STRING_EQUAL(escaped("\xE0\x80\xBC"), BAD BAD BAD); /* and a longer one */
    CU_ASSERT_STRING_EQUAL(escaped("\xED\xA0\x80"), BAD BAD BAD); /* half of a pair */
    CU_ASSERT_STRING_EQUAL(escaped("\xF4\x90\x80\x80"), BAD BAD BAD BAD);
    CU_ASSERT_STRING_EQUAL(escaped("\xC3"), BAD);         /* cut off */
    CU_ASSERT_STRING_EQUAL(escaped("\xC3<"), BAD "&lt;"); /* nothing is swallowed */
    CU_ASSERT_STRING_EQUAL(escaped("\x80\xFF"), BAD BAD);
}

static void formats_escape_what_they_are_given(void)
{
    struct html *html = html_new(pool);

    html_raw(html, "<p>");
    html_print(html, "%s is %lld %%</p>%s", "<i>", -5LL, "\"");
    CU_ASSERT_STRING_EQUAL(written(html), "<p>&lt;i&gt; is -5 %</p>&quot;");
}

static void a_long_text_keeps_all_of_it(void)
{
    struct html *html = html_new(pool);
    size_t length;

    for (int i = 0; i < 100000; ++i) {
        html_text(html, "<");
    }
    html_result(html, &length);
    CU_ASSERT_EQUAL(length, 400000);
}

static void urls_hold_nothing_but_their_own(void)
{
    CU_ASSERT_STRING_EQUAL(html_url(pool, "a-Z_0.~"), "a-Z_0.~");
    CU_ASSERT_STRING_EQUAL(html_url(pool, "a/b?c&d=\"e' #\xC3\xA4"), "a%2Fb%3Fc%26d%3D%22e%27%20%23%C3%A4");
}

static const struct unit_test tests[] = {
    {"markup_is_escaped", markup_is_escaped},
    {"what_is_no_text_is_replaced", what_is_no_text_is_replaced},
    {"formats_escape_what_they_are_given", formats_escape_what_they_are_given},
    {"a_long_text_keeps_all_of_it", a_long_text_keeps_all_of_it},
    {"urls_hold_nothing_but_their_own", urls_hold_nothing_but_their_own},
};

UNIT_MAIN_APR(tests, pool, NULL)
