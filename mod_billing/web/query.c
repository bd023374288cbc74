/* SPDX-License-Identifier: Apache-2.0
 * Queries. */
#include "web/query.h"

#include "config/value.h"
#include "web/problem.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <jansson.h>

int query_problem(request_rec *r, const char *detail)
{
    return problem_send(r, HTTP_BAD_REQUEST, "invalid_query", detail);
}

bool text_is_utf8(const char *text)
{
    json_t *json = json_string(text);

    json_decref(json);
    return json != NULL;
}

/* NULL, or what is wrong with `pair`. */
static const char *pair_read(char *pair, struct query_value *values, size_t count, bool *seen)
{
    char *value = strchr(pair, '=');

    if (!value) {
        return "The query is a list of name=value.";
    }
    *value++ = '\0';
    if (ap_unescape_urlencoded(pair) != OK || ap_unescape_urlencoded(value) != OK) {
        return "The query cannot be decoded.";
    }
    if (!text_is_utf8(value)) {
        return "The query is UTF-8.";
    }
    for (size_t i = 0; i < count; ++i) {
        if (!strcmp(values[i].name, pair)) {
            if (seen[i]) {
                return "The query has a name twice.";
            }
            seen[i] = true;
            values[i].value = *value ? value : NULL;
            return NULL;
        }
    }
    return "The query has a name that this route does not know.";
}

bool query_parse(request_rec *r, const char *text, struct query_value *values, size_t count, int *answered)
{
    char *rest = text ? apr_pstrdup(r->pool, text) : NULL, *pair;
    bool *seen = apr_pcalloc(r->pool, count * sizeof(*seen));
    const char *wrong = NULL;

    while (!wrong && rest && (pair = apr_strtok(rest, "&", &rest))) {
        wrong = pair_read(pair, values, count, seen);
    }
    if (wrong) {
        *answered = query_problem(r, wrong);
    }
    return !wrong;
}

bool query_read(request_rec *r, struct query_value *values, size_t count, int *answered)
{
    return query_parse(r, r->args, values, count, answered);
}

void query_pick(request_rec *r, struct query_value *values, size_t count)
{
    char *rest = r->args ? apr_pstrdup(r->pool, r->args) : NULL, *pair;
    bool *seen = apr_pcalloc(r->pool, count * sizeof(*seen));

    while (rest && (pair = apr_strtok(rest, "&", &rest))) {
        pair_read(pair, values, count, seen);
    }
}

bool query_number(request_rec *r, const char *value, int64_t least, int64_t most, int64_t usual, int64_t *number,
                  int *answered)
{
    *number = usual;
    if (value && (!value_number(value, number) || *number < least || *number > most)) {
        *answered = query_problem(r, "A number of the query is none, or out of its range.");
        return false;
    }
    return true;
}
