/* SPDX-License-Identifier: Apache-2.0
 * mod_status's section: the numbers of the metrics mount that fit a glance, for people and, with ?auto, for programs.
 */
#include "web/status.h"

#include "gate/judge.h"
#include "service/metrics.h"
#include "service/runtime.h"
#include "web/metrics_names.h"

#include <apr_lib.h>
#include <apr_optional_hooks.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <inttypes.h>
#include <mod_status.h>

struct page {
    request_rec *r;
    bool brief; /* ?auto: `Key: value`, one a line */
};

static void page_line(const struct page *page, const char *key, const char *words, int64_t value)
{
    if (page->brief) {
        ap_rprintf(page->r, "Billing%s: %" PRId64 "\n", key, value);
    } else {
        ap_rprintf(page->r, "<dt>%s: %" PRId64 "</dt>\n", words, value);
    }
}

/* "livemode_mismatch" as "LivemodeMismatch". */
static const char *page_key(apr_pool_t *pool, const char *name)
{
    char *key = apr_pstrdup(pool, name), *end = key;

    for (bool begins = true; *name; ++name) {
        if (*name != '_') {
            *end++ = begins ? (char)apr_toupper(*name) : *name;
        }
        begins = *name == '_';
    }
    *end = '\0';
    return key;
}

static void page_decisions(const struct page *page)
{
    static const char *const keys[] = {"DecisionsAllowed", "DecisionsDenied", "DecisionsWouldDeny"};
    static const char *const words[] = {"Requests that gates allowed", "Requests that gates denied",
                                        "Requests that gates would have denied"};
    uint64_t sums[DECISION_RESULTS] = {0};
    enum subject_kind kind;

    for (unsigned subject = 0; metrics_subject(subject, &kind); ++subject) {
        for (unsigned result = 0; kind == SUBJECT_FEATURE && result < DECISION_RESULTS; ++result) {
            sums[result] += metrics_decisions_all(subject, (enum decision_result)result);
        }
    }
    for (unsigned result = 0; result < DECISION_RESULTS; ++result) {
        page_line(page, keys[result], words[result], (int64_t)sums[result]);
    }
}

/* Programs have the metrics mount for these. */
static void page_features(const struct page *page)
{
    enum subject_kind kind;
    const char *key;

    for (unsigned subject = 0; !page->brief && (key = metrics_subject(subject, &kind)); ++subject) {
        if (kind == SUBJECT_FEATURE && strcmp(key, "*")) {
            ap_rprintf(
                page->r,
                "<dt>Feature %s: %" PRIu64 " allowed, %" PRIu64 " denied, %" PRIu64 " would have been denied</dt>\n",
                ap_escape_html(page->r->pool, key), metrics_decisions_all(subject, DECISION_ALLOW),
                metrics_decisions_all(subject, DECISION_DENY), metrics_decisions_all(subject, DECISION_WOULD_DENY));
        }
    }
}

static void page_cache(const struct page *page)
{
    struct table_stats stats;
    int64_t verified_at;

    page_line(page, "StateHits", "States of orgs found in shared memory", (int64_t)metrics_lookups(LOOKUP_HIT));
    page_line(page, "StateMisses", "States that the database was asked for", (int64_t)metrics_lookups(LOOKUP_MISS));
    page_line(page, "StateUnknown", "States that nothing could tell", (int64_t)metrics_lookups(LOOKUP_UNKNOWN));
    if (!runtime()->table) {
        return;
    }
    table_stats(runtime()->table, &stats);
    page_line(page, "CacheEntries", "Orgs in shared memory", (int64_t)stats.entries);
    page_line(page, "CacheCapacity", "Room for orgs", (int64_t)stats.capacity);
    page_line(page, "CacheEvictions", "Orgs that made room for others", (int64_t)stats.evictions);
    verified_at = table_verified_at(runtime()->table);
    if (verified_at) {
        page_line(page, "StateAge", "Seconds since all states were known to be current", runtime_now() - verified_at);
    }
}

static void page_webhook(const struct page *page, bool livemode)
{
    const char *mode = livemode ? "Live" : "Test";

    for (unsigned outcome = 0; outcome < WEBHOOK_OUTCOMES; ++outcome) {
        const char *name = webhook_outcome_names[outcome];
        page_line(page, apr_pstrcat(page->r->pool, "Webhook", mode, page_key(page->r->pool, name), NULL),
                  apr_psprintf(page->r->pool, "Webhook of %s mode, %s", livemode ? "live" : "test", name),
                  (int64_t)metrics_webhooks(livemode, (enum webhook_outcome)outcome));
    }
    if (metrics_backlog(livemode, BACKLOG_KNOWN_AT)) {
        int64_t last = metrics_backlog(livemode, BACKLOG_LAST_EVENT);

        page_line(page, apr_pstrcat(page->r->pool, "DeadEvents", mode, NULL), "Dead events",
                  metrics_backlog(livemode, BACKLOG_DEAD_EVENTS));
        page_line(page, apr_pstrcat(page->r->pool, "Unsettled", mode, NULL), "Unsettled subscriptions",
                  metrics_backlog(livemode, BACKLOG_UNSETTLED));
        if (last) {
            page_line(page, apr_pstrcat(page->r->pool, "LastEventAge", mode, NULL),
                      "Seconds since the newest event was received", runtime_now() - last);
        }
    }
}

static void page_calls(const struct page *page)
{
    uint64_t calls = 0, failed = 0, statements = 0;

    for (unsigned operation = 0; operation < PROVIDER_OPERATIONS; ++operation) {
        for (unsigned outcome = 0; outcome < PROVIDER_OUTCOMES; ++outcome) {
            uint64_t count = metrics_provider_calls((enum provider_operation)operation, (enum provider_outcome)outcome);

            calls += count;
            failed += outcome == PROVIDER_OK || outcome == PROVIDER_NOT_FOUND ? 0 : count;
        }
    }
    for (unsigned end = 0; end < DATABASE_ENDS; ++end) {
        statements += metrics_database_ends((enum database_end)end);
    }
    page_line(page, "ProviderCalls", "Calls of the payment provider", (int64_t)calls);
    page_line(page, "ProviderFailures", "Calls of the payment provider that failed", (int64_t)failed);
    page_line(page, "DatabaseStatements", "Statements for the database", (int64_t)statements);
    page_line(
        page, "DatabaseFailures", "Statements that were not answered",
        (int64_t)(statements - metrics_database_ends(DATABASE_ANSWERED) - metrics_database_ends(DATABASE_CONFLICT)));
}

static int status_section(request_rec *r, int flags)
{
    const struct page page = {.r = r, .brief = (flags & AP_STATUS_SHORT) != 0};

    if (!metrics_available()) {
        return DECLINED;
    }
    if (!page.brief) {
        ap_rputs("<hr />\n<h2>Billing (mod_attune_billing)</h2>\n<dl>\n", r);
    }
    page_line(&page, "KillSwitch", "Kill switch", kill_switch_on());
    page_decisions(&page);
    page_features(&page);
    page_cache(&page);
    for (unsigned live = 0; live < 2; ++live) {
        if (metrics_mode_used(live)) {
            page_webhook(&page, live);
        }
    }
    page_calls(&page);
    if (!page.brief) {
        ap_rputs("</dl>\n", r);
    }
    return OK;
}

void status_register(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, status_section, NULL, NULL, APR_HOOK_MIDDLE);
}
