/* SPDX-License-Identifier: Apache-2.0
 * /orgs/{org} at the admin mount: the org record, its customerConfig, its dated overrides, and what comes of them
 * beside what the plan says. */
#include "service/org.h"
#include "config/value.h"
#include "domain/gate.h"
#include "domain/key.h"
#include "service/provider.h"
#include "service/runtime.h"
#include "service/state.h"
#include "store/verify.h"
#include "web/admin/operator.h"
#include "web/answer.h"
#include "web/problem.h"

#include <apr_strings.h>
#include <http_protocol.h>

#define NOTE_MAX 1000
#define TOO_MANY "An org has at most 64 overrides."

/* Showing */

static json_t *limit_json(int64_t limit)
{
    return limit < 0 ? json_null() : json_integer(limit);
}

static json_t *override_json(const struct org_override *override)
{
    bool limit = !strcmp(override->kind, "limit");
    json_t *json = json_object();

    json_object_set_new(json, "id", json_integer(override->override_id));
    json_object_set_new(json, "source", json_string(override->source));
    json_object_set_new(json, limit ? "limit" : "feature", json_string(override->key));
    json_object_set_new(json, limit ? "value" : "allow",
                        limit ? limit_json(override->limit) : json_boolean(!strcmp(override->kind, "grant")));
    json_object_set_new(json, "expiresAt", json_time(override->expires_at));
    json_object_set_new(json, "note", json_text_or_null(override->note));
    json_object_set_new(json, "author", json_text_or_null(override->author));
    json_object_set_new(json, "createdAt", json_time(override->created_at));
    json_object_set_new(json, "inForce", json_boolean(override->in_force));
    return json;
}

/* The customerConfig as it is put: the undated overrides. */
static void config_json(json_t *json, const struct org_record *record)
{
    json_t *features = json_object(), *limits = json_object();

    for (size_t i = 0; i < record->override_count; ++i) {
        const struct org_override *override = &record->overrides[i];

        if (strcmp(override->source, "config")) {
            continue;
        }
        if (!strcmp(override->kind, "limit")) {
            json_object_set_new(limits, override->key, limit_json(override->limit));
        } else {
            json_object_set_new(features, override->key, json_boolean(!strcmp(override->kind, "grant")));
        }
    }
    json_object_set_new(json, "features", features);
    json_object_set_new(json, "limits", limits);
}

static json_t *effective_limit_json(const struct org_state *state, const struct plan *plan, const struct key_ref *limit,
                                    int64_t now)
{
    const struct override *override = state_limit_override(state, limit->hash, now);
    int64_t planned = plan_limit_value(plan, limit->hash),
            value = limit_in_force(&config_global()->catalogue, state, limit->hash, now);
    json_t *entry = json_object();

    if (planned != LIMIT_NOT_SET) {
        json_object_set_new(entry, "plan", limit_json(planned));
    }
    if (override) {
        json_object_set_new(entry, "override", limit_json(override->limit));
    }
    if (value != LIMIT_NOT_SET) {
        json_object_set_new(entry, "value", limit_json(value));
    }
    return entry;
}

/* Each feature and limit: what the plan gives, what is overridden, what is in force. */
static json_t *effective_json(const struct org_state *state, int64_t now)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    const struct plan *plan = catalogue_plan(catalogue, state->plan);
    json_t *json = json_object(), *features = json_object(), *limits = json_object();

    for (size_t i = 0; i < catalogue->feature_count; ++i) {
        const struct feature *feature = &catalogue->features[i];
        const struct override *override = state_feature_override(state, feature->ref.hash, now);
        json_t *entry = json_object();

        json_object_set_new(entry, "plan", json_boolean(plan && plan_grants(plan, feature->ref.hash)));
        json_object_set_new(entry, "override", override ? json_boolean(override->kind == OVERRIDE_GRANT) : json_null());
        json_object_set_new(features, feature->ref.key, entry);
    }
    for (size_t i = 0; i < catalogue->limits.count; ++i) {
        const struct key_ref *limit = &catalogue->limits.items[i];

        json_object_set_new(limits, limit->key, effective_limit_json(state, plan, limit, now));
    }
    json_object_set_new(json, "features", features);
    json_object_set_new(json, "limits", limits);
    return json;
}

static json_t *subscription_json(const struct org_state *state)
{
    const struct plan *plan = catalogue_plan(&config_global()->catalogue, state->plan);
    json_t *json = json_object();

    json_object_set_new(json, "status", json_string(status_name(state->status)));
    json_object_set_new(json, "planKey", json_text_or_null(plan ? plan->ref.key : NULL));
    json_object_set_new(json, "currentPeriodEnd", json_time(state->period_end));
    json_object_set_new(json, "cancelAt", json_time(state->cancel_at));
    json_object_set_new(json, "pastDueSince", json_time(state->past_due_since));
    return json;
}

/* The org at the provider. */

static json_t *provider_subscription_json(const struct subscription *subscription)
{
    const struct subscription_snapshot *snapshot = &subscription->snapshot;
    json_t *json = json_object(), *prices = json_array();

    for (size_t i = 0; i < snapshot->price_count; ++i) {
        json_array_append_new(prices, json_string(snapshot->prices[i]));
    }
    json_object_set_new(json, "id", json_string(snapshot->id));
    json_object_set_new(json, "customer", json_text_or_null(snapshot->customer));
    json_object_set_new(json, "providerStatus", json_string(snapshot->raw_status));
    json_object_set_new(json, "status", json_string(status_name(subscription->status)));
    json_object_set_new(json, "ended", json_boolean(snapshot->ended));
    json_object_set_new(json, "unsettled", json_boolean(subscription->unsettled));
    json_object_set_new(json, "prices", prices);
    json_object_set_new(json, "createdAt", json_time(snapshot->created));
    json_object_set_new(json, "currentPeriodEnd", json_time(snapshot->period_end));
    json_object_set_new(json, "cancelAt", json_time(snapshot->cancel_at));
    json_object_set_new(json, "pastDueSince", json_time(subscription->past_due_since));
    return json;
}

static json_t *provider_json(const struct verify_record *record)
{
    json_t *json = json_object(), *customers = json_array(), *subscriptions = json_array();

    for (size_t i = 0; i < record->customer_count; ++i) {
        json_array_append_new(customers, json_string(record->customers[i]));
    }
    for (size_t i = 0; i < record->subscription_count; ++i) {
        json_array_append_new(subscriptions, provider_subscription_json(&record->subscriptions[i]));
    }
    json_object_set_new(json, "name", json_string(PROVIDER_NAME));
    json_object_set_new(json, "customers", customers);
    json_object_set_new(json, "subscription", json_text_or_null(record->link.subscription));
    json_object_set_new(json, "subscriptions", subscriptions);
    return json;
}

static json_t *org_json(request_rec *r, const char *org, bool livemode, int *answered)
{
    struct verify_record provider;
    struct org_record record;
    struct org_state state;
    enum store_result result = store_org_find(runtime()->database, r->pool, org, livemode, &record);
    json_t *json, *overrides;

    if (result != STORE_OK) {
        return operator_store_problem(r, result, answered);
    }
    if (!record.known) {
        *answered = problem_send(r, HTTP_NOT_FOUND, "unknown_org", "No org of this id has been seen.");
        return NULL;
    }
    result = store_verify_find(runtime()->database, r->pool, PROVIDER_NAME, livemode, org, &provider);
    if (result != STORE_OK || !state_find(r->pool, org, livemode, &state)) {
        return operator_store_problem(r, result != STORE_OK ? result : STORE_UNAVAILABLE, answered);
    }
    json = json_object();
    json_object_set_new(json, "org", json_string(org));
    json_object_set_new(json, "livemode", json_boolean(livemode));
    json_object_set_new(json, "createdAt", json_time(record.created_at));
    json_object_set_new(json, "appType", json_text_or_null(record.app_type));
    json_object_set_new(json, "firstSeen", json_time(record.first_seen));
    config_json(json, &record);
    overrides = json_array();
    for (size_t i = 0; i < record.override_count; ++i) {
        json_array_append_new(overrides, override_json(&record.overrides[i]));
    }
    json_object_set_new(json, "overrides", overrides);
    json_object_set_new(json, "subscription", subscription_json(&state));
    json_object_set_new(json, "effective", effective_json(&state, runtime_now()));
    json_object_set_new(json, "provider", provider_json(&provider));
    return json;
}

static json_t *org_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                        int *answered)
{
    const char *rest, *org = operator_org(r, tail, &rest, answered);

    (void)body;
    return org ? org_json(r, org, call->livemode, answered) : NULL;
}

/* Changing */

/* True and the number, or LIMIT_UNLIMITED for null. */
static bool limit_parse(const json_t *json, int64_t *limit)
{
    *limit = json_is_null(json) ? LIMIT_UNLIMITED : json_integer_value(json);
    return json_is_null(json) || (json_is_integer(json) && *limit >= 0 && *limit <= LIMIT_MAX);
}

static bool features_parse(apr_pool_t *pool, const json_t *features, struct org_config *config)
{
    const char **keys = apr_palloc(pool, sizeof(*keys) * (json_object_size(features) + 1));
    const char **kinds = apr_palloc(pool, sizeof(*kinds) * (json_object_size(features) + 1));
    const char *key;
    const json_t *value;

    json_object_foreach((json_t *)features, key, value)
    {
        if (!key_valid(key) || !json_is_boolean(value)) {
            return false;
        }
        keys[config->feature_count] = apr_pstrdup(pool, key);
        kinds[config->feature_count++] = json_is_true(value) ? "grant" : "refuse";
    }
    config->features_set = true;
    config->features = keys;
    config->feature_kinds = kinds;
    return json_is_object(features);
}

static bool limits_parse(apr_pool_t *pool, const json_t *limits, struct org_config *config)
{
    const char **keys = apr_palloc(pool, sizeof(*keys) * (json_object_size(limits) + 1));
    const char **values = apr_palloc(pool, sizeof(*values) * (json_object_size(limits) + 1));
    const char *key;
    const json_t *value;
    int64_t limit;

    json_object_foreach((json_t *)limits, key, value)
    {
        if (!key_valid(key) || !limit_parse(value, &limit)) {
            return false;
        }
        keys[config->limit_count] = apr_pstrdup(pool, key);
        values[config->limit_count++] = sql_int(pool, limit);
    }
    config->limits_set = true;
    config->limits = keys;
    config->limit_values = values;
    return json_is_object(limits);
}

/* NULL, or what is wrong with it. */
static const char *config_parse(apr_pool_t *pool, const json_t *body, struct org_config *config)
{
    const json_t *created = json_object_get(body, "createdAt"), *app_type = json_object_get(body, "appType");
    const json_t *features = json_object_get(body, "features"), *limits = json_object_get(body, "limits");

    memset(config, 0, sizeof(*config));
    config->created_at_set = created != NULL;
    if (created && !json_is_null(created) &&
        !(json_is_string(created) && value_date(json_string_value(created), &config->created_at))) {
        return "createdAt is a date such as 2026-12-01, an RFC 3339 time, or null.";
    }
    config->app_type_set = app_type != NULL;
    config->app_type = json_string_value(app_type);
    if (app_type && !json_is_null(app_type) && !(config->app_type && value_name(config->app_type))) {
        return "appType is a name of 1 to 64 characters, or null.";
    }
    if (features && !features_parse(pool, features, config)) {
        return "features is an object of feature keys with true or false.";
    }
    if (limits && !limits_parse(pool, limits, config)) {
        return "limits is an object of limit keys with 0 to 2000000000, or null for unlimited.";
    }
    if (config->feature_count + config->limit_count > OVERRIDES_MAX) {
        return TOO_MANY;
    }
    return NULL;
}

static struct org_actor operator_actor(request_rec *r, const struct operator_call *call, const char *org,
                                       const json_t *detail)
{
    return (struct org_actor){
        .provider = PROVIDER_NAME,
        .org = org,
        .livemode = call->livemode,
        .actor = call->actor,
        .detail = json_text(r->pool, json_deep_copy(detail)),
    };
}

/* What a change leaves behind. */
static json_t *changed_json(request_rec *r, const struct org_actor *actor, enum store_result result, int *answered)
{
    return result == STORE_OK ? org_json(r, actor->org, actor->livemode, answered)
                              : operator_store_problem(r, result, answered);
}

static json_t *configure_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                              int *answered)
{
    const char *rest, *org = operator_org(r, tail, &rest, answered), *wrong;
    struct org_config config;
    struct org_actor actor;

    if (!org) {
        return NULL;
    }
    if ((wrong = config_parse(r->pool, body, &config))) {
        return operator_member_problem(r, wrong, answered);
    }
    actor = operator_actor(r, call, org, body);
    return changed_json(r, &actor, org_configure(r->pool, &actor, &config), answered);
}

/* Exactly one of feature with allow, and limit with value. NULL, or what is wrong. */
static const char *override_parse(apr_pool_t *pool, const json_t *body, struct org_override *override)
{
    const char *feature = json_string_value(json_object_get(body, "feature"));
    const char *limit = json_string_value(json_object_get(body, "limit"));
    const json_t *allow = json_object_get(body, "allow"), *value = json_object_get(body, "value");
    const json_t *expires = json_object_get(body, "expiresAt"), *note = json_object_get(body, "note");

    memset(override, 0, sizeof(*override));
    override->key = apr_pstrdup(pool, feature ? feature : limit);
    if (!feature == !limit || !key_valid(override->key)) {
        return "Name one feature, or one limit, by its key.";
    }
    if (feature ? !json_is_boolean(allow) || value : !value || allow || !limit_parse(value, &override->limit)) {
        return "A feature needs allow, true or false; a limit needs value, 0 to 2000000000 or null for unlimited.";
    }
    override->kind = limit ? "limit" : json_is_true(allow) ? "grant" : "refuse";
    if (expires && !json_is_null(expires) &&
        !(json_is_string(expires) && value_date(json_string_value(expires), &override->expires_at) &&
          override->expires_at > runtime_now())) {
        return "expiresAt is a date or an RFC 3339 time in the future, or null for no end.";
    }
    override->note = apr_pstrdup(pool, json_string_value(note));
    if (note && !json_is_null(note) && (!override->note || strlen(override->note) > NOTE_MAX)) {
        return "note is a text of at most 1000 bytes.";
    }
    return NULL;
}

/* What the gate is told of an org has room for so many; one more would push another out. One that hides another takes
 * its place. */
static bool override_has_room(request_rec *r, const struct operator_call *call, const char *org,
                              const struct org_override *override)
{
    const struct override added = {.key = key_hash_str(override->key),
                                   .kind = strcmp(override->kind, "limit") ? OVERRIDE_GRANT : OVERRIDE_LIMIT,
                                   .expires = override->expires_at};
    int64_t now = runtime_now();
    struct org_state state;
    size_t count = 0;

    if (!state_find(r->pool, org, call->livemode, &state)) {
        return true;
    }
    for (size_t i = 0; i < state.override_count; ++i) {
        const struct override *other = &state.overrides[i];

        count += override_in_force(other, now) && !override_hides(&added, other);
    }
    return count < OVERRIDES_MAX;
}

static json_t *override_add_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                                 int *answered)
{
    const char *rest, *org = operator_org(r, tail, &rest, answered), *wrong;
    struct org_override override;
    struct org_actor actor;
    int64_t id;

    if (!org) {
        return NULL;
    }
    if ((wrong = override_parse(r->pool, body, &override))) {
        return operator_member_problem(r, wrong, answered);
    }
    if (!override_has_room(r, call, org, &override)) {
        return operator_member_problem(r, TOO_MANY, answered);
    }
    actor = operator_actor(r, call, org, body);
    return changed_json(r, &actor, org_override_add(r->pool, &actor, &override, &id), answered);
}

static json_t *override_unknown(request_rec *r, int *answered)
{
    *answered = problem_send(r, HTTP_NOT_FOUND, "unknown_override", "The org has no such override.");
    return NULL;
}

static json_t *override_remove_work(request_rec *r, const struct operator_call *call, const char *tail,
                                    const json_t *body, int *answered)
{
    const char *rest, *org = operator_org(r, tail, &rest, answered);
    enum store_result result;
    struct org_actor actor;
    json_t *detail;
    int64_t id;

    (void)body;
    if (!org) {
        return NULL;
    }
    if (!value_number(rest + strlen("overrides/"), &id)) {
        return override_unknown(r, answered);
    }
    detail = json_pack("{s:I}", "id", (json_int_t)id);
    actor = operator_actor(r, call, org, detail);
    json_decref(detail);
    result = org_override_remove(r->pool, &actor, id);
    return result == STORE_CONFLICT ? override_unknown(r, answered) : changed_json(r, &actor, result, answered);
}

static const char *const config_members[] = {"features", "limits", "appType", "createdAt", NULL};
static const char *const override_members[] = {"feature", "limit", "allow", "value", "expiresAt", "note", NULL};

const struct operator_task admin_org = {org_work, false, NULL};
const struct operator_task admin_org_configure = {configure_work, true, config_members};
const struct operator_task admin_override_add = {override_add_work, true, override_members};
const struct operator_task admin_override_remove = {override_remove_work, true, NULL};
