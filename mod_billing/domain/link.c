/* SPDX-License-Identifier: Apache-2.0
 * Which subscription speaks for the org. */
#include "domain/link.h"

#include <string.h>

static bool subscription_precedes(const struct subscription_snapshot *a, const struct subscription_snapshot *b)
{
    if (a->ended != b->ended) {
        return b->ended;
    }
    if (a->created != b->created) {
        return a->created > b->created;
    }
    return strcmp(a->id, b->id) > 0;
}

struct link link_derive(const struct subscription *subscriptions, size_t count, const struct catalogue *catalogue,
                        const char *provider, bool livemode, const char *customer)
{
    struct link link = {.customer = customer, .status = STATUS_NONE};
    const struct subscription *chosen = NULL;
    for (size_t i = 0; i < count; ++i) {
        link.live_count += !subscriptions[i].snapshot.ended;
        if (!chosen || subscription_precedes(&subscriptions[i].snapshot, &chosen->snapshot)) {
            chosen = &subscriptions[i];
        }
    }
    if (!chosen) {
        return link;
    }
    const struct subscription_snapshot *snapshot = &chosen->snapshot;
    const struct plan *plan =
        catalogue_plan_of_prices(catalogue, provider, livemode, snapshot->prices, snapshot->price_count);
    link.subscription = snapshot->id;
    link.status = chosen->status;
    link.grace_over = chosen->status == STATUS_PAST_DUE && snapshot->grace_over;
    link.plan_key = plan ? plan->ref.key : NULL;
    link.period_end = snapshot->period_end;
    link.cancel_at = snapshot->cancel_at;
    link.past_due_since = chosen->past_due_since;
    return link;
}
