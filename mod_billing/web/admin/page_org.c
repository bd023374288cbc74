/* SPDX-License-Identifier: Apache-2.0
 * The page of one org: what it has, from where, and its overrides. */
#include "web/admin/page.h"
#include "web/routes.h"

#include <apr_strings.h>
#include <http_protocol.h>

static void subscription_card(struct page *page, const json_t *org)
{
    const json_t *subscription = json_object_get(org, "subscription");

    html_raw(page->html,
             "<section class=\"card\"><h2>" TEXT_SUBSCRIPTION "</h2><dl class=\"facts\"><dt>" TEXT_STATUS "</dt><dd>");
    page_status(page, member_text(subscription, "status"));
    html_raw(page->html, "</dd>");
    page_fact_code(page, TEXT_PLAN, member_text(subscription, "planKey"));
    page_fact_time(page, TEXT_PERIOD_END, member_text(subscription, "currentPeriodEnd"));
    page_fact_time(page, TEXT_CANCEL_AT, member_text(subscription, "cancelAt"));
    page_fact_time(page, TEXT_PAST_DUE_SINCE, member_text(subscription, "pastDueSince"));
    html_raw(page->html, "</dl></section>");
}

static void record_card(struct page *page, const json_t *org)
{
    html_raw(page->html, "<section class=\"card\"><h2>" TEXT_ORG "</h2><dl class=\"facts\">");
    page_fact_time(page, TEXT_CREATED, member_text(org, "createdAt"));
    page_fact_code(page, TEXT_APP_TYPE, member_text(org, "appType"));
    page_fact_time(page, TEXT_FIRST_SEEN, member_text(org, "firstSeen"));
    html_print(page->html,
               "</dl><div class=\"acts\"><a class=\"button small\" href=\"%s/page/events?org=%s\">" TEXT_ORG_EVENTS
               "</a><a class=\"button small\" href=\"%s/page/explain?org=%s\">" TEXT_ASK_WHY "</a></div></section>",
               page->mount, html_url(page->r->pool, member_text(org, "org")), page->mount,
               html_url(page->r->pool, member_text(org, "org")));
}

static void provider_subscription(struct page *page, const json_t *provider, const json_t *subscription)
{
    const char *id = member_text(subscription, "id"), *counting = member_text(provider, "subscription");

    html_raw(page->html, "<tr><th scope=\"row\">");
    page_code(page, id);
    if (counting && !strcmp(id, counting)) {
        html_raw(page->html, "<br><span class=\"soft\">" TEXT_COUNTS "</span>");
    }
    html_print(page->html, "</th><td>%s", member_text(subscription, "providerStatus"));
    if (member_true(subscription, "unsettled")) {
        html_raw(page->html, " <span class=\"badge warn\">" TEXT_UNSETTLED_WORD "</span>");
    }
    html_raw(page->html, "</td><td>");
    page_time(page, member_text(subscription, "createdAt"));
    html_raw(page->html, "</td><td>");
    page_time(page, member_text(subscription, "currentPeriodEnd"));
    html_raw(page->html, "</td></tr>");
}

static void provider_card(struct page *page, const json_t *org)
{
    static const char *const columns[] = {TEXT_SUBSCRIPTION, TEXT_STATUS, TEXT_CREATED, TEXT_PERIOD_END, NULL};
    const json_t *provider = json_object_get(org, "provider");
    const json_t *customers = json_object_get(provider, "customers");
    const json_t *subscriptions = json_object_get(provider, "subscriptions");

    html_raw(page->html, "<section class=\"card\"><h2>" TEXT_AT_PROVIDER "</h2><p>");
    for (size_t i = 0; i < json_array_size(customers); ++i) {
        html_text(page->html, i ? ", " : "");
        page_code(page, json_string_value(json_array_get(customers, i)));
    }
    if (!json_array_size(customers)) {
        html_raw(page->html, TEXT_NO_CUSTOMER);
    }
    html_raw(page->html, "</p>");
    if (json_array_size(subscriptions)) {
        page_table_begin(page, TEXT_AT_PROVIDER, NULL, columns);
        for (size_t i = 0; i < json_array_size(subscriptions); ++i) {
            provider_subscription(page, provider, json_array_get(subscriptions, i));
        }
        page_table_end(page);
    }
    html_raw(page->html, "</section>");
}

/* What is in force */

static void grant_write(struct page *page, const json_t *grant)
{
    if (!grant || json_is_null(grant)) {
        html_raw(page->html, TEXT_NOTHING);
    } else if (json_is_true(grant)) {
        html_raw(page->html, TEXT_GRANTED);
    } else {
        html_raw(page->html, TEXT_REFUSED);
    }
}

static void value_write(struct page *page, const json_t *value)
{
    if (!value) {
        html_raw(page->html, TEXT_NOTHING);
    } else if (json_is_null(value)) {
        html_raw(page->html, TEXT_UNLIMITED);
    } else {
        html_print(page->html, "%lld", (long long)json_integer_value(value));
    }
}

static void plan_grant_write(struct page *page, const json_t *feature)
{
    if (json_is_true(json_object_get(feature, "plan"))) {
        html_raw(page->html, TEXT_GRANTED);
    } else {
        html_raw(page->html, TEXT_NOTHING);
    }
}

static void feature_row(struct page *page, const char *org, const char *key, const json_t *feature)
{
    const json_t *override = json_object_get(feature, "override");

    html_print(page->html, "<tr><th scope=\"row\"><code>%s</code></th><td>", key);
    plan_grant_write(page, feature);
    html_raw(page->html, "</td><td>");
    grant_write(page, override);
    html_raw(page->html, "</td><td>");
    if (json_is_null(override)) {
        plan_grant_write(page, feature);
    } else {
        grant_write(page, override);
    }
    html_print(page->html,
               "</td><td><a href=\"%s/page/explain?org=%s&amp;feature=%s\" aria-label=\"" TEXT_EXPLAIN_LABEL
               "\">" TEXT_EXPLAIN_IT "</a></td></tr>",
               page->mount, html_url(page->r->pool, org), html_url(page->r->pool, key), key);
}

static void limit_row(struct page *page, const char *key, const json_t *limit)
{
    html_print(page->html, "<tr><th scope=\"row\"><code>%s</code></th><td>", key);
    value_write(page, json_object_get(limit, "plan"));
    html_raw(page->html, "</td><td>");
    value_write(page, json_object_get(limit, "override"));
    html_raw(page->html, "</td><td>");
    value_write(page, json_object_get(limit, "value"));
    html_raw(page->html, "</td><td></td></tr>");
}

static void effective_card(struct page *page, const json_t *org)
{
    static const char *const columns[] = {TEXT_FEATURE, TEXT_BY_PLAN, TEXT_BY_OVERRIDE, TEXT_IN_FORCE, "", NULL};
    const json_t *effective = json_object_get(org, "effective");
    const char *key;
    const json_t *value;

    html_raw(page->html, "<section class=\"card\"><h2>" TEXT_FEATURES "</h2>");
    page_table_begin(page, TEXT_FEATURES, NULL, columns);
    json_object_foreach(json_object_get(effective, "features"), key, value)
    {
        feature_row(page, member_text(org, "org"), key, value);
    }
    json_object_foreach(json_object_get(effective, "limits"), key, value)
    {
        limit_row(page, key, value);
    }
    page_table_end(page);
    html_raw(page->html, "</section>");
}

/* Overrides */

static void override_row(struct page *page, const char *org, const json_t *override)
{
    const char *feature = member_text(override, "feature");
    const char *key = feature ? feature : member_text(override, "limit"), *source = member_text(override, "source");

    if (member_true(override, "inForce")) {
        html_raw(page->html, "<tr>");
    } else {
        html_raw(page->html, "<tr class=\"past\">");
    }
    html_print(page->html, "<th scope=\"row\"><code>%s</code></th><td>", key);
    if (feature) {
        grant_write(page, json_object_get(override, "allow"));
    } else {
        value_write(page, json_object_get(override, "value"));
    }
    html_print(page->html, "</td><td>%s</td><td>", page_word(text_of_origin(source), source));
    if (member_text(override, "expiresAt")) {
        page_time(page, member_text(override, "expiresAt"));
    } else {
        html_raw(page->html, TEXT_NO_END);
    }
    html_raw(page->html, "</td><td>");
    page_text(page, member_text(override, "note"));
    html_raw(page->html, "</td><td>");
    page_text(page, member_text(override, "author"));
    html_print(
        page->html,
        "</td><td><form method=\"post\" action=\"%s/page/orgs/%s/overrides/%lld\"><button class=\"small danger\" "
        "aria-label=\"" TEXT_END_LABEL "\">" TEXT_END_IT "</button></form></td></tr>",
        page->mount, html_url(page->r->pool, org), (long long)member_count(override, "id"), key);
}

static void override_form(struct page *page, const json_t *org)
{
    const json_t *effective = json_object_get(org, "effective");
    const char *key;
    const json_t *value;

    html_print(
        page->html,
        "<h3>" TEXT_ADD_OVERRIDE "</h3><form class=\"fields\" method=\"post\" action=\"%s/page/orgs/%s/overrides\">"
        "<div class=\"wide\"><label for=\"effect\">" TEXT_EFFECT "</label><select id=\"effect\" name=\"effect\">",
        page->mount, html_url(page->r->pool, member_text(org, "org")));
    json_object_foreach(json_object_get(effective, "features"), key, value)
    {
        html_print(page->html, "<option value=\"grant %s\">" TEXT_GRANT "</option>", key, key);
        html_print(page->html, "<option value=\"refuse %s\">" TEXT_REFUSE "</option>", key, key);
    }
    json_object_foreach(json_object_get(effective, "limits"), key, value)
    {
        html_print(page->html, "<option value=\"limit %s\">" TEXT_SET_LIMIT "</option>", key, key);
    }
    html_raw(
        page->html,
        "</select></div><div><label for=\"value\">" TEXT_VALUE "</label><input id=\"value\" name=\"value\" "
        "inputmode=\"numeric\" aria-describedby=\"value-hint\"><p class=\"hint\" id=\"value-hint\">" TEXT_VALUE_HINT
        "</p></div><div><label for=\"expires\">" TEXT_EXPIRES "</label><input id=\"expires\" name=\"expires\" "
        "type=\"date\" aria-describedby=\"expires-hint\"><p class=\"hint\" id=\"expires-hint\">" TEXT_EXPIRES_HINT
        "</p></div><div class=\"wide\"><label for=\"note\">" TEXT_NOTE "</label><input id=\"note\" name=\"note\" "
        "aria-describedby=\"note-hint\"><p class=\"hint\" id=\"note-hint\">" TEXT_NOTE_HINT "</p></div>"
        "<div class=\"act\"><button class=\"main\">" TEXT_ADD "</button></div></form>");
}

static void overrides_card(struct page *page, const json_t *org)
{
    static const char *const columns[] = {TEXT_OVERRIDE, TEXT_EFFECT, TEXT_ORIGIN, TEXT_UNTIL,
                                          TEXT_NOTE,     TEXT_BY,     "",          NULL};
    const json_t *overrides = json_object_get(org, "overrides");

    html_raw(page->html, "<section class=\"card\"><h2>" TEXT_OVERRIDES "</h2>");
    if (json_array_size(overrides)) {
        page_table_begin(page, TEXT_OVERRIDES, NULL, columns);
        for (size_t i = 0; i < json_array_size(overrides); ++i) {
            override_row(page, member_text(org, "org"), json_array_get(overrides, i));
        }
        page_table_end(page);
    } else {
        html_raw(page->html, "<p>" TEXT_NO_OVERRIDES "</p>");
    }
    override_form(page, org);
    html_raw(page->html, "</section>");
}

int admin_org_page(request_rec *r, const char *tail)
{
    const char *done;
    struct page page;
    json_t *org;
    int answered;

    if (!page_enter(&page, r, &done, &answered) || !(org = page_ask(&page, tail, &admin_org, NULL, &answered))) {
        return answered;
    }
    page_begin(&page, PAGE_ORGS, member_text(org, "org"), done);
    html_raw(page.html, "<div class=\"cards\">");
    subscription_card(&page, org);
    record_card(&page, org);
    html_raw(page.html, "</div>");
    effective_card(&page, org);
    overrides_card(&page, org);
    provider_card(&page, org);
    return page_end(&page, HTTP_OK);
}

/* Its forms */

enum override_field { FIELD_EFFECT, FIELD_VALUE, FIELD_EXPIRES, FIELD_NOTE, FIELD_COUNT };

/* A number where it is one; else the text, of which the task says what is wrong. */
static json_t *value_of(const char *text)
{
    char *end;
    long long number;

    if (!text) {
        return json_null();
    }
    number = strtoll(text, &end, 10);
    return *end ? json_string(text) : json_integer(number);
}

/* "grant KEY", "refuse KEY" or "limit KEY". */
static json_t *override_body(apr_pool_t *pool, const struct query_value *fields)
{
    const char *effect = fields[FIELD_EFFECT].value ? fields[FIELD_EFFECT].value : "";
    const char *key = strchr(effect, ' ');
    json_t *body = json_object();

    (void)pool;
    if (!strncmp(effect, "limit ", strlen("limit "))) {
        json_object_set_new(body, "limit", json_string(key + 1));
        json_object_set_new(body, "value", value_of(fields[FIELD_VALUE].value));
    } else {
        json_object_set_new(body, "feature", json_string(key ? key + 1 : ""));
        json_object_set_new(body, "allow", json_boolean(!strncmp(effect, "grant ", strlen("grant "))));
    }
    if (fields[FIELD_EXPIRES].value) {
        json_object_set_new(body, "expiresAt", json_string(fields[FIELD_EXPIRES].value));
    }
    if (fields[FIELD_NOTE].value) {
        json_object_set_new(body, "note", json_string(fields[FIELD_NOTE].value));
    }
    return body;
}

static int org_go(struct page *page, const char *tail, const char *done)
{
    const char *org = apr_pstrmemdup(page->r->pool, tail, strcspn(tail, "/"));

    return page_go(page, apr_pstrcat(page->r->pool, "/page/orgs/", html_url(page->r->pool, org), "?done=", done, NULL));
}

int admin_override_form(request_rec *r, const char *tail)
{
    struct query_value fields[FIELD_COUNT] = {
        {.name = "effect"}, {.name = "value"}, {.name = "expires"}, {.name = "note"}};
    struct page page;
    int answered;

    return page_submit(&page, r, tail, &admin_override_add, fields, FIELD_COUNT, override_body, &answered)
               ? org_go(&page, tail, "override_added")
               : answered;
}

int admin_override_end_form(request_rec *r, const char *tail)
{
    struct page page;
    int answered;

    return page_submit(&page, r, tail, &admin_override_remove, NULL, 0, NULL, &answered)
               ? org_go(&page, tail, "override_ended")
               : answered;
}
