/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BILLING_BENCH_LOAD_H
#define BILLING_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#define STATUS_MAX 600

/** Says why on standard error and ends with status 2. */
__attribute__((format(printf, 1, 2), noreturn)) void die(const char *format, ...);

/** The size of the whole answer, or 0 where more of it is to come. `status` and `closes` (no other request may follow
 * on this connection) are set where it is whole. Dies where it is no answer of HTTP/1.1. */
size_t answer_size(const char *answer, size_t held, int *status, bool *closes);

#endif
