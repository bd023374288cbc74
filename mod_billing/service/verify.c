/* SPDX-License-Identifier: Apache-2.0
 * Going through the orgs, asking the provider about each, and mending what differs. */
#include "service/verify.h"

#include "service/event.h"
#include "service/provider.h"
#include "service/runtime.h"
#include "service/state.h"
#include "service/verify_steps.h"
#include "store/checkout.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define PAGE            50
#define CALL_TIMEOUT    apr_time_from_sec(5)
#define UNREACHABLE_MAX 3 /* orgs in a row: then the provider is away */

struct verify {
    apr_pool_t *pool;
    const struct verify_request *request;
    struct provider_account account;
    apr_time_t deadline;
    int unreachable; /* in a row */
    apr_array_header_t *drift;
    struct verify_report *report;
};

/* How an org's verification ended. */
enum verify_step { VERIFY_DONE, VERIFY_UNREACHABLE, VERIFY_DATABASE };

static enum verify_step verify_read(const struct verify *verify, struct verification *org)
{
    return store_verify_find(runtime()->database, org->pool, verify->account.provider->name, verify->account.livemode,
                             org->org, &org->record) == STORE_OK
               ? VERIFY_DONE
               : VERIFY_DATABASE;
}

static void answer_take(struct verification *org, const struct subscription_snapshot *snapshot, int64_t date)
{
    if (!verify_answer_find(org, snapshot->id)) {
        APR_ARRAY_PUSH(org->answers, struct verify_answer) = (struct verify_answer){*snapshot, date};
    }
}

static bool customer_ask(const struct verify *verify, struct verification *org, const char *customer)
{
    struct provider_call call = provider_call(org->pool, verify->request->config, &verify->account, CALL_TIMEOUT);
    struct subscription_list list;
    struct provider_result result = verify->account.provider->subscriptions_list(&call, customer, &list);

    provider_log(&result, "list a customer's subscriptions");
    if (result.outcome == PROVIDER_NOT_FOUND) {
        APR_ARRAY_PUSH(org->gone, const char *) = customer;
        return true;
    }
    if (result.outcome != PROVIDER_OK) {
        return false;
    }
    for (size_t i = 0; i < list.count; ++i) {
        answer_take(org, &list.items[i], result.date);
    }
    if (list.unusable) {
        APR_ARRAY_PUSH(org->unusable, const char *) = list.detail;
    }
    return true;
}

/* One that is not over here, but was not among its customer's: of a customer that is gone, or never was. */
static bool subscription_check(const struct verify *verify, struct verification *org, const char *id)
{
    struct provider_call call = provider_call(org->pool, verify->request->config, &verify->account, CALL_TIMEOUT);
    struct subscription_snapshot snapshot;
    struct provider_result result = verify->account.provider->subscription_fetch(&call, id, &snapshot);

    provider_log(&result, "fetch a subscription");
    if (result.outcome == PROVIDER_NOT_FOUND) {
        APR_ARRAY_PUSH(org->missing, const char *) = id;
    } else if (result.outcome == PROVIDER_OK) {
        answer_take(org, &snapshot, result.date);
    }
    return result.outcome == PROVIDER_OK || result.outcome == PROVIDER_NOT_FOUND;
}

/* All that the provider knows of the org's customers and subscriptions. */
static bool org_ask(const struct verify *verify, struct verification *org)
{
    const struct verify_record *record = &org->record;

    for (size_t i = 0; i < record->customer_count; ++i) {
        if (!customer_ask(verify, org, record->customers[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < record->subscription_count; ++i) {
        const struct subscription_snapshot *here = &record->subscriptions[i].snapshot;
        if (!here->ended && !verify_answer_find(org, here->id) && !subscription_check(verify, org, here->id)) {
            return false;
        }
    }
    return true;
}

/* Applies what the provider said of a subscription, as after any other question. */
static void subscription_mend(const struct verify *verify, apr_pool_t *pool, const struct verify_answer *said,
                              struct drift *drift)
{
    struct event_answer answer = {.provider = verify->account.provider->name,
                                  .config = verify->request->config,
                                  .snapshot = &said->snapshot,
                                  .answered_at = said->date};
    struct event_result result = event_apply_answer(pool, &answer);

    drift->repair = event_outcome_name(result.outcome);
    drift->error = result.error;
}

static void customer_mend(const struct verify *verify, apr_pool_t *pool, struct drift *drift)
{
    const struct provider_account *account = &verify->account;
    bool forgotten = store_customer_forget(runtime()->database, pool, account->provider->name, drift->org,
                                           account->livemode, drift->here) == STORE_OK;

    if (forgotten) {
        state_refresh(pool, drift->org, account->livemode);
    }
    drift->repair = event_outcome_name(forgotten ? EVENT_APPLIED : EVENT_FAILED);
}

/* A link is written anew with any answer about one of the org's subscriptions. */
static const struct verify_answer *drift_answer(const struct verification *org, const struct drift *drift)
{
    if (drift->subscription) {
        return verify_answer_find(org, drift->subscription);
    }
    return apr_is_empty_array(org->answers) ? NULL : &APR_ARRAY_IDX(org->answers, 0, struct verify_answer);
}

/* Several differences of one subscription are mended by one answer. */
static void org_mend(const struct verify *verify, const struct verification *org, apr_array_header_t *found)
{
    const struct drift *mended = NULL;

    for (int i = 0; i < found->nelts; ++i) {
        struct drift *drift = &APR_ARRAY_IDX(found, i, struct drift);
        const struct verify_answer *answer = drift_answer(org, drift);

        if (mended && mended->subscription == drift->subscription && answer) {
            drift->repair = mended->repair;
            drift->error = mended->error;
        } else if (!drift->subscription && !strcmp(drift->what, "customer")) {
            customer_mend(verify, org->pool, drift);
        } else if (answer && strcmp(drift->what, "unusable")) {
            subscription_mend(verify, org->pool, answer, drift);
            mended = drift;
        }
        verify->report->repaired += drift->repair && !strcmp(drift->repair, event_outcome_name(EVENT_APPLIED));
    }
}

static void drift_keep(const struct verify *verify, const struct drift *drift)
{
    struct drift *kept = &APR_ARRAY_PUSH(verify->drift, struct drift);
    apr_pool_t *pool = verify->pool;

    *kept = *drift;
    kept->org = apr_pstrdup(pool, drift->org);
    kept->subscription = apr_pstrdup(pool, drift->subscription);
    kept->here = apr_pstrdup(pool, drift->here);
    kept->there = apr_pstrdup(pool, drift->there);
    kept->error = apr_pstrdup(pool, drift->error);
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, runtime()->server,
                 "ATB0621: org %s, %s %s: %s is %s here and %s at the provider%s%s", drift->org,
                 verify->account.livemode ? "live" : "test", drift->subscription ? drift->subscription : "link",
                 drift->what, drift->here ? drift->here : "nothing", drift->there ? drift->there : "nothing",
                 drift->repair ? ", repair: " : "", drift->repair ? drift->repair : "");
}

/* Read, ask, read again: so that what was written while we asked does not look like drift. */
static enum verify_step org_verify(struct verify *verify, apr_pool_t *pool, const char *name)
{
    struct verification org = {
        .pool = pool,
        .org = name,
        .answers = apr_array_make(pool, 4, sizeof(struct verify_answer)),
        .missing = apr_array_make(pool, 1, sizeof(const char *)),
        .gone = apr_array_make(pool, 1, sizeof(const char *)),
        .unusable = apr_array_make(pool, 1, sizeof(const char *)),
    };
    apr_array_header_t *found;

    if (verify_read(verify, &org) != VERIFY_DONE) {
        return VERIFY_DATABASE;
    }
    if (!org_ask(verify, &org)) {
        return VERIFY_UNREACHABLE;
    }
    if (verify_read(verify, &org) != VERIFY_DONE) {
        return VERIFY_DATABASE;
    }
    found = verify_compare(&org, verify->account.provider->name, verify->account.livemode);
    if (verify->request->repair) {
        org_mend(verify, &org, found);
    }
    for (int i = 0; i < found->nelts; ++i) {
        drift_keep(verify, &APR_ARRAY_IDX(found, i, struct drift));
    }
    return VERIFY_DONE;
}

/* False where the walk ends. */
static bool org_step(struct verify *verify, const char *name, enum store_result *result)
{
    apr_pool_t *pool;
    enum verify_step step;

    if (runtime_stopping() || apr_time_now() > verify->deadline || verify->drift->nelts >= VERIFY_DRIFT_MAX) {
        return false;
    }
    apr_pool_create(&pool, verify->pool);
    step = org_verify(verify, pool, name);
    apr_pool_destroy(pool);
    if (step == VERIFY_DATABASE) {
        *result = STORE_UNAVAILABLE;
        return false;
    }
    verify->report->checked += step == VERIFY_DONE;
    verify->report->unreachable += step == VERIFY_UNREACHABLE;
    verify->unreachable = step == VERIFY_UNREACHABLE ? verify->unreachable + 1 : 0;
    verify->report->next = apr_pstrdup(verify->pool, name);
    return verify->unreachable < UNREACHABLE_MAX;
}

static void orgs_walk(struct verify *verify, enum store_result *result)
{
    const char *const *orgs;
    size_t count = PAGE;

    while (count == PAGE) {
        *result = store_verify_orgs(runtime()->database, verify->pool, verify->account.provider->name,
                                    verify->account.livemode, verify->report->next, PAGE, &orgs, &count);
        for (size_t i = 0; i < count; ++i) {
            if (!org_step(verify, orgs[i], result)) {
                return;
            }
        }
    }
    verify->report->complete = *result == STORE_OK;
}

bool verify_run(apr_pool_t *pool, const struct verify_request *request, enum store_result *result,
                struct verify_report *report)
{
    struct verify verify = {
        .pool = pool,
        .request = request,
        .deadline = apr_time_now() + VERIFY_TIME,
        .drift = apr_array_make(pool, 8, sizeof(struct drift)),
        .report = report,
    };

    *report = (struct verify_report){.next = request->after};
    if (!provider_account(request->config, pool, &verify.account)) {
        return false;
    }
    orgs_walk(&verify, result);
    report->drift = (struct drift *)verify.drift->elts;
    report->drift_count = (size_t)verify.drift->nelts;
    verify_report_keep(pool, request, report);
    return true;
}
