/* SPDX-License-Identifier: Apache-2.0
 * The page of the shadow report: who would notice full enforcement, feature by feature and org by org. */
#include "web/admin/page.h"
#include "web/routes.h"

#include <apr_strings.h>

#define PATH "/page/shadow"

static void filter_write(struct page *page, const json_t *report)
{
    const char *since = member_text(report, "since");

    html_print(page->html,
               "<form class=\"fields\" action=\"%s" PATH "\" role=\"search\"><div><label for=\"since\">" TEXT_SINCE
               "</label><input id=\"since\" name=\"since\" type=\"date\" value=\"%s\"></div><div><label "
               "for=\"feature\">" TEXT_FEATURE "</label><select id=\"feature\" name=\"feature\">",
               page->mount, page_day(page, since));
    page_feature_options(page, page_asked(page, "feature"), true);
    html_print(page->html,
               "</select></div><div class=\"act\"><button>" TEXT_SHOW
               "</button></div><div class=\"act\"><a class=\"button\" "
               "href=\"%s/shadow?format=csv%s%s\">" TEXT_CSV "</a></div></form>",
               page->mount, page_kept(page, "since"), page_kept(page, "feature"));
}

static void reasons_write(struct page *page, const json_t *reasons)
{
    for (size_t i = 0; i < json_array_size(reasons); ++i) {
        const json_t *reason = json_array_get(reasons, i);
        const char *code = member_text(reason, "reason");

        html_print(page->html, "%s%s (%lld)", i ? ", " : "", page_word(text_of_reason(code), code),
                   (long long)member_count(reason, "orgs"));
    }
}

/* The way to spare those who use it already, where anybody does. */
static void total_card(struct page *page, const json_t *total)
{
    const char *feature = member_text(total, "feature"), *enforcement = member_text(total, "enforcement");

    html_print(page->html,
               "<section class=\"card\"><h2><code>%s</code></h2><p><strong>" TEXT_WOULD_BE "</strong></p>"
               "<dl class=\"facts\"><dt>" TEXT_ENFORCEMENT "</dt><dd>%s</dd><dt>" TEXT_REASON "</dt><dd>",
               feature, (long long)member_count(total, "orgs"), (long long)member_count(total, "requests"),
               enforcement ? enforcement : TEXT_NO_FEATURE);
    reasons_write(page, json_object_get(total, "reasons"));
    html_raw(page->html, "</dd><dt>" TEXT_LAST_SEEN "</dt><dd>");
    page_time(page, member_text(total, "lastSeen"));
    html_raw(page->html, "</dd></dl>");
    if (enforcement) {
        html_print(page->html,
                   "<a class=\"button\" href=\"%s/page/grandfather?feature=%s\" aria-label=\"" TEXT_GRANDFATHER_LABEL
                   "\">" TEXT_GRANDFATHER_THEM "</a>",
                   page->mount, html_url(page->r->pool, feature), feature);
    }
    html_raw(page->html, "</section>");
}

static void row_write(struct page *page, const json_t *row)
{
    const char *org = member_text(row, "org"), *reason = member_text(row, "reason");

    html_raw(page->html, "<tr><th scope=\"row\">");
    if (org) {
        page_org_link(page, org);
    } else {
        html_raw(page->html, TEXT_NO_ORG);
    }
    html_print(page->html, "</th><td><code>%s</code></td><td>%s</td><td class=\"number\">%lld</td><td>",
               member_text(row, "feature"), page_word(text_of_reason(reason), reason),
               (long long)member_count(row, "requests"));
    page_time(page, member_text(row, "lastSeen"));
    html_raw(page->html, "</td><td>");
    page_status(page, member_text(row, "status"));
    html_raw(page->html, "</td><td>");
    page_unblock(page, json_object_get(row, "unblock"));
    html_raw(page->html, "</td></tr>");
}

static void rows_write(struct page *page, const json_t *report)
{
    static const char *const columns[] = {TEXT_ORG,       TEXT_FEATURE, TEXT_REASON,  PAGE_NUMBER TEXT_REQUESTS,
                                          TEXT_LAST_SEEN, TEXT_STATUS,  TEXT_UNBLOCK, NULL};
    const json_t *rows = json_object_get(report, "rows");
    const char *kept = apr_pstrcat(page->r->pool, page_kept(page, "since"), page_kept(page, "feature"), NULL);

    if (!json_array_size(rows)) {
        return;
    }
    html_raw(page->html, "<section class=\"card\"><h2 id=\"rows-name\">" TEXT_ROWS "</h2>");
    page_table_begin(page, NULL, "rows-name", columns);
    for (size_t i = 0; i < json_array_size(rows); ++i) {
        row_write(page, json_array_get(rows, i));
    }
    page_table_end(page);
    page_pager(page, PATH, kept, "after", report);
    html_raw(page->html, "</section>");
}

static void batch_row(struct page *page, const json_t *batch)
{
    long long number = (long long)member_count(batch, "batch");

    html_print(page->html, "<tr><th scope=\"row\">%lld</th><td><code>%s</code></td><td class=\"number\">%lld</td><td>",
               number, member_text(batch, "feature"), (long long)member_count(batch, "count"));
    page_time(page, member_text(batch, "createdAt"));
    html_print(page->html, "<br><span class=\"soft\">%s</span></td><td>", member_text(batch, "author"));
    page_text(page, member_text(batch, "note"));
    html_raw(page->html, "</td><td>");
    if (member_text(batch, "undoneAt")) {
        html_print(page->html, "<span class=\"soft\">" TEXT_UNDONE_BY "</span>", member_text(batch, "undoneBy"));
    } else {
        html_print(page->html,
                   "<form method=\"post\" action=\"%s/page/grandfather/%lld/undo\"><button class=\"small danger\" "
                   "aria-label=\"" TEXT_UNDO_LABEL "\">" TEXT_UNDO "</button></form>",
                   page->mount, number, number);
    }
    html_raw(page->html, "</td></tr>");
}

static void batches_card(struct page *page, const json_t *list)
{
    static const char *const columns[] = {TEXT_BATCH, TEXT_FEATURE, PAGE_NUMBER TEXT_ORG_COUNT, TEXT_CREATED, TEXT_NOTE,
                                          "",         NULL};
    const json_t *batches = json_object_get(list, "batches");

    if (!json_array_size(batches)) {
        return;
    }
    html_raw(page->html, "<section class=\"card\"><h2 id=\"batches-name\">" TEXT_BATCHES "</h2>");
    page_table_begin(page, NULL, "batches-name", columns);
    for (size_t i = 0; i < json_array_size(batches); ++i) {
        batch_row(page, json_array_get(batches, i));
    }
    page_table_end(page);
    html_raw(page->html, "</section>");
}

static void totals_write(struct page *page, const json_t *report)
{
    const json_t *totals = json_object_get(report, "totals");
    int64_t dropped = member_count(report, "dropped");

    if (dropped) {
        html_print(page->html, "<div class=\"note warn\"><p>" TEXT_DROPPED "</p></div>", (long long)dropped);
    }
    if (!json_array_size(totals)) {
        html_raw(page->html,
                 "<div class=\"note good\"><p><strong>" TEXT_NOBODY "</strong> " TEXT_NOBODY_MORE "</p></div>");
        return;
    }
    html_raw(page->html, "<div class=\"cards\">");
    for (size_t i = 0; i < json_array_size(totals); ++i) {
        total_card(page, json_array_get(totals, i));
    }
    html_raw(page->html, "</div>");
}

int admin_shadow_page(request_rec *r, const char *tail)
{
    const char *done, *since;
    struct page page;
    json_t *report, *batches;
    int answered;

    (void)tail;
    if (!page_enter(&page, r, &done, &answered) || !(report = page_ask(&page, "", &admin_shadow, NULL, &answered)) ||
        !(batches = page_ask(&page, "", &admin_grandfather_list, NULL, &answered))) {
        return answered;
    }
    since = member_text(report, "since");
    page_begin(&page, PAGE_SHADOW, TEXT_SHADOW, done);
    html_print(page.html, "<p class=\"soft\">" TEXT_SHADOW_ABOUT "</p>", since ? page_day(&page, since) : TEXT_NOTHING);
    filter_write(&page, report);
    totals_write(&page, report);
    rows_write(&page, report);
    batches_card(&page, batches);
    return page_end(&page, HTTP_OK);
}
