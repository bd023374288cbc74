/* SPDX-License-Identifier: Apache-2.0
 * Stripe's billing portal. Its sessions live for minutes: one is made whenever someone asks, and none is kept. */
#include "provider/stripe/api.h"
#include "provider/stripe/field.h"
#include "provider/stripe/stripe.h"

struct provider_result stripe_portal_create(const struct provider_call *call, const struct portal_request *request,
                                            const char **url)
{
    struct form *form = form_create(call->pool);
    form_text(form, "customer", request->customer);
    form_text(form, "return_url", request->return_url);
    if (request->flow == PORTAL_PAYMENT_METHOD) {
        form_text(form, "flow_data[type]", "payment_method_update");
    }
    struct stripe_request post = {.method = "POST", .path = "/v1/billing_portal/sessions", .form = form};
    json_t *answer;
    struct provider_result result = stripe_call(call, &post, &answer);
    *url = NULL;
    if (result.outcome == PROVIDER_OK) {
        struct fields fields = {.pool = call->pool};
        *url = field_url(&fields, answer, "url");
        json_decref(answer);
        if (!*url) {
            return stripe_unusable(call, &post, result, fields.error ? fields.error : "the session has no url");
        }
    }
    return result;
}
