/* SPDX-License-Identifier: Apache-2.0
 * Removing what claims to be ours, and setting what is. */
#include "gate/forward.h"

#include "gate/view.h"

#include <apr_lib.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_proxy.h>
#include <util_filter.h>

static ap_filter_rec_t *trailers_filter;

static bool separates(char byte)
{
    return byte && !apr_isalnum(byte);
}

/* X-Billing-…, in any spelling. */
static bool name_is_ours(const char *name)
{
    return (name[0] == 'X' || name[0] == 'x') && separates(name[1]) && !strncasecmp(name + 2, "billing", 7) &&
           separates(name[9]);
}

/* From the end: what is removed moves only entries that were looked at. */
static void headers_scrub(apr_table_t *headers)
{
    const apr_array_header_t *all = apr_table_elts(headers);

    for (int i = all->nelts - 1; i >= 0; i = i > all->nelts ? all->nelts - 1 : i - 1) {
        const char *name = APR_ARRAY_IDX(all, i, apr_table_entry_t).key;

        if (name_is_ours(name)) {
            apr_table_unset(headers, name);
        }
    }
}

/* Also runs for an internal redirect, which has the headers of the request before it: what was said there for its
 * section goes. */
static int forward_post_read_request(request_rec *r)
{
    headers_scrub(r->headers_in);
    return DECLINED;
}

static void headers_tell(request_rec *r, const struct dir_config *config)
{
    const struct plan *plan;
    struct gate_view view;

    view_take(r, config, &view);
    if (!view.context.org) {
        return;
    }
    plan = view_plan(&view);
    apr_table_setn(r->headers_in, "X-Billing-Org", view.context.org);
    apr_table_setn(r->headers_in, "X-Billing-Status", view_status(&view));
    if (plan) {
        apr_table_setn(r->headers_in, "X-Billing-Plan", plan->ref.key);
    }
}

static void headers_tell_where_on(request_rec *r)
{
    const struct dir_config *config = config_dir(r);

    if (config->forward_headers == 1) {
        headers_tell(r, config);
    }
}

/* Where the site merges trailers into the headers, they come with the end of a chunked body. */
static bool trailers_are_merged(const request_rec *r)
{
    const core_server_config *core = ap_get_core_module_config(r->server->module_config);

    return core->merge_trailers == AP_MERGE_TRAILERS_ENABLE;
}

static apr_status_t trailers_filter_run(ap_filter_t *filter, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                                        apr_read_type_e block, apr_off_t bytes)
{
    apr_status_t status = ap_get_brigade(filter->next, brigade, mode, block, bytes);

    if (status == APR_SUCCESS && !APR_BRIGADE_EMPTY(brigade) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade))) {
        headers_scrub(filter->r->headers_in);
        headers_tell_where_on(filter->r);
    }
    return status;
}

/* The last moment before the handler runs, when the configuration is that of the file that is served: for all that
 * makes an environment of the headers, as CGI, FastCGI, SCGI and uwsgi do. */
static void forward_insert_filter(request_rec *r)
{
    if (trailers_are_merged(r)) {
        headers_scrub(r->headers_in);
        ap_add_input_filter_handle(trailers_filter, NULL, r, r->connection);
    }
    headers_tell_where_on(r);
}

/* For backends that speak HTTP: mod_proxy has removed by now what the client's Connection header names, which could be
 * one of ours (proxy_util.c, ap_proxy_create_hdrbrgd). */
static int forward_proxy_fixups(request_rec *r)
{
    headers_tell_where_on(r);
    return DECLINED;
}

void forward_register(void)
{
    ap_hook_post_read_request(forward_post_read_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_filter(forward_insert_filter, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(proxy, fixups, forward_proxy_fixups, NULL, NULL, APR_HOOK_MIDDLE);
    trailers_filter = ap_register_input_filter("BILLING_TRAILERS", trailers_filter_run, NULL, AP_FTYPE_CONTENT_SET);
}
