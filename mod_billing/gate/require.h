/* SPDX-License-Identifier: Apache-2.0
 * `Require billing-feature KEY`, `Require billing-plan KEY…`, `Require billing-status STATUS…`: billing among the
 * conditions of a site's authorization, to be composed with RequireAny and RequireAll.
 *
 * They only grant or refuse, and httpd makes 401 or 403 of it. Where the site can authenticate they never grant without
 * a user, whatever the enforcement. */
#ifndef BILLING_GATE_REQUIRE_H
#define BILLING_GATE_REQUIRE_H

#include <apr_pools.h>

/** While hooks are registered. */
void require_register(apr_pool_t *pool);

#endif
