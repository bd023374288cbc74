/* SPDX-License-Identifier: Apache-2.0
 * Writing HTML that cannot be broken by what is in it: markup comes from string literals alone, which the macros insist
 * on, and everything else is escaped on its way in. */
#ifndef BILLING_WEB_HTML_H
#define BILLING_WEB_HTML_H

#include <httpd.h>

struct html;

/** An empty text in the pool. */
struct html *html_new(apr_pool_t *pool);

/** Appends a literal as it is. */
#define html_raw(html, literal) html_markup((html), "" literal "")

/** Appends a literal with %s for texts, which are escaped to stand in an element or in a quoted attribute, and %lld for
 * numbers. Nothing else may follow a %, but another. NULL is nothing. Texts are UTF-8; what is none, and control
 * characters, become U+FFFD. */
#define html_print(html, format, ...) html_format((html), "" format "", __VA_ARGS__)

/** Appends one text, escaped. */
void html_text(struct html *html, const char *text);

/** `text` as one segment of a path or one value of a query. */
const char *html_url(apr_pool_t *pool, const char *text);

/** What was written; not NUL-terminated. */
const char *html_result(const struct html *html, size_t *length);

/* For the macros. */
void html_markup(struct html *html, const char *markup);
__attribute__((format(printf, 2, 3))) void html_format(struct html *html, const char *format, ...);

#endif
