/* SPDX-License-Identifier: Apache-2.0
 * The change feed: keeps the table in shared memory as the database is, whoever changed it. */
#ifndef BILLING_JOBS_FEED_H
#define BILLING_JOBS_FEED_H

#include <apr_pools.h>

/** One pass: what has changed since the last one; everything where the table is new, the catalogue another, or the
 * database was restarted, failed over or restored. In one thread of one child of this node. What cannot be read stays as
 * it is, and ages. */
void feed_pass(apr_pool_t *pool);

#endif
