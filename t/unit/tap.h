/* SPDX-License-Identifier: Apache-2.0
 * The main of every unit test: runs the named CUnit tests, says what failed and where, exits non-zero if anything did
 * or if nothing ran. `program NAME` runs the one test of that name. */
#ifndef BILLING_UNIT_TAP_H
#define BILLING_UNIT_TAP_H

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>
#include <stdio.h>
#include <string.h>

struct unit_test {
    const char *name;
    void (*run)(void);
};

static unsigned unit_number;

static void unit_report(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failures)
{
    (void)suite;
    printf("%s %u - %s\n", failures ? "not ok" : "ok", ++unit_number, test->pName);
    for (CU_pFailureRecord failure = failures; failure; failure = failure->pNext) {
        printf("# %s:%u: %s\n", failure->strFileName, failure->uiLineNumber, failure->strCondition);
    }
    fflush(stdout);
}

static int unit_main(int argc, char **argv, const struct unit_test *tests, size_t count)
{
    if (CU_initialize_registry() != CUE_SUCCESS) {
        return 99;
    }
    CU_pSuite suite = CU_add_suite("unit", NULL, NULL);
    unsigned chosen = 0;
    for (size_t i = 0; i < count; ++i) {
        if (argc < 2 || !strcmp(argv[1], tests[i].name)) {
            CU_add_test(suite, tests[i].name, tests[i].run);
            ++chosen;
        }
    }
    printf("1..%u\n", chosen);
    CU_set_test_complete_handler(unit_report);
    CU_run_all_tests();
    unsigned failed = CU_get_number_of_tests_failed();
    CU_cleanup_registry();
    return failed || !chosen;
}

#define UNIT_MAIN(tests)                                                                                               \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        return unit_main(argc, argv, tests, sizeof(tests) / sizeof(*(tests)));                                         \
    }

#endif
