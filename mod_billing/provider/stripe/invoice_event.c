/* SPDX-License-Identifier: Apache-2.0
 * Events of a subscription's invoice: signals that it was paid, or could not be. The invoice named its subscription
 * itself until API version 2025-03-31, and names it in `parent` since. */
#include "provider/provider.h"
#include "provider/stripe/parse.h"

static const json_t *subscription_details(const json_t *invoice)
{
    const json_t *details = field_get(field_get(invoice, "parent"), "subscription_details");
    return details ? details : field_get(invoice, "subscription_details");
}

/* An invoice has metadata of its own; what we write is on the subscription, of which the invoice has a copy, or its
 * lines have. */
static const char *installation_find(apr_pool_t *pool, const json_t *invoice)
{
    const char *name = field_metadata(pool, subscription_details(invoice), PROVIDER_INSTALL_METADATA);
    const json_t *lines = field_get(field_get(invoice, "lines"), "data");
    for (size_t i = 0; !name && i < json_array_size(lines); ++i) {
        name = field_metadata(pool, json_array_get(lines, i), PROVIDER_INSTALL_METADATA);
    }
    return name;
}

/* The invoice that begins a trial is for nothing, and is `paid` at once. What a balance or a coupon pays for is paid:
 * so the total tells, not the amount that was collected. */
static bool invoice_for_nothing(const json_t *invoice)
{
    const json_t *amount = field_get(invoice, "total");
    amount = amount ? amount : field_get(invoice, "amount_paid");
    return json_is_integer(amount) && json_integer_value(amount) <= 0;
}

void stripe_parse_invoice(struct fields *fields, const json_t *invoice, enum event_kind kind,
                          struct billing_event *event)
{
    event->customer = field_id(fields, invoice, "customer");
    event->subscription_id = field_id(fields, invoice, "subscription");
    if (!event->subscription_id) {
        event->subscription_id = field_id(fields, subscription_details(invoice), "subscription");
    }
    if (!event->installation) {
        event->installation = installation_find(fields->pool, invoice);
    }
    event->kind = EVENT_UNHANDLED;
    if (!event->subscription_id) {
        event->error = "the invoice belongs to no subscription";
    } else if (kind == EVENT_PAYMENT_PAID && invoice_for_nothing(invoice)) {
        event->error = "the invoice is for nothing, so no payment";
    } else {
        event->kind = kind;
    }
}
