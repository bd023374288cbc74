/* SPDX-License-Identifier: Apache-2.0
 * The page of all orgs, by id and status. */
#include "web/admin/page.h"
#include "web/routes.h"

#include <apr_strings.h>

#define PATH "/page/orgs"

static void tile_write(struct page *page, const char *status, const char *text, int64_t count)
{
    html_print(page->html, "<li><a href=\"%s" PATH "%s%s\"", page->mount, *status ? "?status=" : "", status);
    if (!strcmp(page_asked(page, "status"), status)) {
        html_raw(page->html, " aria-current=\"true\"");
    }
    html_print(page->html, "><b>%lld</b> %s</a></li>", (long long)count, text);
}

static void tiles_write(struct page *page, const json_t *counts)
{
    const char *status;
    const json_t *count;

    html_raw(page->html, "<ul class=\"tiles\">");
    tile_write(page, "", TEXT_ALL, member_count(counts, "orgs"));
    json_object_foreach(json_object_get(counts, "statuses"), status, count)
    {
        tile_write(page, status, page_word(text_of_status(status), status), json_integer_value(count));
    }
    html_raw(page->html, "</ul>");
}

static void search_write(struct page *page)
{
    static const char *const statuses[] = {"active", "past_due", "canceled", "none"};
    const char *status = page_asked(page, "status");

    html_print(page->html,
               "<form class=\"fields\" action=\"%s" PATH "\" role=\"search\"><div><label for=\"prefix\">" TEXT_ORG_ID
               "</label><input id=\"prefix\" name=\"prefix\" value=\"%s\"></div>"
               "<div><label for=\"status\">" TEXT_STATUS "</label><select id=\"status\" name=\"status\">",
               page->mount, page_asked(page, "prefix"));
    page_option(page, "", TEXT_ANY, status);
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); ++i) {
        page_option(page, statuses[i], text_of_status(statuses[i]), status);
    }
    html_raw(page->html, "</select></div><div class=\"act\"><button>" TEXT_SHOW "</button></div></form>");
}

static void org_row(struct page *page, const json_t *org)
{
    html_raw(page->html, "<tr><th scope=\"row\">");
    page_org_link(page, member_text(org, "org"));
    html_raw(page->html, "</th><td>");
    page_status(page, member_text(org, "status"));
    html_raw(page->html, "</td><td>");
    page_code(page, member_text(org, "planKey"));
    html_raw(page->html, "</td><td>");
    page_time(page, member_text(org, "currentPeriodEnd"));
    html_raw(page->html, "</td><td>");
    page_time(page, member_text(org, "cancelAt"));
    html_raw(page->html, "</td><td>");
    page_time(page, member_text(org, "pastDueSince"));
    html_print(page->html, "</td><td class=\"number\">%lld</td></tr>", (long long)member_count(org, "overrides"));
}

static void list_write(struct page *page, const json_t *list)
{
    static const char *const columns[] = {TEXT_ORG,
                                          TEXT_STATUS,
                                          TEXT_PLAN,
                                          TEXT_PERIOD_END,
                                          TEXT_CANCEL_AT,
                                          TEXT_PAST_DUE_SINCE,
                                          PAGE_NUMBER TEXT_OVERRIDES,
                                          NULL};
    const json_t *orgs = json_object_get(list, "orgs");

    html_raw(page->html, "<section class=\"card\">");
    if (json_array_size(orgs)) {
        page_table_begin(page, TEXT_ORGS, NULL, columns);
        for (size_t i = 0; i < json_array_size(orgs); ++i) {
            org_row(page, json_array_get(orgs, i));
        }
        page_table_end(page);
    } else if (member_text(list, "next")) {
        html_raw(page->html, "<p>" TEXT_NO_ORGS_YET "</p>");
    } else {
        html_raw(page->html, "<p>" TEXT_NO_ORGS "</p>");
    }
    page_pager(page, PATH, apr_pstrcat(page->r->pool, page_kept(page, "prefix"), page_kept(page, "status"), NULL),
               "after", list);
    html_raw(page->html, "</section>");
}

int admin_orgs_page(request_rec *r, const char *tail)
{
    const char *done;
    struct page page;
    json_t *list, *counts;
    int answered;

    (void)tail;
    if (!page_enter(&page, r, &done, &answered) || !(list = page_ask(&page, "", &admin_orgs, NULL, &answered)) ||
        !(counts = page_ask(&page, "", &admin_org_counts, NULL, &answered))) {
        return answered;
    }
    page_begin(&page, PAGE_ORGS, TEXT_ORGS, done);
    tiles_write(&page, counts);
    search_write(&page);
    list_write(&page, list);
    return page_end(&page, HTTP_OK);
}
