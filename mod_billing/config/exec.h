/* SPDX-License-Identifier: Apache-2.0
 * Runs a program once and takes what it writes. For the configuration, before httpd serves anything. */
#ifndef BILLING_CONFIG_EXEC_H
#define BILLING_CONFIG_EXEC_H

#include <apr_pools.h>
#include <apr_time.h>

/** Runs argv[0] with nothing to read, and this process's environment and standard error. `bytes` has room for max + 1.
 * NULL, or what went wrong as the end of a sentence that begins with the program's name: it could not be started, took
 * longer than `timeout` (it is killed), wrote more than `max` bytes, or did not end with 0. */
const char *exec_output(apr_pool_t *pool, const char *const *argv, apr_interval_time_t timeout, char *bytes,
                        apr_size_t max, apr_size_t *length);

#endif
