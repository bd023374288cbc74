/* SPDX-License-Identifier: Apache-2.0
 * Comma-separated values (RFC 4180) that spreadsheets may open. */
#ifndef BILLING_WEB_CSV_H
#define BILLING_WEB_CSV_H

#include <apr_strings.h>

/** One line with its CRLF, in `pool`. NULL is an empty cell. A text that a spreadsheet would take for a formula gets an
 * apostrophe in front. */
const char *csv_line(apr_pool_t *pool, const char *const *cells, size_t count);

#endif
