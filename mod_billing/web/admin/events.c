/* SPDX-License-Identifier: Apache-2.0
 * /events at the admin mount: what came from the provider, what became of it, and deciding it again. */
#include "domain/key.h"
#include "service/provider.h"
#include "service/replay.h"
#include "service/runtime.h"
#include "store/operate.h"
#include "web/admin/operator.h"
#include "web/answer.h"
#include "web/problem.h"
#include "web/query.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <stdlib.h>

#define EVENTS_USUAL 50
#define EVENTS_MAX   200

#define RECEIVED_MAX (INT64_C(253402300800) * APR_USEC_PER_SEC) /* the year 10000 */

/* A cursor is opaque to clients: the microsecond of receipt and the event's id. */
static json_t *place_json(const struct event_place *place)
{
    return place->id ? json_sprintf("%lld-%s", (long long)place->received_at, place->id) : json_null();
}

static bool place_parse(const char *text, struct event_place *place)
{
    size_t length = strspn(text, "0123456789");

    place->received_at = strtoll(text, NULL, 10);
    place->id = text + length + 1;
    return length && text[length] == '-' && *place->id && place->received_at > 0 && place->received_at < RECEIVED_MAX;
}

static json_t *event_json(const struct stored_event *event)
{
    json_t *json = json_object();

    json_object_set_new(json, "id", json_string(event->id));
    json_object_set_new(json, "type", json_string(event->type));
    json_object_set_new(json, "apiVersion", json_text_or_null(event->api_version));
    json_object_set_new(json, "org", json_text_or_null(event->org));
    json_object_set_new(json, "customer", json_text_or_null(event->customer));
    json_object_set_new(json, "subscription", json_text_or_null(event->subscription));
    json_object_set_new(json, "outcome", json_string(event->outcome));
    json_object_set_new(json, "error", json_text_or_null(event->error));
    json_object_set_new(json, "createdAt", json_time(event->created));
    json_object_set_new(json, "receivedAt", json_time(apr_time_sec(event->received_at)));
    return json;
}

static bool outcome_valid(const char *outcome)
{
    for (int i = EVENT_APPLIED; i < EVENT_FAILED; ++i) {
        if (i != EVENT_DUPLICATE && !strcmp(outcome, event_outcome_name((enum event_outcome)i))) {
            return true;
        }
    }
    return false;
}

/* The names of the query, in the order of the values. */
enum list_query { QUERY_OUTCOME, QUERY_TYPE, QUERY_ORG, QUERY_BEFORE, QUERY_LIMIT, QUERY_COUNT };

static bool filter_read(request_rec *r, struct event_filter *filter, int *answered)
{
    struct query_value query[QUERY_COUNT] = {
        {.name = "outcome"}, {.name = "type"}, {.name = "org"}, {.name = "before"}, {.name = "limit"}};
    int64_t most;

    if (!query_read(r, query, QUERY_COUNT, answered) ||
        !query_number(r, query[QUERY_LIMIT].value, 1, EVENTS_MAX, EVENTS_USUAL, &most, answered)) {
        return false;
    }
    filter->most = (int)most;
    filter->outcome = query[QUERY_OUTCOME].value;
    filter->type = query[QUERY_TYPE].value;
    filter->org = query[QUERY_ORG].value;
    if (filter->outcome && !outcome_valid(filter->outcome)) {
        *answered = query_problem(r, "outcome is applied, stale, ignored or dead.");
        return false;
    }
    if (filter->org && !org_id_valid(filter->org, strlen(filter->org))) {
        *answered = query_problem(r, "org is no org id.");
        return false;
    }
    if (query[QUERY_BEFORE].value && !place_parse(query[QUERY_BEFORE].value, &filter->from)) {
        *answered = query_problem(r, "before is the next of an earlier answer.");
        return false;
    }
    return true;
}

static json_t *events_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                           int *answered)
{
    struct event_filter filter = {.provider = PROVIDER_NAME, .livemode = call->livemode};
    struct event_list list;
    json_t *json, *events;

    (void)tail;
    (void)body;
    if (!filter_read(r, &filter, answered)) {
        return NULL;
    }
    if (store_event_list(runtime()->database, r->pool, &filter, &list) != STORE_OK) {
        *answered = operator_unavailable(r);
        return NULL;
    }
    events = json_array();
    for (size_t i = 0; i < list.count; ++i) {
        json_array_append_new(events, event_json(&list.events[i]));
    }
    json = json_object();
    json_object_set_new(json, "livemode", json_boolean(call->livemode));
    json_object_set_new(json, "events", events);
    json_object_set_new(json, "next", place_json(&list.next));
    return json;
}

static json_t *event_problem(request_rec *r, enum store_result found, int *answered)
{
    *answered = found == STORE_CONFLICT
                    ? problem_send(r, HTTP_NOT_FOUND, "unknown_event", "There is no such event in this server's mode.")
                    : operator_unavailable(r);
    return NULL;
}

static enum store_result event_find(request_rec *r, const struct operator_call *call, const char *id,
                                    struct stored_event *event)
{
    return text_is_utf8(id) ? store_event_find(runtime()->database, r->pool, PROVIDER_NAME, call->livemode, id, event)
                            : STORE_CONFLICT;
}

static json_t *event_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                          int *answered)
{
    struct stored_event event;
    enum store_result found = event_find(r, call, tail, &event);
    json_t *json;

    (void)body;
    if (found != STORE_OK) {
        return event_problem(r, found, answered);
    }
    json = event_json(&event);
    json_object_set_new(json, "livemode", json_boolean(call->livemode));
    json_object_set_new(json, "body", json_string(event.body));
    return json;
}

static json_t *event_replay_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                                 int *answered)
{
    const char *id = apr_pstrmemdup(r->pool, tail, strcspn(tail, "/"));
    struct event_result result;
    enum store_result found =
        text_is_utf8(id) ? replay_event(r->pool, config_server(r->server), id, &result) : STORE_CONFLICT;
    json_t *json;

    (void)body;
    if (found != STORE_OK || result.outcome == EVENT_FAILED) {
        return event_problem(r, found == STORE_OK ? STORE_UNAVAILABLE : found, answered);
    }
    json = json_object();
    json_object_set_new(json, "livemode", json_boolean(call->livemode));
    json_object_set_new(json, "id", json_string(id));
    json_object_set_new(json, "outcome", json_string(event_outcome_name(result.outcome)));
    json_object_set_new(json, "error", json_text_or_null(result.error));
    return json;
}

static json_t *replay_json(const struct replay_report *report, bool livemode)
{
    struct event_place end = {.id = NULL};
    json_t *json = json_object();

    json_object_set_new(json, "livemode", json_boolean(livemode));
    json_object_set_new(json, "replayed", json_integer(report->replayed));
    for (int i = EVENT_APPLIED; i <= EVENT_FAILED; ++i) {
        json_object_set_new(json, event_outcome_name((enum event_outcome)i), json_integer(report->outcomes[i]));
    }
    json_object_set_new(json, "complete", json_boolean(report->complete));
    json_object_set_new(json, "next", place_json(report->complete ? &end : &report->next));
    return json;
}

/* {"outcome":"dead"} or "ignored"; "after" is the next of an earlier answer. */
static bool replay_parse(request_rec *r, const json_t *body, const char **outcome, struct event_place *from,
                         int *answered)
{
    const json_t *after = json_object_get(body, "after");

    *outcome = json_string_value(json_object_get(body, "outcome"));
    if (!*outcome || (strcmp(*outcome, "dead") && strcmp(*outcome, "ignored"))) {
        *answered = problem_send(r, HTTP_BAD_REQUEST, "invalid_member", "outcome is dead or ignored.");
        return false;
    }
    if (after && !json_is_null(after) && !(json_is_string(after) && place_parse(json_string_value(after), from))) {
        *answered = problem_send(r, HTTP_BAD_REQUEST, "invalid_member", "after is the next of an earlier answer.");
        return false;
    }
    return true;
}

static json_t *events_replay_work(request_rec *r, const struct operator_call *call, const char *tail,
                                  const json_t *body, int *answered)
{
    struct event_place from = {.id = NULL};
    struct replay_report report;
    const char *outcome;

    (void)tail;
    if (!replay_parse(r, body, &outcome, &from, answered)) {
        return NULL;
    }
    if (replay_events(r->pool, config_server(r->server), outcome, &from, &report) != STORE_OK && !report.replayed) {
        *answered = operator_unavailable(r);
        return NULL;
    }
    return replay_json(&report, call->livemode);
}

static const char *const replay_members[] = {"outcome", "after", NULL};

const struct operator_task admin_events = {events_work, false, NULL};
const struct operator_task admin_event = {event_work, false, NULL};
const struct operator_task admin_event_replay = {event_replay_work, true, operator_no_members};
const struct operator_task admin_events_replay = {events_replay_work, true, replay_members};
