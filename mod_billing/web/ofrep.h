/* SPDX-License-Identifier: Apache-2.0
 * OFREP's flags. */
#ifndef BILLING_WEB_OFREP_H
#define BILLING_WEB_OFREP_H

#include <apr_pools.h>

/** From post_config: the flags that the catalogue has, in the order in which they are told. They live in `pool`. */
void ofrep_prepare(apr_pool_t *pool);

#endif
