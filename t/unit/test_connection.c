/* SPDX-License-Identifier: Apache-2.0
 * What of a connection needs no server: how it is asked for, and what an SQLSTATE means. */
#include "store/connection.h"

#include "tap.h"

#include <apr_general.h>
#include <stdlib.h>

static apr_pool_t *pool;

static void begin(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
}

static void end(void)
{
    apr_pool_destroy(pool);
    apr_terminate();
}

static void asks(const char *params, const char *part)
{
    const char *full = connection_params(pool, params);

    if (!strstr(full, part)) {
        printf("# %s is not in: %s\n", part, full);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(full, part));
}

static void test_what_is_left_out_is_filled_in(void)
{
    begin();
    for (int uri = 0; uri < 2; ++uri) {
        const char *params = uri ? "postgresql://u@db/billing" : "host=db dbname=billing user=u";

        asks(params, "host='db'");
        asks(params, "dbname='billing'");
        asks(params, "connect_timeout='2'");
        asks(params, "target_session_attrs='read-write'");
        asks(params, "tcp_user_timeout='5000'");
        asks(params, "application_name='attune_billing'");
    }
    asks("", "connect_timeout='2'");
    end();
}

static void test_what_the_site_says_stays(void)
{
    begin();
    asks("host=a,b connect_timeout=7 target_session_attrs=any", "host='a,b'");
    asks("host=a,b connect_timeout=7 target_session_attrs=any", "connect_timeout='7'");
    asks("host=a,b connect_timeout=7 target_session_attrs=any", "target_session_attrs='any'");
    asks("postgresql://db/x?connect_timeout=9", "connect_timeout='9'");
    asks("password='it\\'s \\\\ so'", "password='it\\'s \\\\ so'");
    end();
}

static void test_what_cannot_be_read_is_left_to_libpq(void)
{
    begin();
    CU_ASSERT_STRING_EQUAL(connection_params(pool, "host"), "host");
    CU_ASSERT_STRING_EQUAL(connection_params(pool, "hots=db"), "hots=db");
    end();
}

static void test_a_database_is_named_without_user_and_secret(void)
{
    begin();
    CU_ASSERT_STRING_EQUAL(connection_origin(pool, "user=u password=secret host=a,b port=5 dbname=billing"),
                           "dbname='billing' host='a,b' port='5'");
    CU_ASSERT_STRING_EQUAL(connection_origin(pool, "postgres://u:secret@a:5/billing"),
                           "dbname='billing' host='a' port='5'");
    CU_ASSERT_STRING_EQUAL(connection_origin(pool, "hots=a"), "");
    end();
}

static void test_an_sqlstate_tells_what_to_do(void)
{
    static const struct {
        const char *state;
        enum answer_kind kind;
    } cases[] = {
        {"23505", ANSWER_CONFLICT}, {"40001", ANSWER_AGAIN}, {"40P01", ANSWER_AGAIN}, {"57P01", ANSWER_LOST},
        {"57P03", ANSWER_LOST},     {"08006", ANSWER_LOST},  {"25006", ANSWER_LOST},  {"53300", ANSWER_BUSY},
        {"53100", ANSWER_BUSY},     {"57014", ANSWER_BUSY},  {"55P03", ANSWER_BUSY},  {"42P01", ANSWER_ERROR},
        {"23503", ANSWER_CONFLICT}, {"", ANSWER_ERROR},      {NULL, ANSWER_LOST},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); ++i) {
        CU_ASSERT_EQUAL(connection_classify(cases[i].state), cases[i].kind);
    }
}

static void test_an_array_of_texts_is_quoted(void)
{
    const char *const items[] = {"plain", "a \"quote\"", "back\\slash", "{,}", ""};

    begin();
    CU_ASSERT_STRING_EQUAL(sql_text_array(pool, items, 5),
                           "{\"plain\",\"a \\\"quote\\\"\",\"back\\\\slash\",\"{,}\",\"\"}");
    CU_ASSERT_STRING_EQUAL(sql_text_array(pool, NULL, 0), "{}");
    end();
}

static const struct unit_test tests[] = {
    {"what_is_left_out_is_filled_in", test_what_is_left_out_is_filled_in},
    {"what_the_site_says_stays", test_what_the_site_says_stays},
    {"what_cannot_be_read_is_left_to_libpq", test_what_cannot_be_read_is_left_to_libpq},
    {"a_database_is_named_without_user_and_secret", test_a_database_is_named_without_user_and_secret},
    {"an_sqlstate_tells_what_to_do", test_an_sqlstate_tells_what_to_do},
    {"an_array_of_texts_is_quoted", test_an_array_of_texts_is_quoted},
};

UNIT_MAIN(tests)
