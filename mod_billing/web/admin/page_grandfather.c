/* SPDX-License-Identifier: Apache-2.0
 * The page that shows whom grandfathering would spare before it does. */
#include "config/value.h"
#include "web/admin/page.h"
#include "web/routes.h"

#include <apr_strings.h>

#define DAYS_USUAL  30
#define PREVIEW_MAX 100 /* orgs listed */

enum field { FIELD_FEATURE, FIELD_DAYS, FIELD_EXPIRES, FIELD_NOTE, FIELD_COUNT };

#define FIELDS                                                                                                         \
    {                                                                                                                  \
        {.name = "feature"}, {.name = "days"}, {.name = "expires"},                                                    \
        {                                                                                                              \
            .name = "note"                                                                                             \
        }                                                                                                              \
    }

/* What is no number is handed on as it is: the task says what is wrong with it. */
static json_t *days_of(const char *text)
{
    int64_t days = DAYS_USUAL;

    return !text || value_number(text, &days) ? json_integer(days) : json_string(text);
}

static json_t *asked_body(const struct query_value *fields, bool dry_run)
{
    json_t *body = json_object();

    json_object_set_new(body, "feature", json_string(fields[FIELD_FEATURE].value ? fields[FIELD_FEATURE].value : ""));
    json_object_set_new(body, "days", days_of(fields[FIELD_DAYS].value));
    if (fields[FIELD_EXPIRES].value) {
        json_object_set_new(body, "expiresAt", json_string(fields[FIELD_EXPIRES].value));
    }
    if (fields[FIELD_NOTE].value) {
        json_object_set_new(body, "note", json_string(fields[FIELD_NOTE].value));
    }
    json_object_set_new(body, "dryRun", json_boolean(dry_run));
    return body;
}

static json_t *grandfather_body(apr_pool_t *pool, const struct query_value *fields)
{
    (void)pool;
    return asked_body(fields, false);
}

static const char *field_value(const struct query_value *fields, enum field field)
{
    return fields[field].value ? fields[field].value : "";
}

static void preview_form(struct page *page, const struct query_value *fields, const json_t *preview)
{
    html_print(
        page->html,
        "<form class=\"fields\" action=\"%s/page/grandfather\"><input type=\"hidden\" name=\"feature\" value=\"%s\">"
        "<div><label for=\"days\">" TEXT_DAYS "</label><input id=\"days\" name=\"days\" inputmode=\"numeric\" "
        "value=\"%lld\"></div><div><label for=\"expires\">" TEXT_EXPIRES
        "</label><input id=\"expires\" name=\"expires\" "
        "type=\"date\" value=\"%s\" aria-describedby=\"expires-hint\"><p class=\"hint\" "
        "id=\"expires-hint\">" TEXT_EXPIRES_HINT "</p></div><div class=\"wide\"><label for=\"note\">" TEXT_NOTE
        "</label><input id=\"note\" "
        "name=\"note\" value=\"%s\" aria-describedby=\"note-hint\"><p class=\"hint\" id=\"note-hint\">" TEXT_NOTE_HINT
        "</p></div><div class=\"act\"><button>" TEXT_PREVIEW "</button></div></form>",
        page->mount, field_value(fields, FIELD_FEATURE), (long long)member_count(preview, "days"),
        field_value(fields, FIELD_EXPIRES), field_value(fields, FIELD_NOTE));
}

static void org_rows(struct page *page, const json_t *orgs, bool skipped)
{
    static const char *const columns[] = {TEXT_ORG, PAGE_NUMBER TEXT_REQUESTS, TEXT_LAST_SEEN, NULL};
    static const char *const skipped_columns[] = {TEXT_ORG, PAGE_NUMBER TEXT_REQUESTS, TEXT_LAST_SEEN, TEXT_WHY, NULL};

    page_table_begin(page, TEXT_ORGS, NULL, skipped ? skipped_columns : columns);
    for (size_t i = 0; i < json_array_size(orgs) && i < PREVIEW_MAX; ++i) {
        const json_t *org = json_array_get(orgs, i);
        const char *why = member_text(org, "why");

        html_raw(page->html, "<tr><th scope=\"row\">");
        page_org_link(page, member_text(org, "org"));
        html_print(page->html, "</th><td class=\"number\">%lld</td><td>", (long long)member_count(org, "requests"));
        page_time(page, member_text(org, "lastSeen"));
        html_raw(page->html, "</td>");
        if (skipped) {
            html_print(page->html, "<td>%s</td>", page_word(text_of_skipped(why), why));
        }
        html_raw(page->html, "</tr>");
    }
    page_table_end(page);
    if (json_array_size(orgs) > PREVIEW_MAX) {
        html_print(page->html, "<p class=\"soft\">" TEXT_FIRST_OF_THEM "</p>", (long long)PREVIEW_MAX);
    }
}

static void do_form(struct page *page, const struct query_value *fields, const json_t *preview)
{
    long long count = (long long)member_count(preview, "count");

    html_print(
        page->html,
        "<form method=\"post\" action=\"%s/page/grandfather\" class=\"acts\"><input type=\"hidden\" name=\"feature\" "
        "value=\"%s\"><input type=\"hidden\" name=\"days\" value=\"%lld\"><input type=\"hidden\" name=\"expires\" "
        "value=\"%s\"><input type=\"hidden\" name=\"note\" value=\"%s\"><button class=\"main\">",
        page->mount, field_value(fields, FIELD_FEATURE), (long long)member_count(preview, "days"),
        field_value(fields, FIELD_EXPIRES), field_value(fields, FIELD_NOTE));
    if (count == 1) {
        html_raw(page->html, TEXT_DO_IT_ONE);
    } else {
        html_print(page->html, TEXT_DO_IT, count);
    }
    html_print(page->html, "</button><a class=\"button\" href=\"%s/page/shadow\">" TEXT_CANCEL "</a></form>",
               page->mount);
}

static void preview_card(struct page *page, const struct query_value *fields, const json_t *preview)
{
    long long count = (long long)member_count(preview, "count"),
              skipped = (long long)member_count(preview, "skippedCount");

    html_raw(page->html, "<section class=\"card\"><h2>");
    if (count > 1) {
        html_print(page->html, TEXT_WILL_GET, count);
    } else {
        html_text(page->html, count ? TEXT_WILL_GET_ONE : TEXT_WILL_GET_NONE);
    }
    html_raw(page->html, "</h2>");
    if (count) {
        org_rows(page, json_object_get(preview, "orgs"), false);
        do_form(page, fields, preview);
    } else {
        html_print(page->html, "<p><a href=\"%s/page/shadow\">" TEXT_CANCEL "</a></p>", page->mount);
    }
    if (skipped) {
        html_print(page->html, "<h3>" TEXT_SKIPPED "</h3>", skipped);
        org_rows(page, json_object_get(preview, "skipped"), true);
    }
    html_raw(page->html, "</section>");
}

int admin_grandfather_page(request_rec *r, const char *tail)
{
    struct query_value fields[FIELD_COUNT] = FIELDS;
    const char *done;
    struct page page;
    json_t *body, *preview;
    int answered;

    (void)tail;
    if (!page_enter(&page, r, &done, &answered) || !query_read(r, fields, FIELD_COUNT, &answered)) {
        return answered;
    }
    body = asked_body(fields, true);
    preview = page_ask(&page, "", &admin_grandfather, body, &answered);
    json_decref(body);
    if (!preview) {
        return answered;
    }
    page_begin(&page, PAGE_SHADOW, apr_psprintf(r->pool, TEXT_GRANDFATHER, member_text(preview, "feature")), done);
    html_raw(page.html, "<p class=\"soft\">" TEXT_GRANDFATHER_ABOUT "</p>");
    preview_form(&page, fields, preview);
    preview_card(&page, fields, preview);
    return page_end(&page, HTTP_OK);
}

/* Its forms */

int admin_grandfather_form(request_rec *r, const char *tail)
{
    struct query_value fields[FIELD_COUNT] = FIELDS;
    struct page page;
    json_t *made;
    int answered;

    (void)tail;
    made = page_submit(&page, r, "", &admin_grandfather, fields, FIELD_COUNT, grandfather_body, &answered);
    if (!made) {
        return answered;
    }
    return page_go(&page, member_count(made, "count") ? "/page/shadow?done=grandfathered"
                                                      : "/page/shadow?done=grandfathered_none");
}

int admin_grandfather_undo_form(request_rec *r, const char *tail)
{
    struct page page;
    const char *batch = apr_pstrmemdup(r->pool, tail, strcspn(tail, "/"));
    int answered;

    return page_submit(&page, r, batch, &admin_grandfather_undo, NULL, 0, NULL, &answered)
               ? page_go(&page, "/page/shadow?done=undone")
               : answered;
}
