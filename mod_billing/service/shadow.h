/* SPDX-License-Identifier: Apache-2.0
 * What would have been denied: counted where it happens, brought to the database now and then. */
#ifndef BILLING_SERVICE_SHADOW_H
#define BILLING_SERVICE_SHADOW_H

#include "domain/gate.h"
#include "store/database.h"

#include <httpd.h>

/** In the parent, before it makes children: gets the memory to count in, which outlives reloads. Where there is none
 * that is logged, and nothing is counted. */
void shadow_prepare(server_rec *server);

/** In each child, from child_init, after runtime_start. What is counted up to the child's end is written down then. */
void shadow_start(apr_pool_t *pool);

/** Counts a request of the feature that would have been denied. That a client's request counts once, whatever its
 * subrequests and internal redirects ask for, is the caller's care. Waits for nothing. `org` may be NULL. */
void shadow_count(request_rec *r, const struct feature *feature, const char *org, enum decision_reason reason,
                  int64_t now);

/** Writes down all that this server has counted. STORE_UNAVAILABLE: what is left waits for the next time, and nothing
 * of it is lost or counted twice. */
enum store_result shadow_flush(apr_pool_t *pool, apr_interval_time_t wait);

#endif
