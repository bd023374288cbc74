/* SPDX-License-Identifier: Apache-2.0
 * What differs between the rows of an org and the provider's answers about it. */
#include "service/runtime.h"
#include "service/verify_steps.h"

#include <apr_strings.h>
#include <time.h>

static void differ(apr_array_header_t *drift, const struct verification *verification, const char *subscription,
                   const char *what, const char *here, const char *there)
{
    APR_ARRAY_PUSH(drift, struct drift) = (struct drift){
        .org = verification->org, .subscription = subscription, .what = what, .here = here, .there = there};
}

static void compare_texts(apr_array_header_t *drift, const struct verification *verification, const char *subscription,
                          const char *what, const char *here, const char *there)
{
    if (here && there ? strcmp(here, there) : here != there) {
        differ(drift, verification, subscription, what, here, there);
    }
}

static const char *time_text(apr_pool_t *pool, int64_t seconds)
{
    char text[sizeof("2026-12-31T23:59:59Z") + 16];
    time_t time = (time_t)seconds;
    struct tm parts;

    return seconds && gmtime_r(&time, &parts) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts)
               ? apr_pstrdup(pool, text)
               : NULL;
}

static const char *prices_text(apr_pool_t *pool, const struct subscription_snapshot *snapshot)
{
    const char *text = NULL;

    for (size_t i = 0; i < snapshot->price_count; ++i) {
        text = apr_pstrcat(pool, text ? text : "", text ? " " : "", snapshot->prices[i], NULL);
    }
    return text;
}

static void compare_subscription(apr_array_header_t *drift, const struct verification *verification,
                                 const struct subscription *here, const struct subscription_snapshot *there)
{
    apr_pool_t *pool = verification->pool;

    compare_texts(drift, verification, there->id, "status", status_name(here->status), status_name(there->status));
    compare_texts(drift, verification, there->id, "providerStatus", here->snapshot.raw_status, there->raw_status);
    compare_texts(drift, verification, there->id, "customer", here->snapshot.customer, there->customer);
    compare_texts(drift, verification, there->id, "prices", prices_text(pool, &here->snapshot),
                  prices_text(pool, there));
    compare_texts(drift, verification, there->id, "currentPeriodEnd", time_text(pool, here->snapshot.period_end),
                  time_text(pool, there->period_end));
    compare_texts(drift, verification, there->id, "cancelAt", time_text(pool, here->snapshot.cancel_at),
                  time_text(pool, there->cancel_at));
}

const struct verify_answer *verify_answer_find(const struct verification *verification, const char *subscription)
{
    for (int i = 0; subscription && i < verification->answers->nelts; ++i) {
        const struct verify_answer *answer = &APR_ARRAY_IDX(verification->answers, i, struct verify_answer);
        if (!strcmp(answer->snapshot.id, subscription)) {
            return answer;
        }
    }
    return NULL;
}

static const struct subscription *stored_find(const struct verification *verification, const char *subscription)
{
    for (size_t i = 0; i < verification->record.subscription_count; ++i) {
        if (!strcmp(verification->record.subscriptions[i].snapshot.id, subscription)) {
            return &verification->record.subscriptions[i];
        }
    }
    return NULL;
}

/* One that ended before anything was heard of it changes nothing for anybody. A row that is no older than the
 * answer may have been written while we asked; if it is wrong, it is so the next time too. */
static void compare_answer(apr_array_header_t *drift, const struct verification *verification,
                           const struct verify_answer *answer)
{
    const struct subscription_snapshot *there = &answer->snapshot;
    const struct subscription *here = stored_find(verification, there->id);

    if (!here && !there->ended) {
        differ(drift, verification, there->id, "subscription", NULL, there->raw_status);
    } else if (here && here->watermark < answer->date) {
        compare_subscription(drift, verification, here, there);
    }
}

static void compare_missing(apr_array_header_t *drift, const struct verification *verification, const char *id)
{
    const struct subscription *here = stored_find(verification, id);

    if (here && !here->snapshot.ended) {
        differ(drift, verification, id, "subscription", here->snapshot.raw_status, NULL);
    }
}

static void compare_gone(apr_array_header_t *drift, const struct verification *verification, const char *customer)
{
    for (size_t i = 0; i < verification->record.customer_count; ++i) {
        if (!strcmp(verification->record.customers[i], customer)) {
            differ(drift, verification, NULL, "customer", customer, NULL);
        }
    }
}

/* The link follows from the subscriptions; where those are right, it must be too. */
static void compare_link(apr_array_header_t *drift, const struct verification *verification, const char *provider,
                         bool livemode)
{
    const struct verify_record *record = &verification->record;
    struct link due = link_derive(record->subscriptions, record->subscription_count, &runtime()->config->catalogue,
                                  provider, livemode, NULL);
    const char *here = record->has_link ? status_name(record->link.status) : NULL;
    apr_pool_t *pool = verification->pool;

    if (!record->has_link && !record->subscription_count) {
        return; /* a customer who never bought */
    }
    compare_texts(drift, verification, NULL, "link.status", here, status_name(due.status));
    compare_texts(drift, verification, NULL, "link.subscription", record->link.subscription, due.subscription);
    compare_texts(drift, verification, NULL, "link.graceOver", record->link.grace_over ? "true" : "false",
                  due.grace_over ? "true" : "false");
    compare_texts(drift, verification, NULL, "link.currentPeriodEnd", time_text(pool, record->link.period_end),
                  time_text(pool, due.period_end));
    compare_texts(drift, verification, NULL, "link.cancelAt", time_text(pool, record->link.cancel_at),
                  time_text(pool, due.cancel_at));
}

apr_array_header_t *verify_compare(const struct verification *verification, const char *provider, bool livemode)
{
    apr_array_header_t *drift = apr_array_make(verification->pool, 4, sizeof(struct drift));

    for (int i = 0; i < verification->answers->nelts; ++i) {
        compare_answer(drift, verification, &APR_ARRAY_IDX(verification->answers, i, struct verify_answer));
    }
    for (int i = 0; i < verification->missing->nelts; ++i) {
        compare_missing(drift, verification, APR_ARRAY_IDX(verification->missing, i, const char *));
    }
    for (int i = 0; i < verification->gone->nelts; ++i) {
        compare_gone(drift, verification, APR_ARRAY_IDX(verification->gone, i, const char *));
    }
    for (int i = 0; i < verification->unusable->nelts; ++i) {
        differ(drift, verification, NULL, "unusable", NULL, APR_ARRAY_IDX(verification->unusable, i, const char *));
    }
    if (apr_is_empty_array(drift)) {
        compare_link(drift, verification, provider, livemode);
    }
    return drift;
}
