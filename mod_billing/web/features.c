/* SPDX-License-Identifier: Apache-2.0
 * GET /features/{key}: one decision, for a front end that asks before it offers something. */
#include "config/config.h"
#include "config/value.h"
#include "web/answer.h"
#include "web/decision_json.h"
#include "web/json_body.h"
#include "web/member.h"
#include "web/problem.h"
#include "web/routes.h"

#include <apr_strings.h>
#include <http_protocol.h>

#define LOCATION_MAX 256 /* bytes */

/* What a client may add about what it is about to do; both can only narrow the decision. */
struct question {
    const char *location, *usage; /* decoded; NULL: not given */
};

static bool pair_take(char *pair, struct question *question)
{
    char *value = strchr(pair, '=');
    const char **member;

    if (value) {
        *value++ = '\0';
    }
    if (ap_unescape_urlencoded(pair) != OK || (value && ap_unescape_urlencoded(value) != OK)) {
        return false;
    }
    member = !strcmp(pair, "location") ? &question->location : !strcmp(pair, "usage") ? &question->usage : NULL;
    if (!member || *member) {
        return false;
    }
    *member = value ? value : "";
    return true;
}

static bool question_read(request_rec *r, struct question *question, int *answered)
{
    char *rest = r->args ? apr_pstrdup(r->pool, r->args) : NULL, *pair;

    while (rest && (pair = apr_strtok(rest, "&", &rest))) {
        if (!pair_take(pair, question)) {
            *answered = problem_send(r, HTTP_BAD_REQUEST, "unknown_member",
                                     "The query may have location and usage, each once and well encoded.");
            return false;
        }
    }
    return true;
}

static bool usage_take(const char *text, struct gate_context *context)
{
    context->has_usage = text != NULL;
    return !text || (value_number(text, &context->usage) && context->usage >= 0);
}

/* Only the application knows its locations; none has a control character in its name. */
static bool location_valid(const char *text)
{
    size_t length = text ? strlen(text) : 1;

    for (; text && *text; ++text) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            return false;
        }
    }
    return length && length <= LOCATION_MAX;
}

static int feature_answer(request_rec *r, const struct feature *feature, const struct member *member)
{
    struct decision decision =
        gate_decide(feature, &config_global()->catalogue, &member->context, member->known ? &member->state : NULL);
    json_t *json = decision_json(&decision), *limit = limit_json(decision.limit);

    if (limit) {
        json_object_set_new(json, "limit", limit);
    }
    return answer_json_etag(r, json, NULL);
}

int features_handler(request_rec *r, const char *key)
{
    const struct feature *feature = catalogue_feature(&config_global()->catalogue, key);
    struct question question = {NULL, NULL};
    struct member member;
    int answered;

    if (!query_is_clean(r, &answered) || !question_read(r, &question, &answered) ||
        !member_find(r, &member, &answered)) {
        return answered;
    }
    if (!location_valid(question.location)) {
        return problem_send(r, HTTP_BAD_REQUEST, "invalid_location", "location is 1 to 256 bytes of text.");
    }
    if (!usage_take(question.usage, &member.context)) {
        return problem_send(r, HTTP_BAD_REQUEST, "invalid_usage", "usage is a whole number, 0 or more.");
    }
    if (!feature) {
        return problem_send(r, HTTP_NOT_FOUND, "unknown_feature", "There is no feature of this key.");
    }
    return feature_answer(r, feature, &member);
}
