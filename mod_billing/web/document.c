/* SPDX-License-Identifier: Apache-2.0
 * Pages. */
#include "web/document.h"

#include "web/asset.h"

#include <apr_strings.h>
#include <http_protocol.h>

#define TEXT_SKIP "Skip to the content"

void document_begin(apr_pool_t *pool, struct html *html, const struct document *document)
{
    html_raw(html, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                   "<meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"data:,\">");
    html_print(html, "<title>%s</title><link rel=\"stylesheet\" href=\"%s\"><script src=\"%s\" defer></script>",
               document->title, asset_url(pool, document->mount, "style.css"),
               asset_url(pool, document->mount, "pages.js"));
    if (document->refresh) {
        html_print(html, "<noscript><meta http-equiv=\"refresh\" content=\"" REFRESH_PAUSE "; url=%s\"></noscript>",
                   document->refresh);
    }
    html_raw(html, "</head><body><a class=\"skip\" href=\"#main\">" TEXT_SKIP "</a>");
}

int document_answer(request_rec *r, int status, struct html *html, const char *form_targets)
{
    const char *text;
    size_t length;

    html_raw(html, "</body></html>\n");
    text = html_result(html, &length);
    r->status = status;
    ap_set_content_type(r, "text/html; charset=utf-8");
    ap_set_content_length(r, (apr_off_t)length);
    apr_table_setn(r->headers_out, "Cache-Control", "private, no-store");
    apr_table_setn(r->headers_out, "Content-Security-Policy",
                   apr_pstrcat(r->pool,
                               "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
                               "img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
                               *form_targets ? " " : "", form_targets, NULL));
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    /* Not no-referrer, which would make browsers send Origin: null with forms. */
    apr_table_setn(r->headers_out, "Referrer-Policy", "same-origin");
    if (!r->header_only) {
        ap_rwrite(text, (int)length, r);
    }
    return OK;
}

int document_go(request_rec *r, const char *url)
{
    apr_table_setn(r->headers_out, "Location", url);
    apr_table_setn(r->headers_out, "Cache-Control", "private, no-store");
    r->status = HTTP_SEE_OTHER;
    ap_set_content_length(r, 0);
    return OK;
}
