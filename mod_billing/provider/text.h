/* SPDX-License-Identifier: Apache-2.0
 * Text from a peer, made fit for a log line or an error sentence. */
#ifndef BILLING_PROVIDER_TEXT_H
#define BILLING_PROVIDER_TEXT_H

#include <apr_pools.h>
#include <stdbool.h>

/** A copy of at most `max` bytes, in which everything but printable ASCII, and quotes and backslashes, is replaced by
 * '?'. Where it was cut, "..." follows. */
const char *text_printable(apr_pool_t *pool, const char *text, apr_size_t max);

bool text_has_control(const char *text);

#endif
