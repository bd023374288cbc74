/* SPDX-License-Identifier: Apache-2.0
 * CSV: quoting, and no formulas for spreadsheets. */
#include "tap_apr.h"
#include "web/csv.h"

static apr_pool_t *pool;

static const char *cell(const char *text)
{
    return csv_line(pool, &text, 1);
}

static void test_lines(void)
{
    static const char *const cells[] = {"a", NULL, "", "b c"};

    CU_ASSERT_STRING_EQUAL(csv_line(pool, cells, 4), "a,,,b c\r\n");
    CU_ASSERT_STRING_EQUAL(csv_line(pool, cells, 0), "\r\n");
}

static void test_quoting(void)
{
    CU_ASSERT_STRING_EQUAL(cell("a,b"), "\"a,b\"\r\n");
    CU_ASSERT_STRING_EQUAL(cell("say \"no\""), "\"say \"\"no\"\"\"\r\n");
    CU_ASSERT_STRING_EQUAL(cell("two\nlines"), "\"two\nlines\"\r\n");
    CU_ASSERT_STRING_EQUAL(cell("\""), "\"\"\"\"\r\n");
}

static void test_formulas(void)
{
    CU_ASSERT_STRING_EQUAL(cell("=1+1"), "'=1+1\r\n");
    CU_ASSERT_STRING_EQUAL(cell("-org"), "'-org\r\n");
    CU_ASSERT_STRING_EQUAL(cell("+1"), "'+1\r\n");
    CU_ASSERT_STRING_EQUAL(cell("@sum"), "'@sum\r\n");
    CU_ASSERT_STRING_EQUAL(cell("\tx"), "'\tx\r\n");
    CU_ASSERT_STRING_EQUAL(cell("=HYPERLINK(\"http://x\",1)"), "\"'=HYPERLINK(\"\"http://x\"\",1)\"\r\n");
    CU_ASSERT_STRING_EQUAL(cell("a=b"), "a=b\r\n");
}

static const struct unit_test tests[] = {
    {"lines", test_lines},
    {"quoting", test_quoting},
    {"formulas", test_formulas},
};

UNIT_MAIN_APR(tests, pool, NULL)
