/* SPDX-License-Identifier: Apache-2.0
 * What an org can use, in words. */
#include "web/page/rows.h"

#include "domain/explain.h"
#include "web/page/texts.h"

#include <apr_strings.h>
#include <time.h>

const char *text_date(apr_pool_t *pool, int64_t seconds)
{
    static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December"};
    time_t time = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&time, &parts)) {
        return "";
    }
    /* strftime's %B is the locale's. */
    return apr_psprintf(pool, "%d %s %d", parts.tm_mday, months[parts.tm_mon], parts.tm_year + 1900);
}

const char *text_clock(apr_pool_t *pool, int64_t seconds)
{
    time_t time = (time_t)seconds;
    struct tm parts;

    return gmtime_r(&time, &parts) ? apr_psprintf(pool, "%02d:%02d", parts.tm_hour, parts.tm_min) : "";
}

/* Features */

static struct view_row row_of_plans(request_rec *r, const struct standing *standing, const struct feature *feature,
                                    enum decision_reason reason)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    const struct plan *own = catalogue_plan(catalogue, standing->member.state.plan);
    int64_t limit = plan_limit_value(own, feature->uses.hash);
    const char *names = NULL;
    size_t named = 0;

    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        if (plan_unblocks(&catalogue->plans[i], feature, reason, limit)) {
            ++named;
            names =
                names ? apr_pstrcat(r->pool, names, ", ", catalogue->plans[i].name, NULL) : catalogue->plans[i].name;
        }
    }
    return (struct view_row){.text = named == 0   ? TEXT_NOT_INCLUDED
                                     : named == 1 ? apr_psprintf(r->pool, TEXT_IN_PLAN, names)
                                                  : apr_psprintf(r->pool, TEXT_IN_PLANS, names),
                             .tone = ""};
}

static struct view_row row_of_override(request_rec *r, const struct standing *standing, const struct feature *feature)
{
    const struct override *override =
        state_feature_override(&standing->member.state, feature->ref.hash, standing->member.context.now);

    if (override && override->expires) {
        return (struct view_row){.text = apr_psprintf(r->pool, TEXT_ADDED_UNTIL, text_date(r->pool, override->expires)),
                                 .tone = "good"};
    }
    return (struct view_row){.text = TEXT_ADDED, .tone = "good"};
}

static struct view_row row_of_allowed(request_rec *r, const struct standing *standing, const struct feature *feature,
                                      const struct decision *decision)
{
    if (decision->would_deny) {
        return (struct view_row){.text = TEXT_AVAILABLE, .tone = ""};
    }
    switch (decision->reason) {
    case REASON_PLAN:
        return (struct view_row){.text = TEXT_INCLUDED, .tone = "good"};
    case REASON_OVERRIDE:
        return row_of_override(r, standing, feature);
    case REASON_GRACE:
        return (struct view_row){.text = decision->grace_until ? apr_psprintf(r->pool, TEXT_GRACE_UNTIL,
                                                                              text_date(r->pool, decision->grace_until))
                                                               : TEXT_GRACE,
                                 .tone = "warn"};
    case REASON_PAST_DUE:
        return (struct view_row){.text = TEXT_INCLUDED, .tone = "warn"};
    default:
        return (struct view_row){.text = TEXT_AVAILABLE, .tone = ""};
    }
}

static struct view_row row_of_denied(request_rec *r, const struct standing *standing, const struct feature *feature,
                                     const struct decision *decision)
{
    switch (decision->reason) {
    case REASON_ROLE:
        return (struct view_row){.text = TEXT_ROLE_OFF, .tone = ""};
    case REASON_OVERRIDE:
        return (struct view_row){.text = TEXT_REFUSED, .tone = ""};
    case REASON_PAST_DUE:
        return (struct view_row){.text = feature->past_due == PAST_DUE_READ_ONLY ? TEXT_READ_ONLY : TEXT_UNPAID_OFF,
                                 .tone = "bad"};
    case REASON_CANCELED:
        return (struct view_row){.text = TEXT_ENDED_OFF, .tone = ""};
    case REASON_UNVERIFIED:
        return (struct view_row){.text = TEXT_NOT_NOW, .tone = "warn"};
    default:
        return row_of_plans(r, standing, feature, decision->reason);
    }
}

const struct view_row *rows_features(request_rec *r, const struct standing *standing, const struct decision *decisions,
                                     size_t *count)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    struct view_row *rows = apr_palloc(r->pool, (catalogue->feature_count + 1) * sizeof(*rows));

    *count = 0;
    for (size_t i = 0; i < catalogue->feature_count; ++i) {
        const struct feature *feature = &catalogue->features[i];

        /* Another application's features are nothing this org could have. */
        if (decisions[i].reason == REASON_APP_TYPE) {
            continue;
        }
        rows[*count] = decisions[i].allowed ? row_of_allowed(r, standing, feature, &decisions[i])
                                            : row_of_denied(r, standing, feature, &decisions[i]);
        rows[(*count)++].name = feature->ref.key;
    }
    return rows;
}

const struct view_row *rows_limits(request_rec *r, const struct standing *standing, size_t *count)
{
    const struct standing_limit *limits = standing_limits(r, standing, count);
    struct view_row *rows = apr_palloc(r->pool, (*count + 1) * sizeof(*rows));

    for (size_t i = 0; i < *count; ++i) {
        rows[i] = (struct view_row){.name = limits[i].key,
                                    .text = limits[i].value == LIMIT_UNLIMITED
                                                ? TEXT_UNLIMITED
                                                : apr_psprintf(r->pool, "%" APR_INT64_T_FMT, limits[i].value),
                                    .tone = ""};
    }
    return rows;
}
