/* SPDX-License-Identifier: Apache-2.0
 * Makes the catalogue, as everybody else reads it, of what the sections have said. */
#include "config/build.h"

#include <apr_strings.h>

void config_feature_default(struct feature *feature, struct key_ref ref, struct config_place place)
{
    feature->ref = ref;
    feature->enforcement = ENFORCE_MONITOR;
    feature->percent = 100;
    feature->past_due = PAST_DUE_GRACE;
    feature->grace = GRACE_DEFAULT;
    feature->stale_max = STALE_DEFAULT;
    feature->stale_allow = true;
    feature->file = place.file;
    feature->line = place.line;
}

static struct plan plan_finish(const struct plan_build *build)
{
    struct plan plan = {.ref = build->ref,
                        .name = build->name,
                        .prices = (const struct plan_price *)build->prices->elts,
                        .price_count = (size_t)build->prices->nelts,
                        .grants = {(const struct key_ref *)build->grants->elts, (size_t)build->grants->nelts},
                        .limits = (const struct plan_limit *)build->limits->elts,
                        .limit_count = (size_t)build->limits->nelts,
                        .file = build->place.file,
                        .line = build->place.line};
    return plan;
}

static struct feature feature_finish(const struct feature_build *build, const struct enforcement_choice *otherwise)
{
    const struct enforcement_choice *choice = build->enforce.set ? &build->enforce : otherwise;
    struct feature feature = build->feature;
    feature.enforcement = choice->enforcement;
    feature.percent = choice->percent;
    return feature;
}

static bool feature_listed(const apr_array_header_t *features, const char *key)
{
    for (int i = 0; i < features->nelts; ++i) {
        if (!strcmp(APR_ARRAY_IDX(features, i, struct feature).ref.key, key)) {
            return true;
        }
    }
    return false;
}

/* Features that have no section of their own, in the order in which plans grant them. */
static void features_granted(apr_array_header_t *features, const struct plan_build *plan,
                             const struct enforcement_choice *enforce)
{
    for (int i = 0; i < plan->grants->nelts; ++i) {
        struct key_ref ref = APR_ARRAY_IDX(plan->grants, i, struct key_ref);
        if (!feature_listed(features, ref.key)) {
            struct feature_build granted = {0};
            config_feature_default(&granted.feature, ref, plan->place);
            APR_ARRAY_PUSH(features, struct feature) = feature_finish(&granted, enforce);
        }
    }
}

static bool limit_listed(const apr_array_header_t *limits, const char *key)
{
    for (int i = 0; i < limits->nelts; ++i) {
        if (!strcmp(APR_ARRAY_IDX(limits, i, struct key_ref).key, key)) {
            return true;
        }
    }
    return false;
}

static void limits_set(apr_array_header_t *limits, const struct plan *plan)
{
    for (size_t i = 0; i < plan->limit_count; ++i) {
        if (!limit_listed(limits, plan->limits[i].limit.key)) {
            APR_ARRAY_PUSH(limits, struct key_ref) = plan->limits[i].limit;
        }
    }
}

/* BillingEnforceDefault, under the name of the limit. */
static void limits_finish(apr_pool_t *pool, const struct config_build *build)
{
    for (int i = 0; i < build->limits->nelts; ++i) {
        struct required_limit *required = APR_ARRAY_IDX(build->limits, i, struct required_limit *);
        struct feature_build policy = {0};
        struct feature *finished = apr_palloc(pool, sizeof(*finished));
        config_feature_default(&policy.feature, required->limit, required->place);
        *finished = feature_finish(&policy, &build->enforce_default);
        required->policy = finished;
    }
}

void config_catalogue_finish(apr_pool_t *pool, struct config_build *build)
{
    apr_array_header_t *plans = apr_array_make(pool, build->plans->nelts, sizeof(struct plan));
    apr_array_header_t *features = apr_array_make(pool, build->features->nelts + 8, sizeof(struct feature));
    apr_array_header_t *limits = apr_array_make(pool, 8, sizeof(struct key_ref));
    for (int i = 0; i < build->features->nelts; ++i) {
        const struct feature_build *feature = APR_ARRAY_IDX(build->features, i, struct feature_build *);
        APR_ARRAY_PUSH(features, struct feature) = feature_finish(feature, &build->enforce_default);
    }
    for (int i = 0; i < build->plans->nelts; ++i) {
        const struct plan_build *plan = APR_ARRAY_IDX(build->plans, i, struct plan_build *);
        APR_ARRAY_PUSH(plans, struct plan) = plan_finish(plan);
        limits_set(limits, &APR_ARRAY_IDX(plans, i, struct plan));
        features_granted(features, plan, &build->enforce_default);
    }
    struct catalogue *catalogue = &build->global.catalogue;
    catalogue->plans = (const struct plan *)plans->elts;
    catalogue->plan_count = (size_t)plans->nelts;
    catalogue->features = (const struct feature *)features->elts;
    catalogue->feature_count = (size_t)features->nelts;
    catalogue->limits = (struct key_list){(const struct key_ref *)limits->elts, (size_t)limits->nelts};
    limits_finish(pool, build);
}
