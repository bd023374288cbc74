/* SPDX-License-Identifier: Apache-2.0
 * Stripe's customers. */
#include "provider/stripe/api.h"
#include "provider/stripe/field.h"
#include "provider/stripe/stripe.h"

#include <string.h>

struct provider_result stripe_customer_create(const struct provider_call *call, const struct customer_request *request,
                                              const char **customer)
{
    struct form *form = form_create(call->pool);
    form_member(form, "metadata", call->account->org_metadata, request->org);
    form_member(form, "metadata", PROVIDER_INSTALL_METADATA, call->account->installation);
    struct stripe_request post = {
        .method = "POST", .path = "/v1/customers", .form = form, .idempotency_key = request->idempotency_key};
    json_t *answer;
    struct provider_result result = stripe_call(call, &post, &answer);
    *customer = NULL;
    if (result.outcome == PROVIDER_OK) {
        struct fields fields = {.pool = call->pool};
        *customer = field_id(&fields, answer, "id");
        json_decref(answer);
        if (!*customer) {
            return stripe_unusable(call, &post, result, "the customer has no id");
        }
    }
    return result;
}

struct search {
    const struct provider_call *call;
    const struct customer_query *query;
    const char *found;
};

static void search_filter(struct form *form, const void *baton)
{
    const struct customer_query *query = baton;
    if (query->since > 0) {
        form_integer(form, "created[gte]", query->since);
    }
    if (query->until > 0) {
        form_integer(form, "created[lte]", query->until);
    }
}

/* The list is newest first, so the last that fits is the oldest. */
static void search_visit(const json_t *customer, void *baton)
{
    struct search *search = baton;
    apr_pool_t *pool = search->call->pool;
    const struct provider_account *account = search->call->account;
    const char *org = field_metadata(pool, customer, account->org_metadata);
    const char *installation = field_metadata(pool, customer, PROVIDER_INSTALL_METADATA);
    bool ours = org && !strcmp(org, search->query->org) &&
                (!account->installation || (installation && !strcmp(installation, account->installation)));
    struct fields fields = {.pool = pool};
    const char *id = ours ? field_id(&fields, customer, "id") : NULL;
    search->found = id ? id : search->found;
}

/* The plain list, not /v1/customers/search: that lags behind by a minute or more, and not every account has it. */
struct provider_result stripe_customer_find(const struct provider_call *call, const struct customer_query *query,
                                            const char **customer)
{
    struct search search = {.call = call, .query = query};
    struct stripe_list list = {"/v1/customers", search_filter, query, search_visit, &search};
    struct provider_result result = stripe_list_all(call, &list);
    *customer = search.found;
    if (result.outcome == PROVIDER_OK && !search.found) {
        result.outcome = PROVIDER_NOT_FOUND;
        result.detail = "Stripe lists no customer of this org";
    }
    return result;
}
