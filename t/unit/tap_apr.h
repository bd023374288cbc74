/* SPDX-License-Identifier: Apache-2.0
 * The main of a unit test whose tests take their memory from APR. */
#ifndef BILLING_UNIT_TAP_APR_H
#define BILLING_UNIT_TAP_APR_H

#include "tap.h"

#include <apr_general.h>
#include <apr_pools.h>

/* `pool` is the program's own pointer, which lives as long as its tests; `begin`, where there is one, comes before. */
static int unit_main_apr(int argc, char **argv, const struct unit_test *tests, size_t count, apr_pool_t **pool,
                         void (*begin)(void))
{
    apr_initialize();
    apr_pool_create(pool, NULL);
    if (begin) {
        begin();
    }
    int result = unit_main(argc, argv, tests, count);
    apr_pool_destroy(*pool);
    apr_terminate();
    return result;
}

#define UNIT_MAIN_APR(tests, pool, begin)                                                                              \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        return unit_main_apr(argc, argv, tests, sizeof(tests) / sizeof(*(tests)), &(pool), begin);                     \
    }

#endif
