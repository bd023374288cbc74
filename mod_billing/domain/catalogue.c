/* SPDX-License-Identifier: Apache-2.0
 * Looking things up in the catalogue. Lists are short (a handful of plans, some dozens of features), so a walk over
 * hashes beats any index. */
#include "domain/catalogue.h"
#include "domain/key.h"

#include <string.h>

const struct plan *catalogue_plan(const struct catalogue *catalogue, uint64_t hash)
{
    for (size_t i = 0; hash && i < catalogue->plan_count; ++i) {
        if (catalogue->plans[i].ref.hash == hash) {
            return &catalogue->plans[i];
        }
    }
    return NULL;
}

const struct plan *catalogue_plan_by_key(const struct catalogue *catalogue, const char *key)
{
    const struct plan *plan = catalogue_plan(catalogue, key_hash_str(key));
    return plan && !strcmp(plan->ref.key, key) ? plan : NULL;
}

const struct feature *catalogue_feature(const struct catalogue *catalogue, const char *key)
{
    uint64_t hash = key_hash_str(key);
    for (size_t i = 0; i < catalogue->feature_count; ++i) {
        const struct feature *feature = &catalogue->features[i];
        if (feature->ref.hash == hash && !strcmp(feature->ref.key, key)) {
            return feature;
        }
    }
    return NULL;
}

static bool price_fits(const struct plan_price *price, const char *provider, bool livemode)
{
    return (price->mode == PRICE_BOTH || price->mode == (livemode ? PRICE_LIVE : PRICE_TEST)) &&
           !strcmp(price->provider, provider);
}

static bool plan_has_price(const struct plan *plan, const char *provider, bool livemode, const char *id)
{
    for (size_t i = 0; i < plan->price_count; ++i) {
        if (price_fits(&plan->prices[i], provider, livemode) && !strcmp(plan->prices[i].id, id)) {
            return true;
        }
    }
    return false;
}

const struct plan *catalogue_plan_of_prices(const struct catalogue *catalogue, const char *provider, bool livemode,
                                            const char *const *prices, size_t count)
{
    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        for (size_t j = 0; j < count; ++j) {
            if (plan_has_price(&catalogue->plans[i], provider, livemode, prices[j])) {
                return &catalogue->plans[i];
            }
        }
    }
    return NULL;
}

static uint64_t fingerprint_add(uint64_t sum, uint64_t hash)
{
    return (sum ^ hash) * UINT64_C(0x9e3779b97f4a7c15) + (sum >> 29);
}

/* The order counts: of several plans in one subscription the first one is meant. */
uint64_t catalogue_fingerprint(const struct catalogue *catalogue)
{
    uint64_t sum = 1;
    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        const struct plan *plan = &catalogue->plans[i];
        sum = fingerprint_add(sum, plan->ref.hash);
        for (size_t k = 0; k < plan->price_count; ++k) {
            sum = fingerprint_add(sum, key_hash_str(plan->prices[k].provider));
            sum = fingerprint_add(sum, plan->prices[k].mode);
            sum = fingerprint_add(sum, key_hash_str(plan->prices[k].id));
        }
    }
    return sum ? sum : 1;
}

const char *plan_price(const struct plan *plan, const char *provider, bool livemode)
{
    for (size_t i = 0; i < plan->price_count; ++i) {
        if (price_fits(&plan->prices[i], provider, livemode)) {
            return plan->prices[i].id;
        }
    }
    return NULL;
}

bool plan_grants(const struct plan *plan, uint64_t feature_hash)
{
    for (size_t i = 0; i < plan->grants.count; ++i) {
        if (plan->grants.items[i].hash == feature_hash) {
            return true;
        }
    }
    return false;
}

int64_t plan_limit_value(const struct plan *plan, uint64_t limit_hash)
{
    for (size_t i = 0; plan && i < plan->limit_count; ++i) {
        if (plan->limits[i].limit.hash == limit_hash) {
            return plan->limits[i].value;
        }
    }
    return LIMIT_NOT_SET;
}

const char *enforcement_name(enum enforcement enforcement)
{
    static const char *const names[] = {
        [ENFORCE_OFF] = "off",
        [ENFORCE_MONITOR] = "monitor",
        [ENFORCE_NEW_ORGS] = "new-orgs",
        [ENFORCE_FULL] = "enforce",
    };
    return names[enforcement];
}
