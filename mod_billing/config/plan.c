/* SPDX-License-Identifier: Apache-2.0
 * <BillingPlan>: what is sold, by which prices, and what it grants. */
#include "config/build.h"
#include "config/directive.h"
#include "config/handlers.h"
#include "config/section.h"
#include "config/value.h"

#include <apr_strings.h>

#define PLAN_NAME_MAX 200

static struct plan_build *plan_find(const char *key)
{
    apr_array_header_t *plans = config_build()->plans;
    for (int i = 0; i < plans->nelts; ++i) {
        struct plan_build *plan = APR_ARRAY_IDX(plans, i, struct plan_build *);
        if (!strcmp(plan->ref.key, key)) {
            return plan;
        }
    }
    return NULL;
}

const char *config_plan_section(cmd_parms *cmd, void *dir, const char *args)
{
    static const char *const lines[] = {"BillingPlanName", "BillingPrice", "BillingGrant", "BillingLimit", NULL};
    (void)dir;
    struct plan_build *plan = apr_pcalloc(cmd->pool, sizeof(*plan));
    const char *error = config_section_key(cmd, args, "plan", &plan->ref);
    if (error) {
        return error;
    }
    const struct plan_build *twin = plan_find(plan->ref.key);
    if (twin) {
        return config_error(cmd, "the plan %s is defined twice, first at %s:%u: remove one", plan->ref.key,
                            twin->place.file, twin->place.line);
    }
    plan->name = plan->ref.key;
    plan->place = config_place_of(cmd);
    plan->prices = apr_array_make(cmd->pool, 2, sizeof(struct plan_price));
    plan->grants = apr_array_make(cmd->pool, 4, sizeof(struct key_ref));
    plan->limits = apr_array_make(cmd->pool, 4, sizeof(struct plan_limit));
    struct config_build *build = config_build();
    APR_ARRAY_PUSH(build->plans, struct plan_build *) = plan;
    build->plan = plan;
    error = config_section_walk(cmd, lines);
    build->plan = NULL;
    return error;
}

/* The plan that the line stands in. NULL: the message is in `error`. */
static struct plan_build *plan_here(const cmd_parms *cmd, const char **error)
{
    struct plan_build *plan = config_build()->plan;
    *error = config_context_global(cmd);
    if (*error) {
        return NULL;
    }
    if (!plan) {
        *error = config_error(cmd, "belongs inside a <BillingPlan> section");
    }
    return plan;
}

const char *config_set_plan_name(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    const char *error;
    struct plan_build *plan = plan_here(cmd, &error);
    if (!plan) {
        return error;
    }
    if (strlen(text) > PLAN_NAME_MAX) {
        return config_error(cmd, "a name has at most %d bytes", PLAN_NAME_MAX);
    }
    plan->name = text;
    return NULL;
}

static const char *price_mode(const cmd_parms *cmd, const char *provider, enum price_mode *mode)
{
    if (!strcmp(provider, "stripe")) {
        *mode = PRICE_BOTH;
    } else if (!strcmp(provider, "stripe:test")) {
        *mode = PRICE_TEST;
    } else if (!strcmp(provider, "stripe:live")) {
        *mode = PRICE_LIVE;
    } else {
        return config_error(cmd, "\"%s\" is no provider: write stripe, stripe:test or stripe:live, then price ids",
                            provider);
    }
    return NULL;
}

static const char *price_free(const cmd_parms *cmd, const char *id)
{
    apr_array_header_t *plans = config_build()->plans;
    for (int i = 0; i < plans->nelts; ++i) {
        const struct plan_build *plan = APR_ARRAY_IDX(plans, i, struct plan_build *);
        for (int j = 0; j < plan->prices->nelts; ++j) {
            if (!strcmp(APR_ARRAY_IDX(plan->prices, j, struct plan_price).id, id)) {
                return config_error(cmd,
                                    "the price %s already stands for the plan %s (%s:%u): a price is of one plan, "
                                    "named once",
                                    id, plan->ref.key, plan->place.file, plan->place.line);
            }
        }
    }
    return NULL;
}

const char *config_add_price(cmd_parms *cmd, void *dir, const char *args)
{
    (void)dir;
    const char *error;
    struct plan_build *plan = plan_here(cmd, &error);
    if (!plan) {
        return error;
    }
    apr_array_header_t *words = config_words(cmd, args);
    if (words->nelts < 2) {
        return config_error(cmd, "takes stripe, stripe:test or stripe:live, then one or more price ids");
    }
    struct plan_price price = {.provider = "stripe"};
    error = price_mode(cmd, config_word(words, 0), &price.mode);
    for (int i = 1; i < words->nelts && !error; ++i) {
        price.id = config_word(words, i);
        if (!value_price_id(price.id)) {
            return config_error(cmd, "\"%s\" is not a price id such as price_1QFoundingMonthly", price.id);
        }
        error = price_free(cmd, price.id);
        APR_ARRAY_PUSH(plan->prices, struct plan_price) = price;
    }
    return error;
}

static bool granted(const struct plan_build *plan, const char *key)
{
    for (int i = 0; i < plan->grants->nelts; ++i) {
        if (!strcmp(APR_ARRAY_IDX(plan->grants, i, struct key_ref).key, key)) {
            return true;
        }
    }
    return false;
}

const char *config_add_grant(cmd_parms *cmd, void *dir, const char *args)
{
    (void)dir;
    const char *error;
    struct plan_build *plan = plan_here(cmd, &error);
    if (!plan) {
        return error;
    }
    apr_array_header_t *words = config_words(cmd, args);
    if (!words->nelts) {
        return config_error(cmd, "takes one or more feature keys");
    }
    for (int i = 0; i < words->nelts; ++i) {
        struct key_ref feature;
        if ((error = config_feature_key(cmd, config_word(words, i), &feature))) {
            return error;
        }
        if (!granted(plan, feature.key)) {
            APR_ARRAY_PUSH(plan->grants, struct key_ref) = feature;
        }
    }
    return NULL;
}

const char *config_add_plan_limit(cmd_parms *cmd, void *dir, const char *key, const char *value)
{
    (void)dir;
    const char *error;
    struct plan_build *plan = plan_here(cmd, &error);
    struct plan_limit limit;
    if (!plan || (error = config_key(cmd, "limit", key, &limit.limit))) {
        return error;
    }
    for (int i = 0; i < plan->limits->nelts; ++i) {
        if (!strcmp(APR_ARRAY_IDX(plan->limits, i, struct plan_limit).limit.key, key)) {
            return config_error(cmd, "the limit %s is set twice in the plan %s", key, plan->ref.key);
        }
    }
    if (!strcasecmp(value, "unlimited")) {
        limit.value = LIMIT_UNLIMITED;
    } else if (config_number(cmd, value, 0, LIMIT_MAX, &limit.value)) {
        return config_error(cmd, "\"%s\" is neither a whole number from 0 to %d nor the word unlimited", value,
                            (int)LIMIT_MAX);
    }
    APR_ARRAY_PUSH(plan->limits, struct plan_limit) = limit;
    return NULL;
}
