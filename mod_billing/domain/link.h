/* SPDX-License-Identifier: Apache-2.0
 * The billing link: the one row per org and mode, derived from the org's subscriptions. */
#ifndef BILLING_DOMAIN_LINK_H
#define BILLING_DOMAIN_LINK_H

#include "domain/catalogue.h"
#include "domain/subscription.h"

struct link {
    const char *customer;     /* of the org's customer row; NULL: none, even if a subscription names a deleted one */
    const char *subscription; /* NULL: none */
    enum billing_status status;
    bool grace_over;
    const char *plan_key; /* NULL: none, or none that the catalogue knows */
    int64_t period_end;
    int64_t cancel_at;
    int64_t past_due_since;
    size_t live_count; /* subscriptions that have not ended; more than one at once is shown to operators */
};

/** Chooses the subscription that speaks for the org: live before ended, then the provider's newest creation, then the
 * greater id; so every order of the same events gives the same link. Pointers go into `subscriptions` and the
 * catalogue. With none, the link is empty with STATUS_NONE and keeps `customer`.
 * @param customer what the org's customer row says; may be NULL */
struct link link_derive(const struct subscription *subscriptions, size_t count, const struct catalogue *catalogue,
                        const char *provider, bool livemode, const char *customer);

#endif
