/* SPDX-License-Identifier: Apache-2.0
 * The payment providers that are compiled in. */
#include "provider/provider.h"
#include "provider/stripe/stripe.h"

#include <string.h>

static const struct provider *const providers[] = {&stripe_provider};

const struct provider *provider_find(const char *name)
{
    for (size_t i = 0; i < sizeof(providers) / sizeof(*providers); ++i) {
        if (!strcmp(providers[i]->name, name)) {
            return providers[i];
        }
    }
    return NULL;
}

const char *provider_outcome_name(enum provider_outcome outcome)
{
    switch (outcome) {
    case PROVIDER_OK:
        return "ok";
    case PROVIDER_NOT_FOUND:
        return "not found";
    case PROVIDER_REFUSED:
        return "refused";
    case PROVIDER_UNAVAILABLE:
        return "unavailable";
    case PROVIDER_AMBIGUOUS:
        return "ambiguous";
    case PROVIDER_KEY_USED:
        return "key used";
    }
    return "unknown";
}
