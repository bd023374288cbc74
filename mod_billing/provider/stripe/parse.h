/* SPDX-License-Identifier: Apache-2.0
 * What event.c hands on: one function for each family of events. Each fills in `event` from the object the event is
 * about; an error left in `fields` makes the event EVENT_UNUSABLE. */
#ifndef BILLING_STRIPE_PARSE_H
#define BILLING_STRIPE_PARSE_H

#include "domain/event.h"
#include "provider/stripe/field.h"

/** customer.subscription.*. @param deleted the event says that it has ended, whatever its status says */
void stripe_parse_subscription(struct fields *fields, const json_t *object, const char *org_key, bool deleted,
                               struct billing_event *event);

/** checkout.session.*. @param kind what the event's type says; EVENT_CHECKOUT_PENDING where the session's
 * payment_status must say more */
void stripe_parse_checkout(struct fields *fields, const json_t *session, enum event_kind kind,
                           struct billing_event *event);

/** invoice.paid, .payment_succeeded, .payment_failed. */
void stripe_parse_invoice(struct fields *fields, const json_t *invoice, enum event_kind kind,
                          struct billing_event *event);

#endif
