/* SPDX-License-Identifier: Apache-2.0
 * Who sweeps which account when, and what is told of it. */
#include "service/sweep.h"

#include "service/runtime.h"
#include "service/sweep_steps.h"

#include <apr_sha1.h>
#include <apr_strings.h>
#include <http_log.h>
#include <time.h>

APLOG_USE_MODULE(attune_billing);

#define LEASE_NAME   "sweep"
#define DIGEST_BYTES 8 /* of the digest; enough to tell a handful of accounts apart */

/* How long after one that could not be finished: the work waits, or somebody is away. */
#define PAUSE_UNFINISHED 0
#define PAUSE_AWAY       apr_time_from_sec(60)

static const char *const end_names[] = {
    [SWEEP_COMPLETE] = "complete", [SWEEP_PROVIDER] = "provider_unavailable", [SWEEP_DATABASE] = "database_unavailable",
    [SWEEP_TIME] = "out_of_time",  [SWEEP_STOPPING] = "stopping",             [SWEEP_LOST] = "lease_lost",
};

bool sweep_stop(struct sweep *sweep, enum sweep_end end)
{
    if (sweep->report->end == SWEEP_COMPLETE) {
        sweep->report->end = end;
    }
    return false;
}

bool sweep_may_go_on(struct sweep *sweep)
{
    if (sweep->report->end != SWEEP_COMPLETE) {
        return false;
    }
    if (runtime_stopping()) {
        return sweep_stop(sweep, SWEEP_STOPPING);
    }
    if (apr_time_now() > sweep->deadline) {
        return sweep_stop(sweep, SWEEP_TIME);
    }
    return lease_keep(sweep->pool, sweep->lease) || sweep_stop(sweep, SWEEP_LOST);
}

bool sweep_account_digest(apr_pool_t *pool, const struct server_config *config, const char **digest)
{
    const char *base = config->stripe_api_base ? config->stripe_api_base : "";
    unsigned char bytes[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t context;
    char *hex = apr_palloc(pool, 2 * DIGEST_BYTES + 1);

    if (!config->stripe_key) {
        return false;
    }
    apr_sha1_init(&context);
    apr_sha1_update(&context, base, (unsigned)strlen(base) + 1);
    apr_sha1_update(&context, config->stripe_key, (unsigned)strlen(config->stripe_key));
    apr_sha1_final(bytes, &context);
    ap_bin2hex(bytes, DIGEST_BYTES, hex);
    *digest = hex;
    return true;
}

static json_t *report_time(apr_time_t at)
{
    char text[sizeof("2026-12-31T23:59:59Z")];
    time_t seconds = (time_t)apr_time_sec(at);
    struct tm parts;

    gmtime_r(&seconds, &parts);
    return strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) ? json_string(text) : json_null();
}

json_t *sweep_report_json(const struct sweep_report *report)
{
    json_t *json = json_object();

    json_object_set_new(json, "livemode", json_boolean(report->livemode));
    json_object_set_new(json, "end", json_string(end_names[report->end]));
    json_object_set_new(json, "beganAt", report_time(report->began));
    json_object_set_new(json, "tookMilliseconds", json_integer(apr_time_as_msec(report->took)));
    json_object_set_new(json, "listed", json_integer(report->listed));
    json_object_set_new(json, "found", json_integer(report->found));
    json_object_set_new(json, "applied", json_integer(report->applied));
    json_object_set_new(json, "stale", json_integer(report->stale));
    json_object_set_new(json, "ignored", json_integer(report->ignored));
    json_object_set_new(json, "dead", json_integer(report->dead));
    json_object_set_new(json, "failed", json_integer(report->failed));
    json_object_set_new(json, "otherMode", json_integer(report->other_mode));
    json_object_set_new(json, "doubts", json_integer(report->doubts));
    json_object_set_new(json, "settled", json_integer(report->settled));
    json_object_set_new(json, "checkouts", json_integer(report->checkouts));
    return json;
}

static void report_log(const struct sweep_report *report)
{
    server_rec *server = runtime()->server;
    const char *mode = report->livemode ? "live" : "test";
    bool news = report->found || report->settled || report->checkouts;

    ap_log_error(APLOG_MARK, news ? APLOG_NOTICE : APLOG_INFO, 0, server,
                 "ATB0601: sweep of %s mode: %u events listed, %u that no webhook had brought (%u applied, %u stale, "
                 "%u ignored, %u dead, %u not written), %u of %u doubts settled, %u checkouts ended, in %" APR_TIME_T_FMT
                 " ms: %s",
                 mode, report->listed, report->found, report->applied, report->stale, report->ignored, report->dead,
                 report->failed, report->settled, report->doubts, report->checkouts, apr_time_as_msec(report->took),
                 end_names[report->end]);
    if (report->end == SWEEP_PROVIDER) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                     "ATB0602: the sweep of %s mode ended early, since the provider could not be asked; it goes on from "
                     "there the next time",
                     mode);
    }
    if (report->dead) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "ATB0603: %u events of %s mode cannot be applied: see /events?outcome=dead at the admin mount, "
                     "and replay them once the cause is gone",
                     report->dead, mode);
    }
    if (report->other_mode) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "ATB0604: the provider listed %u events of the other mode to a server of %s mode: the secret key, "
                     "or BillingMode, is the wrong one",
                     report->other_mode, mode);
    }
}

static void report_keep(const struct sweep *sweep)
{
    json_t *json = sweep_report_json(sweep->report);
    char *text = json_dumps(json, JSON_COMPACT);

    if (text) {
        store_sweep_report(runtime()->database, sweep->pool, &sweep->key, text);
    }
    free(text);
    json_decref(json);
}

/* One account, with the lease held. */
static void account_sweep(apr_pool_t *pool, const struct server_config *config, const char *digest,
                          apr_interval_time_t most, struct lease *lease, struct sweep_report *report)
{
    struct sweep sweep = {.pool = pool, .config = config, .lease = lease, .report = report};

    *report = (struct sweep_report){.livemode = config->mode == MODE_LIVE, .began = apr_time_now()};
    sweep.deadline = report->began + most;
    sweep.key = (struct sweep_account){PROVIDER_NAME, report->livemode, digest};
    if (provider_account(config, pool, &sweep.account)) {
        sweep_events(&sweep);
        sweep_doubts(&sweep);
    } else {
        sweep_stop(&sweep, SWEEP_PROVIDER);
    }
    report->took = apr_time_now() - report->began;
    report_keep(&sweep);
    report_log(report);
}

static apr_interval_time_t sweep_pause(enum sweep_end end)
{
    apr_interval_time_t interval = runtime()->config->sweep;

    switch (end) {
    case SWEEP_TIME:
    case SWEEP_STOPPING:
        return PAUSE_UNFINISHED;
    case SWEEP_DATABASE:
        return interval < PAUSE_AWAY ? interval : PAUSE_AWAY;
    default:
        return lease_jitter(interval);
    }
}

bool sweep_now(apr_pool_t *pool, const struct server_config *config, enum lease_result *taken,
               struct sweep_report *report)
{
    struct lease lease;
    const char *digest;

    if (!sweep_account_digest(pool, config, &digest)) {
        return false;
    }
    *taken = lease_take(pool, LEASE_NAME, &lease);
    if (*taken == LEASE_TAKEN) {
        account_sweep(pool, config, digest, SWEEP_TIME_REQUEST, &lease, report);
        lease_return(pool, &lease, sweep_pause(report->end));
    }
    return true;
}

static bool digest_seen(const apr_array_header_t *seen, const char *digest)
{
    for (int i = 0; i < seen->nelts; ++i) {
        if (!strcmp(APR_ARRAY_IDX(seen, i, const char *), digest)) {
            return true;
        }
    }
    return false;
}

/* Virtual hosts often share an account; a key belongs to one mode, so its digest tells the modes apart too. The worst
 * end decides when the next sweep is due. */
static enum sweep_end servers_sweep(apr_pool_t *pool, struct lease *lease)
{
    apr_array_header_t *seen = apr_array_make(pool, 2, sizeof(const char *));
    enum sweep_end end = SWEEP_COMPLETE;

    for (server_rec *server = runtime()->server; server; server = server->next) {
        struct sweep_report report;
        const char *digest;
        apr_pool_t *account;

        if (!sweep_account_digest(pool, config_server(server), &digest) || digest_seen(seen, digest)) {
            continue;
        }
        APR_ARRAY_PUSH(seen, const char *) = digest;
        apr_pool_create(&account, pool);
        account_sweep(account, config_server(server), digest, SWEEP_TIME_JOB, lease, &report);
        apr_pool_destroy(account);
        end = report.end > end ? report.end : end;
        if (end == SWEEP_STOPPING || end == SWEEP_LOST) {
            break;
        }
    }
    return end;
}

void sweep_if_due(apr_pool_t *pool)
{
    apr_interval_time_t interval = runtime()->config->sweep;
    struct lease lease;

    if (interval && lease_take_due(pool, LEASE_NAME, lease_jitter(interval), &lease) == LEASE_TAKEN) {
        lease_return(pool, &lease, sweep_pause(servers_sweep(pool, &lease)));
    }
}
