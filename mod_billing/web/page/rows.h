/* SPDX-License-Identifier: Apache-2.0
 * Features and limits in words, and dates. */
#ifndef BILLING_WEB_PAGE_ROWS_H
#define BILLING_WEB_PAGE_ROWS_H

#include "web/page/view.h"

/** One row for each feature that could be this org's at all. In r->pool, as all of these. */
const struct view_row *rows_features(request_rec *r, const struct standing *standing, const struct decision *decisions,
                                     size_t *count);

const struct view_row *rows_limits(request_rec *r, const struct standing *standing, size_t *count);

/** "3 December 2026", of seconds since the epoch, in UTC. */
const char *text_date(apr_pool_t *pool, int64_t seconds);

/** "12:03". */
const char *text_clock(apr_pool_t *pool, int64_t seconds);

#endif
