/* SPDX-License-Identifier: Apache-2.0
 * What mod_attune_billing offers other modules: one optional function. It needs neither linking nor a load order:
 *
 *     #include <mod_attune_billing.h>
 *     static APR_OPTIONAL_FN_TYPE(attune_billing_can) *can;     // NULL: mod_attune_billing is not loaded
 *     can = APR_RETRIEVE_OPTIONAL_FN(attune_billing_can);       // in an optional_fn_retrieve or post_config hook
 *     …
 *     if (can && !can(r, "trucking.export")->allowed) {
 *         return HTTP_FORBIDDEN;
 *     }
 */
#ifndef MOD_ATTUNE_BILLING_H
#define MOD_ATTUNE_BILLING_H

#include <apr_optional.h>
#include <httpd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ATTUNE_BILLING_UNLIMITED (-1)
#define ATTUNE_BILLING_NO_LIMIT  (-2) /* neither the org nor its plan sets one, or the feature uses none */

/* Members are only ever added, and at the end. */
typedef struct attune_billing_decision {
    int allowed;        /* the feature may be used: as BillingRequireFeature would decide */
    int would_deny;     /* allowed only because it is not enforced for this org */
    const char *reason; /* a word of the REST interface, such as "plan"; "unknown_feature" */
    const char *org;    /* NULL: the request has none */
    const char *status; /* "active", "past_due", "canceled", "none"; "unknown": cannot be told now; "" without an org */
    const char *plan;   /* its key; NULL: none */
    apr_int64_t limit;  /* the one that the feature uses, as it is in force for the org, or one of the above */
} attune_billing_decision;

/** May the request use this feature? Never NULL; lives in r->pool. A feature that is neither declared nor granted by a
 * plan is denied.
 *
 * It may be asked in any phase. Before httpd has authenticated, a request whose org depends on the signed-in user has
 * none. Usually takes no time: the org's state is in shared memory; an org that is not costs one bounded query. Safe
 * for threads, as long as each has its own request. */
APR_DECLARE_OPTIONAL_FN(const attune_billing_decision *, attune_billing_can, (request_rec * r, const char *feature));

#ifdef __cplusplus
}
#endif

#endif
