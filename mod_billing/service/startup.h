/* SPDX-License-Identifier: Apache-2.0
 * What the parent does before it makes children. */
#ifndef BILLING_SERVICE_STARTUP_H
#define BILLING_SERVICE_STARTUP_H

#include "cache/table.h"

#include <httpd.h>

/** Gets the shared memory, with what the last stop saved of it, and, on a first start, looks whether the database's schema is one to work with. OK or an
 * error that was logged. A database that is away stops nothing, a graceful reload is never refused. */
int startup_prepare(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *server);

/** The table for the children; NULL where there was no memory for it. */
struct table *startup_table(void);

#endif
