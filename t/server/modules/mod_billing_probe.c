/* SPDX-License-Identifier: Apache-2.0
 * Another module that asks attune_billing_can: before sign-in, and in a handler that answers with both decisions. */
#include <httpd.h>

#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>

#include <mod_attune_billing.h>

extern module AP_MODULE_DECLARE_DATA billing_probe_module;

static APR_OPTIONAL_FN_TYPE(attune_billing_can) * can;

static void probe_retrieve(void)
{
    can = APR_RETRIEVE_OPTIONAL_FN(attune_billing_can);
}

static int probe_translate(request_rec *r)
{
    if (can && r->args) {
        ap_set_module_config(r->request_config, &billing_probe_module, (void *)can(r, r->args));
    }
    return DECLINED;
}

static void probe_show(request_rec *r, const char *name, const attune_billing_decision *decision)
{
    ap_rprintf(r, "\"%s\":[%d,%d,\"%s\",\"%s\",\"%s\",\"%s\",%" APR_INT64_T_FMT "]", name, decision->allowed,
               decision->would_deny, decision->reason, decision->org ? decision->org : "-", decision->status,
               decision->plan ? decision->plan : "-", decision->limit);
}

static int probe_handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "billing-probe")) {
        return DECLINED;
    }
    ap_set_content_type(r, "application/json");
    if (!can) {
        ap_rputs("{}", r);
        return OK;
    }
    ap_rputs("{", r);
    probe_show(r, "early", ap_get_module_config(r->request_config, &billing_probe_module));
    ap_rputs(",", r);
    probe_show(r, "late", can(r, r->args));
    ap_rputs("}", r);
    return OK;
}

static void probe_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_optional_fn_retrieve(probe_retrieve, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(probe_translate, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(probe_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(billing_probe) = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, probe_hooks,
#if defined(AP_MODULE_FLAG_NONE)
                                    AP_MODULE_FLAG_NONE
#endif
};
