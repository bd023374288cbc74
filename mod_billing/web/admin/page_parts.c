/* SPDX-License-Identifier: Apache-2.0
 * What several of the operators' pages show. */
#include "web/admin/page.h"

#include "config/config.h"

#include <apr_strings.h>

const char *member_text(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

int64_t member_count(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

bool member_true(const json_t *json, const char *name)
{
    return json_is_true(json_object_get(json, name));
}

/* "2026-11-27T04:14:44Z" is read as "2026-11-27 04:14". */
void page_time(struct page *page, const char *time)
{
    const char *mark = time ? strchr(time, 'T') : NULL;

    if (!mark || strlen(mark) < strlen("T00:00")) {
        html_raw(page->html, TEXT_NOTHING);
        return;
    }
    html_print(page->html, "<time datetime=\"%s\">%s %s</time>", time,
               apr_pstrmemdup(page->r->pool, time, (apr_size_t)(mark - time)),
               apr_pstrmemdup(page->r->pool, mark + 1, strlen("00:00")));
}

const char *page_day(struct page *page, const char *time)
{
    return time ? apr_pstrmemdup(page->r->pool, time, strcspn(time, "T")) : "";
}

void page_text(struct page *page, const char *text)
{
    html_text(page->html, text && *text ? text : TEXT_NOTHING);
}

void page_code(struct page *page, const char *text)
{
    if (text && *text) {
        html_print(page->html, "<code>%s</code>", text);
    } else {
        html_raw(page->html, TEXT_NOTHING);
    }
}

void page_fact_time(struct page *page, const char *term, const char *time)
{
    html_print(page->html, "<dt>%s</dt><dd>", term);
    page_time(page, time);
    html_raw(page->html, "</dd>");
}

void page_fact_code(struct page *page, const char *term, const char *code)
{
    html_print(page->html, "<dt>%s</dt><dd>", term);
    page_code(page, code);
    html_raw(page->html, "</dd>");
}

void page_org_link(struct page *page, const char *org)
{
    if (org) {
        html_print(page->html, "<a href=\"%s/page/orgs/%s\"><code>%s</code></a>", page->mount,
                   html_url(page->r->pool, org), org);
    } else {
        html_raw(page->html, TEXT_NOTHING);
    }
}

void page_event_link(struct page *page, const char *event)
{
    html_print(page->html, "<a href=\"%s/page/events/%s\"><code>%s</code></a>", page->mount,
               html_url(page->r->pool, event), event);
}

const char *page_word(const char *text, const char *code)
{
    return text ? text : code;
}

static void page_badge(struct page *page, const char *kind, const char *text)
{
    html_print(page->html, "<span class=\"badge %s\">%s</span>", kind, text);
}

void page_status(struct page *page, const char *status)
{
    page_badge(page,
               !strcmp(status, "active")     ? "good"
               : !strcmp(status, "past_due") ? "warn"
                                             : "",
               page_word(text_of_status(status), status));
}

void page_outcome(struct page *page, const char *outcome)
{
    page_badge(page,
               !strcmp(outcome, "dead")      ? "bad"
               : !strcmp(outcome, "applied") ? "good"
                                             : "",
               page_word(text_of_outcome(outcome), outcome));
}

void page_unblock(struct page *page, const json_t *unblock)
{
    const char *way, *comma = "";
    const json_t *names;

    json_object_foreach((json_t *)unblock, way, names)
    {
        html_print(page->html, "%s%s", comma, page_word(text_of_way(way), way));
        for (size_t i = 0; i < json_array_size(names); ++i) {
            html_raw(page->html, " ");
            page_code(page, json_string_value(json_array_get(names, i)));
        }
        comma = ", ";
    }
    if (!*comma) {
        html_raw(page->html, TEXT_NOTHING);
    }
}

void page_table_begin(struct page *page, const char *label, const char *heading, const char *const *columns)
{
    html_print(page->html, "<div class=\"scroll\" role=\"region\" aria-%s=\"%s\" tabindex=\"0\"><table><thead><tr>",
               label ? "label" : "labelledby", label ? label : heading);
    for (; *columns; ++columns) {
        if (!**columns) {
            html_raw(page->html, "<td></td>");
        } else if (**columns == *PAGE_NUMBER) {
            html_print(page->html, "<th scope=\"col\" class=\"number\">%s</th>", *columns + 1);
        } else {
            html_print(page->html, "<th scope=\"col\">%s</th>", *columns);
        }
    }
    html_raw(page->html, "</tr></thead><tbody>");
}

void page_table_end(struct page *page)
{
    html_raw(page->html, "</tbody></table></div>");
}

void page_pager(struct page *page, const char *path, const char *query, const char *cursor, const json_t *list)
{
    const char *next = member_text(list, "next");

    if (!next && !*page_asked(page, cursor)) {
        return;
    }
    html_raw(page->html, "<p class=\"acts\">");
    if (*page_asked(page, cursor)) {
        html_print(page->html, "<a class=\"button small\" href=\"%s%s?%s\">" TEXT_FIRST "</a>", page->mount, path,
                   *query ? query + 1 : "");
    }
    if (next) {
        html_print(page->html, "<a class=\"button small\" rel=\"next\" href=\"%s%s?%s=%s%s\">" TEXT_NEXT "</a>",
                   page->mount, path, cursor, html_url(page->r->pool, next), query);
    }
    html_raw(page->html, "</p>");
}

/* Only for what a task has accepted already: anything else in the query is a problem before it is shown. */
const char *page_asked(struct page *page, const char *name)
{
    char *rest = page->r->args ? apr_pstrdup(page->r->pool, page->r->args) : NULL, *pair;
    size_t length = strlen(name);

    while (rest && (pair = apr_strtok(rest, "&", &rest))) {
        if (!strncmp(pair, name, length) && pair[length] == '=' && ap_unescape_urlencoded(pair) == OK) {
            return pair + length + 1;
        }
    }
    return "";
}

const char *page_kept(struct page *page, const char *name)
{
    const char *value = page_asked(page, name);

    return *value ? apr_pstrcat(page->r->pool, "&", name, "=", html_url(page->r->pool, value), NULL) : "";
}

void page_option(struct page *page, const char *value, const char *text, const char *chosen)
{
    html_print(page->html, "<option value=\"%s\"", value);
    if (!strcmp(value, chosen)) {
        html_raw(page->html, " selected");
    }
    html_print(page->html, ">%s</option>", text);
}

void page_feature_options(struct page *page, const char *chosen, bool any)
{
    const struct catalogue *catalogue = &config_global()->catalogue;

    if (any) {
        page_option(page, "", TEXT_ANY, chosen);
    }
    for (size_t i = 0; i < catalogue->feature_count; ++i) {
        page_option(page, catalogue->features[i].ref.key, catalogue->features[i].ref.key, chosen);
    }
}
