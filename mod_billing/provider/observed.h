/* SPDX-License-Identifier: Apache-2.0
 * A provider whose calls somebody is told of. */
#ifndef BILLING_PROVIDER_OBSERVED_H
#define BILLING_PROVIDER_OBSERVED_H

#include "provider/provider.h"

struct observed_provider {
    struct provider provider; /* first: an account's provider is this record */
    const struct provider *inner;
    provider_observer *observer;
};

/** Makes `observed->provider` do what `inner` does, and tell `observer` of each call over the network. */
void observed_provider_make(struct observed_provider *observed, const struct provider *inner,
                            provider_observer *observer);

#endif
