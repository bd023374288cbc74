/* SPDX-License-Identifier: Apache-2.0
 * Prometheus' text format: escaping, seconds, and histograms that agree with themselves. */
#include "tap_apr.h"
#include "web/exposition.h"

static apr_pool_t *pool;

static void test_escaping(void)
{
    struct exposition out;

    exposition_begin(&out, pool);
    exposition_family(&out, "a_total", "counter", "Back\\slash, \"quoted\",\nline");
    exposition_sample(&out, (struct label[]){{"x", "b\\c\"d\ne"}, {"y", ""}}, 2, 7);
    exposition_sample(&out, NULL, 0, -1);
    CU_ASSERT_STRING_EQUAL(exposition_text(&out), "# HELP a_total Back\\\\slash, \"quoted\",\\nline\n"
                                                  "# TYPE a_total counter\n"
                                                  "a_total{x=\"b\\\\c\\\"d\\ne\",y=\"\"} 7\n"
                                                  "a_total -1\n");
}

static void test_histogram(void)
{
    static const int64_t bounds[HISTOGRAM_BOUNDS] = {500,     1000,    25000,    100000,   1000000,  1500000, 2000000,
                                                     3000000, 4000000, 50000000, 60000000, 70000000, 80000000};
    struct histogram histogram = {.bounds = bounds, .sum = 12345678};
    struct exposition out;
    const char *text;

    histogram.buckets[0] = 1;
    histogram.buckets[2] = 2;
    histogram.buckets[HISTOGRAM_BOUNDS] = 4;
    exposition_begin(&out, pool);
    exposition_family(&out, "a_seconds", "histogram", "A.");
    exposition_histogram(&out, (struct label[]){{"mode", "live"}}, 1, &histogram);
    exposition_histogram(&out, NULL, 0, &histogram);
    text = exposition_text(&out);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\na_seconds_bucket{mode=\"live\",le=\"0.0005\"} 1\n"
                                        "a_seconds_bucket{mode=\"live\",le=\"0.001\"} 1\n"
                                        "a_seconds_bucket{mode=\"live\",le=\"0.025\"} 3\n"
                                        "a_seconds_bucket{mode=\"live\",le=\"0.1\"} 3\n"
                                        "a_seconds_bucket{mode=\"live\",le=\"1\"} 3\n"
                                        "a_seconds_bucket{mode=\"live\",le=\"1.5\"} 3\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\na_seconds_bucket{mode=\"live\",le=\"80\"} 3\n"
                                        "a_seconds_bucket{mode=\"live\",le=\"+Inf\"} 7\n"
                                        "a_seconds_sum{mode=\"live\"} 12.345678\n"
                                        "a_seconds_count{mode=\"live\"} 7\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\na_seconds_bucket{le=\"50\"} 3\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\na_seconds_count 7\n"));
}

static void test_buckets(void)
{
    static const int64_t bounds[HISTOGRAM_BOUNDS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};

    CU_ASSERT_EQUAL(histogram_bucket(bounds, 0), 0);
    CU_ASSERT_EQUAL(histogram_bucket(bounds, 1), 0);
    CU_ASSERT_EQUAL(histogram_bucket(bounds, 2), 1);
    CU_ASSERT_EQUAL(histogram_bucket(bounds, 13), HISTOGRAM_BOUNDS - 1);
    CU_ASSERT_EQUAL(histogram_bucket(bounds, 14), HISTOGRAM_BOUNDS);
    CU_ASSERT_EQUAL(histogram_bucket(bounds, INT64_MAX), HISTOGRAM_BOUNDS);
}

static const struct unit_test tests[] = {
    {"escaping", test_escaping},
    {"histogram", test_histogram},
    {"buckets", test_buckets},
};

UNIT_MAIN_APR(tests, pool, NULL)
