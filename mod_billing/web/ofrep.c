/* SPDX-License-Identifier: Apache-2.0
 * The OpenFeature Remote Evaluation Protocol 0.3.0, so that any OpenFeature SDK learns the gate's own decisions. The
 * identity is the authenticated request's: of the client's context only what narrows counts, location and usage. */
#include "web/ofrep.h"
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

/* A flag is a feature, or the limit of that key where there is no such feature. */
struct flag {
    const struct key_ref *key;
    const struct feature *feature; /* NULL: a limit */
};

/* All flags, in the order of their keys. Made with the configuration. */
static const apr_array_header_t *flags;

/* What a flag is for one caller. */
struct flag_value {
    const struct flag *flag;
    struct decision decision; /* of a feature */
    int64_t limit;            /* else */
};

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

static void feature_json(json_t *json, json_t *metadata, const struct decision *decision, const struct member *member)
{
    const struct plan *plan = member->known ? catalogue_plan(&config_global()->catalogue, member->state.plan) : NULL;

    json_object_set_new(json, "value", json_boolean(decision->allowed));
    json_object_set_new(json, "variant", json_string(decision->allowed ? "on" : "off"));
    json_object_set_new(json, "reason", json_string(ofrep_reason(decision)));
    json_object_set_new(metadata, "reason", json_string(reason_name(decision->reason)));
    json_object_set_new(metadata, "enforcement", json_string(enforcement_name(decision->enforcement)));
    json_object_set_new(metadata, "wouldDeny", json_boolean(decision->would_deny));
    if (plan) {
        json_object_set_new(metadata, "planKey", json_string(plan->ref.key));
    }
    if (decision->limit >= 0) {
        json_object_set_new(metadata, "limit", json_integer(decision->limit));
    }
}

static void limit_value_json(json_t *json, json_t *metadata, int64_t limit)
{
    bool unlimited = limit == LIMIT_UNLIMITED;

    json_object_set_new(json, "value", json_integer(unlimited ? OFREP_UNLIMITED : limit));
    json_object_set_new(json, "reason", json_string("TARGETING_MATCH"));
    json_object_set_new(metadata, "unlimited", json_boolean(unlimited));
}

static json_t *flag_json(const struct flag_value *value, const struct member *member)
{
    json_t *json = json_object(), *metadata = json_object();

    json_object_set_new(json, "key", json_string(value->flag->key->key));
    if (value->flag->feature) {
        feature_json(json, metadata, &value->decision, member);
    } else {
        limit_value_json(json, metadata, value->limit);
    }
    json_object_set_new(json, "metadata", metadata);
    return json;
}

static int flag_compare(const void *one, const void *other)
{
    return strcmp(((const struct flag *)one)->key->key, ((const struct flag *)other)->key->key);
}

static const struct flag *flag_find(const char *key)
{
    const struct key_ref wanted = {.key = key};
    const struct flag flag = {.key = &wanted};

    return bsearch(&flag, flags->elts, (size_t)flags->nelts, sizeof(flag), flag_compare);
}

void ofrep_prepare(apr_pool_t *pool)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    apr_array_header_t *all = apr_array_make(pool, 16, sizeof(struct flag));

    for (size_t i = 0; i < catalogue->feature_count; ++i) {
        const struct feature *feature = &catalogue->features[i];
        APR_ARRAY_PUSH(all, struct flag) = (struct flag){&feature->ref, feature};
    }
    for (size_t i = 0; i < catalogue->limits.count; ++i) {
        const struct key_ref *limit = &catalogue->limits.items[i];
        if (!catalogue_feature(catalogue, limit->key)) {
            APR_ARRAY_PUSH(all, struct flag) = (struct flag){limit, NULL};
        }
    }
    qsort(all->elts, (size_t)all->nelts, sizeof(struct flag), flag_compare);
    flags = all;
}

/* False for a limit that neither plan nor override sets. */
static bool flag_evaluate(const struct flag *flag, const struct member *member, struct flag_value *value)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    const struct org_state *state = member->known ? &member->state : NULL;

    value->flag = flag;
    if (flag->feature) {
        value->decision = gate_decide(flag->feature, catalogue, &member->context, state);
        return true;
    }
    value->limit = state ? limit_in_force(catalogue, state, flag->key->hash, member->context.now) : LIMIT_NOT_SET;
    return value->limit != LIMIT_NOT_SET;
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
    const struct flag *flag = flag_find(tail);
    struct ofrep_context context;
    struct flag_value value;
    struct member member;
    int answered;

    if (!ofrep_member(r, tail, &member, &context, &answered)) {
        return answered;
    }
    if (!flag || !flag_evaluate(flag, &member, &value)) {
        return ofrep_error(r, HTTP_NOT_FOUND, tail, "FLAG_NOT_FOUND", "There is no such feature or limit.");
    }
    return answer_json(r, HTTP_OK, "application/json", flag_json(&value, &member));
}

/* Over all that the answer says and depends on, not over its text: a client that has it already costs no JSON. A client
 * keeps its ETag when only its role or location changes, so the whole context is part of it. */
static const char *values_etag(request_rec *r, const struct flag_value *values, int count, const struct member *member,
                               const struct ofrep_context *context)
{
    const struct plan *plan = member->known ? catalogue_plan(&config_global()->catalogue, member->state.plan) : NULL;
    const char *whole = apr_psprintf(
        r->pool, PACKAGE_VERSION "\n%s\n%s\n%s\n%s\n%" APR_INT64_T_FMT "\n%" APR_UINT64_T_FMT "\n", member->org,
        member->context.roles ? member->context.roles : "", member->context.app_type ? member->context.app_type : "",
        context->location ? context->location : "", (apr_int64_t)(context->has_usage ? context->usage : -1),
        (apr_uint64_t)(plan ? plan->ref.hash : 0));
    size_t length = strlen(whole), facts_size = 3 * sizeof(uint64_t);
    unsigned char *data = apr_palloc(r->pool, length + (size_t)count * facts_size);

    memcpy(data, whole, length);
    for (int i = 0; i < count; ++i, length += facts_size) {
        const struct decision *decision = &values[i].decision;
        bool feature = values[i].flag->feature != NULL;
        uint64_t facts[] = {values[i].flag->key->hash, (uint64_t)(feature ? decision->limit : values[i].limit),
                            feature ? 1 | decision->allowed << 1 | decision->would_deny << 2 |
                                          (unsigned)decision->enforcement << 3 | (unsigned)decision->reason << 8
                                    : 0};
        memcpy(data + length, facts, facts_size);
    }
    return answer_etag(r->pool, data, length);
}

int ofrep_bulk_handler(request_rec *r, const char *tail)
{
    struct flag_value *values = apr_palloc(r->pool, sizeof(*values) * (size_t)(flags->nelts + 1));
    struct ofrep_context context;
    struct member member;
    json_t *json, *array;
    int answered, count = 0;

    (void)tail;
    if (!ofrep_member(r, "", &member, &context, &answered)) {
        return answered;
    }
    for (int i = 0; i < flags->nelts; ++i) {
        count += flag_evaluate(&APR_ARRAY_IDX(flags, i, const struct flag), &member, &values[count]);
    }
    if (answer_is_known(r, values_etag(r, values, count, &member, &context))) {
        return OK;
    }
    array = json_array();
    for (int i = 0; i < count; ++i) {
        json_array_append_new(array, flag_json(&values[i], &member));
    }
    json = json_object();
    json_object_set_new(json, "flags", array);
    return answer_json(r, HTTP_OK, "application/json", json);
}
