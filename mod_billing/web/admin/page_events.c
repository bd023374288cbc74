/* SPDX-License-Identifier: Apache-2.0
 * The pages of stored events, and of one. */
#include "web/admin/page.h"
#include "web/routes.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <stdlib.h>

#define PATH "/page/events"

static void filter_write(struct page *page)
{
    static const char *const outcomes[] = {"dead", "applied", "stale", "ignored"};
    const char *outcome = page_asked(page, "outcome");

    html_print(page->html,
               "<form class=\"fields\" action=\"%s" PATH "\" role=\"search\"><div><label for=\"outcome\">" TEXT_OUTCOME
               "</label><select id=\"outcome\" name=\"outcome\">",
               page->mount);
    page_option(page, "", TEXT_ANY, outcome);
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); ++i) {
        page_option(page, outcomes[i], text_of_outcome(outcomes[i]), outcome);
    }
    html_print(page->html,
               "</select></div><div><label for=\"type\">" TEXT_TYPE
               "</label><input id=\"type\" name=\"type\" value=\"%s\">"
               "</div><div><label for=\"org\">" TEXT_ORG "</label><input id=\"org\" name=\"org\" value=\"%s\"></div>"
               "<div class=\"act\"><button>" TEXT_SHOW "</button></div></form>",
               page_asked(page, "type"), page_asked(page, "org"));
}

static void event_row(struct page *page, const json_t *event)
{
    bool dead = !strcmp(member_text(event, "outcome"), "dead");

    if (dead) {
        html_raw(page->html, "<tr class=\"bad\"><th scope=\"row\">");
    } else {
        html_raw(page->html, "<tr><th scope=\"row\">");
    }
    page_event_link(page, member_text(event, "id"));
    html_print(page->html, "</th><td>%s</td><td>", member_text(event, "type"));
    page_org_link(page, member_text(event, "org"));
    html_raw(page->html, "</td><td>");
    page_outcome(page, member_text(event, "outcome"));
    if (dead && member_text(event, "error")) {
        html_print(page->html, "<br><span class=\"soft\">%s</span>", member_text(event, "error"));
    }
    html_raw(page->html, "</td><td>");
    page_time(page, member_text(event, "receivedAt"));
    html_raw(page->html, "</td></tr>");
}

static void list_write(struct page *page, const json_t *list)
{
    static const char *const columns[] = {TEXT_EVENT, TEXT_TYPE, TEXT_ORG, TEXT_OUTCOME, TEXT_RECEIVED, NULL};
    const json_t *events = json_object_get(list, "events");
    const char *kept =
        apr_pstrcat(page->r->pool, page_kept(page, "outcome"), page_kept(page, "type"), page_kept(page, "org"), NULL);

    html_raw(page->html, "<section class=\"card\">");
    if (json_array_size(events)) {
        page_table_begin(page, TEXT_EVENTS, NULL, columns);
        for (size_t i = 0; i < json_array_size(events); ++i) {
            event_row(page, json_array_get(events, i));
        }
        page_table_end(page);
    } else {
        html_raw(page->html, "<p>" TEXT_NO_EVENTS "</p>");
    }
    page_pager(page, PATH, kept, "before", list);
    html_raw(page->html, "</section>");
}

int admin_events_page(request_rec *r, const char *tail)
{
    const char *done;
    struct page page;
    json_t *list;
    int answered;

    (void)tail;
    if (!page_enter(&page, r, &done, &answered) || !(list = page_ask(&page, "", &admin_events, NULL, &answered))) {
        return answered;
    }
    page_begin(&page, PAGE_EVENTS, TEXT_EVENTS, done);
    filter_write(&page);
    if (!strcmp(page_asked(&page, "outcome"), "dead") && json_array_size(json_object_get(list, "events"))) {
        html_print(page.html,
                   "<form method=\"post\" action=\"%s/page/replay\"><p><button class=\"main\">" TEXT_REPLAY_ALL
                   "</button></p></form>",
                   page.mount);
    }
    list_write(&page, list);
    return page_end(&page, HTTP_OK);
}

/* One event */

/* Indented, for reading; as it came where it is no JSON. */
static void body_write(struct page *page, const char *body)
{
    json_t *json = body ? json_loads(body, 0, NULL) : NULL;
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

    html_print(page->html, "<section class=\"card\"><h2>" TEXT_BODY "</h2><pre tabindex=\"0\">%s</pre></section>",
               text ? text : body);
    free(text);
    json_decref(json);
}

static void event_facts(struct page *page, const json_t *event)
{
    html_raw(page->html, "<section class=\"card\"><dl class=\"facts\"><dt>" TEXT_OUTCOME "</dt><dd>");
    page_outcome(page, member_text(event, "outcome"));
    html_raw(page->html, "</dd><dt>" TEXT_ERROR "</dt><dd>");
    page_text(page, member_text(event, "error"));
    html_raw(page->html, "</dd><dt>" TEXT_ORG "</dt><dd>");
    page_org_link(page, member_text(event, "org"));
    html_raw(page->html, "</dd>");
    page_fact_code(page, TEXT_TYPE, member_text(event, "type"));
    page_fact_code(page, TEXT_CUSTOMER, member_text(event, "customer"));
    page_fact_code(page, TEXT_SUBSCRIPTION_ID, member_text(event, "subscription"));
    page_fact_code(page, TEXT_API_VERSION, member_text(event, "apiVersion"));
    page_fact_time(page, TEXT_MADE, member_text(event, "createdAt"));
    page_fact_time(page, TEXT_RECEIVED, member_text(event, "receivedAt"));
    html_print(page->html,
               "</dl><p class=\"soft\">" TEXT_REPLAY_ABOUT "</p><form method=\"post\" action=\"%s" PATH
               "/%s/replay\"><button aria-label=\"" TEXT_REPLAY_LABEL "\">" TEXT_REPLAY "</button></form></section>",
               page->mount, html_url(page->r->pool, member_text(event, "id")), member_text(event, "id"));
}

int admin_event_page(request_rec *r, const char *tail)
{
    const char *done;
    struct page page;
    json_t *event;
    int answered;

    if (!page_enter(&page, r, &done, &answered) || !(event = page_ask(&page, tail, &admin_event, NULL, &answered))) {
        return answered;
    }
    page_begin(&page, PAGE_EVENTS, member_text(event, "id"), done);
    event_facts(&page, event);
    body_write(&page, member_text(event, "body"));
    return page_end(&page, HTTP_OK);
}

/* Their forms */

int admin_event_replay_form(request_rec *r, const char *tail)
{
    struct page page;
    json_t *replayed;
    int answered;

    replayed = page_submit(&page, r, tail, &admin_event_replay, NULL, 0, NULL, &answered);
    return replayed ? page_go(&page, apr_pstrcat(r->pool, PATH "/", html_url(r->pool, member_text(replayed, "id")),
                                                 "?done=replay_", member_text(replayed, "outcome"), NULL))
                    : answered;
}

static json_t *replay_body(apr_pool_t *pool, const struct query_value *fields)
{
    (void)pool;
    (void)fields;
    return json_pack("{s:s}", "outcome", "dead");
}

int admin_replay_form(request_rec *r, const char *tail)
{
    struct page page;
    json_t *replayed;
    int answered;

    (void)tail;
    replayed = page_submit(&page, r, "", &admin_events_replay, NULL, 0, replay_body, &answered);
    if (!replayed) {
        return answered;
    }
    return page_go(&page, member_true(replayed, "complete") ? PATH "?outcome=dead&done=replayed"
                                                            : PATH "?outcome=dead&done=replayed_some");
}
