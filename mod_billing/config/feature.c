/* SPDX-License-Identifier: Apache-2.0
 * <BillingFeature>: who may use a feature, and how strictly that is enforced. */
#include "config/build.h"
#include "config/directive.h"
#include "config/handlers.h"
#include "config/section.h"
#include "config/value.h"

#define YEARS_100 (INT64_C(36525) * 86400) /* seconds */

static struct feature_build *feature_find(const char *key)
{
    apr_array_header_t *features = config_build()->features;
    for (int i = 0; i < features->nelts; ++i) {
        struct feature_build *feature = APR_ARRAY_IDX(features, i, struct feature_build *);
        if (!strcmp(feature->feature.ref.key, key)) {
            return feature;
        }
    }
    return NULL;
}

const char *config_feature_section(cmd_parms *cmd, void *dir, const char *args)
{
    static const char *const lines[] = {"BillingEnforce", "BillingRoles",  "BillingAppTypes", "BillingPastDue",
                                        "BillingUses",    "BillingExcept", "BillingStale",    NULL};
    (void)dir;
    struct feature_build *feature = apr_pcalloc(cmd->pool, sizeof(*feature));
    struct key_ref ref;
    const char *error = config_section_key(cmd, args, "feature", &ref);
    if (error || (error = config_feature_key(cmd, ref.key, &ref))) {
        return error;
    }
    const struct feature_build *twin = feature_find(ref.key);
    if (twin) {
        return config_error(cmd, "the feature %s is defined twice, first at %s:%u: make one section of them", ref.key,
                            twin->feature.file, twin->feature.line);
    }
    config_feature_default(&feature->feature, ref, config_place_of(cmd));
    feature->feature.declared = true;
    struct config_build *build = config_build();
    APR_ARRAY_PUSH(build->features, struct feature_build *) = feature;
    build->feature = feature;
    error = config_section_walk(cmd, lines);
    build->feature = NULL;
    return error;
}

/* The feature that the line stands in. NULL: the message is in `error`. */
static struct feature_build *feature_here(const cmd_parms *cmd, const char **error)
{
    struct feature_build *feature = config_build()->feature;
    *error = config_context_global(cmd);
    if (*error) {
        return NULL;
    }
    if (!feature) {
        *error = config_error(cmd, "belongs inside a <BillingFeature> section");
    }
    return feature;
}

static const char *enforcement_parse(const cmd_parms *cmd, const char *word, const char *percent,
                                     struct enforcement_choice *choice)
{
    static const enum enforcement all[] = {ENFORCE_OFF, ENFORCE_MONITOR, ENFORCE_NEW_ORGS, ENFORCE_FULL};
    size_t found = 0;
    while (found < sizeof(all) / sizeof(*all) && strcasecmp(word, enforcement_name(all[found]))) {
        ++found;
    }
    if (found == sizeof(all) / sizeof(*all)) {
        return config_error(cmd, "\"%s\" is none of off, monitor, new-orgs and enforce", word);
    }
    int64_t number = 100;
    if (percent) {
        if (strncmp(percent, "percent=", 8)) {
            return config_error(cmd, "\"%s\" is not percent=N", percent);
        }
        if (all[found] != ENFORCE_NEW_ORGS && all[found] != ENFORCE_FULL) {
            return config_error(cmd, "percent= has a meaning with new-orgs and enforce only, since %s denies nobody",
                                word);
        }
        const char *error = config_number(cmd, percent + 8, 0, 100, &number);
        if (error) {
            return error;
        }
    }
    choice->set = true;
    choice->enforcement = all[found];
    choice->percent = (unsigned)number;
    choice->place = config_place_of(cmd);
    return NULL;
}

const char *config_set_enforce(cmd_parms *cmd, void *dir, const char *word, const char *percent)
{
    (void)dir;
    const char *error;
    struct feature_build *feature = feature_here(cmd, &error);
    return feature ? enforcement_parse(cmd, word, percent, &feature->enforce) : error;
}

const char *config_set_enforce_default(cmd_parms *cmd, void *dir, const char *word, const char *percent)
{
    (void)dir;
    const char *error = config_context_global(cmd);
    return error ? error : enforcement_parse(cmd, word, percent, &config_build()->enforce_default);
}

const char *config_set_roles(cmd_parms *cmd, void *dir, const char *args)
{
    (void)dir;
    const char *error;
    struct feature_build *feature = feature_here(cmd, &error);
    return feature ? config_names(cmd, args, &feature->feature.roles) : error;
}

const char *config_set_app_types(cmd_parms *cmd, void *dir, const char *args)
{
    (void)dir;
    const char *error;
    struct feature_build *feature = feature_here(cmd, &error);
    return feature ? config_names(cmd, args, &feature->feature.app_types) : error;
}

const char *config_set_past_due(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    const char *error;
    struct feature_build *feature = feature_here(cmd, &error);
    if (!feature) {
        return error;
    }
    struct feature *policy = &feature->feature;
    if (!strncasecmp(text, "grace=", 6)) {
        policy->past_due = PAST_DUE_GRACE;
        return config_seconds(cmd, text + 6, 0, YEARS_100, "0s to 36525d", &policy->grace);
    }
    if (!strcasecmp(text, "allow")) {
        policy->past_due = PAST_DUE_ALLOW;
    } else if (!strcasecmp(text, "read-only")) {
        policy->past_due = PAST_DUE_READ_ONLY;
    } else if (!strcasecmp(text, "deny")) {
        policy->past_due = PAST_DUE_DENY;
    } else {
        return config_error(cmd, "\"%s\" is none of grace=DURATION, allow, read-only and deny", text);
    }
    return NULL;
}

const char *config_set_uses(cmd_parms *cmd, void *dir, const char *key)
{
    (void)dir;
    const char *error;
    struct feature_build *feature = feature_here(cmd, &error);
    if (!feature || (error = config_key(cmd, "limit", key, &feature->feature.uses))) {
        return error;
    }
    config_limit_use(cmd, feature->feature.uses);
    return NULL;
}

const char *config_set_except(cmd_parms *cmd, void *dir, const char *args)
{
    (void)dir;
    const char *error;
    struct feature_build *feature = feature_here(cmd, &error);
    if (!feature) {
        return error;
    }
    apr_array_header_t *words = config_words(cmd, args);
    if (!words->nelts) {
        return config_error(cmd, "takes one or more methods");
    }
    for (int i = 0; i < words->nelts && !error; ++i) {
        error = config_methods(cmd, config_word(words, i), &feature->feature.except_methods);
    }
    return error;
}

static const char *stale_word(const cmd_parms *cmd, const char *word, struct feature *policy)
{
    if (!strncasecmp(word, "max=", 4)) {
        return config_seconds(cmd, word + 4, 1, YEARS_100, "1s to 36525d", &policy->stale_max);
    }
    if (!strcasecmp(word, "then=allow")) {
        policy->stale_allow = true;
    } else if (!strcasecmp(word, "then=deny")) {
        policy->stale_allow = false;
    } else {
        return config_error(cmd, "\"%s\" is none of max=DURATION, then=allow and then=deny", word);
    }
    return NULL;
}

const char *config_set_stale(cmd_parms *cmd, void *dir, const char *args)
{
    (void)dir;
    const char *error;
    struct feature_build *feature = feature_here(cmd, &error);
    if (!feature) {
        return error;
    }
    apr_array_header_t *words = config_words(cmd, args);
    if (!words->nelts || words->nelts > 2) {
        return config_error(cmd, "takes max=DURATION, then=allow or then=deny, or both");
    }
    for (int i = 0; i < words->nelts && !error; ++i) {
        error = stale_word(cmd, config_word(words, i), &feature->feature);
    }
    return error;
}
