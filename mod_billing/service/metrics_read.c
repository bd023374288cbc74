/* SPDX-License-Identifier: Apache-2.0
 * Adding up what was counted. */
#include "service/metrics_cells.h"
#include "service/provider.h"
#include "service/runtime.h"
#include "store/operate.h"

bool metrics_available(void)
{
    return metrics_counters != NULL;
}

const char *metrics_subject(unsigned subject, enum subject_kind *kind)
{
    const char *name = counters_subject_name(metrics_counters, subject);

    if (!name) {
        return NULL;
    }
    *kind = *name == SUBJECT_LETTER_LIMIT ? SUBJECT_LIMIT : SUBJECT_FEATURE;
    return name + 1;
}

uint64_t metrics_decisions(unsigned subject, enum decision_result result, enum decision_reason reason)
{
    return counters_sum_subject(metrics_counters, subject, subject_cell(result, reason));
}

uint64_t metrics_decisions_all(unsigned subject, enum decision_result result)
{
    uint64_t sum = 0;

    for (unsigned reason = 0; reason < REASON_COUNT; ++reason) {
        sum += metrics_decisions(subject, result, (enum decision_reason)reason);
    }
    return sum;
}

uint64_t metrics_lookups(enum lookup_result result)
{
    return counters_sum(metrics_counters, CELL_LOOKUPS + (unsigned)result);
}

uint64_t metrics_webhooks(bool livemode, enum webhook_outcome outcome)
{
    return counters_sum(metrics_counters, CELL_WEBHOOKS + (unsigned)livemode * WEBHOOK_OUTCOMES + (unsigned)outcome);
}

static void histogram_read(unsigned cell, const int64_t *bounds, struct histogram *histogram)
{
    histogram->bounds = bounds;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; ++i) {
        histogram->buckets[i] = counters_sum(metrics_counters, cell + i);
    }
    histogram->sum = counters_sum(metrics_counters, cell + HISTOGRAM_BUCKETS);
}

void metrics_webhook_lag(bool livemode, struct histogram *histogram)
{
    histogram_read(CELL_WEBHOOK_LAG + (unsigned)livemode * HISTOGRAM_CELLS, metrics_lag_bounds, histogram);
}

uint64_t metrics_sweep_events(bool livemode, enum event_outcome outcome)
{
    return counters_sum(metrics_counters, CELL_SWEEP + (unsigned)livemode * EVENT_OUTCOMES + (unsigned)outcome);
}

uint64_t metrics_provider_calls(enum provider_operation operation, enum provider_outcome outcome)
{
    return counters_sum(metrics_counters,
                        CELL_PROVIDER_CALLS + (unsigned)operation * PROVIDER_OUTCOMES + (unsigned)outcome);
}

void metrics_provider_times(enum provider_operation operation, struct histogram *histogram)
{
    histogram_read(CELL_PROVIDER_TIMES + (unsigned)operation * HISTOGRAM_CELLS, metrics_call_bounds, histogram);
}

uint64_t metrics_database_ends(enum database_end end)
{
    return counters_sum(metrics_counters, CELL_DATABASE_ENDS + (unsigned)end);
}

void metrics_database_waits(struct histogram *histogram)
{
    histogram_read(CELL_DATABASE_WAITS, metrics_call_bounds, histogram);
}

void metrics_database_times(struct histogram *histogram)
{
    histogram_read(CELL_DATABASE_TIMES, metrics_call_bounds, histogram);
}

/* What the database alone knows */

/* A main server with no mode, key or mount of its own is of test mode by default alone. */
bool metrics_mode_used(bool livemode)
{
    for (const server_rec *each = runtime()->server; each; each = each->next) {
        const struct server_config *config = config_server(each);

        if ((config->mode == MODE_LIVE) == livemode &&
            (config->mode_place.file || config->stripe_key || config->has_mount)) {
            return true;
        }
    }
    return false;
}

int64_t metrics_backlog(bool livemode, enum backlog item)
{
    return counters_gauge(metrics_counters, backlog_gauge(livemode, item));
}

static void backlog_look_up(apr_pool_t *pool, bool livemode)
{
    const struct sweep_account account = {.provider = PROVIDER_NAME, .livemode = livemode};
    struct health health;

    if (store_health_find(runtime()->database, pool, &account, &health) != STORE_OK) {
        return;
    }
    const int64_t values[BACKLOG_COUNT] = {
        [BACKLOG_DEAD_EVENTS] = health.dead,
        [BACKLOG_UNSETTLED] = health.unsettled,
        [BACKLOG_SEVERAL] = health.several,
        [BACKLOG_LAST_EVENT] = health.last.id ? apr_time_sec(health.last.received_at) : 0,
        [BACKLOG_KNOWN_AT] = runtime_now(),
    };
    for (unsigned i = 0; i < BACKLOG_COUNT; ++i) {
        counters_gauge_set(metrics_counters, backlog_gauge(livemode, (enum backlog)i), values[i]);
    }
}

void metrics_backlog_refresh(apr_pool_t *pool)
{
    for (unsigned live = 0; metrics_counters && live < MODES && !runtime_stopping(); ++live) {
        if (metrics_mode_used(live)) {
            backlog_look_up(pool, live);
        }
    }
}
