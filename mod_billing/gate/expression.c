/* SPDX-License-Identifier: Apache-2.0
 * The expression function and variables. */
#include "gate/expression.h"

#include "config/tree.h"
#include "domain/key.h"
#include "gate/view.h"

#include <ap_expr.h>
#include <apr_strings.h>

static const char *expression_billing(ap_expr_eval_ctx_t *context, const void *data, const char *key)
{
    const struct required_feature *required = data;
    struct gate_view view;

    (void)key;
    if (!required->feature) {
        return ""; /* an expression in .htaccess, of which nobody was told at start that there is no such feature */
    }
    view_take(context->r, config_dir(context->r), &view);
    return view_decide(&view, required->feature).allowed ? "1" : "";
}

static const char *expression_org(ap_expr_eval_ctx_t *context, const void *data)
{
    struct gate_view view;

    (void)data;
    view_take(context->r, config_dir(context->r), &view);
    return view.context.org ? view.context.org : "";
}

static const char *expression_plan(ap_expr_eval_ctx_t *context, const void *data)
{
    struct gate_view view;
    const struct plan *plan;

    (void)data;
    view_take(context->r, config_dir(context->r), &view);
    plan = view_plan(&view);
    return plan ? plan->ref.key : "";
}

static const char *expression_status(ap_expr_eval_ctx_t *context, const void *data)
{
    struct gate_view view;

    (void)data;
    view_take(context->r, config_dir(context->r), &view);
    return view_status(&view);
}

static const struct {
    const char *name;
    ap_expr_var_func_t *value;
} variables[] = {
    {"BILLING_ORG", expression_org},
    {"BILLING_PLAN", expression_plan},
    {"BILLING_STATUS", expression_status},
};

static int lookup_variable(const ap_expr_lookup_parms *parms)
{
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); ++i) {
        if (!strcasecmp(parms->name, variables[i].name)) {
            *parms->func = variables[i].value;
            *parms->data = NULL;
            config_status_reference();
            return OK;
        }
    }
    return DECLINED;
}

/* The key must be there to be read now: one that is only put together while a request is served could be of no feature
 * that the configuration check has seen, or a client's. */
static int lookup_function(const ap_expr_lookup_parms *parms)
{
    const char *key = parms->arg;

    if (strcasecmp(parms->name, "billing")) {
        return DECLINED;
    }
    if (!key || !key_valid(key)) {
        *parms->err = apr_pstrcat(parms->ptemp,
                                  "billing() takes a feature key as it is, as in billing('trucking.dispatch')", NULL);
        return !OK;
    }
    key = apr_pstrdup(parms->pool, key);
    *parms->func = expression_billing;
    *parms->data = config_feature_reference(parms->pool, key, tree_mention("billing", key));
    return OK;
}

static int expression_lookup(ap_expr_lookup_parms *parms)
{
    switch (parms->type) {
    case AP_EXPR_FUNC_VAR:
        return lookup_variable(parms);
    case AP_EXPR_FUNC_STRING:
        return lookup_function(parms);
    default:
        return DECLINED;
    }
}

void expression_register(void)
{
    ap_hook_expr_lookup(expression_lookup, NULL, NULL, APR_HOOK_MIDDLE);
}
