/* SPDX-License-Identifier: Apache-2.0
 * Replay. */
#include "service/replay.h"

#include "service/provider.h"
#include "service/runtime.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define PAGE 50

static struct event_result stored_replay(apr_pool_t *pool, const struct server_config *config,
                                         const struct stored_event *stored)
{
    const char *org_key = config->org_metadata ? config->org_metadata : CONFIG_ORG_METADATA_DEFAULT;
    struct billing_event event;
    struct event_delivery delivery = {
        .provider = PROVIDER_NAME, .config = config, .event = &event, .body = stored->body, .replay = true};
    struct event_result result = {.outcome = EVENT_FAILED};
    const char *error =
        provider_find(PROVIDER_NAME)->event_parse(pool, stored->body, strlen(stored->body), org_key, &event);

    if (!error) {
        delivery.judge = provider_judge(pool, config, PROVIDER_TIMEOUT_WEBHOOK);
        result = event_receive(pool, &delivery);
        error = result.error;
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, runtime()->server, "ATB0611: event %s (%s), replayed: %s%s%s", stored->id,
                 stored->type, event_outcome_name(result.outcome), error ? ": " : "", error ? error : "");
    return result;
}

enum store_result replay_event(apr_pool_t *pool, const struct server_config *config, const char *id,
                               struct event_result *result)
{
    struct stored_event stored;
    enum store_result found =
        store_event_find(runtime()->database, pool, PROVIDER_NAME, config->mode == MODE_LIVE, id, &stored);

    if (found == STORE_OK) {
        *result = stored_replay(pool, config, &stored);
    }
    return found;
}

/* Many under way. */
struct replay {
    const struct server_config *config;
    struct event_filter filter;
    apr_time_t deadline;
    int failures; /* in a row: so many mean that it is not the event's fault */
    struct replay_report *report;
};

#define FAILURES_MAX 3

/* False where no more shall be replayed; `found` says why. */
static bool place_replay(apr_pool_t *pool, struct replay *replay, const struct stored_event *event,
                         enum store_result *found)
{
    struct event_result result;

    if (runtime_stopping() || apr_time_now() > replay->deadline) {
        return false;
    }
    *found = replay_event(pool, replay->config, event->id, &result);
    if (*found == STORE_CONFLICT) {
        *found = STORE_OK; /* deleted meanwhile */
        return true;
    }
    if (*found != STORE_OK) {
        return false;
    }
    replay->report->replayed++;
    replay->report->outcomes[result.outcome]++;
    replay->failures = result.outcome == EVENT_FAILED ? replay->failures + 1 : 0;
    if (replay->failures >= FAILURES_MAX) {
        *found = STORE_UNAVAILABLE;
    }
    return *found == STORE_OK;
}

/* False where this page was the last. */
static bool page_replay(apr_pool_t *pool, struct replay *replay, enum store_result *found)
{
    struct event_list list;
    apr_pool_t *step;

    *found = store_event_list(runtime()->database, pool, &replay->filter, &list);
    if (*found != STORE_OK) {
        return false;
    }
    apr_pool_create(&step, pool);
    for (size_t i = 0; i < list.count; ++i) {
        if (!place_replay(step, replay, &list.events[i], found)) {
            return false;
        }
        replay->filter.from = (struct event_place){list.events[i].received_at, list.events[i].id};
        apr_pool_clear(step);
    }
    apr_pool_destroy(step);
    replay->report->complete = !list.next.id;
    replay->filter.from = list.next;
    return list.next.id != NULL;
}

enum store_result replay_events(apr_pool_t *pool, const struct server_config *config, const char *outcome,
                                const struct event_place *from, struct replay_report *report)
{
    struct replay replay = {
        .config = config,
        .filter = {.provider = PROVIDER_NAME,
                   .livemode = config->mode == MODE_LIVE,
                   .outcome = outcome,
                   .from = *from,
                   .oldest_first = true,
                   .most = PAGE},
        .deadline = apr_time_now() + REPLAY_TIME,
        .report = report,
    };
    enum store_result found;

    memset(report, 0, sizeof(*report));
    while (page_replay(pool, &replay, &found)) {
    }
    report->next = replay.filter.from;
    return found;
}
