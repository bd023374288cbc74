/* SPDX-License-Identifier: Apache-2.0
 * Stripe's subscriptions, as they are at this moment. */
#include "provider/stripe/api.h"
#include "provider/stripe/event.h"
#include "provider/stripe/stripe.h"

#include <apr_strings.h>
#include <apr_tables.h>

struct provider_result stripe_subscription_fetch(const struct provider_call *call, const char *id,
                                                 struct subscription_snapshot *snapshot)
{
    struct stripe_request get = {
        .method = "GET", .path = apr_pstrcat(call->pool, "/v1/subscriptions/", form_escape(call->pool, id), NULL)};
    json_t *answer;
    struct provider_result result = stripe_call(call, &get, &answer);
    if (result.outcome == PROVIDER_OK) {
        const char *error = stripe_subscription_parse(call->pool, answer, call->account->org_metadata, snapshot);
        json_decref(answer);
        if (error) {
            return stripe_unusable(call, &get, result, error);
        }
    }
    return result;
}

struct collection {
    const struct provider_call *call;
    apr_array_header_t *snapshots;
    struct subscription_list *list;
};

static void collection_filter(struct form *form, const void *customer)
{
    form_text(form, "customer", customer);
    form_text(form, "status", "all");
}

static void collection_visit(const json_t *object, void *baton)
{
    struct collection *collection = baton;
    struct subscription_snapshot snapshot;
    const char *error =
        stripe_subscription_parse(collection->call->pool, object, collection->call->account->org_metadata, &snapshot);
    if (!error) {
        APR_ARRAY_PUSH(collection->snapshots, struct subscription_snapshot) = snapshot;
    } else if (collection->list->unusable++ == 0) {
        collection->list->detail = error;
    }
}

struct provider_result stripe_subscriptions_list(const struct provider_call *call, const char *customer,
                                                 struct subscription_list *list)
{
    struct collection collection = {call, apr_array_make(call->pool, 4, sizeof(struct subscription_snapshot)), list};
    struct stripe_list pages = {"/v1/subscriptions", collection_filter, customer, collection_visit, &collection};
    *list = (struct subscription_list){.count = 0};
    struct provider_result result = stripe_list_all(call, &pages);
    list->items = (const struct subscription_snapshot *)collection.snapshots->elts;
    list->count = (size_t)collection.snapshots->nelts;
    return result;
}
