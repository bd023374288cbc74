/* SPDX-License-Identifier: Apache-2.0
 * The OpenFeature Remote Evaluation Protocol 0.3.0, so that any OpenFeature SDK learns the gate's own decisions. The
 * identity is the authenticated request's: of the client's context only what narrows counts, location and usage. */
#include "config/config.h"
#include "domain/gate.h"
#include "web/answer.h"
#include "web/body.h"
#include "web/json_body.h"
#include "web/member.h"
#include "web/problem.h"
#include "web/routes.h"

#include <apr_strings.h>
#include <http_protocol.h>

/* What an unlimited limit is as a number: the largest that every client's numbers hold exactly. */
#define OFREP_UNLIMITED INT64_C(9007199254740991)

#define LOCATION_MAX    128

/* What the client's context may say. */
struct ofrep_context {
    const char *location;
    bool has_usage;
    int64_t usage;
};

/* Clients report no more than "does not match the expected format" unless an error has both members. */
static int ofrep_error(request_rec *r, int status, const char *key, const char *code, const char *details)
{
    json_t *json = json_object();

    json_object_set_new(json, "key", json_string(key));
    json_object_set_new(json, "errorCode", json_string(code));
    json_object_set_new(json, "errorDetails", json_string(details));
    return answer_json(r, status, "application/json", json);
}

static const char *ofrep_reason(const struct decision *decision)
{
    switch (decision->reason) {
    case REASON_MODE_OFF:
        return "STATIC";
    case REASON_UNVERIFIED:
        return "UNKNOWN";
    default:
        return "TARGETING_MATCH";
    }
}

static json_t *ofrep_feature(const struct feature *feature, const struct member *member)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    struct decision decision = gate_decide(feature, catalogue, &member->context, member->known ? &member->state : NULL);
    const struct plan *plan = member->known ? catalogue_plan(catalogue, member->state.plan) : NULL;
    json_t *json = json_object(), *metadata = json_object();

    json_object_set_new(json, "key", json_string(feature->ref.key));
    json_object_set_new(json, "value", json_boolean(decision.allowed));
    json_object_set_new(json, "variant", json_string(decision.allowed ? "on" : "off"));
    json_object_set_new(json, "reason", json_string(ofrep_reason(&decision)));
    json_object_set_new(metadata, "reason", json_string(reason_name(decision.reason)));
    json_object_set_new(metadata, "enforcement", json_string(enforcement_name(decision.enforcement)));
    json_object_set_new(metadata, "wouldDeny", json_boolean(decision.would_deny));
    if (plan) {
        json_object_set_new(metadata, "planKey", json_string(plan->ref.key));
    }
    if (decision.limit >= 0) {
        json_object_set_new(metadata, "limit", json_integer(decision.limit));
    }
    json_object_set_new(json, "metadata", metadata);
    return json;
}

/* NULL where neither plan nor override sets the limit. */
static json_t *ofrep_limit(const struct key_ref *limit, const struct member *member)
{
    int64_t value = member->known
                        ? limit_in_force(&config_global()->catalogue, &member->state, limit->hash, member->context.now)
                        : LIMIT_NOT_SET;
    json_t *json, *metadata;

    if (value == LIMIT_NOT_SET) {
        return NULL;
    }
    json = json_object();
    metadata = json_object();
    json_object_set_new(json, "key", json_string(limit->key));
    json_object_set_new(json, "value", json_integer(value == LIMIT_UNLIMITED ? OFREP_UNLIMITED : value));
    json_object_set_new(json, "reason", json_string("TARGETING_MATCH"));
    json_object_set_new(metadata, "unlimited", json_boolean(value == LIMIT_UNLIMITED));
    json_object_set_new(json, "metadata", metadata);
    return json;
}

/* The limit of this key that any plan names, or NULL. */
static const struct key_ref *ofrep_limit_named(const char *key)
{
    const struct catalogue *catalogue = &config_global()->catalogue;

    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        for (size_t k = 0; k < catalogue->plans[i].limit_count; ++k) {
            if (!strcmp(catalogue->plans[i].limits[k].limit.key, key)) {
                return &catalogue->plans[i].limits[k].limit;
            }
        }
    }
    return NULL;
}

/* True and the context; false where the body cannot be read as one. An empty body is an empty context, as an anonymous
 * client sends it. */
static bool ofrep_context_parse(apr_pool_t *pool, const struct body *body, struct ofrep_context *context)
{
    json_t *json = body->length ? json_loadb(body->data, body->length, JSON_REJECT_DUPLICATES, NULL) : json_object();
    const json_t *given = json_object_get(json, "context");
    const json_t *location = json_object_get(given, "location"), *usage = json_object_get(given, "usage");
    bool sound = json_is_object(json) && (!given || json_is_object(given)) && (!location || json_is_string(location)) &&
                 (!usage || (json_is_integer(usage) && json_integer_value(usage) >= 0));

    memset(context, 0, sizeof(*context));
    if (sound) {
        context->location = apr_pstrdup(pool, json_string_value(location));
        context->has_usage = usage != NULL;
        context->usage = json_integer_value(usage);
        sound = !context->location || strlen(context->location) <= LOCATION_MAX;
    }
    json_decref(json);
    return sound;
}

/* The caller with the client's context; false where the answer was sent. */
static bool ofrep_member(request_rec *r, const char *key, struct member *member, struct ofrep_context *context,
                         int *answered)
{
    struct body body;

    if (!member_find(r, member, answered)) {
        return false;
    }
    *answered = body_read(r, JSON_BODY_MAX, &body);
    if (*answered != OK) {
        return false;
    }
    if (!ofrep_context_parse(r->pool, &body, context)) {
        *answered = ofrep_error(r, HTTP_BAD_REQUEST, key, "INVALID_CONTEXT",
                                "The body is {\"context\": {…}}; location is a text, usage a number from 0.");
        return false;
    }
    member->context.has_usage = context->has_usage;
    member->context.usage = context->usage;
    apr_table_mergen(r->headers_out, "Vary", "Authorization, Cookie");
    return true;
}

int ofrep_flag_handler(request_rec *r, const char *tail)
{
    const struct feature *feature = catalogue_feature(&config_global()->catalogue, tail);
    const struct key_ref *limit = ofrep_limit_named(tail);
    struct ofrep_context context;
    struct member member;
    json_t *flag = NULL;
    int answered;

    if (!ofrep_member(r, tail, &member, &context, &answered)) {
        return answered;
    }
    if (feature) {
        flag = ofrep_feature(feature, &member);
    } else if (limit) {
        flag = ofrep_limit(limit, &member);
    }
    if (!flag) {
        return ofrep_error(r, HTTP_NOT_FOUND, tail, "FLAG_NOT_FOUND", "There is no such feature or limit.");
    }
    return answer_json(r, HTTP_OK, "application/json", flag);
}

static int flag_compare(const void *one, const void *other)
{
    return strcmp(json_string_value(json_object_get(*(json_t *const *)one, "key")),
                  json_string_value(json_object_get(*(json_t *const *)other, "key")));
}

/* All flags in the order of their keys, so that equal answers are equal to the byte. */
static json_t *ofrep_flags(request_rec *r, const struct member *member)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    apr_array_header_t *flags = apr_array_make(r->pool, 16, sizeof(json_t *));
    json_t *sorted = json_array();

    for (size_t i = 0; i < catalogue->feature_count; ++i) {
        APR_ARRAY_PUSH(flags, json_t *) = ofrep_feature(&catalogue->features[i], member);
    }
    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        for (size_t k = 0; k < catalogue->plans[i].limit_count; ++k) {
            const struct key_ref *limit = &catalogue->plans[i].limits[k].limit;
            json_t *flag = ofrep_limit_named(limit->key) == limit ? ofrep_limit(limit, member) : NULL;
            if (flag) {
                APR_ARRAY_PUSH(flags, json_t *) = flag;
            }
        }
    }
    qsort(flags->elts, (size_t)flags->nelts, sizeof(json_t *), flag_compare);
    for (int i = 0; i < flags->nelts; ++i) {
        json_array_append_new(sorted, APR_ARRAY_IDX(flags, i, json_t *));
    }
    return sorted;
}

int ofrep_bulk_handler(request_rec *r, const char *tail)
{
    struct ofrep_context context;
    struct member member;
    json_t *json;
    const char *identity;
    int answered;

    (void)tail;
    if (!ofrep_member(r, "", &member, &context, &answered)) {
        return answered;
    }
    json = json_object();
    json_object_set_new(json, "flags", ofrep_flags(r, &member));
    /* A client keeps its ETag when only its role or location changes, so the whole context is part of it. */
    identity = apr_psprintf(
        r->pool, "%s\n%s\n%s\n%s\n%" APR_INT64_T_FMT, member.org, member.context.roles ? member.context.roles : "",
        member.context.app_type ? member.context.app_type : "", context.location ? context.location : "",
        (apr_int64_t)(context.has_usage ? context.usage : -1));
    return answer_json_tagged(r, json, identity);
}
