/* SPDX-License-Identifier: Apache-2.0
 * The frame of the operators' pages. */
#include "web/admin/page.h"

#include "config/config.h"
#include "gate/identity.h"
#include "web/document.h"
#include "web/form.h"
#include "web/origin.h"
#include "web/problem.h"

#include <apr_strings.h>

struct section {
    const char *path, *name;
};

static const struct section sections[PAGE_SECTIONS] = {
    [PAGE_HEALTH] = {"/", TEXT_HEALTH},
    [PAGE_ORGS] = {"/page/orgs", TEXT_ORGS},
    [PAGE_SHADOW] = {"/page/shadow", TEXT_SHADOW},
    [PAGE_EVENTS] = {"/page/events", TEXT_EVENTS},
    [PAGE_EXPLAIN] = {"/page/explain", TEXT_EXPLAIN},
};

static const char *mount_of(request_rec *r)
{
    return config_server(r->server)->mounts[MOUNT_ADMIN];
}

/* Entering */

/* Takes `name` out of the query; its value, or NULL. */
static const char *query_take(request_rec *r, const char *name)
{
    const char *kept = NULL, *value = NULL;
    char *rest = r->args ? apr_pstrdup(r->pool, r->args) : NULL, *pair;
    size_t length = strlen(name);

    while (rest && (pair = apr_strtok(rest, "&", &rest))) {
        if (!strncmp(pair, name, length) && pair[length] == '=') {
            value = pair + length + 1;
        } else {
            kept = kept ? apr_pstrcat(r->pool, kept, "&", pair, NULL) : pair;
        }
    }
    r->args = kept ? apr_pstrdup(r->pool, kept) : NULL;
    return value;
}

bool page_enter(struct page *page, request_rec *r, const char **done, int *answered)
{
    const char *code = query_take(r, "done");

    *page = (struct page){.r = r, .html = html_new(r->pool), .mount = mount_of(r)};
    *done = text_of_done(code) ? code : NULL;
    return operator_find(r, &page->call, answered);
}

static apr_status_t answer_release(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

json_t *page_ask(struct page *page, const char *tail, const struct operator_task *task, const json_t *body,
                 int *answered)
{
    json_t *json = task->work(page->r, &page->call, tail, body, answered);

    if (json) {
        apr_pool_cleanup_register(page->r->pool, json, answer_release, apr_pool_cleanup_null);
    }
    return json;
}

/* Sending */

json_t *page_submit(struct page *page, request_rec *r, const char *tail, const struct operator_task *task,
                    struct query_value *fields, size_t count, page_body *body_make, int *answered)
{
    json_t *body;

    *page = (struct page){.r = r, .html = html_new(r->pool), .mount = mount_of(r)};
    if (!operator_find(r, &page->call, answered) || !origin_may_submit(r, answered) ||
        !form_read(r, fields, count, answered)) {
        return NULL;
    }
    body = body_make ? body_make(r->pool, fields) : json_object();
    apr_pool_cleanup_register(r->pool, body, answer_release, apr_pool_cleanup_null);
    return page_ask(page, tail, task, body, answered);
}

int page_go(struct page *page, const char *path)
{
    return document_go(page->r, apr_pstrcat(page->r->pool, page->mount, path, NULL));
}

/* The frame */

static void frame_nav(struct page *page, enum page_section current)
{
    html_raw(page->html, "<nav aria-label=\"" TEXT_NAV "\"><ul>");
    for (int i = 0; i < PAGE_SECTIONS; ++i) {
        html_print(page->html, "<li><a href=\"%s%s\"", page->mount, sections[i].path);
        if (i == (int)current) {
            html_raw(page->html, " aria-current=\"page\"");
        }
        html_print(page->html, ">%s</a></li>", sections[i].name);
    }
    html_raw(page->html, "</ul></nav>");
}

static void frame_begin(struct page *page, enum page_section current, const char *title, bool signed_in)
{
    struct html *html = page->html;
    struct document document = {.mount = page->mount,
                                .title = apr_pstrcat(page->r->pool, title, " · " TEXT_PRODUCT, NULL)};

    document_begin(page->r->pool, html, &document);
    html_raw(html, "<header class=\"bar\"><div><strong>" TEXT_PRODUCT "</strong>");
    if (page->call.livemode) {
        html_raw(html, "<span class=\"badge live\">" TEXT_LIVE "</span>");
    } else {
        html_raw(html, "<span class=\"badge warn\">" TEXT_TEST "</span>");
    }
    if (signed_in) {
        html_print(html, "<span class=\"who\">" TEXT_SIGNED_IN "</span>", page->call.actor);
        frame_nav(page, current);
    }
    html_raw(html, "</div></header><main id=\"main\" tabindex=\"-1\">");
    html_print(html, "<h1>%s</h1>", title);
}

void page_begin(struct page *page, enum page_section section, const char *title, const char *done)
{
    frame_begin(page, section, title, true);
    if (done) {
        html_print(page->html, "<div class=\"note good\" role=\"status\"><p>%s</p></div>", text_of_done(done));
    }
}

int page_end(struct page *page, int status)
{
    html_raw(page->html, "</main><footer>" TEXT_TIMES "</footer>");
    return document_answer(page->r, status, page->html, "");
}

/* Problems */

/* While the database is away: what the gates go by. */
static void problem_state(struct page *page, const json_t *problem)
{
    const json_t *age = json_object_get(problem, "stateAgeSeconds");
    const char *source = member_text(problem, "stateSource");

    if (source) {
        html_print(page->html,
                   "<dl class=\"facts\"><dt>" TEXT_STATE_SOURCE "</dt><dd>%s</dd><dt>" TEXT_STATE_AGE "</dt><dd>",
                   page_word(text_of_source(source), source));
        if (json_is_integer(age)) {
            html_print(page->html, TEXT_SECONDS, (long long)json_integer_value(age));
        } else {
            html_raw(page->html, TEXT_NOTHING);
        }
        html_raw(page->html, "</dd></dl>");
    }
}

int admin_problem_page(request_rec *r, int status, const json_t *problem)
{
    struct page page = {.r = r, .html = html_new(r->pool), .mount = mount_of(r)};

    page.call = (struct operator_call){identity_user(r), config_server(r->server)->mode == MODE_LIVE};
    frame_begin(&page, PAGE_NONE, TEXT_PROBLEM, page.call.actor != NULL);
    html_print(page.html, "<div class=\"note bad\" role=\"alert\"><p><strong>%s</strong></p><p>%s</p></div>",
               member_text(problem, "title"), member_text(problem, "detail"));
    problem_state(&page, problem);
    html_print(page.html, "<p>" TEXT_BACK "<a href=\"%s/\">" TEXT_HEALTH "</a>.</p>", page.mount);
    html_print(page.html, "<p class=\"soft\"><code>%s</code> · " TEXT_REQUEST_ID "</p>", member_text(problem, "code"),
               member_text(problem, "requestId"));
    return page_end(&page, status);
}
