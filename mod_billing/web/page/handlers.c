/* SPDX-License-Identifier: Apache-2.0
 * GET / at the page mount: the billing status page, its two buttons, and the same as JSON for scripts. */
#include "config/value.h"
#include "web/answer.h"
#include "web/form.h"
#include "web/opening.h"
#include "web/origin.h"
#include "web/page/page.h"
#include "web/page/texts.h"
#include "web/routes.h"

#include <apr_strings.h>
#include <http_protocol.h>

/* Of the query only what is known counts: links to the page may carry anything. */
static struct page_arrival arrival_read(request_rec *r, const struct standing *standing)
{
    struct query_value query[] = {
        {.name = "why"}, {.name = "feature"}, {.name = "limit"}, {.name = "checkout"}, {.name = "try"}};
    struct page_arrival arrival = {NULL};
    const char *checkout;
    int64_t tries;

    query_pick(r, query, sizeof(query) / sizeof(*query));
    arrival.why = view_why(r, standing, query[0].value, query[1].value, query[2].value, &arrival.why_title);
    checkout = query[3].value ? query[3].value : "";
    arrival.paid = !strcmp(checkout, "success");
    arrival.left = !strcmp(checkout, "cancelled");
    if (query[4].value && value_number(query[4].value, &tries) && tries > 0) {
        arrival.tries = tries < TRIES_MAX ? (int)tries : TRIES_MAX;
    }
    return arrival;
}

int page_handler(request_rec *r, const char *tail)
{
    struct page_arrival arrival;
    struct standing standing;
    struct view view;
    int answered;

    (void)tail;
    if (!standing_find(r, &standing, &answered)) {
        return answered;
    }
    view = view_make(r, &standing);
    arrival = arrival_read(r, &standing);
    return page_show(r, &view, &arrival);
}

/* A member who may manage billing and pressed a button of the page; else the problem was sent. */
static bool presser_find(request_rec *r, struct query_value *field, struct member *member, int *answered)
{
    return member_find(r, member, answered) && origin_may_submit(r, answered) && opening_allowed(r, member, answered) &&
           form_read(r, field, 1, answered);
}

int page_checkout_handler(request_rec *r, const char *tail)
{
    struct query_value plan = {.name = "plan"};
    struct opening opening;
    struct member member;
    int answered;

    (void)tail;
    if (!presser_find(r, &plan, &member, &answered) || !opening_checkout(r, &member, plan.value, &opening, &answered)) {
        return answered;
    }
    return page_leave(r, opening.url);
}

int page_portal_handler(request_rec *r, const char *tail)
{
    struct query_value flow = {.name = "flow"};
    struct opening opening;
    struct member member;
    int answered;

    (void)tail;
    if (!presser_find(r, &flow, &member, &answered) || !opening_portal(r, &member, flow.value, &opening, &answered)) {
        return answered;
    }
    return page_leave(r, opening.url);
}

static json_t *rows_json(const struct view_row *rows, size_t count)
{
    json_t *json = json_array();

    for (size_t i = 0; i < count; ++i) {
        json_array_append_new(
            json, json_pack("{s:s, s:s, s:s}", "key", rows[i].name, "text", rows[i].text, "tone", rows[i].tone));
    }
    return json;
}

int page_status_handler(request_rec *r, const char *tail)
{
    struct standing standing;
    struct view view;
    json_t *json;
    int answered;

    (void)tail;
    if (!standing_find(r, &standing, &answered)) {
        return answered;
    }
    view = view_make(r, &standing);
    json = json_object();
    json_object_set_new(json, "kind", json_string(view_kind_name(view.kind)));
    json_object_set_new(json, "tone", json_string(view.tone));
    json_object_set_new(json, "badge", json_string(view.badge));
    json_object_set_new(json, "headline", json_string(view.headline));
    json_object_set_new(json, "detail", json_text_or_null(view.detail));
    json_object_set_new(json, "hint", json_text_or_null(view.hint));
    json_object_set_new(json, "subscribed", json_boolean(view.subscribed));
    json_object_set_new(json, "features", rows_json(view.features, view.feature_count));
    json_object_set_new(json, "limits", rows_json(view.limits, view.limit_count));
    json_object_set_new(json, "link", json_string(config_server(r->server)->mounts[MOUNT_PAGE]));
    json_object_set_new(json, "linkText", json_string(view.action_count ? view.actions[0].label : TEXT_BILLING));
    json_object_set_new(json, "notice", json_text_or_null(view.livemode ? NULL : TEXT_TEST));
    json_object_set_new(json, "asOf", json_text_or_null(view.as_of));
    return answer_json_etag(r, json, "asOf");
}
