/* SPDX-License-Identifier: Apache-2.0
 * The markup of the status page. */
#include "web/page/page.h"

#include "service/provider.h"
#include "web/document.h"
#include "web/page/problem.h"
#include "web/page/texts.h"

#include <apr_strings.h>
#include <apr_uri.h>

static const char *page_mount(request_rec *r)
{
    return config_server(r->server)->mounts[MOUNT_PAGE];
}

/* Where forms lead on to. Browsers hold the redirect that answers a form against form-action too. */
static const char *form_targets(request_rec *r)
{
    const char *base = config_server(r->server)->stripe_api_base;
    const char *known = provider_find(PROVIDER_NAME)->page_origins;
    apr_uri_t uri;

    if (!base || apr_uri_parse(r->pool, base, &uri) != APR_SUCCESS) {
        return known;
    }
    return apr_pstrcat(r->pool, known, " ", uri.scheme, "://", uri.hostinfo, NULL);
}

static void page_begin(request_rec *r, struct html *html, const char *title, const char *refresh, bool livemode)
{
    struct document document = {.mount = page_mount(r), .title = title, .refresh = refresh};

    document_begin(r->pool, html, &document);
    html_raw(html, "<main id=\"main\" class=\"narrow\" tabindex=\"-1\">");
    if (!livemode) {
        html_raw(html, "<p class=\"note warn\">" TEXT_TEST "</p>");
    }
}

static int page_end(request_rec *r, int status, struct html *html)
{
    html_raw(html, "</main>");
    return document_answer(r, status, html, form_targets(r));
}

/* What happened on the way here */

/* Still waited for. The script asks status.json and says the rest; without one the page comes again. */
static void arrival_waiting(request_rec *r, struct html *html, const struct page_arrival *arrival)
{
    if (arrival->tries >= TRIES_MAX) {
        html_raw(html, "<div class=\"note warn\" role=\"status\"><p><strong>" TEXT_CONFIRM_LATE
                       "</strong></p><p>" TEXT_CONFIRM_LATER "</p></div>");
        return;
    }
    html_print(html,
               "<div class=\"note\" role=\"status\" data-wait=\"%s/status.json\" data-then=\"%s?checkout=success\">",
               page_mount(r), page_mount(r));
    html_raw(html,
             "<div><p><strong>" TEXT_CONFIRMING "</strong></p><p>" TEXT_CONFIRMING_MORE "</p></div>"
             "<div hidden><p><strong>" TEXT_CONFIRM_LATE "</strong></p><p>" TEXT_CONFIRM_LATER "</p></div></div>");
}

static void arrival_show(request_rec *r, struct html *html, const struct view *view, const struct page_arrival *arrival)
{
    if (arrival->paid && view->subscribed) {
        html_raw(html, "<p class=\"note good\" role=\"status\"><strong>" TEXT_CONFIRMED "</strong></p>");
    } else if (arrival->paid) {
        arrival_waiting(r, html, arrival);
    } else if (arrival->left) {
        html_raw(html, "<p class=\"note\" role=\"status\">" TEXT_CANCELLED "</p>");
    }
    if (arrival->why) {
        html_print(html, "<div class=\"note warn\"><p><strong>%s</strong></p><p>%s</p></div>", arrival->why_title,
                   arrival->why);
    }
}

/* How things stand, and what can be done */

static void action_show(request_rec *r, struct html *html, const struct view_action *action, bool first)
{
    if (action->what == ACTION_LINK) {
        html_print(html, "<a class=\"button %s\" href=\"%s\">%s</a>", first ? "main" : "", action->value,
                   action->label);
        return;
    }
    html_print(html, "<form method=\"post\" action=\"%s/%s\">", page_mount(r),
               action->what == ACTION_CHECKOUT ? "checkout" : "portal");
    if (action->value) {
        html_print(html, "<input type=\"hidden\" name=\"%s\" value=\"%s\">",
                   action->what == ACTION_CHECKOUT ? "plan" : "flow", action->value);
    }
    html_print(html, "<button class=\"%s\">%s</button></form>", first ? "main" : "", action->label);
}

static void standing_show(request_rec *r, struct html *html, const struct view *view, bool waiting)
{
    html_print(html, "<section class=\"card lead\"><p><span class=\"badge %s\">%s</span></p><h1>%s</h1>", view->tone,
               view->badge, view->headline);
    if (view->detail) {
        html_print(html, "<p>%s</p>", view->detail);
    }
    /* Who waits for a payment to arrive must not begin another. */
    if (view->action_count && !waiting) {
        html_raw(html, "<div class=\"acts\">");
        for (size_t i = 0; i < view->action_count; ++i) {
            action_show(r, html, &view->actions[i], i == 0);
        }
        html_raw(html, "</div>");
    }
    if (view->hint && !waiting) {
        html_print(html, "<p class=\"soft\">%s</p>", view->hint);
    }
    html_raw(html, "</section>");
}

/* Features and limits */

struct table_words {
    const char *heading, *caption, *name, *text;
};

static void rows_show(struct html *html, const struct table_words *words, const struct view_row *rows, size_t count)
{
    if (!count) {
        return;
    }
    html_print(html,
               "<section class=\"card\"><h2>%s</h2><table><caption>%s</caption><thead><tr><th scope=\"col\">%s</th>"
               "<th scope=\"col\">%s</th></tr></thead><tbody>",
               words->heading, words->caption, words->name, words->text);
    for (size_t i = 0; i < count; ++i) {
        html_print(html, "<tr><th scope=\"row\">%s</th><td>", rows[i].name);
        if (*rows[i].tone) {
            html_print(html, "<span class=\"badge tone %s\">%s</span>", rows[i].tone, rows[i].text);
        } else {
            html_text(html, rows[i].text);
        }
        html_raw(html, "</td></tr>");
    }
    html_raw(html, "</tbody></table></section>");
}

int page_show(request_rec *r, const struct view *view, const struct page_arrival *arrival)
{
    static const struct table_words features = {TEXT_FEATURES, TEXT_FEATURES_HEAD, TEXT_FEATURE, TEXT_ACCESS};
    static const struct table_words limits = {TEXT_LIMITS, TEXT_LIMITS_HEAD, TEXT_LIMIT, TEXT_VALUE};
    struct html *html = html_new(r->pool);
    bool waiting = arrival->paid && !view->subscribed;
    const char *refresh = waiting && arrival->tries < TRIES_MAX
                              ? apr_psprintf(r->pool, "%s?checkout=success&try=%d", page_mount(r), arrival->tries + 1)
                              : NULL;

    if (view->kind == VIEW_UNKNOWN) {
        apr_table_setn(r->headers_out, "Retry-After", "5");
    }
    page_begin(r, html, TEXT_BILLING, refresh, view->livemode);
    arrival_show(r, html, view, arrival);
    standing_show(r, html, view, waiting);
    rows_show(html, &features, view->features, view->feature_count);
    rows_show(html, &limits, view->limits, view->limit_count);
    html_print(html, "<p class=\"soft\">" TEXT_ORG, view->org);
    html_print(html, "%s%s</p>", view->as_of ? " · " : "", view->as_of);
    return page_end(r, view->kind == VIEW_UNKNOWN ? HTTP_SERVICE_UNAVAILABLE : HTTP_OK, html);
}

static bool form_may_lead_to(request_rec *r, const char *url)
{
    char *rest = apr_pstrdup(r->pool, form_targets(r)), *origin;

    while ((origin = apr_strtok(rest, " ", &rest))) {
        size_t length = strlen(origin);

        if (!strncmp(url, origin, length) && (url[length] == '/' || !url[length])) {
            return true;
        }
    }
    return false;
}

/* A shop may have its Checkout at an address of its own, which a form may not lead to, but a link. */
int page_leave(request_rec *r, const char *url)
{
    struct html *html;

    if (form_may_lead_to(r, url)) {
        return document_go(r, url);
    }
    html = html_new(r->pool);
    document_begin(r->pool, html, &(struct document){.mount = page_mount(r), .title = TEXT_LEAVE, .refresh = url});
    html_print(html,
               "<main id=\"main\" class=\"narrow\"><h1>" TEXT_LEAVE_MORE
               "</h1><p><a class=\"button main\" href=\"%s\">" TEXT_LEAVE "</a></p>",
               url);
    return page_end(r, HTTP_OK, html);
}

int page_problem(request_rec *r, int status, const json_t *problem)
{
    struct html *html = html_new(r->pool);

    page_begin(r, html, TEXT_PROBLEM, NULL, config_server(r->server)->mode == MODE_LIVE);
    html_print(html, "<section class=\"card lead\"><h1>" TEXT_PROBLEM "</h1><p role=\"alert\">%s</p>",
               json_string_value(json_object_get(problem, "detail")));
    html_print(html, "<div class=\"acts\"><a class=\"button main\" href=\"%s\">" TEXT_BACK "</a></div></section>",
               page_mount(r));
    html_print(html, "<p class=\"soft\">" TEXT_REQUEST_ID " <code>%s</code></p>",
               json_string_value(json_object_get(problem, "requestId")));
    return page_end(r, status, html);
}
