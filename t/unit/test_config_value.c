/* SPDX-License-Identifier: Apache-2.0
 * Numbers, durations, dates and names as they are written in the configuration. */
#include "config/value.h"

#include "tap.h"

static int64_t number_of(const char *text)
{
    int64_t number;
    return value_number(text, &number) ? number : -1;
}

static apr_interval_time_t duration_of(const char *text)
{
    apr_interval_time_t duration;
    return value_duration(text, &duration) ? duration : -1;
}

static int64_t date_of(const char *text)
{
    int64_t seconds;
    return value_date(text, &seconds) ? seconds : -1;
}

static void numbers(void)
{
    CU_ASSERT_EQUAL(number_of("0"), 0);
    CU_ASSERT_EQUAL(number_of("0042"), 42);
    CU_ASSERT_EQUAL(number_of("9223372036854775807"), INT64_MAX);
    const char *const refused[] = {
        "", "-1", "+1", " 1", "1 ", "1x", "0x10", "1e3", "1.0", "9223372036854775808", "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); ++i) {
        CU_ASSERT_EQUAL(number_of(refused[i]), -1);
    }
}

static void durations(void)
{
    CU_ASSERT_EQUAL(duration_of("0"), 0);
    CU_ASSERT_EQUAL(duration_of("250ms"), 250000);
    CU_ASSERT_EQUAL(duration_of("30"), INT64_C(30000000));
    CU_ASSERT_EQUAL(duration_of("30s"), INT64_C(30000000));
    CU_ASSERT_EQUAL(duration_of("10m"), INT64_C(600000000));
    CU_ASSERT_EQUAL(duration_of("24h"), INT64_C(86400000000));
    CU_ASSERT_EQUAL(duration_of("7d"), INT64_C(604800000000));
    CU_ASSERT_EQUAL(duration_of("9223372036854s"), INT64_C(9223372036854000000));
    const char *const refused[] = {"",           "s",
                                   "-1s",        "1 s",
                                   "1S",         "1min",
                                   "1w",         "1.5h",
                                   "1h30m",      "9223372036855s",
                                   "106751992d", "9223372036854775807d"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); ++i) {
        CU_ASSERT_EQUAL(duration_of(refused[i]), -1);
    }
}

static void dates(void)
{
    CU_ASSERT_EQUAL(date_of("1970-01-01"), 0);
    CU_ASSERT_EQUAL(date_of("2026-12-01"), 1796083200);
    CU_ASSERT_EQUAL(date_of("2024-02-29"), 1709164800);
    CU_ASSERT_EQUAL(date_of("2000-02-29T23:59:59Z"), 951868799);
    CU_ASSERT_EQUAL(date_of("2026-12-01T00:00:00Z"), 1796083200);
    CU_ASSERT_EQUAL(date_of("2026-12-01t01:30:00z"), 1796088600);
    CU_ASSERT_EQUAL(date_of("2026-12-01T01:00:00+01:00"), 1796083200);
    CU_ASSERT_EQUAL(date_of("2026-11-30T18:30:00-05:30"), 1796083200);
    CU_ASSERT_EQUAL(date_of("2026-12-01T00:00:00.999999999Z"), 1796083200);
    CU_ASSERT_EQUAL(date_of("9999-12-31T23:59:59Z"), INT64_C(253402300799));
}

static void dates_refused(void)
{
    const char *const refused[] = {"",
                                   "2026",
                                   "2026-12",
                                   "2026-12-1",
                                   "2026-1-01",
                                   "26-12-01",
                                   "2026-00-01",
                                   "2026-13-01",
                                   "2026-12-00",
                                   "2026-12-32",
                                   "2026-04-31",
                                   "2025-02-29",
                                   "2100-02-29",
                                   "1969-12-31",
                                   "1970-01-01T00:00:00+00:01",
                                   "2026-12-01 08:00:00Z",
                                   "2026-12-01T",
                                   "2026-12-01T08",
                                   "2026-12-01T08:00Z",
                                   "2026-12-01T08:00:00",
                                   "2026-12-01T24:00:00Z",
                                   "2026-12-01T08:60:00Z",
                                   "2026-12-01T08:00:60Z",
                                   "2026-12-01T08:00:00.Z",
                                   "2026-12-01T08:00:00Zx",
                                   "2026-12-01T08:00:00+0100",
                                   "2026-12-01T08:00:00+24:00",
                                   "2026-12-01T08:00:00+01:60",
                                   "2026-12-01T08:00:00+01:00x",
                                   "-026-12-01"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); ++i) {
        if (date_of(refused[i]) != -1) {
            printf("# accepted: %s\n", refused[i]);
        }
        CU_ASSERT_EQUAL(date_of(refused[i]), -1);
    }
}

static void names(void)
{
    char longest[NAME_MAX_LENGTH + 2];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[NAME_MAX_LENGTH + 1] = '\0';
    CU_ASSERT_FALSE(value_name(longest));
    longest[NAME_MAX_LENGTH] = '\0';
    CU_ASSERT(value_name(longest));
    CU_ASSERT(value_name("org:admin"));
    CU_ASSERT(value_name("a/b@c"));
    CU_ASSERT_FALSE(value_name(""));
    CU_ASSERT_FALSE(value_name("a,b"));
    CU_ASSERT_FALSE(value_name("a b"));
    CU_ASSERT_FALSE(value_name("a\t"));
    CU_ASSERT_FALSE(value_name("caf\xc3\xa9"));
    CU_ASSERT(value_price_id("price_1Q"));
    CU_ASSERT(value_price_id("gold,monthly"));
    CU_ASSERT_FALSE(value_price_id(""));
    CU_ASSERT_FALSE(value_price_id("a\x7f"));
}

static const struct unit_test tests[] = {
    {"numbers", numbers}, {"durations", durations}, {"dates", dates}, {"dates_refused", dates_refused},
    {"names", names},
};
UNIT_MAIN(tests)
