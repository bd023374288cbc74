/* SPDX-License-Identifier: Apache-2.0
 * The memory, the numbers, and counting. */
#include "service/metrics.h"

#include "service/metrics_cells.h"
#include "service/retained.h"

#include <apr_strings.h>
#include <apr_time.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define RETAINED_NAME "mod_attune_billing-metrics"
#define SECOND        INT64_C(1000000)

const int64_t metrics_call_bounds[] = {500,    1000,   2500,   5000,    10000,   25000,   50000,
                                       100000, 250000, 500000, 1000000, 2500000, 10000000};
const int64_t metrics_lag_bounds[] = {1 * SECOND,     2 * SECOND,     5 * SECOND,     10 * SECOND,   30 * SECOND,
                                      60 * SECOND,    300 * SECOND,   900 * SECOND,   3600 * SECOND, 10800 * SECOND,
                                      43200 * SECOND, 86400 * SECOND, 259200 * SECOND};

struct counters *metrics_counters;
static unsigned seat; /* this child's */

/* The subject of each feature, in the order of the catalogue, and of each limit by its hash. Set up before there are
 * children, constant afterwards. */
static unsigned short *feature_subjects;
static size_t feature_count;
static const struct feature *features;
static apr_array_header_t *limit_subjects; /* struct limit_subject */

struct limit_subject {
    uint64_t hash;
    unsigned short subject;
};

static unsigned short subject_number(apr_pool_t *ptemp, char letter, const char *key, const char *other)
{
    unsigned number = counters_subject(metrics_counters, apr_psprintf(ptemp, "%c%s", letter, key));

    return (unsigned short)(number < COUNTERS_SUBJECTS ? number : counters_subject(metrics_counters, other));
}

static void limit_number(apr_pool_t *pconf, const struct key_ref *limit)
{
    if (limit->hash) {
        APR_ARRAY_PUSH(limit_subjects, struct limit_subject) = (struct limit_subject){
            limit->hash, subject_number(pconf, SUBJECT_LETTER_LIMIT, limit->key, SUBJECT_OTHER_LIMITS)};
    }
}

static void subjects_prepare(apr_pool_t *pconf, const struct catalogue *catalogue)
{
    /* Before all others, so that they have room. */
    counters_subject(metrics_counters, SUBJECT_OTHER_FEATURES);
    counters_subject(metrics_counters, SUBJECT_OTHER_LIMITS);
    features = catalogue->features;
    feature_count = catalogue->feature_count;
    feature_subjects = apr_pcalloc(pconf, sizeof(*feature_subjects) * (feature_count + 1));
    limit_subjects = apr_array_make(pconf, 8, sizeof(struct limit_subject));
    for (size_t i = 0; i < feature_count; ++i) {
        feature_subjects[i] =
            subject_number(pconf, SUBJECT_LETTER_FEATURE, features[i].ref.key, SUBJECT_OTHER_FEATURES);
        limit_number(pconf, &features[i].uses);
    }
    for (size_t i = 0; i < catalogue->limits.count; ++i) {
        limit_number(pconf, &catalogue->limits.items[i]);
    }
}

void metrics_prepare(apr_pool_t *pconf, server_rec *server)
{
    void *memory;
    bool fresh;
    apr_status_t status =
        retained_memory(server, RETAINED_NAME, sizeof(struct counters), COUNTERS_ALIGNMENT, &memory, &fresh);

    metrics_counters = !memory ? NULL : fresh ? counters_format(memory) : counters_attach(memory);
    if (!metrics_counters) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, server,
                     "ATB0271: no shared memory to count in: there are no metrics until httpd is started anew");
        return;
    }
    subjects_prepare(pconf, &config_global()->catalogue);
}

/* Counting */

static void cell_add(unsigned cell, uint64_t amount)
{
    if (metrics_counters) {
        counters_add(metrics_counters, seat, cell, amount);
    }
}

static void histogram_add(unsigned cell, const int64_t *bounds, int64_t value)
{
    value = value < 0 ? 0 : value;
    cell_add(cell + histogram_bucket(bounds, value), 1);
    cell_add(cell + HISTOGRAM_BUCKETS, (uint64_t)value);
}

static enum decision_result decision_result(const struct decision *decision)
{
    return !decision->allowed ? DECISION_DENY : decision->would_deny ? DECISION_WOULD_DENY : DECISION_ALLOW;
}

void metrics_decision(const struct feature *feature, const struct decision *decision)
{
    size_t index = (size_t)(feature - features);

    if (metrics_counters && index < feature_count) {
        counters_add_subject(metrics_counters, seat, feature_subjects[index],
                             subject_cell(decision_result(decision), decision->reason));
    }
}

void metrics_limit(uint64_t limit_hash, const struct decision *decision)
{
    unsigned subject = 1; /* SUBJECT_OTHER_LIMITS: no plan gives it */

    if (!metrics_counters) {
        return;
    }
    for (int i = 0; i < limit_subjects->nelts; ++i) {
        const struct limit_subject *limit = &APR_ARRAY_IDX(limit_subjects, i, const struct limit_subject);

        if (limit->hash == limit_hash) {
            subject = limit->subject;
            break;
        }
    }
    counters_add_subject(metrics_counters, seat, subject, subject_cell(decision_result(decision), decision->reason));
}

void metrics_lookup(enum lookup_result result)
{
    cell_add(CELL_LOOKUPS + (unsigned)result, 1);
}

void metrics_webhook(bool livemode, enum webhook_outcome outcome)
{
    cell_add(CELL_WEBHOOKS + (unsigned)livemode * WEBHOOK_OUTCOMES + (unsigned)outcome, 1);
}

void metrics_webhook_event(bool livemode, enum event_outcome outcome, int64_t created)
{
    metrics_webhook(livemode, (enum webhook_outcome)outcome);
    if (outcome != EVENT_DUPLICATE && outcome != EVENT_FAILED) {
        histogram_add(CELL_WEBHOOK_LAG + (unsigned)livemode * HISTOGRAM_CELLS, metrics_lag_bounds,
                      apr_time_now() - created * SECOND);
    }
}

void metrics_sweep_event(bool livemode, enum event_outcome outcome)
{
    cell_add(CELL_SWEEP + (unsigned)livemode * EVENT_OUTCOMES + (unsigned)outcome, 1);
}

static void provider_ended(enum provider_operation operation, const struct provider_result *result, int64_t took)
{
    cell_add(CELL_PROVIDER_CALLS + (unsigned)operation * PROVIDER_OUTCOMES + (unsigned)result->outcome, 1);
    histogram_add(CELL_PROVIDER_TIMES + (unsigned)operation * HISTOGRAM_CELLS, metrics_call_bounds, took);
}

static void database_ended(enum database_end end, int64_t waited, int64_t ran)
{
    cell_add(CELL_DATABASE_ENDS + (unsigned)end, 1);
    histogram_add(CELL_DATABASE_WAITS, metrics_call_bounds, waited);
    if (end != DATABASE_NO_CONNECTION) {
        histogram_add(CELL_DATABASE_TIMES, metrics_call_bounds, ran);
    }
}

void metrics_start(void)
{
    if (metrics_counters) {
        seat = counters_seat(metrics_counters);
        provider_observe(provider_ended);
        database_observe(database_ended);
    }
}
