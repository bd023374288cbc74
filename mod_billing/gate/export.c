/* SPDX-License-Identifier: Apache-2.0
 * A decision for another module. */
#include "gate/export.h"

#include "gate/view.h"
#include "mod_attune_billing.h"

_Static_assert(ATTUNE_BILLING_UNLIMITED == LIMIT_UNLIMITED && ATTUNE_BILLING_NO_LIMIT == LIMIT_NOT_SET,
               "other modules were compiled with these");

/* A macro declares it for its users alone. */
const attune_billing_decision *attune_billing_can(request_rec *r, const char *feature);

const attune_billing_decision *attune_billing_can(request_rec *r, const char *key)
{
    const struct feature *feature = catalogue_feature(&config_global()->catalogue, key);
    attune_billing_decision *told = apr_pcalloc(r->pool, sizeof(*told));
    struct decision decision = {.limit = LIMIT_NOT_SET};
    const struct plan *plan;
    struct gate_view view;

    view_take(r, config_dir(r), &view);
    if (feature) {
        decision = view_decide(&view, feature);
    }
    plan = view_plan(&view);
    told->allowed = decision.allowed;
    told->would_deny = decision.would_deny;
    told->reason = feature ? reason_name(decision.reason) : "unknown_feature";
    told->org = view.context.org;
    told->status = view_status(&view);
    told->plan = plan ? plan->ref.key : NULL;
    told->limit = decision.limit;
    return told;
}

void export_register(void)
{
    APR_REGISTER_OPTIONAL_FN(attune_billing_can);
}
