/* SPDX-License-Identifier: Apache-2.0
 * The payment providers that are compiled in. */
#include "provider/provider.h"
#include "provider/observed.h"
#include "provider/stripe/stripe.h"

#include <string.h>

static const struct provider *const providers[] = {&stripe_provider};
#define PROVIDER_COUNT (sizeof(providers) / sizeof(*providers))

static struct observed_provider observed[PROVIDER_COUNT];
static bool observing;

const struct provider *provider_find(const char *name)
{
    for (size_t i = 0; i < PROVIDER_COUNT; ++i) {
        if (!strcmp(providers[i]->name, name)) {
            return observing ? &observed[i].provider : providers[i];
        }
    }
    return NULL;
}

void provider_observe(provider_observer *observer)
{
    for (size_t i = 0; i < PROVIDER_COUNT; ++i) {
        observed_provider_make(&observed[i], providers[i], observer);
    }
    observing = true;
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
    case PROVIDER_OUTCOMES:
        break;
    }
    return "unknown";
}
