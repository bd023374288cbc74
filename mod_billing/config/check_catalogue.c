/* SPDX-License-Identifier: Apache-2.0
 * Whether plans, features, limits and the places that name them fit together. */
#include "config/report.h"

#include <apr_hash.h>

/* One kind of key; a feature key and a limit key do not clash. */
struct key_space {
    const char *kind;
    apr_hash_t *by_hash; /* uint64_t to struct key_ref */
};

/* Shared memory knows a key by its hash alone. */
static void check_collision(struct report *report, struct key_space *space, const struct key_ref *ref,
                            struct config_place place)
{
    const struct key_ref *other = apr_hash_get(space->by_hash, &ref->hash, sizeof(ref->hash));
    if (!other) {
        apr_hash_set(space->by_hash, &ref->hash, sizeof(ref->hash), ref);
    } else if (strcmp(other->key, ref->key)) {
        report_error(report, "ATB0120", place,
                     "the %s keys %s and %s cannot be told apart (their hashes are the same): "
                     "rename one",
                     space->kind, other->key, ref->key);
    }
}

static struct config_place place_of(const char *file, unsigned line)
{
    struct config_place place = {file, line};
    return place;
}

static void check_collisions(struct report *report)
{
    const struct catalogue *catalogue = &report->build->global.catalogue;
    struct key_space plans = {"plan", apr_hash_make(report->pool)};
    struct key_space features = {"feature", apr_hash_make(report->pool)};
    struct key_space limits = {"limit", apr_hash_make(report->pool)};
    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        const struct plan *plan = &catalogue->plans[i];
        check_collision(report, &plans, &plan->ref, place_of(plan->file, plan->line));
        for (size_t j = 0; j < plan->limit_count; ++j) {
            check_collision(report, &limits, &plan->limits[j].limit, place_of(plan->file, plan->line));
        }
    }
    for (size_t i = 0; i < catalogue->feature_count; ++i) {
        const struct feature *feature = &catalogue->features[i];
        check_collision(report, &features, &feature->ref, place_of(feature->file, feature->line));
    }
    const apr_array_header_t *uses = report->build->limit_uses;
    for (int i = 0; i < uses->nelts; ++i) {
        const struct key_use *use = &APR_ARRAY_IDX(uses, i, struct key_use);
        check_collision(report, &limits, &use->ref, use->place);
    }
}

static bool any_plan_grants(const struct catalogue *catalogue, const struct feature *feature)
{
    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        if (plan_grants(&catalogue->plans[i], feature->ref.hash)) {
            return true;
        }
    }
    return false;
}

/* Resolves what sections require. */
static void check_feature_uses(struct report *report)
{
    const struct catalogue *catalogue = &report->build->global.catalogue;
    const apr_array_header_t *uses = report->build->feature_uses;
    for (int i = 0; i < uses->nelts; ++i) {
        struct required_feature *use = APR_ARRAY_IDX(uses, i, struct required_feature *);
        use->feature = catalogue_feature(catalogue, use->key);
        if (!use->feature) {
            report_error(report, "ATB0121", use->place,
                         "the feature %s is neither declared nor granted by a plan: add <BillingFeature %s> or a "
                         "BillingGrant, or correct the name",
                         use->key, use->key);
        } else if (!any_plan_grants(catalogue, use->feature)) {
            report_warning(report, "ATB0130", use->place,
                           "no plan grants the feature %s, so only an override opens this gate: add BillingGrant %s to "
                           "a <BillingPlan>",
                           use->key, use->key);
        }
    }
}

static void check_plan_uses(struct report *report)
{
    const apr_array_header_t *uses = report->build->plan_uses;
    for (int i = 0; i < uses->nelts; ++i) {
        const struct key_use *use = &APR_ARRAY_IDX(uses, i, struct key_use);
        if (!catalogue_plan_by_key(&report->build->global.catalogue, use->ref.key)) {
            report_error(report, "ATB0122", use->place,
                         "%s: there is no plan %s: add <BillingPlan %s>, or correct the "
                         "name",
                         use->by, use->ref.key, use->ref.key);
        }
    }
}

static bool any_plan_limits(const struct catalogue *catalogue, uint64_t limit)
{
    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        if (plan_limit_value(&catalogue->plans[i], limit) != LIMIT_NOT_SET) {
            return true;
        }
    }
    return false;
}

static void check_limit_uses(struct report *report)
{
    const apr_array_header_t *uses = report->build->limit_uses;
    for (int i = 0; i < uses->nelts; ++i) {
        const struct key_use *use = &APR_ARRAY_IDX(uses, i, struct key_use);
        if (!any_plan_limits(&report->build->global.catalogue, use->ref.hash)) {
            report_warning(report, "ATB0131", use->place,
                           "%s: no plan sets the limit %s, so only an override does: add BillingLimit %s N to a "
                           "<BillingPlan>, or correct the name",
                           use->by, use->ref.key, use->ref.key);
        }
    }
}

static bool gated(const struct config_build *build, const struct feature *feature)
{
    for (int i = 0; i < build->feature_uses->nelts; ++i) {
        if (APR_ARRAY_IDX(build->feature_uses, i, struct required_feature *)->feature == feature) {
            return true;
        }
    }
    return false;
}

static bool evaluated_elsewhere(const struct report *report)
{
    for (const server_rec *server = report->server; server; server = server->next) {
        if (config_server(server)->mounts[MOUNT_OFREP]) {
            return true;
        }
    }
    return false;
}

static void check_enforced_nowhere(struct report *report)
{
    const struct config_build *build = report->build;
    bool elsewhere = evaluated_elsewhere(report);
    for (int i = 0; i < build->features->nelts && !elsewhere; ++i) {
        const struct feature_build *declared = APR_ARRAY_IDX(build->features, i, struct feature_build *);
        const struct feature *feature = &build->global.catalogue.features[i];
        if (declared->enforce.set && declared->enforce.enforcement >= ENFORCE_NEW_ORGS && !gated(build, feature)) {
            report_warning(report, "ATB0132", declared->enforce.place,
                           "the feature %s is to be enforced (%s), but no section requires it: add "
                           "BillingRequireFeature %s where it is used",
                           feature->ref.key, enforcement_name(feature->enforcement), feature->ref.key);
        }
    }
}

static void check_new_orgs(struct report *report)
{
    const struct config_build *build = report->build;
    if (build->global.catalogue.new_orgs_since != INT64_MAX) {
        return;
    }
    const struct enforcement_choice *choice = &build->enforce_default;
    for (int i = 0; i < build->features->nelts && choice->enforcement != ENFORCE_NEW_ORGS; ++i) {
        choice = &APR_ARRAY_IDX(build->features, i, struct feature_build *)->enforce;
    }
    if (choice->enforcement == ENFORCE_NEW_ORGS) {
        report_warning(report, "ATB0133", choice->place,
                       "new-orgs enforces nothing without BillingNewOrgsSince, since no org is new: add "
                       "BillingNewOrgsSince 2026-12-01");
    }
}

/* Between two passes of the change feed every state grows as old as their interval. */
static void check_stale(struct report *report)
{
    const struct config_build *build = report->build;
    int64_t refresh = apr_time_sec(build->global.cache_refresh);
    for (int i = 0; i < build->features->nelts; ++i) {
        const struct feature *feature = &build->global.catalogue.features[i];
        if (feature->stale_max <= 2 * refresh) {
            report_warning(report, "ATB0134", place_of(feature->file, feature->line),
                           "BillingStale max= of the feature %s is hardly longer than BillingCacheRefresh, so that a "
                           "state counts as stale between two looks at the database: set max= to some minutes",
                           feature->ref.key);
        }
    }
}

void check_catalogue(struct report *report)
{
    check_collisions(report);
    check_feature_uses(report);
    check_plan_uses(report);
    check_limit_uses(report);
    check_enforced_nowhere(report);
    check_new_orgs(report);
    check_stale(report);
}
