/* SPDX-License-Identifier: Apache-2.0
 * The shared memory that the table lives in: anonymous, so that no file and no permission is in the way, and made once
 * in the life of the server's parent process, so that both generations of a graceful restart share it.
 *
 * The parent opens it after each reading of the configuration; children inherit it by fork. Not safe for two threads at
 * once. */
#ifndef BILLING_CACHE_SEGMENT_H
#define BILLING_CACHE_SEGMENT_H

#include "cache/table.h"

#include <apr_pools.h>

struct segment;

/** The segment with room for `orgs`. That is `previous` wherever it fits. Else it is a new one, and all that the
 * previous table holds is taken over into it; the previous one is then no longer mapped here, but goes on in children
 * that inherited it, and what they still store there comes to the new one by the change feed.
 * @param previous what came out of the last call in this process, by whatever build of the module; NULL at first
 * @param process_pool lives as long as the process. No cleanup that points into the module is left in it, so the module
 *                     may be unloaded
 * @param reason why the result is not what was asked for: NULL, or a string that lives as long as the pool
 * @return NULL where there is no segment at all; `previous` where a new one could not be had */
struct segment *segment_open(struct segment *previous, size_t orgs, apr_pool_t *process_pool, const char **reason);

struct table *segment_table(const struct segment *segment);

#endif
