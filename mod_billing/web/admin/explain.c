/* SPDX-License-Identifier: Apache-2.0
 * GET /explain?feature=&org=&role=&appType=&usage=&method=&location= at the admin mount: the decision as the gate would
 * make it now, with each rule it looked at, where each input came from, and where in httpd.conf the policy, the plan
 * and the gates stand. Without an org it explains a request that has none; the method is GET unless named. */
#include "service/explain.h"
#include "config/value.h"
#include "domain/key.h"
#include "gate/judge.h"
#include "service/runtime.h"
#include "store/org.h"
#include "web/admin/operator.h"
#include "web/answer.h"
#include "web/decision_json.h"
#include "web/problem.h"
#include "web/query.h"
#include "web/remedy_json.h"

#include <apr_strings.h>
#include <http_protocol.h>

#define ROLES_MAX    1024
#define LOCATION_MAX 256

/* The names of the query, in the order of the values. */
enum explain_query {
    QUERY_FEATURE,
    QUERY_ORG,
    QUERY_ROLE,
    QUERY_APP_TYPE,
    QUERY_USAGE,
    QUERY_METHOD,
    QUERY_LOCATION,
    QUERY_COUNT
};

struct question {
    struct query_value query[QUERY_COUNT];
    const struct feature *feature;
    const char *method;
    struct gate_context context;
    struct explained answer;
};

/* Asking */

/* NULL, or what is wrong with the query. */
static const char *question_check(struct question *question)
{
    const char *org = question->query[QUERY_ORG].value, *role = question->query[QUERY_ROLE].value;
    const char *app_type = question->query[QUERY_APP_TYPE].value, *usage = question->query[QUERY_USAGE].value;
    const char *location = question->query[QUERY_LOCATION].value;

    if (!question->query[QUERY_FEATURE].value) {
        return "feature is needed: which one is to be explained.";
    }
    if (org && !org_id_valid(org, strlen(org))) {
        return "org is no org id.";
    }
    if (role && strlen(role) > ROLES_MAX) {
        return "role is a comma list of at most 1024 bytes.";
    }
    if (app_type && !value_name(app_type)) {
        return "appType is a name of 1 to 64 characters.";
    }
    if (usage && !value_number(usage, &question->context.usage)) {
        return "usage is a number from 0.";
    }
    return location && strlen(location) > LOCATION_MAX ? "location is a text of at most 256 bytes." : NULL;
}

/* As gate_context_of makes it of a request. */
static const char *context_fill(request_rec *r, struct question *question)
{
    struct gate_context *context = &question->context;
    int method;

    question->method = question->query[QUERY_METHOD].value ? question->query[QUERY_METHOD].value : "GET";
    method = ap_method_number_of(question->method);
    if (method == M_INVALID) {
        return "method is one that httpd knows.";
    }
    /* httpd counts HEAD as GET. */
    context->method = strcmp(question->method, "HEAD") ? UINT64_C(1) << method : METHOD_BIT_HEAD;
    context->reading = method == M_GET;
    context->org = question->query[QUERY_ORG].value;
    context->roles = question->query[QUERY_ROLE].value;
    context->app_type = question->query[QUERY_APP_TYPE].value;
    context->has_usage = question->query[QUERY_USAGE].value != NULL;
    context->kill_switch = kill_switch_on();
    context->now = apr_time_sec(r->request_time);
    return NULL;
}

static bool question_read(request_rec *r, struct question *question, int *answered)
{
    static const char *const names[QUERY_COUNT] = {"feature", "org", "role", "appType", "usage", "method", "location"};
    const char *wrong;

    for (int i = 0; i < QUERY_COUNT; ++i) {
        question->query[i].name = names[i];
    }
    if (!query_read(r, question->query, QUERY_COUNT, answered)) {
        return false;
    }
    wrong = question_check(question);
    if (wrong || (wrong = context_fill(r, question))) {
        *answered = query_problem(r, wrong);
        return false;
    }
    question->feature = catalogue_feature(&config_global()->catalogue, question->query[QUERY_FEATURE].value);
    if (!question->feature) {
        *answered = problem_send(r, HTTP_NOT_FOUND, "unknown_feature", "This server has no such feature.");
        return false;
    }
    return true;
}

/* Telling */

static json_t *place_json(const char *file, unsigned line)
{
    return file ? json_pack("{s:s, s:I}", "file", file, "line", (json_int_t)line) : json_null();
}

static json_t *names_json(const struct key_list *names)
{
    json_t *json = json_array();

    for (size_t i = 0; i < names->count; ++i) {
        json_array_append_new(json, json_string(names->items[i].key));
    }
    return json;
}

static const char *past_due_name(enum past_due_policy policy)
{
    static const char *const names[] = {[PAST_DUE_GRACE] = "grace",
                                        [PAST_DUE_ALLOW] = "allow",
                                        [PAST_DUE_READ_ONLY] = "read-only",
                                        [PAST_DUE_DENY] = "deny"};
    return names[policy];
}

static const struct org_state *known_state(const struct question *question)
{
    return question->answer.known ? &question->answer.state : NULL;
}

/* The record's app type is known by its hash alone: by name where the feature names it. */
static json_t *app_type_json(const struct question *question)
{
    const struct org_state *state = known_state(question);
    const struct key_list *accepted = &question->feature->app_types;

    if (question->context.app_type) {
        return json_string(question->context.app_type);
    }
    for (size_t i = 0; state && i < accepted->count; ++i) {
        if (accepted->items[i].hash == state->app_type) {
            return json_string(accepted->items[i].key);
        }
    }
    return json_null();
}

static const char *app_type_source(const struct question *question)
{
    const struct org_state *state = known_state(question);
    return question->context.app_type ? "query" : state && state->app_type ? "org_record" : NULL;
}

static json_t *subscription_facts(const struct question *question)
{
    const struct explanation *found = &question->answer.explanation;
    const struct org_state *state = &question->answer.state;

    return json_pack("{s:s, s:o, s:b, s:s, s:I, s:b, s:o, s:o}", "status", status_name(state->status), "planKey",
                     json_text_or_null(found->plan ? found->plan->ref.key : NULL), "planGrants", found->plan_grants,
                     "pastDue", past_due_name(question->feature->past_due), "grace",
                     (json_int_t)question->feature->grace, "graceOver", state->grace_over, "pastDueSince",
                     json_time(state->past_due_since), "graceUntil", json_time(found->decision.grace_until));
}

static json_t *limit_facts(const struct question *question)
{
    const struct explanation *found = &question->answer.explanation;
    json_t *value = limit_json(found->decision.limit), *json = json_object();
    const char *source = found->limit_override ? "override" : value ? "plan" : NULL;

    json_object_set_new(json, "limit", json_text_or_null(question->feature->uses.key));
    if (value) {
        json_object_set_new(json, "value", value);
    }
    json_object_set_new(json, "source", json_text_or_null(source));
    json_object_set_new(json, "usage",
                        question->context.has_usage ? json_integer(question->context.usage) : json_null());
    return json;
}

static json_t *old_org_facts(const struct question *question)
{
    const struct org_state *state = known_state(question);
    int64_t since = config_global()->catalogue.new_orgs_since;

    return json_pack("{s:s, s:o, s:o, s:b}", "enforcement", enforcement_name(question->feature->enforcement),
                     "createdAt", json_time(state ? state->created_at : 0), "newOrgsSince",
                     json_time(since == INT64_MAX ? 0 : since), "isNew", question->answer.explanation.org_is_new);
}

static json_t *percent_facts(const struct question *question)
{
    unsigned bucket = question->answer.explanation.bucket;

    return json_pack("{s:o, s:i}", "bucket", bucket == PERCENT_NO_BUCKET ? json_null() : json_integer(bucket),
                     "percent", (int)question->feature->percent);
}

/* What the rule looked at. */
static json_t *facts_json(const struct question *question, enum gate_rule rule)
{
    const struct feature *feature = question->feature;
    const struct explanation *found = &question->answer.explanation;

    switch (rule) {
    case RULE_METHOD:
        return json_pack("{s:s}", "method", question->method);
    case RULE_NO_ORG:
        return json_pack("{s:o}", "org", json_text_or_null(question->context.org));
    case RULE_APP_TYPE:
        return json_pack("{s:o, s:o, s:o}", "accepted", names_json(&feature->app_types), "appType",
                         app_type_json(question), "source", json_text_or_null(app_type_source(question)));
    case RULE_ROLE:
        return json_pack("{s:o, s:o}", "accepted", names_json(&feature->roles), "role",
                         json_text_or_null(question->context.roles));
    case RULE_OVERRIDE:
        return json_pack("{s:o}", "allow",
                         found->override ? json_boolean(found->override->kind == OVERRIDE_GRANT) : json_null());
    case RULE_UNVERIFIED:
        return json_pack("{s:o, s:I, s:s}", "age", found->age < 0 ? json_null() : json_integer(found->age), "max",
                         (json_int_t)feature->stale_max, "then", feature->stale_allow ? "allow" : "deny");
    case RULE_SUBSCRIPTION:
        return subscription_facts(question);
    case RULE_LIMIT:
        return limit_facts(question);
    case RULE_KILL_SWITCH:
        return json_pack("{s:o, s:b}", "file", json_text_or_null(config_global()->kill_switch), "on",
                         question->context.kill_switch);
    case RULE_OLD_ORG:
        return old_org_facts(question);
    case RULE_PERCENT:
        return percent_facts(question);
    default:
        return json_pack("{s:s}", "enforcement", enforcement_name(feature->enforcement));
    }
}

static json_t *steps_json(const struct question *question)
{
    const struct gate_trace *trace = &question->answer.explanation.trace;
    json_t *json = json_array();

    for (size_t i = 0; i < trace->count; ++i) {
        const struct gate_step *step = &trace->steps[i];

        json_array_append_new(json, json_pack("{s:s, s:s, s:b, s:o}", "rule", rule_name(step->rule), "about",
                                              rule_softens(step->rule) ? "enforcement" : "decision", "matched",
                                              step->matched, "facts", facts_json(question, step->rule)));
    }
    return json;
}

static json_t *input_json(json_t *value, const char *source)
{
    return json_pack("{s:o, s:o}", "value", value, "source", json_text_or_null(source));
}

static json_t *query_input_json(const struct question *question, enum explain_query at)
{
    const char *value = question->query[at].value;
    return input_json(json_text_or_null(value), value ? "query" : NULL);
}

static json_t *state_json(const struct question *question)
{
    const struct explained *answer = &question->answer;

    if (!answer->known) {
        return json_null();
    }
    return json_pack("{s:s, s:I, s:I}", "source", answer->source, "age", (json_int_t)answer->explanation.age, "version",
                     (json_int_t)answer->state.version);
}

static json_t *inputs_json(const struct question *question)
{
    const struct org_state *state = known_state(question);
    int64_t created = state ? state->created_at : 0;
    json_t *json = json_object();

    json_object_set_new(json, "org", query_input_json(question, QUERY_ORG));
    json_object_set_new(json, "role", query_input_json(question, QUERY_ROLE));
    json_object_set_new(json, "appType", input_json(app_type_json(question), app_type_source(question)));
    json_object_set_new(json, "usage", query_input_json(question, QUERY_USAGE));
    json_object_set_new(json, "location", query_input_json(question, QUERY_LOCATION));
    json_object_set_new(
        json, "method",
        input_json(json_string(question->method), question->query[QUERY_METHOD].value ? "query" : "default"));
    json_object_set_new(json, "createdAt", input_json(json_time(created), created ? "org_record" : NULL));
    json_object_set_new(json, "state", state_json(question));
    return json;
}

static bool override_is(const struct org_override *override, const struct question *question)
{
    const char *kind = question->answer.explanation.override->kind == OVERRIDE_GRANT ? "grant" : "refuse";
    return override->in_force && !strcmp(override->kind, kind) && !strcmp(override->key, question->feature->ref.key);
}

/* Shared memory does not hold who wrote an override and why: the database tells, where it answers. Dated ones come
 * before the customerConfig, the newest first. */
static const struct org_override *override_find(request_rec *r, const struct question *question, bool livemode)
{
    const struct org_override *found = NULL;
    struct org_record record;

    if (store_org_find(runtime()->database, r->pool, question->context.org, livemode, &record) != STORE_OK) {
        return NULL;
    }
    for (size_t i = 0; i < record.override_count; ++i) {
        const struct org_override *override = &record.overrides[i];

        if (override_is(override, question) && (!found || !strcmp(found->source, "config"))) {
            found = override;
        }
    }
    return found;
}

static json_t *override_json(request_rec *r, const struct question *question, bool livemode)
{
    const struct override *counted = question->answer.explanation.override;
    const struct org_override *stored = counted ? override_find(r, question, livemode) : NULL;
    json_t *json;

    if (!counted) {
        return json_null();
    }
    json = json_pack("{s:b, s:o}", "allow", counted->kind == OVERRIDE_GRANT, "expiresAt",
                     json_time(stored ? stored->expires_at : counted->expires));
    if (stored) {
        json_object_set_new(json, "id", json_integer(stored->override_id));
        json_object_set_new(json, "source", json_string(stored->source));
        json_object_set_new(json, "note", json_text_or_null(stored->note));
        json_object_set_new(json, "author", json_text_or_null(stored->author));
    }
    return json;
}

static json_t *gates_json(const struct feature *feature)
{
    const apr_array_header_t *references = config_feature_references();
    json_t *json = json_array();

    for (int i = 0; i < references->nelts; ++i) {
        const struct required_feature *required = APR_ARRAY_IDX(references, i, const struct required_feature *);

        if (required->feature == feature) {
            json_array_append_new(json, place_json(required->place.file, required->place.line));
        }
    }
    return json;
}

static json_t *configuration_json(const struct question *question)
{
    const struct feature *feature = question->feature;
    const struct plan *plan = question->answer.explanation.plan;
    json_t *json = json_object();

    json_object_set_new(json, "feature", place_json(feature->file, feature->line));
    json_object_set_new(json, "declared", json_boolean(feature->declared));
    json_object_set_new(json, "plan", plan ? place_json(plan->file, plan->line) : json_null());
    json_object_set_new(json, "gates", gates_json(feature));
    return json;
}

static json_t *unblock_json(const struct question *question)
{
    const struct decision *decision = &question->answer.explanation.decision;

    return decision->allowed && !decision->would_deny
               ? json_object()
               : remedy_json(&config_global()->catalogue, question->feature, question->answer.explanation.plan,
                             decision->reason);
}

static json_t *explain_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                            int *answered)
{
    struct question question = {.feature = NULL};
    json_t *json;

    (void)tail;
    (void)body;
    if (!question_read(r, &question, answered)) {
        return NULL;
    }
    explain_org(r->pool, question.feature, &question.context, call->livemode, &question.answer);
    json = json_object();
    json_object_set_new(json, "org", json_text_or_null(question.context.org));
    json_object_set_new(json, "feature", json_string(question.feature->ref.key));
    json_object_set_new(json, "livemode", json_boolean(call->livemode));
    json_object_set_new(json, "decision", decision_json(&question.answer.explanation.decision));
    json_object_set_new(json, "steps", steps_json(&question));
    json_object_set_new(json, "inputs", inputs_json(&question));
    json_object_set_new(json, "override", override_json(r, &question, call->livemode));
    json_object_set_new(json, "percent", percent_facts(&question));
    json_object_set_new(json, "killSwitch", facts_json(&question, RULE_KILL_SWITCH));
    json_object_set_new(json, "configuration", configuration_json(&question));
    json_object_set_new(json, "unblock", unblock_json(&question));
    return json;
}

const struct operator_task admin_explain = {explain_work, false, NULL};
