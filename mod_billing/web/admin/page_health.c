/* SPDX-License-Identifier: Apache-2.0
 * The page of the installation's health: first what waits for an operator, then how things stand. */
#include "web/admin/page.h"
#include "web/routes.h"

#include <apr_strings.h>
#include <http_protocol.h>

#define AGE_CALM 60 /* seconds that the change feed may be behind before it is told of */

/* What waits */

#define COUNTED(html, count, one, many)                                                                                \
    ((count) == 1 ? html_raw(html, one) : html_print(html, many, (long long)(count)))

static void alert_begin(struct page *page, bool bad)
{
    if (bad) {
        html_raw(page->html, "<div class=\"note bad\"><p><strong>");
    } else {
        html_raw(page->html, "<div class=\"note warn\"><p><strong>");
    }
}

static int alert_dead(struct page *page, const json_t *health)
{
    int64_t dead = member_count(health, "deadEvents");

    if (dead) {
        alert_begin(page, true);
        COUNTED(page->html, dead, TEXT_DEAD_ONE, TEXT_DEAD);
        html_print(page->html,
                   "</strong> " TEXT_DEAD_MORE "</p><p><a href=\"%s/page/events?outcome=dead\">" TEXT_DEAD_LINK
                   "</a></p></div>",
                   page->mount);
    }
    return dead != 0;
}

/* What is left of it after repairs. */
static int64_t drift_open(const json_t *health)
{
    const json_t *verify = json_object_get(health, "lastVerify");
    int64_t open = member_count(verify, "driftCount") - member_count(verify, "repaired");

    return open > 0 ? open : 0;
}

static int alert_drift(struct page *page, const json_t *health)
{
    int64_t drift = drift_open(health);

    if (drift) {
        alert_begin(page, true);
        COUNTED(page->html, drift, TEXT_DRIFT_ONE, TEXT_DRIFT);
        html_raw(page->html, "</strong> " TEXT_DRIFT_MORE "</p></div>");
    }
    return drift != 0;
}

static int alert_switch(struct page *page, const json_t *health)
{
    const json_t *kill_switch = json_object_get(health, "killSwitch");
    bool on = member_true(kill_switch, "on");

    if (on) {
        alert_begin(page, true);
        html_print(page->html, TEXT_SWITCH_ON "</strong> " TEXT_SWITCH_MORE " <code>%s</code></p></div>",
                   member_text(kill_switch, "file"));
    }
    return on;
}

static int alert_feed(struct page *page, const json_t *health)
{
    const json_t *age = json_object_get(health, "stateAgeSeconds");
    int64_t seconds = json_integer_value(age);

    if (json_is_integer(age) && seconds <= AGE_CALM) {
        return 0;
    }
    alert_begin(page, true);
    html_raw(page->html, TEXT_NOT_FED "</strong> ");
    if (json_is_integer(age)) {
        html_print(page->html, TEXT_NOT_FED_MORE, (long long)seconds);
    } else {
        html_raw(page->html, TEXT_NEVER_FED);
    }
    html_raw(page->html, "</p></div>");
    return 1;
}

static int alert_unsettled(struct page *page, const json_t *health)
{
    int64_t unsettled = member_count(health, "unsettledSubscriptions");

    if (unsettled) {
        alert_begin(page, false);
        COUNTED(page->html, unsettled, TEXT_UNSETTLED_ONE, TEXT_UNSETTLED);
        html_raw(page->html, "</strong> " TEXT_UNSETTLED_MORE "</p></div>");
    }
    return unsettled != 0;
}

static int alert_several(struct page *page, const json_t *health)
{
    const json_t *several = json_object_get(health, "orgsWithSeveralSubscriptions");
    const json_t *orgs = json_object_get(several, "orgs");
    int64_t count = member_count(several, "count");

    if (count) {
        alert_begin(page, false);
        COUNTED(page->html, count, TEXT_SEVERAL_ONE, TEXT_SEVERAL);
        html_raw(page->html, "</strong> " TEXT_SEVERAL_MORE);
        for (size_t i = 0; i < json_array_size(orgs); ++i) {
            html_raw(page->html, " ");
            page_org_link(page, json_string_value(json_array_get(orgs, i)));
        }
        html_raw(page->html, "</p></div>");
    }
    return count != 0;
}

static int alert_mismatch(struct page *page, const json_t *health)
{
    const json_t *mismatches = json_object_get(health, "livemodeMismatches");
    int64_t count = member_count(mismatches, "count");

    if (count) {
        alert_begin(page, false);
        COUNTED(page->html, count, TEXT_MISMATCH_ONE, TEXT_MISMATCH);
        html_print(page->html, "</strong> " TEXT_MISMATCH_MORE " <code>%s</code>, ",
                   member_text(mismatches, "lastEvent"));
        page_time(page, member_text(mismatches, "lastAt"));
        html_raw(page->html, "</p></div>");
    }
    return count != 0;
}

static int alert_sweep(struct page *page, const json_t *health)
{
    const char *end = member_text(json_object_get(health, "lastSweep"), "end");

    if (!end || !strcmp(end, "complete")) {
        return 0;
    }
    alert_begin(page, false);
    html_print(page->html, TEXT_SWEEP_BAD "</strong> %s</p></div>", page_word(text_of_sweep(end), end));
    return 1;
}

static void alerts_write(struct page *page, const json_t *health)
{
    int waiting = alert_dead(page, health);

    waiting += alert_drift(page, health);
    waiting += alert_switch(page, health);
    waiting += alert_feed(page, health);
    waiting += alert_unsettled(page, health);
    waiting += alert_several(page, health);
    waiting += alert_mismatch(page, health);
    waiting += alert_sweep(page, health);
    if (!waiting) {
        html_raw(page->html,
                 "<div class=\"note good\"><p><strong>" TEXT_ALL_WELL "</strong> " TEXT_ALL_WELL_MORE "</p></div>");
    }
}

/* How things stand */

static void seconds_write(struct page *page, const json_t *seconds)
{
    if (json_is_integer(seconds)) {
        html_print(page->html, TEXT_SECONDS, (long long)json_integer_value(seconds));
    } else {
        html_raw(page->html, TEXT_NOTHING);
    }
}

static void events_card(struct page *page, const json_t *health)
{
    const json_t *last = json_object_get(health, "lastEvent");

    html_raw(page->html, "<section class=\"card\"><h2>" TEXT_EVENTS_CARD "</h2><dl class=\"facts\"><dt>" TEXT_LAST_EVENT
                         "</dt><dd>");
    if (json_is_object(last)) {
        page_time(page, member_text(last, "receivedAt"));
        html_raw(page->html, "<br>");
        page_event_link(page, member_text(last, "id"));
        html_print(page->html, "<br><span class=\"soft\">%s</span>", member_text(last, "type"));
    } else {
        html_raw(page->html, TEXT_NEVER);
    }
    html_raw(page->html, "</dd><dt>" TEXT_LAG "</dt><dd>");
    seconds_write(page, json_object_get(last, "lagSeconds"));
    html_print(
        page->html,
        "</dd><dt>" TEXT_DEAD_COUNT "</dt><dd>%lld</dd><dt>" TEXT_UNSETTLED_COUNT "</dt><dd>%lld</dd></dl></section>",
        (long long)member_count(health, "deadEvents"), (long long)member_count(health, "unsettledSubscriptions"));
}

static void state_card(struct page *page, const json_t *health)
{
    const json_t *kill_switch = json_object_get(health, "killSwitch");
    const char *source = member_text(health, "stateSource");

    html_print(page->html,
               "<section class=\"card\"><h2>" TEXT_STATE_CARD "</h2><dl class=\"facts\"><dt>" TEXT_STATE_SOURCE
               "</dt><dd>%s</dd><dt>" TEXT_STATE_AGE "</dt><dd>",
               page_word(text_of_source(source), source));
    seconds_write(page, json_object_get(health, "stateAgeSeconds"));
    html_raw(page->html, "</dd><dt>" TEXT_KILL_SWITCH "</dt><dd>");
    if (!member_text(kill_switch, "file")) {
        html_raw(page->html, TEXT_SWITCH_NONE);
    } else if (member_true(kill_switch, "on")) {
        html_raw(page->html, TEXT_ON);
    } else {
        html_raw(page->html, TEXT_OFF);
    }
    html_print(page->html, "</dd><dt>" TEXT_SCHEMA "</dt><dd>" TEXT_SCHEMA_VERSION "</dd></dl></section>",
               (long long)member_count(health, "schemaVersion"));
}

static void button_form(struct page *page, const char *path, const char *kind, const char *text)
{
    html_print(page->html, "<form method=\"post\" action=\"%s%s\"><button class=\"%s\">%s</button></form>", page->mount,
               path, kind, text);
}

static void sweep_card(struct page *page, const json_t *health)
{
    const json_t *sweep = json_object_get(health, "lastSweep");
    const char *end = member_text(sweep, "end");

    html_raw(page->html,
             "<section class=\"card\"><h2>" TEXT_SWEEP_CARD "</h2><p class=\"soft\">" TEXT_SWEEP_ABOUT "</p>");
    if (end) {
        html_raw(page->html, "<dl class=\"facts\"><dt>" TEXT_ENDED "</dt><dd>");
        page_time(page, member_text(sweep, "endedAt"));
        html_print(page->html,
                   "</dd><dt>" TEXT_RESULT "</dt><dd>%s</dd><dt>" TEXT_FOUND "</dt><dd>" TEXT_FOUND_OF
                   "</dd><dt>" TEXT_SETTLED "</dt><dd>" TEXT_SETTLED_OF "</dd></dl>",
                   page_word(text_of_sweep(end), end), (long long)member_count(sweep, "found"),
                   (long long)member_count(sweep, "listed"), (long long)member_count(sweep, "settled"),
                   (long long)member_count(sweep, "doubts"));
    } else {
        html_raw(page->html, "<p>" TEXT_NOT_YET "</p>");
    }
    button_form(page, "/page/sweep", "", TEXT_SWEEP_NOW);
    html_raw(page->html, "</section>");
}

static void verify_facts(struct page *page, const json_t *verify)
{
    html_raw(page->html, "<dl class=\"facts\"><dt>" TEXT_ENDED "</dt><dd>");
    page_time(page, member_text(verify, "endedAt"));
    html_raw(page->html, "</dd><dt>" TEXT_CHECKED "</dt><dd>");
    if (member_true(verify, "complete")) {
        html_print(page->html, "%lld", (long long)member_count(verify, "checked"));
    } else {
        html_print(page->html, TEXT_CHECKED_PART, (long long)member_count(verify, "checked"));
    }
    html_print(page->html,
               "</dd><dt>" TEXT_UNREACHABLE "</dt><dd>%lld</dd><dt>" TEXT_DRIFT_FACT
               "</dt><dd>%lld</dd><dt>" TEXT_REPAIRED "</dt><dd>%lld</dd></dl>",
               (long long)member_count(verify, "unreachable"), (long long)member_count(verify, "driftCount"),
               (long long)member_count(verify, "repaired"));
}

static void verify_forms(struct page *page, const json_t *health)
{
    const char *next = member_text(json_object_get(health, "lastVerify"), "next");

    html_raw(page->html, "<div class=\"acts\">");
    if (next && *next) {
        html_print(page->html,
                   "<form method=\"post\" action=\"%s/page/verify\"><input type=\"hidden\" name=\"after\" value=\"%s\">"
                   "<button>" TEXT_VERIFY_ON "</button></form>",
                   page->mount, next, next);
    }
    button_form(page, "/page/verify", "", TEXT_VERIFY_NOW);
    if (drift_open(health)) {
        html_print(
            page->html,
            "<form method=\"post\" action=\"%s/page/verify\"><input type=\"hidden\" name=\"repair\" value=\"yes\">"
            "<button class=\"danger\">" TEXT_REPAIR "</button></form>",
            page->mount);
    }
    html_raw(page->html, "</div>");
}

static void verify_card(struct page *page, const json_t *health)
{
    const json_t *verify = json_object_get(health, "lastVerify");

    html_raw(page->html,
             "<section class=\"card\"><h2>" TEXT_VERIFY_CARD "</h2><p class=\"soft\">" TEXT_VERIFY_ABOUT "</p>");
    if (json_is_object(verify)) {
        verify_facts(page, verify);
    } else {
        html_raw(page->html, "<p>" TEXT_NOT_YET "</p>");
    }
    verify_forms(page, health);
    html_raw(page->html, "</section>");
}

static void drift_row(struct page *page, const json_t *drift)
{
    const char *repair = member_text(drift, "repair"), *error = member_text(drift, "error");

    if (repair && !strcmp(repair, "applied")) {
        html_raw(page->html, "<tr><th scope=\"row\">");
    } else {
        html_raw(page->html, "<tr class=\"bad\"><th scope=\"row\">");
    }
    page_org_link(page, member_text(drift, "org"));
    html_raw(page->html, "</th><td>");
    page_code(page, member_text(drift, "subscription"));
    html_print(page->html, "</td><td>%s</td><td>", member_text(drift, "what"));
    page_text(page, member_text(drift, "here"));
    html_raw(page->html, "</td><td>");
    page_text(page, member_text(drift, "there"));
    html_raw(page->html, "</td><td>");
    page_text(page, repair ? page_word(text_of_outcome(repair), repair) : NULL);
    if (error) {
        html_print(page->html, "<br><span class=\"soft\">%s</span>", error);
    }
    html_raw(page->html, "</td></tr>");
}

static void drift_table(struct page *page, const json_t *health)
{
    static const char *const columns[] = {TEXT_ORG,   TEXT_SUBSCRIPTION, TEXT_WHAT, TEXT_HERE,
                                          TEXT_THERE, TEXT_DRIFT_REPAIR, NULL};
    const json_t *drift = json_object_get(json_object_get(health, "lastVerify"), "drift");

    if (!json_array_size(drift)) {
        return;
    }
    html_raw(page->html, "<section class=\"card\" id=\"drift\"><h2 id=\"drift-name\">" TEXT_DRIFT_TABLE "</h2>");
    page_table_begin(page, NULL, "drift-name", columns);
    for (size_t i = 0; i < json_array_size(drift); ++i) {
        drift_row(page, json_array_get(drift, i));
    }
    page_table_end(page);
    html_raw(page->html, "</section>");
}

int admin_health_page(request_rec *r, const char *tail)
{
    const char *done;
    struct page page;
    json_t *health;
    int answered;

    (void)tail;
    if (!page_enter(&page, r, &done, &answered) || !(health = page_ask(&page, "", &admin_health, NULL, &answered))) {
        return answered;
    }
    page_begin(&page, PAGE_HEALTH, TEXT_HEALTH, done);
    alerts_write(&page, health);
    html_raw(page.html, "<div class=\"cards\">");
    events_card(&page, health);
    state_card(&page, health);
    sweep_card(&page, health);
    verify_card(&page, health);
    html_raw(page.html, "</div>");
    drift_table(&page, health);
    return page_end(&page, HTTP_OK);
}

/* Its forms */

int admin_sweep_form(request_rec *r, const char *tail)
{
    struct page page;
    int answered;

    (void)tail;
    return page_submit(&page, r, "", &admin_sweep, NULL, 0, NULL, &answered) ? page_go(&page, "/?done=swept")
                                                                             : answered;
}

enum verify_field { FIELD_AFTER, FIELD_REPAIR, FIELD_COUNT };

static json_t *verify_body(apr_pool_t *pool, const struct query_value *fields)
{
    json_t *body = json_object();

    (void)pool;
    json_object_set_new(body, "repair", json_boolean(fields[FIELD_REPAIR].value != NULL));
    if (fields[FIELD_AFTER].value) {
        json_object_set_new(body, "after", json_string(fields[FIELD_AFTER].value));
    }
    return body;
}

int admin_verify_form(request_rec *r, const char *tail)
{
    struct query_value fields[FIELD_COUNT] = {{.name = "after"}, {.name = "repair"}};
    struct page page;
    int answered;

    (void)tail;
    return page_submit(&page, r, "", &admin_verify, fields, FIELD_COUNT, verify_body, &answered)
               ? page_go(&page, "/?done=verified")
               : answered;
}
