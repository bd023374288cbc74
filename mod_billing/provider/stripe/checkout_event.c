/* SPDX-License-Identifier: Apache-2.0
 * Events of a Checkout session. A delayed payment method completes the session unpaid; its money comes, or does not,
 * with one of the async_payment events. */
#include "provider/stripe/parse.h"

#include <string.h>

static enum event_kind completed_kind(struct fields *fields, const json_t *session)
{
    const char *paid = field_text(fields, session, "payment_status");
    if (!paid) {
        field_fail(fields, "the completed session has no payment_status");
        return EVENT_UNUSABLE;
    }
    if (!strcmp(paid, "paid") || !strcmp(paid, "no_payment_required")) {
        return EVENT_CHECKOUT_COMPLETED;
    }
    if (strcmp(paid, "unpaid")) {
        field_fail(fields, "unknown payment_status %s", field_quote(fields->pool, paid));
    }
    return EVENT_CHECKOUT_PENDING;
}

void stripe_parse_checkout(struct fields *fields, const json_t *session, enum event_kind kind,
                           struct billing_event *event)
{
    const char *mode = field_text(fields, session, "mode");
    if (!mode || strcmp(mode, "subscription")) {
        event->kind = EVENT_UNHANDLED;
        event->error = "the session does not sell a subscription";
        return;
    }
    event->kind = kind == EVENT_CHECKOUT_PENDING ? completed_kind(fields, session) : kind;
    event->checkout_id = field_id(fields, session, "id");
    if (!event->checkout_id) {
        field_fail(fields, "the session has no id");
    }
    event->customer = field_id(fields, session, "customer");
    event->subscription_id = field_id(fields, session, "subscription");
    event->client_reference = field_text(fields, session, "client_reference_id");
}
