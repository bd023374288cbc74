/* SPDX-License-Identifier: Apache-2.0
 * Gated answers are private where they say nothing themselves, and mod_cache does not store them whatever they say. */
#include "gate/caching.h"

#include "gate/request.h"

#include <http_config.h>
#include <util_filter.h>

static ap_filter_rec_t *private_filter, *passing_filter;

/* Only then answers are kept from it by r->no_cache, which also adds an Expires header to them. */
static bool mod_cache_is_here;

void caching_start(void)
{
    mod_cache_is_here = ap_find_linked_module("mod_cache.c") != NULL;
}

static void caching_mark_private(request_rec *r)
{
    if (!apr_table_get(r->headers_out, "Cache-Control") && !apr_table_get(r->err_headers_out, "Cache-Control")) {
        apr_table_setn(r->headers_out, "Cache-Control", "private");
    }
}

/* A filter, since headers set in fixups are lost where mod_proxy reads the answer's own. */
static apr_status_t private_filter_run(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    ap_remove_output_filter(filter);
    caching_mark_private(filter->r);
    return ap_pass_brigade(filter->next, brigade);
}

/* A file that httpd sends as it is: nobody reads headers of the answer's own that would be lost, or come twice. Where
 * nothing names a handler the content type does (ap_invoke_handler), and of those for handlers all begin so. */
static bool answer_is_a_file(const request_rec *r)
{
    return !r->handler && !r->proxyreq && r->finfo.filetype == APR_REG &&
           !(r->content_type && !strncmp(r->content_type, "application/x-httpd-", strlen("application/x-httpd-")));
}

static apr_status_t passing_filter_run(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    return ap_pass_brigade(filter->next, brigade);
}

void caching_register_filters(void)
{
    private_filter = ap_register_output_filter("BILLING_PRIVATE", private_filter_run, NULL, AP_FTYPE_CONTENT_SET);
    passing_filter = ap_register_output_filter("BILLING_PASSING", passing_filter_run, NULL, AP_FTYPE_CONTENT_SET);
}

/* The page is on its way out already when mod_include looks up a part of it, so mod_cache has looked at no_cache. What
 * it has begun to store counts for nothing unless its filter sees the end. The filter cannot be taken out: the part has
 * its own way into the middle of the chain. */
static void caching_abandon(request_rec *page)
{
    for (ap_filter_t *filter = page->output_filters; filter; filter = filter->next) {
        if (!strcmp(filter->frec->name, "cache_save") || !strcmp(filter->frec->name, "cache_save_subreq")) {
            filter->frec = passing_filter;
        }
    }
}

void caching_forbid(request_rec *r)
{
    if (answer_is_a_file(r)) {
        caching_mark_private(r);
    } else {
        ap_add_output_filter_handle(private_filter, NULL, r, r->connection);
    }
    if (mod_cache_is_here) {
        r->no_cache = 1;
    }
}

void caching_forbid_around(request_rec *r)
{
    for (request_rec *page = r->main; page; page = page->main) {
        const struct request_record *record = request_record_find(page);

        if (!record || !record->handling) {
            caching_forbid(page);
        } else if (mod_cache_is_here) {
            caching_abandon(page);
        }
    }
}
