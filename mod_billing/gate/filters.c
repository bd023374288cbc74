/* SPDX-License-Identifier: Apache-2.0
 * Output filters of gated requests: preflights without a body, and the body of a denial. */
#include "gate/applies.h"
#include "gate/caching.h"
#include "gate/denial.h"
#include "gate/hooks.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>
#include <util_filter.h>

static ap_filter_rec_t *bodiless_filter, *denial_filter;

/* A preflight passes a gate without an org, so nothing of what is behind the gate may come back with it. */
static apr_status_t bodiless_filter_run(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    apr_bucket *bucket = APR_BRIGADE_FIRST(brigade), *next;

    apr_table_unset(filter->r->headers_out, "Content-Length");
    apr_table_unset(filter->r->headers_out, "ETag");
    apr_table_unset(filter->r->headers_out, "Last-Modified");
    for (; bucket != APR_BRIGADE_SENTINEL(brigade); bucket = next) {
        next = APR_BUCKET_NEXT(bucket);
        if (!APR_BUCKET_IS_METADATA(bucket)) {
            apr_bucket_delete(bucket);
        }
    }
    return APR_BRIGADE_EMPTY(brigade) ? APR_SUCCESS : ap_pass_brigade(filter->next, brigade);
}

/* Swaps httpd's canned body for ours. */
static apr_status_t denial_filter_run(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    request_rec *r = filter->r;
    const char *content_type, *body = denial_body(r, filter->ctx, &content_type);
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;

    ap_remove_output_filter(filter);
    apr_brigade_cleanup(brigade);
    ap_set_content_type(r, content_type);
    ap_set_content_length(r, (apr_off_t)strlen(body));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_pool_create(body, strlen(body), r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(alloc));
    return ap_pass_brigade(filter->next, brigade);
}

void gate_register_filters(void)
{
    caching_register_filters();
    bodiless_filter = ap_register_output_filter("BILLING_BODILESS", bodiless_filter_run, NULL, AP_FTYPE_CONTENT_SET);
    denial_filter = ap_register_output_filter("BILLING_DENIAL", denial_filter_run, NULL, AP_FTYPE_RESOURCE);
}

/* The configuration counts as it is now: mod_dir and mod_negotiation may have put a gated file in the place of a
 * request that was not gated itself. */
void gate_insert_filter(request_rec *r)
{
    struct request_record *record = request_record_find(r);

    if (!record) {
        return;
    }
    record->handling = true;
    if (gate_applies(r, config_dir(r))) {
        caching_forbid(r);
        if (request_is_preflight(r)) {
            ap_add_output_filter_handle(bodiless_filter, NULL, r, r->connection);
        }
    }
}

/* A text is what httpd is about to send; a path or URL of the site's was redirected to before, unless it failed. */
static bool site_has_text_for(request_rec *r)
{
    const char *document = ap_response_code_string(r, ap_index_of_response(r->status));
    return document && *document == '"';
}

void gate_insert_error_filter(request_rec *r)
{
    const struct denial *denial = request_denial(r);

    if (denial) {
        denial_headers(r, denial);
    }
    if (denial && !site_has_text_for(r)) {
        apr_table_mergen(r->err_headers_out, "Vary", "Accept, Sec-Fetch-Mode");
        ap_add_output_filter_handle(denial_filter, (void *)denial, r, r->connection);
    } else if (gate_applies(r, config_dir(r)) && request_is_preflight(r)) {
        ap_add_output_filter_handle(bodiless_filter, NULL, r, r->connection);
    }
}
