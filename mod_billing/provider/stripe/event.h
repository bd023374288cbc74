/* SPDX-License-Identifier: Apache-2.0
 * Stripe's event bodies into the domain's words, for API versions before and since 2025-03-31 alike: shapes are told
 * apart by the fields that are there, never by the version string. */
#ifndef BILLING_STRIPE_EVENT_H
#define BILLING_STRIPE_EVENT_H

#include "domain/event.h"

#include <apr_pools.h>
#include <jansson.h>

/** @param org_key the metadata key that names the org (BillingStripeOrgMetadata)
 * @return NULL and `event` filled in from `pool`, or a sentence that says why the body is no event at all (not JSON, no
 *         id): then there is nothing to keep. An event that is well-formed but useless is EVENT_UNUSABLE or
 *         EVENT_UNHANDLED instead. */
const char *stripe_event_parse(apr_pool_t *pool, const void *body, size_t len, const char *org_key,
                               struct billing_event *event);

/** The types that mean something here, which are what an endpoint should be subscribed to, by index from 0; NULL after
 * the last. Fewer than the 20 that Stripe takes in a list's filter. */
const char *stripe_event_type(size_t index);

/** A subscription object, of an event or of the API's answer. NULL, or why it cannot be used. */
const char *stripe_subscription_parse(apr_pool_t *pool, const json_t *object, const char *org_key,
                                      struct subscription_snapshot *snapshot);

#endif
