/* SPDX-License-Identifier: Apache-2.0
 * The page that says why a decision comes out as it does. */
#include "web/admin/page.h"
#include "web/routes.h"

#include <apr_strings.h>
#include <stdlib.h>

static void text_field(struct page *page, const char *name, const char *label)
{
    html_print(page->html, "<div><label for=\"%s\">%s</label><input id=\"%s\" name=\"%s\" value=\"%s\"></div>", name,
               label, name, name, page_asked(page, name));
}

static void question_form(struct page *page)
{
    html_print(
        page->html,
        "<form class=\"fields\" action=\"%s/page/explain\" role=\"search\"><div><label for=\"feature\">" TEXT_FEATURE
        "</label><select id=\"feature\" name=\"feature\">",
        page->mount);
    page_feature_options(page, page_asked(page, "feature"), false);
    html_raw(page->html, "</select></div>");
    text_field(page, "org", TEXT_ORG);
    text_field(page, "role", TEXT_ROLE);
    text_field(page, "appType", TEXT_APP_TYPE);
    text_field(page, "method", TEXT_METHOD);
    text_field(page, "usage", TEXT_USAGE);
    text_field(page, "location", TEXT_LOCATION);
    html_raw(page->html, "<div class=\"act\"><button class=\"main\">" TEXT_ASK "</button></div></form>");
}

static void verdict_write(struct page *page, const json_t *answer)
{
    const json_t *decision = json_object_get(answer, "decision");
    const char *reason = member_text(decision, "reason");

    if (member_true(decision, "wouldDeny")) {
        html_raw(page->html, "<div class=\"note warn\"><p><strong>" TEXT_WOULD_DENY "</strong>");
    } else if (member_true(decision, "allowed")) {
        html_raw(page->html, "<div class=\"note good\"><p><strong>" TEXT_ALLOWED "</strong>");
    } else {
        html_raw(page->html, "<div class=\"note bad\"><p><strong>" TEXT_DENIED "</strong>");
    }
    html_print(page->html, ": %s.</p><p>" TEXT_UNBLOCK ": ", page_word(text_of_reason(reason), reason));
    page_unblock(page, json_object_get(answer, "unblock"));
    html_raw(page->html, "</p></div>");
}

/* A fact as it stands in the JSON, without its quotation marks. */
static void fact_value(struct page *page, const json_t *value)
{
    char *text;

    if (json_is_string(value)) {
        html_text(page->html, json_string_value(value));
        return;
    }
    text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    html_text(page->html, json_is_null(value) ? TEXT_NOTHING : text);
    free(text);
}

static void facts_write(struct page *page, const json_t *facts)
{
    const char *name;
    const json_t *value;
    const char *comma = "";

    json_object_foreach((json_t *)facts, name, value)
    {
        html_print(page->html, "%s<span class=\"soft\">%s</span> ", comma, name);
        fact_value(page, value);
        comma = ", ";
    }
}

static void step_row(struct page *page, const json_t *step)
{
    const char *rule = member_text(step, "rule");
    bool matched = member_true(step, "matched"), softens = !strcmp(member_text(step, "about"), "enforcement");

    if (matched) {
        html_raw(page->html, "<tr class=\"hit\"><th scope=\"row\">");
    } else {
        html_raw(page->html, "<tr><th scope=\"row\">");
    }
    html_print(page->html, "%s</th><td>", page_word(text_of_rule(rule), rule));
    html_text(page->html, !matched ? TEXT_PASSED : softens ? TEXT_SOFTENED : TEXT_DECIDED);
    html_raw(page->html, "</td><td>");
    facts_write(page, json_object_get(step, "facts"));
    html_raw(page->html, "</td></tr>");
}

static void steps_card(struct page *page, const json_t *answer)
{
    static const char *const columns[] = {TEXT_RULE, TEXT_RESULT, TEXT_FACTS, NULL};
    const json_t *steps = json_object_get(answer, "steps");

    html_raw(page->html, "<section class=\"card\"><h2 id=\"rules-name\">" TEXT_RULES "</h2>");
    page_table_begin(page, NULL, "rules-name", columns);
    for (size_t i = 0; i < json_array_size(steps); ++i) {
        step_row(page, json_array_get(steps, i));
    }
    page_table_end(page);
    html_raw(page->html, "</section>");
}

static void state_row(struct page *page, const json_t *state)
{
    html_raw(page->html, "<tr><th scope=\"row\">" TEXT_STATE "</th><td>");
    if (json_is_object(state)) {
        const char *source = member_text(state, "source");

        html_print(page->html, TEXT_STATE_VALUE, (long long)member_count(state, "version"),
                   (long long)member_count(state, "age"));
        html_print(page->html, "</td><td>%s", page_word(text_of_source(source), source));
    } else {
        html_raw(page->html, TEXT_NOTHING "</td><td>" TEXT_NOTHING);
    }
    html_raw(page->html, "</td></tr>");
}

static void inputs_card(struct page *page, const json_t *answer)
{
    const json_t *inputs = json_object_get(answer, "inputs"), *input;
    const char *name;

    html_raw(page->html, "<section class=\"card\"><h2>" TEXT_INPUTS
                         "</h2><table><thead><tr><th scope=\"col\">" TEXT_INPUT "</th><th scope=\"col\">" TEXT_VALUE_OF
                         "</th><th scope=\"col\">" TEXT_INPUT_SOURCE "</th></tr></thead><tbody>");
    json_object_foreach((json_t *)inputs, name, input)
    {
        if (strcmp(name, "state")) {
            html_print(page->html, "<tr><th scope=\"row\">%s</th><td>", name);
            page_text(page, member_text(input, "value"));
            html_raw(page->html, "</td><td>");
            page_text(page, member_text(input, "source"));
            html_raw(page->html, "</td></tr>");
        }
    }
    state_row(page, json_object_get(inputs, "state"));
    html_raw(page->html, "</tbody></table></section>");
}

static void place_write(struct page *page, const char *term, const json_t *place)
{
    if (json_is_object(place)) {
        html_print(page->html, "<dt>%s</dt><dd>" TEXT_PLACE "</dd>", term, member_text(place, "file"),
                   (long long)member_count(place, "line"));
    }
}

static void places_card(struct page *page, const json_t *answer)
{
    const json_t *configuration = json_object_get(answer, "configuration");
    const json_t *gates = json_object_get(configuration, "gates");

    html_raw(page->html, "<section class=\"card\"><h2>" TEXT_WHERE "</h2><dl class=\"facts\">");
    if (member_true(configuration, "declared")) {
        place_write(page, TEXT_FEATURE, json_object_get(configuration, "feature"));
    } else {
        html_raw(page->html, "<dt>" TEXT_FEATURE "</dt><dd>" TEXT_NOT_DECLARED "</dd>");
    }
    place_write(page, TEXT_PLAN, json_object_get(configuration, "plan"));
    for (size_t i = 0; i < json_array_size(gates); ++i) {
        place_write(page, TEXT_GATES, json_array_get(gates, i));
    }
    html_raw(page->html, "</dl></section>");
}

int admin_explain_page(request_rec *r, const char *tail)
{
    const char *done;
    struct page page;
    json_t *answer = NULL;
    int answered;

    (void)tail;
    if (!page_enter(&page, r, &done, &answered)) {
        return answered;
    }
    /* A link may bring the org alone: then the person chooses the feature. */
    if (*page_asked(&page, "feature") && !(answer = page_ask(&page, "", &admin_explain, NULL, &answered))) {
        return answered;
    }
    page_begin(&page, PAGE_EXPLAIN, TEXT_EXPLAIN, done);
    html_raw(page.html, "<p class=\"soft\">" TEXT_EXPLAIN_ABOUT "</p>");
    question_form(&page);
    if (answer) {
        verdict_write(&page, answer);
        steps_card(&page, answer);
        html_raw(page.html, "<div class=\"cards\">");
        inputs_card(&page, answer);
        places_card(&page, answer);
        html_raw(page.html, "</div>");
    }
    return page_end(&page, HTTP_OK);
}
