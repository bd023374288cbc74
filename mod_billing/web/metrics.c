/* SPDX-License-Identifier: Apache-2.0
 * GET at the metrics mount: all counters in Prometheus' text format. It asks nobody: a database that hangs never delays
 * a scrape. */
#include "service/metrics.h"

#include "gate/judge.h"
#include "service/runtime.h"
#include "web/answer.h"
#include "web/exposition.h"
#include "web/metrics_names.h"
#include "web/routes.h"

#define LABELS(...) (const struct label[]){__VA_ARGS__}, sizeof((struct label[]){__VA_ARGS__}) / sizeof(struct label)

static const char *mode_name(unsigned live)
{
    return live ? "live" : "test";
}

static bool subject_is_used(unsigned subject)
{
    uint64_t sum = 0;

    for (unsigned result = 0; result < DECISION_RESULTS; ++result) {
        sum += metrics_decisions_all(subject, (enum decision_result)result);
    }
    return sum > 0;
}

/* The configuration's are there from the start, so that a first denial is seen as one more; "*" only where some had no
 * room. */
static void subjects_samples(struct exposition *out, enum subject_kind wanted, const char *label)
{
    enum subject_kind kind;
    const char *key;

    for (unsigned subject = 0; (key = metrics_subject(subject, &kind)); ++subject) {
        if (kind != wanted || (!strcmp(key, "*") && !subject_is_used(subject))) {
            continue;
        }
        for (unsigned result = 0; result < DECISION_RESULTS; ++result) {
            exposition_sample(out, LABELS({label, key}, {"result", decision_result_names[result]}),
                              (int64_t)metrics_decisions_all(subject, (enum decision_result)result));
        }
    }
}

static void decisions_samples(struct exposition *out)
{
    subjects_samples(out, SUBJECT_FEATURE, "feature");
}

static void limits_samples(struct exposition *out)
{
    subjects_samples(out, SUBJECT_LIMIT, "limit");
}

/* Only what has happened: most combinations never do. */
static void reasons_samples(struct exposition *out)
{
    enum subject_kind kind;
    const char *key;

    for (unsigned subject = 0; (key = metrics_subject(subject, &kind)); ++subject) {
        for (unsigned cell = 0; kind == SUBJECT_FEATURE && cell < DECISION_RESULTS * REASON_COUNT; ++cell) {
            enum decision_result result = (enum decision_result)(cell / REASON_COUNT);
            enum decision_reason reason = (enum decision_reason)(cell % REASON_COUNT);
            uint64_t count = metrics_decisions(subject, result, reason);

            if (count) {
                exposition_sample(out,
                                  LABELS({"feature", key}, {"result", decision_result_names[result]},
                                         {"reason", reason_name(reason)}),
                                  (int64_t)count);
            }
        }
    }
}

static void lookups_samples(struct exposition *out)
{
    for (unsigned result = 0; result < LOOKUP_RESULTS; ++result) {
        exposition_sample(out, LABELS({"result", lookup_result_names[result]}),
                          (int64_t)metrics_lookups((enum lookup_result)result));
    }
}

/* The table's numbers, counted once for all; nothing where there is no table. */
static void entries_samples(struct exposition *out)
{
    const struct table_stats *stats = out->about;

    if (stats) {
        exposition_sample(out, NULL, 0, (int64_t)stats->entries);
    }
}

static void capacity_samples(struct exposition *out)
{
    const struct table_stats *stats = out->about;

    if (stats) {
        exposition_sample(out, NULL, 0, (int64_t)stats->capacity);
    }
}

static void evictions_samples(struct exposition *out)
{
    const struct table_stats *stats = out->about;

    if (stats) {
        exposition_sample(out, NULL, 0, (int64_t)stats->evictions);
    }
}

static void verified_samples(struct exposition *out)
{
    exposition_sample(out, NULL, 0, runtime()->table ? table_verified_at(runtime()->table) : 0);
}

static void kill_switch_samples(struct exposition *out)
{
    exposition_sample(out, NULL, 0, kill_switch_on());
}

static void webhooks_samples(struct exposition *out)
{
    for (unsigned live = 0; live < 2; ++live) {
        for (unsigned outcome = 0; metrics_mode_used(live) && outcome < WEBHOOK_OUTCOMES; ++outcome) {
            exposition_sample(out, LABELS({"mode", mode_name(live)}, {"outcome", webhook_outcome_names[outcome]}),
                              (int64_t)metrics_webhooks(live, (enum webhook_outcome)outcome));
        }
    }
}

static void lag_samples(struct exposition *out)
{
    for (unsigned live = 0; live < 2; ++live) {
        struct histogram histogram;

        if (metrics_mode_used(live)) {
            metrics_webhook_lag(live, &histogram);
            exposition_histogram(out, LABELS({"mode", mode_name(live)}), &histogram);
        }
    }
}

static void sweep_samples(struct exposition *out)
{
    for (unsigned live = 0; live < 2; ++live) {
        for (unsigned outcome = 0; metrics_mode_used(live) && outcome <= EVENT_FAILED; ++outcome) {
            exposition_sample(
                out, LABELS({"mode", mode_name(live)}, {"outcome", event_outcome_name((enum event_outcome)outcome)}),
                (int64_t)metrics_sweep_events(live, (enum event_outcome)outcome));
        }
    }
}

/* Nothing of a mode that was never looked up: 0 would be a lie. */
static void backlog_samples(struct exposition *out, enum backlog item)
{
    for (unsigned live = 0; live < 2; ++live) {
        if (metrics_mode_used(live) && metrics_backlog(live, BACKLOG_KNOWN_AT)) {
            exposition_sample(out, LABELS({"mode", mode_name(live)}), metrics_backlog(live, item));
        }
    }
}

static void dead_samples(struct exposition *out)
{
    backlog_samples(out, BACKLOG_DEAD_EVENTS);
}

static void unsettled_samples(struct exposition *out)
{
    backlog_samples(out, BACKLOG_UNSETTLED);
}

static void several_samples(struct exposition *out)
{
    backlog_samples(out, BACKLOG_SEVERAL);
}

static void last_event_samples(struct exposition *out)
{
    backlog_samples(out, BACKLOG_LAST_EVENT);
}

static void known_samples(struct exposition *out)
{
    backlog_samples(out, BACKLOG_KNOWN_AT);
}

static void provider_calls_samples(struct exposition *out)
{
    for (unsigned operation = 0; operation < PROVIDER_OPERATIONS; ++operation) {
        for (unsigned outcome = 0; outcome < PROVIDER_OUTCOMES; ++outcome) {
            exposition_sample(
                out,
                LABELS({"operation", provider_operation_names[operation]},
                       {"outcome", provider_outcome_labels[outcome]}),
                (int64_t)metrics_provider_calls((enum provider_operation)operation, (enum provider_outcome)outcome));
        }
    }
}

static void provider_times_samples(struct exposition *out)
{
    for (unsigned operation = 0; operation < PROVIDER_OPERATIONS; ++operation) {
        struct histogram histogram;

        metrics_provider_times((enum provider_operation)operation, &histogram);
        exposition_histogram(out, LABELS({"operation", provider_operation_names[operation]}), &histogram);
    }
}

static void statements_samples(struct exposition *out)
{
    for (unsigned end = 0; end < DATABASE_ENDS; ++end) {
        exposition_sample(out, LABELS({"result", database_end_names[end]}),
                          (int64_t)metrics_database_ends((enum database_end)end));
    }
}

static void database_waits_samples(struct exposition *out)
{
    struct histogram histogram;

    metrics_database_waits(&histogram);
    exposition_histogram(out, NULL, 0, &histogram);
}

static void database_times_samples(struct exposition *out)
{
    struct histogram histogram;

    metrics_database_times(&histogram);
    exposition_histogram(out, NULL, 0, &histogram);
}

/* t/guard/metrics holds conf/METRICS.md to this table. */
static const struct family {
    const char *name, *type, *labels, *help;
    void (*samples)(struct exposition *out);
} families[] = {
    {"attune_billing_decisions_total", "counter", "feature, result",
     "Decisions of gates: allow, deny, or would_deny where the gate only watches.", decisions_samples},
    {"attune_billing_decision_reasons_total", "counter", "feature, result, reason",
     "The same decisions by their reason, of those that have happened.", reasons_samples},
    {"attune_billing_limit_decisions_total", "counter", "limit, result",
     "Decisions of BillingRequireLimit, one for each policy that enforces the limit.", limits_samples},
    {"attune_billing_kill_switch", "gauge", "", "1 while the file of BillingKillSwitch exists and gates only watch.",
     kill_switch_samples},
    {"attune_billing_state_lookups_total", "counter", "result",
     "Lookups of an org's state: a hit in shared memory, a miss that the database answered, or unknown.",
     lookups_samples},
    {"attune_billing_state_verified_timestamp_seconds", "gauge", "",
     "When all states in shared memory were last known to be current; 0: never.", verified_samples},
    {"attune_billing_cache_entries", "gauge", "", "Orgs in shared memory.", entries_samples},
    {"attune_billing_cache_capacity_entries", "gauge", "", "Orgs that BillingCacheOrgs has room for.",
     capacity_samples},
    {"attune_billing_cache_evictions_total", "counter", "", "Orgs that made room for others in shared memory.",
     evictions_samples},
    {"attune_billing_webhook_events_total", "counter", "mode, outcome", "Calls of the webhook by what became of them.",
     webhooks_samples},
    {"attune_billing_webhook_lag_seconds", "histogram", "mode",
     "Time from the second an event was made in to its being stored, of events that came by webhook.", lag_samples},
    {"attune_billing_sweep_events_total", "counter", "mode, outcome",
     "Events that the sweep had to fetch since no webhook had brought them.", sweep_samples},
    {"attune_billing_last_event_timestamp_seconds", "gauge", "mode",
     "When the newest event was received, by any node; 0: none yet.", last_event_samples},
    {"attune_billing_dead_events", "gauge", "mode", "Stored events that could not be applied and wait for an operator.",
     dead_samples},
    {"attune_billing_unsettled_subscriptions", "gauge", "mode",
     "Subscriptions whose order of events the provider has yet to settle.", unsettled_samples},
    {"attune_billing_orgs_with_several_subscriptions", "gauge", "mode",
     "Orgs with more than one live subscription, which pay twice.", several_samples},
    {"attune_billing_database_checked_timestamp_seconds", "gauge", "mode",
     "When the four gauges above were read from the database.", known_samples},
    {"attune_billing_provider_calls_total", "counter", "operation, outcome",
     "Calls of the payment provider, each with its retries.", provider_calls_samples},
    {"attune_billing_provider_call_duration_seconds", "histogram", "operation",
     "Time of a whole call of the payment provider.", provider_times_samples},
    {"attune_billing_database_statements_total", "counter", "result", "Statements sent to the database.",
     statements_samples},
    {"attune_billing_database_wait_seconds", "histogram", "", "Time that a statement waited for a connection.",
     database_waits_samples},
    {"attune_billing_database_statement_duration_seconds", "histogram", "",
     "Time from having a connection to the answer.", database_times_samples},
};

int metrics_handler(request_rec *r, const char *tail)
{
    struct table_stats stats;
    struct exposition out;

    (void)tail;
    if (!metrics_available()) {
        return HTTP_SERVICE_UNAVAILABLE; /* the log of the start says why */
    }
    exposition_begin(&out, r->pool);
    if (runtime()->table) {
        table_stats(runtime()->table, &stats);
        out.about = &stats;
    }
    for (size_t i = 0; i < sizeof(families) / sizeof(*families); ++i) {
        exposition_family(&out, families[i].name, families[i].type, families[i].help);
        families[i].samples(&out);
    }
    return answer_text_now(r, EXPOSITION_CONTENT_TYPE, exposition_text(&out));
}
