/* SPDX-License-Identifier: Apache-2.0
 * Fetching events and feeding those that are not stored through the webhook's own path, the oldest first.
 *
 * The provider lists the newest first, so a span of time is listed to its end before anything of it is applied. A span
 * with more than a bounded number of events is narrowed instead, and the position moves on span by span. */
#include "service/event.h"
#include "service/metrics.h"
#include "service/runtime.h"
#include "service/sweep_steps.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define SPAN_PAGES_MAX        20                         /* of a span, before it is narrowed */
#define SPAN_BYTES_MAX        ((size_t)32 * 1024 * 1024) /* of bodies that are kept until they are applied */
#define UNDELIVERED_PAGES_MAX 10

#define HOUR                  INT64_C(3600)
#define DAY                   (24 * HOUR)

/* Events may be listed a while after the second they are dated by. */
#define POSITION_MARGIN (1 * HOUR)

/* The provider keeps them no longer. */
#define PROVIDER_KEEPS (30 * DAY)

/* For how long an event that cannot be written holds up the position. After that the list of undelivered events alone
 * brings it back. */
#define FAILED_HOLDS_UP (1 * DAY)

struct listed_event {
    const char *body;
    size_t len;
    int64_t created;
};

struct span {
    apr_pool_t *pool; /* for all that is kept of it */
    struct event_query query;
    int pages_max;
    apr_array_header_t *found; /* struct listed_event, newest first */
    size_t bytes;
    int64_t date;         /* the provider's time at the first page; 0: none came */
    int64_t oldest;       /* made then, of all that was listed */
    bool cut;             /* there is more than was listed */
    int64_t first_failed; /* when the oldest event was made that could not be written; 0: all were */
};

static struct provider_call sweep_call(const struct sweep *sweep, apr_pool_t *pool)
{
    return provider_call(pool, sweep->config, &sweep->account, SWEEP_CALL_TIMEOUT);
}

static bool event_read(const struct sweep *sweep, apr_pool_t *pool, const char *body, size_t len,
                       struct billing_event *event)
{
    const char *error = sweep->account.provider->event_parse(pool, body, len, sweep->account.org_metadata, event);

    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, runtime()->server, "ATB0605: the provider listed what is no event: %s",
                     error);
    }
    return !error;
}

static void span_keep(struct span *span, const char *body, size_t len, int64_t created)
{
    struct listed_event *kept = &APR_ARRAY_PUSH(span->found, struct listed_event);

    *kept = (struct listed_event){apr_pstrmemdup(span->pool, body, len), len, created};
    span->bytes += len;
}

/* Keeps of a page what is not stored yet. */
static bool page_take(struct sweep *sweep, apr_pool_t *pool, const struct event_page *page, struct span *span)
{
    struct billing_event *events = apr_pcalloc(pool, sizeof(*events) * (page->count + 1));
    const char **ids = apr_pcalloc(pool, sizeof(*ids) * (page->count + 1));
    bool *stored = apr_pcalloc(pool, sizeof(*stored) * (page->count + 1));

    for (size_t i = 0; i < page->count; ++i) {
        bool usable = event_read(sweep, pool, page->bodies[i], page->lens[i], &events[i]);
        ids[i] = usable ? events[i].id : "";
        sweep->report->failed += !usable;
        if (usable && (!span->oldest || events[i].created < span->oldest)) {
            span->oldest = events[i].created;
        }
    }
    if (store_sweep_stored(runtime()->database, pool, sweep->key.provider, ids, page->count, stored) != STORE_OK) {
        return sweep_stop(sweep, SWEEP_DATABASE);
    }
    sweep->report->listed += (unsigned)page->count;
    for (size_t i = 0; i < page->count; ++i) {
        if (!*ids[i] || stored[i]) {
            continue;
        }
        if (!events[i].account && events[i].livemode != sweep->key.livemode) {
            sweep->report->other_mode++;
            continue;
        }
        span_keep(span, page->bodies[i], page->lens[i], events[i].created);
    }
    return true;
}

static bool page_list(struct sweep *sweep, apr_pool_t *pool, struct span *span, struct event_page *page)
{
    struct provider_call call = sweep_call(sweep, pool);
    struct provider_result result = sweep->account.provider->events_list(&call, &span->query, page);

    provider_log(&result, "list events");
    if (result.outcome != PROVIDER_OK) {
        return sweep_stop(sweep, SWEEP_PROVIDER);
    }
    if (!span->date) {
        span->date = result.date;
    }
    return true;
}

/* Lists a span to its end, or to its bound. */
static bool span_list(struct sweep *sweep, struct span *span)
{
    apr_pool_t *pool;
    bool listed = true;

    span->found = apr_array_make(span->pool, 16, sizeof(struct listed_event));
    apr_pool_create(&pool, span->pool);
    for (int pages = 0; listed; ++pages) {
        struct event_page page;

        listed = sweep_may_go_on(sweep) && page_list(sweep, pool, span, &page) && page_take(sweep, pool, &page, span);
        if (!listed || !page.next) {
            break;
        }
        if (pages + 1 >= span->pages_max || span->bytes > SPAN_BYTES_MAX) {
            span->cut = true;
            break;
        }
        span->query.cursor = apr_pstrdup(span->pool, page.next);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return listed;
}

static void event_count(struct sweep_report *report, enum event_outcome outcome)
{
    report->found += outcome != EVENT_DUPLICATE && outcome != EVENT_FAILED;
    report->applied += outcome == EVENT_APPLIED;
    report->stale += outcome == EVENT_STALE;
    report->ignored += outcome == EVENT_IGNORED;
    report->dead += outcome == EVENT_DEAD;
    report->failed += outcome == EVENT_FAILED;
}

static enum event_outcome event_feed(struct sweep *sweep, apr_pool_t *pool, const struct listed_event *listed)
{
    struct billing_event event;
    struct event_delivery delivery = {
        .provider = sweep->key.provider, .config = sweep->config, .event = &event, .body = listed->body};
    struct event_result result;

    if (!event_read(sweep, pool, listed->body, listed->len, &event)) {
        return EVENT_FAILED;
    }
    delivery.judge = provider_judge(pool, sweep->config, PROVIDER_TIMEOUT_WEBHOOK);
    result = event_receive(pool, &delivery);
    metrics_sweep_event(sweep->key.livemode, result.outcome);
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, runtime()->server,
                 "ATB0606: event %s (%s), which no webhook had brought: %s%s%s", event.id, event.type,
                 event_outcome_name(result.outcome), result.error ? ": " : "", result.error ? result.error : "");
    return result.outcome;
}

/* Oldest first. An event that cannot be written is passed over, unless it is the database that is away. */
static bool span_apply(struct sweep *sweep, struct span *span)
{
    apr_pool_t *pool;
    bool all = true;

    apr_pool_create(&pool, span->pool);
    for (int i = span->found->nelts; all && i--;) {
        const struct listed_event *listed = &APR_ARRAY_IDX(span->found, i, struct listed_event);
        enum event_outcome outcome;

        if (!sweep_may_go_on(sweep)) {
            all = false;
            break;
        }
        outcome = event_feed(sweep, pool, listed);
        event_count(sweep->report, outcome);
        if (outcome == EVENT_FAILED) {
            span->first_failed = span->first_failed ? span->first_failed : listed->created;
            all = lease_renew(pool, sweep->lease) || sweep_stop(sweep, SWEEP_DATABASE);
        }
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return all;
}

/* Up to where all events are stored now. */
static int64_t span_reached(const struct span *span)
{
    int64_t reached = span->query.until ? span->query.until : span->date;

    if (span->first_failed && span->first_failed - 1 < reached) {
        int64_t least = span->date - FAILED_HOLDS_UP;
        reached = span->first_failed - 1 > least || reached < least ? span->first_failed - 1 : least;
    }
    return reached;
}

/* The seconds that a narrower span may have, judged by how far back the pages of this one reached. */
static int64_t span_narrower(const struct span *span)
{
    int64_t end = span->query.until ? span->query.until : span->date;
    int64_t half = span->oldest && span->oldest < end ? (end - span->oldest) / 2 : 0;

    return half > 1 ? half : 1;
}

enum span_outcome {
    SPAN_DONE,
    SPAN_TOO_MUCH, /* nothing was applied: narrow it */
    SPAN_ENDED     /* the sweep is to end */
};

static enum span_outcome span_sweep(struct sweep *sweep, struct span *span)
{
    /* The events of one second cannot be told apart any further. */
    bool narrowest = span->query.until && span->query.until - span->query.since <= 1;

    if (!span_list(sweep, span)) {
        return SPAN_ENDED;
    }
    if (span->cut && !narrowest) {
        return SPAN_TOO_MUCH;
    }
    if (!span_apply(sweep, span)) {
        return SPAN_ENDED;
    }
    if (store_sweep_fetched(runtime()->database, span->pool, &sweep->key, span_reached(span)) != STORE_OK) {
        sweep_stop(sweep, SWEEP_DATABASE);
        return SPAN_ENDED;
    }
    return SPAN_DONE;
}

/* All at once where that is little, else span by span. */
static void recent_sweep(struct sweep *sweep, int64_t since)
{
    int64_t width = 0, first_failed = 0;
    bool more = true;

    while (more) {
        struct span span = {.query = {.since = since, .until = width ? since + width : 0},
                            .pages_max = SPAN_PAGES_MAX,
                            .first_failed = first_failed};

        apr_pool_create(&span.pool, sweep->pool);
        switch (span_sweep(sweep, &span)) {
        case SPAN_DONE:
            more = span.query.until && span.query.until < span.date;
            since = span.query.until;
            width *= 2; /* one busy hour does not narrow the days after it */
            break;
        case SPAN_TOO_MUCH:
            width = span_narrower(&span);
            since = since > span.date - PROVIDER_KEEPS ? since : span.date - PROVIDER_KEEPS;
            break;
        case SPAN_ENDED:
            more = false;
            break;
        }
        first_failed = span.first_failed;
        apr_pool_destroy(span.pool);
    }
}

/* Whatever the position says: it is what the provider itself holds to be lost. The newest alone, since another endpoint
 * of the account may have been failing for long. */
static void undelivered_sweep(struct sweep *sweep)
{
    struct span span = {.query = {.undelivered_only = true}, .pages_max = UNDELIVERED_PAGES_MAX};

    apr_pool_create(&span.pool, sweep->pool);
    if (span_list(sweep, &span)) {
        span_apply(sweep, &span);
    }
    apr_pool_destroy(span.pool);
}

void sweep_events(struct sweep *sweep)
{
    struct sweep_position position;

    if (!sweep_may_go_on(sweep)) {
        return;
    }
    if (store_sweep_find(runtime()->database, sweep->pool, &sweep->key, &position) != STORE_OK) {
        sweep_stop(sweep, SWEEP_DATABASE);
        return;
    }
    recent_sweep(sweep, position.fetched_until > POSITION_MARGIN ? position.fetched_until - POSITION_MARGIN : 0);
    undelivered_sweep(sweep);
}
