/* SPDX-License-Identifier: Apache-2.0
 * Counting, and what follows from it. */
#include "gate/limit.h"

#include "config/value.h"
#include "gate/identity.h"
#include "gate/judge.h"
#include "gate/notes.h"
#include "gate/view.h"
#include "service/metrics.h"
#include "store/database.h"

#include <http_log.h>
#include <stdatomic.h>

APLOG_USE_MODULE(attune_billing);

static struct database *database; /* NULL: nothing requires a limit, or there is no database */

void limit_start(apr_pool_t *pool, server_rec *server)
{
    struct database_config config = config_global()->database;

    database = NULL;
    if (config_global()->has_limits) {
        config.max = ((config.max ? config.max : DATABASE_MAX_DEFAULT) + 1) / 2;
        database = database_open(pool, &config, server);
    }
    if (database) {
        database_serve(database);
    }
}

/* A request that may be another method than it says is counted whatever it says. */
static bool limit_concerns(const struct required_limit *required, const struct gate_context *context)
{
    return !context->method || required->methods & context->method;
}

/* const struct feature *: the policies by which the limit is enforced here; one at least. */
static const apr_array_header_t *limit_policies(request_rec *r, const struct dir_config *config,
                                                const struct required_limit *required)
{
    apr_array_header_t *policies = apr_array_make(r->pool, 1, sizeof(const struct feature *));

    for (int i = 0; config->features && i < config->features->nelts; ++i) {
        const struct feature *feature = APR_ARRAY_IDX(config->features, i, const struct required_feature *)->feature;

        if (feature->uses.hash == required->limit.hash) {
            APR_ARRAY_PUSH(policies, const struct feature *) = feature;
        }
    }
    if (!policies->nelts) {
        APR_ARRAY_PUSH(policies, const struct feature *) = required->policy;
    }
    return policies;
}

/* Whatever the reason, an operator is told at most once a minute by each child. */
static bool complaint_is_due(void)
{
    static _Atomic(apr_int64_t) last; /* minutes */
    apr_int64_t now = apr_time_sec(apr_time_now()) / 60, seen = atomic_load(&last);

    return seen != now && atomic_compare_exchange_strong(&last, &seen, now);
}

static bool limit_uncounted(request_rec *r, const struct required_limit *required, const char *why)
{
    if (complaint_is_due()) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "ATB0342: what is used of the limit %s cannot be counted: %s (%s:%u)", required->limit.key, why,
                      required->place.file, required->place.line);
    }
    return false;
}

/* False where the statement could not tell. */
static bool limit_count(request_rec *r, const struct dir_config *config, const struct required_limit *required,
                        const char *org, int64_t *usage)
{
    struct statement statement = {.sql = required->statement,
                                  .param_count = required->by_location ? 2 : 1,
                                  .params = {org},
                                  .wait = LIMIT_WAIT,
                                  .read_only = true};
    struct rows rows;

    if (required->by_location) {
        statement.params[1] = identity_value(r, config, IDENTITY_LOCATION);
    }
    switch (database_run(database, r->pool, &statement, &rows)) {
    case STORE_OK:
        break;
    case STORE_UNAVAILABLE:
        return limit_uncounted(r, required, "the database did not answer in time");
    case STORE_ERROR:
        return limit_uncounted(r, required, rows.refusal);
    default:
        return limit_uncounted(r, required, "two transactions were in each other's way");
    }
    if (!rows.count || !rows.columns) {
        *usage = 0;
        return true;
    }
    if (!rows_text(&rows, 0, 0) || !value_number(rows_text(&rows, 0, 0), usage)) {
        return limit_uncounted(r, required, "the statement's first column is no whole number");
    }
    return true;
}

static const struct denial *limit_denial(request_rec *r, const struct dir_config *config,
                                         const struct required_limit *required, const struct gate_view *view,
                                         const struct feature *policy, const struct decision *decision)
{
    struct denial *denial = apr_pcalloc(r->pool, sizeof(*denial));

    denial->counted = required;
    denial->feature = policy == required->policy ? NULL : policy;
    denial->decision = *decision;
    denial->org = view->context.org;
    denial->plan = view_plan(view);
    denial->usage = view->context.has_usage ? view->context.usage : -1;
    denial->status = judge_status(r, config, decision);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "ATB0343: limit %s denied to org %s: %s (%s:%u)", required->limit.key,
                  denial->org ? denial->org : "-", reason_name(decision->reason), required->place.file,
                  required->place.line);
    return denial;
}

/* Only what is denied, or would be, is noted: what allowed the request is its features' to say. */
static const struct denial *limit_judge_by(request_rec *r, const struct dir_config *config,
                                           const struct required_limit *required, const struct gate_view *view,
                                           const struct feature *policy)
{
    struct decision decision =
        limit_decide(policy, required->limit.hash, &config_global()->catalogue, &view->context, view->state);
    const struct required_feature noted = {.key = policy->ref.key};

    metrics_limit(required->limit.hash, &decision);
    if (!decision.allowed || decision.would_deny) {
        notes_set(r, &noted, &view->context, view->state, &decision);
    }
    return decision.allowed ? NULL : limit_denial(r, config, required, view, policy, &decision);
}

static const struct denial *limit_judge_one(request_rec *r, const struct dir_config *config,
                                            const struct required_limit *required, struct gate_view *view)
{
    const apr_array_header_t *policies = limit_policies(r, config, required);
    const struct denial *denial = NULL;

    view->context.has_usage =
        limit_in_force(&config_global()->catalogue, view->state, required->limit.hash, view->context.now) >= 0 &&
        limit_count(r, config, required, view->context.org, &view->context.usage);
    for (int i = 0; i < policies->nelts && !denial; ++i) {
        denial = limit_judge_by(r, config, required, view, APR_ARRAY_IDX(policies, i, const struct feature *));
    }
    return denial;
}

const struct denial *limit_judge(request_rec *r, const struct dir_config *config)
{
    const struct denial *denial = NULL;
    struct gate_view view;

    view_take(r, config, &view);
    for (int i = 0; i < config->limits->nelts && !denial; ++i) {
        const struct required_limit *required = APR_ARRAY_IDX(config->limits, i, const struct required_limit *);

        if (limit_concerns(required, &view.context)) {
            denial = limit_judge_one(r, config, required, &view);
        }
    }
    return denial;
}

static bool limit_lacks_user(request_rec *r, const struct dir_config *config, const struct required_limit *required)
{
    const apr_array_header_t *policies = limit_policies(r, config, required);

    for (int i = 0; i < policies->nelts; ++i) {
        const struct feature *policy = APR_ARRAY_IDX(policies, i, const struct feature *);

        if (feature_can_deny(policy) && identity_incomplete(r, config, policy)) {
            return true;
        }
    }
    return false;
}

bool limit_needs_user(request_rec *r, const struct dir_config *config)
{
    struct gate_context context;

    if (!config->limits) {
        return false;
    }
    context = gate_context_of(r, config);
    for (int i = 0; i < config->limits->nelts; ++i) {
        const struct required_limit *required = APR_ARRAY_IDX(config->limits, i, const struct required_limit *);

        if (limit_concerns(required, &context) && limit_lacks_user(r, config, required)) {
            return true;
        }
    }
    return false;
}
