/* SPDX-License-Identifier: Apache-2.0
 * Stripe as a payment provider. */
#include "provider/stripe/stripe.h"
#include "provider/stripe/event.h"
#include "provider/stripe/signature.h"

static const char *webhook_verify(const struct webhook_delivery *delivery, const char *const *secrets,
                                  size_t secret_count)
{
    enum signature_verdict verdict = stripe_signature_verify(delivery->signature, delivery->body, delivery->len,
                                                             secrets, secret_count, delivery->now);
    return verdict == SIGNATURE_OK ? NULL : signature_verdict_text(verdict);
}

const struct provider stripe_provider = {
    .name = "stripe",
    .signature_header = "Stripe-Signature",
    .page_origins = "https://checkout.stripe.com https://billing.stripe.com",
    .webhook_verify = webhook_verify,
    .event_parse = stripe_event_parse,
    .customer_create = stripe_customer_create,
    .customer_find = stripe_customer_find,
    .checkout_create = stripe_checkout_create,
    .checkout_fetch = stripe_checkout_fetch,
    .checkout_expire = stripe_checkout_expire,
    .checkouts_open = stripe_checkouts_open,
    .portal_create = stripe_portal_create,
    .subscription_fetch = stripe_subscription_fetch,
    .subscriptions_list = stripe_subscriptions_list,
    .events_list = stripe_events_list,
};
