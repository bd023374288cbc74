/* SPDX-License-Identifier: Apache-2.0
 * A provider's event in the domain's words. The provider parses; strings belong to the parse result it hands out. */
#ifndef BILLING_DOMAIN_EVENT_H
#define BILLING_DOMAIN_EVENT_H

#include "domain/subscription.h"

enum event_kind {
    EVENT_UNHANDLED,        /* kept, without effect */
    EVENT_SUBSCRIPTION,     /* carries a snapshot */
    EVENT_PAYMENT_PAID,     /* signals for `subscription_id` */
    EVENT_PAYMENT_FAILED,
    EVENT_CHECKOUT_COMPLETED, /* the session is over and paid, or needs no payment */
    EVENT_CHECKOUT_PENDING,   /* the person is done, the money is not here yet */
    EVENT_CHECKOUT_FAILED,    /* the money never came */
    EVENT_CHECKOUT_EXPIRED,
    EVENT_CUSTOMER_DELETED,
    EVENT_UNUSABLE /* can never be applied: kept as dead, with `error` */
};

struct billing_event {
    const char *id;
    const char *type;        /* the provider's own name */
    const char *api_version; /* NULL: not told */
    int64_t created;         /* seconds since the epoch */
    bool livemode;
    enum event_kind kind;
    const char *error;        /* EVENT_UNUSABLE: why; EVENT_UNHANDLED: why it has no effect, or NULL */
    const char *account;      /* set: belongs to another account (Connect) */
    const char *installation; /* the installation named in metadata; NULL: none named */
    const char *customer;     /* NULL: none */
    const char *subscription_id;
    const char *checkout_id;
    const char *client_reference; /* of a checkout */
    const char *object_id;        /* id of what the event is about; NULL: has none */
    struct subscription_snapshot snapshot; /* EVENT_SUBSCRIPTION */
};

#endif
