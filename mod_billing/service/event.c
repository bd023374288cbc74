/* SPDX-License-Identifier: Apache-2.0
 * Read what the event is about, let the domain decide, write event and effect together; again if somebody was faster.
 */
#include "domain/key.h"
#include "service/passage.h"
#include "service/runtime.h"

#include <apr_strings.h>
#include <http_log.h>
#include <httpd.h>

APLOG_USE_MODULE(attune_billing);

/* Who lost a round waits for a random time below this, doubled with each round, so that a crowd at one org thins out.
 */
#define PAUSE_FIRST   apr_time_from_msec(2)
#define PAUSE_DOUBLES 6

static const char *const outcome_names[] = {
    [EVENT_APPLIED] = "applied", [EVENT_DUPLICATE] = "duplicate", [EVENT_STALE] = "stale",
    [EVENT_IGNORED] = "ignored", [EVENT_DEAD] = "dead",           [EVENT_FAILED] = "failed",
};

const char *event_outcome_name(enum event_outcome outcome)
{
    return outcome_names[outcome];
}

static struct event_result passage_result(enum event_outcome outcome, const char *error)
{
    return (struct event_result){.outcome = outcome, .error = error};
}

/* Keeps the event without any effect. */
static struct event_result passage_keep(struct passage *passage, enum event_outcome outcome, const char *error)
{
    if (!passage->event->id) {
        return passage_result(outcome, error); /* an answer that was asked for is no event */
    }
    passage->record.outcome = event_outcome_name(outcome);
    passage->record.error = error;
    switch (store_event_keep(runtime()->database, passage->pool, &passage->record, passage_wait(passage))) {
    case STORE_OK:
        return passage_result(outcome, error);
    case STORE_CONFLICT:
        return passage_result(EVENT_DUPLICATE, NULL);
    default:
        return passage_result(EVENT_FAILED, NULL);
    }
}

/* Our customer row first, then what the subscription's metadata names. They must not contradict each other. NULL and an
 * error where no org can be told. */
static const char *passage_org(const struct passage *passage, const char **error)
{
    const struct event_context *context = &passage->context;
    const char *named = passage->event->kind == EVENT_SUBSCRIPTION ? passage->event->snapshot.org : NULL;

    *error = NULL;
    if (named && !org_id_valid(named, strlen(named))) {
        *error = "the subscription's metadata names an org that is no valid org id";
        return NULL;
    }
    if (context->org && ((named && strcmp(named, context->org)) ||
                         (context->subscription_org && strcmp(context->subscription_org, context->org)) ||
                         (context->checkout_org && strcmp(context->checkout_org, context->org)))) {
        *error = "customer, subscription and metadata name different orgs";
        return NULL;
    }
    return context->org;
}

/* An answer about somebody else's subscription would be written to this org. */
static bool answer_fits(const struct billing_event *event, const struct subscription_snapshot *answer)
{
    return !strcmp(answer->id, event->subscription_id) &&
           (!event->customer || !answer->customer || !strcmp(answer->customer, event->customer));
}

/* Asks the provider, once per passage. */
static bool passage_ask(struct passage *passage)
{
    const struct event_judge *judge = passage->delivery->judge;
    apr_time_t began = apr_time_now();

    if (!passage->asked && judge) {
        passage->answered = judge->fetch(judge->context, passage->pool, passage->event->subscription_id,
                                         &passage->answer, &passage->answered_at) &&
                            answer_fits(passage->event, &passage->answer);
        passage->asked = true;
        passage->deadline += apr_time_now() - began;
    }
    return passage->answered;
}

/* From now on the event counts as what the provider answered. */
static void passage_view_answer(struct passage *passage)
{
    passage->view = *passage->event;
    passage->view.kind = EVENT_SUBSCRIPTION;
    passage->view.snapshot = passage->answer;
    passage->view.subscription_id = passage->answer.id;
    passage->view.customer = passage->answer.customer;
    passage->by_answer = true;
    passage->event = &passage->view;
}

/* A signal tells no more than that something happened. For a subscription that nobody knows yet, or a session that we
 * did not reserve, the provider is asked what it is; true where it answered, and the round begins again with that. */
static bool passage_signal_answered(struct passage *passage)
{
    const struct billing_event *event = passage->event;
    bool payment = event->kind == EVENT_PAYMENT_PAID || event->kind == EVENT_PAYMENT_FAILED;
    bool checkout = event->kind == EVENT_CHECKOUT_COMPLETED;

    if (!event->subscription_id || passage->asked || !(payment || checkout) || (payment && passage->context.current) ||
        (checkout && passage->context.checkout_org) || !passage_ask(passage)) {
        return false;
    }
    passage_view_answer(passage);
    return true;
}

static struct subscription_event passage_subscription_event(const struct billing_event *event)
{
    struct subscription_event change = {.id = event->id, .created = event->created};

    if (event->kind == EVENT_SUBSCRIPTION) {
        change.snapshot = &event->snapshot;
    } else {
        change.signal = event->kind == EVENT_PAYMENT_FAILED ? SIGNAL_FAILED : SIGNAL_PAID;
    }
    return change;
}

/* Since when a payment is overdue takes the stored events, and nothing else does: they are read only for a row that
 * would be past due. True where they were read just now, so that it is to be decided again. */
static bool passage_reads_timeline(struct passage *passage, enum apply_outcome outcome, const struct subscription *next)
{
    struct event_context *context = &passage->context;

    if ((outcome != APPLY_APPLIED && outcome != APPLY_STALE) || next->status != STATUS_PAST_DUE || context->timeline ||
        passage->unread) {
        return false;
    }
    passage->unread = store_event_timeline(runtime()->database, passage->pool, passage->delivery->provider,
                                           passage->event, passage_wait(passage), context) != STORE_OK;
    return !passage->unread;
}

/* What the answer makes of the row. The event that made us ask is part of the timeline by then. */
static enum apply_outcome passage_settle(struct passage *passage, bool past_due, struct subscription *next)
{
    struct event_context *context = &passage->context;
    enum apply_outcome outcome;

    do {
        size_t count = context->timeline_count;

        if (context->timeline && passage->event->id) {
            context->timeline[count++] = (struct timeline_entry){passage->event->created, passage->event->id, past_due};
        }
        outcome = subscription_settle(context->current, &passage->answer, passage->answered_at, context->timeline,
                                      count, next);
    } while (passage_reads_timeline(passage, outcome, next));
    return outcome;
}

static enum apply_outcome passage_apply(struct passage *passage, const struct subscription_event *change,
                                        bool may_fetch, struct subscription *next)
{
    const struct event_context *context = &passage->context;
    enum apply_outcome outcome;

    do {
        outcome =
            subscription_apply(context->current, change, context->timeline, context->timeline_count, may_fetch, next);
    } while (passage_reads_timeline(passage, outcome, next));
    return outcome;
}

static enum apply_outcome passage_decide(struct passage *passage, struct subscription *next)
{
    struct subscription_event change = passage_subscription_event(passage->event);
    bool may_fetch = passage->delivery->judge && !(passage->asked && !passage->answered);
    bool answer_past_due;
    enum apply_outcome outcome;

    if (passage->by_answer) {
        return passage_settle(passage, passage->answer.status == STATUS_PAST_DUE, next);
    }
    outcome = passage_apply(passage, &change, may_fetch, next);
    if (outcome != APPLY_FETCH) {
        return outcome;
    }
    if (passage_ask(passage)) {
        answer_past_due = passage->answer.status == STATUS_PAST_DUE;
        outcome =
            passage_settle(passage, change.snapshot ? subscription_event_past_due(&change) : answer_past_due, next);
        if (outcome != APPLY_STALE) {
            return outcome;
        }
    }
    return passage_apply(passage, &change, false, next);
}

/* What the event itself says of its subscription, for the timeline of later ones. */
static const char *passage_shown_status(const struct passage *passage)
{
    const struct billing_event *event = passage->event;

    if (passage->answered && event->kind != EVENT_SUBSCRIPTION) {
        return status_name(passage->answer.status);
    }
    switch (event->kind) {
    case EVENT_SUBSCRIPTION:
        return status_name(event->snapshot.status);
    case EVENT_PAYMENT_FAILED:
        return status_name(STATUS_PAST_DUE);
    case EVENT_PAYMENT_PAID:
        return status_name(STATUS_ACTIVE);
    default:
        return NULL;
    }
}

/* A subscription's own event, or a signal for one. A stale one is written like any other, if the link is still the one
 * that was read: it may bear on since when payment is overdue, and so on what another event makes of the row at this
 * moment. */
static bool passage_subscription(struct passage *passage, const char *org, struct event_result *result)
{
    const struct billing_event *event = passage->event;
    struct subscription next;
    struct event_effect effect = {.org = org, .customer = event->customer};
    enum apply_outcome outcome = passage_decide(passage, &next);

    if (outcome == APPLY_IGNORED) {
        passage->record.org = org;
        *result = passage_keep(passage, EVENT_IGNORED, "the subscription is not known yet");
        return true;
    }
    passage->record.shown_status = passage_shown_status(passage);
    return passage_write(passage, &effect, &next, outcome == APPLY_STALE ? EVENT_STALE : EVENT_APPLIED, result);
}

static bool passage_customer_deleted(struct passage *passage, struct event_result *result)
{
    struct event_effect effect = {.org = passage->context.customer_org, .deleted_customer = passage->event->customer};
    enum store_result kept;

    if (effect.org) {
        return passage_write(passage, &effect, NULL, EVENT_APPLIED, result);
    }
    passage->record.outcome = event_outcome_name(EVENT_IGNORED);
    passage->record.error = "nobody knows this customer";
    kept = store_event_bury(runtime()->database, passage->pool, &passage->record, passage->event->customer,
                            passage_wait(passage));
    if (kept == STORE_CONFLICT) {
        return false;
    }
    *result = passage_result(kept == STORE_OK ? EVENT_IGNORED : EVENT_FAILED, passage->record.error);
    return true;
}

/* A session counts if we reserved it: anyone may put a client_reference_id on a link of ours, or of theirs. */
static bool passage_checkout(struct passage *passage, struct event_result *result)
{
    static const char *const states[] = {
        [EVENT_CHECKOUT_COMPLETED] = "complete",
        [EVENT_CHECKOUT_PENDING] = "pending",
        [EVENT_CHECKOUT_FAILED] = "failed",
        [EVENT_CHECKOUT_EXPIRED] = "expired",
    };
    const struct billing_event *event = passage->event;
    const struct subscription *changed = NULL;
    struct subscription next;
    struct event_effect effect = {
        .org = passage->context.checkout_org,
        .customer = event->kind == EVENT_CHECKOUT_EXPIRED ? NULL : event->customer,
        .checkout_session = event->checkout_id,
        .checkout_state = states[event->kind],
    };

    if (!effect.org) {
        *result = passage_keep(passage, EVENT_IGNORED, "the checkout session is none of ours");
        return true;
    }
    if (event->kind == EVENT_CHECKOUT_COMPLETED && event->subscription_id && passage_ask(passage) &&
        passage_settle(passage, passage->answer.status == STATUS_PAST_DUE, &next) == APPLY_APPLIED) {
        changed = &next;
        passage->record.shown_status = status_name(passage->answer.status);
    }
    /* Until what was bought is known, the checkout is all that keeps the org from buying twice. */
    if (event->kind == EVENT_CHECKOUT_COMPLETED && event->subscription_id && !changed && !passage->context.current) {
        effect.checkout_state = "pending";
    }
    return passage_write(passage, &effect, changed, EVENT_APPLIED, result);
}

/* One round: read, decide, write. False where another event of the org came between. */
static bool passage_round(struct passage *passage, struct event_result *result)
{
    const struct billing_event *event = passage->event;
    const char *org, *error;

    /* What an earlier round made of it counts no more. */
    passage->record.org = passage->record.shown_status = passage->record.error = NULL;
    passage->unread = false;
    if (store_event_context(runtime()->database, passage->pool, passage->delivery->provider, event,
                            passage->delivery->replay, passage_wait(passage), &passage->context) != STORE_OK) {
        *result = passage_result(EVENT_FAILED, NULL);
        return true;
    }
    if (passage->context.seen) {
        passage_show(passage);
        *result = passage_result(EVENT_DUPLICATE, NULL);
        return true;
    }
    if (passage_signal_answered(passage)) {
        return false; /* with another view of it, the event may be about another org */
    }
    org = passage_org(passage, &error);
    if (error) {
        *result = passage_keep(passage, EVENT_DEAD, error);
        return true;
    }
    switch (event->kind) {
    case EVENT_CUSTOMER_DELETED:
        return passage_customer_deleted(passage, result);
    case EVENT_CHECKOUT_COMPLETED:
    case EVENT_CHECKOUT_PENDING:
    case EVENT_CHECKOUT_FAILED:
    case EVENT_CHECKOUT_EXPIRED:
        return passage_checkout(passage, result);
    case EVENT_SUBSCRIPTION:
        if (!org && !passage->by_answer) {
            *result = passage_keep(passage, EVENT_DEAD, "an unknown customer's subscription that names no org");
            return true;
        }
        break;
    default:
        break;
    }
    if (!org) {
        *result = passage_keep(passage, EVENT_IGNORED, "nobody knows this customer");
        return true;
    }
    return passage_subscription(passage, org, result);
}

/* Why an event has no effect whatever the database says of its parties; NULL where it may have one. */
static const char *delivery_ignored(const struct event_delivery *delivery, const char *install_id)
{
    const struct billing_event *event = delivery->event;

    if (event->account) {
        return "belongs to a connected account";
    }
    if (event->kind == EVENT_UNHANDLED) {
        return event->error ? event->error : "not an event that has an effect";
    }
    if (event->installation && strcmp(event->installation, install_id)) {
        return "belongs to another installation";
    }
    return NULL;
}

static void passage_pause(int round)
{
    apr_interval_time_t most = PAUSE_FIRST << (round < PAUSE_DOUBLES ? round : PAUSE_DOUBLES);

    apr_sleep(ap_random_pick(0, (apr_uint32_t)most));
}

/* Each round lost means that another event of the same org was written, so all but a flood of them end soon. */
static struct event_result passage_rounds(struct passage *passage)
{
    struct event_result result;

    for (int round = 0; round == 0 || apr_time_now() < passage->deadline; ++round) {
        if (round) {
            passage_pause(round);
        }
        if (passage_round(passage, &result)) {
            return result;
        }
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, runtime()->server,
                 "ATB0211: %s was overtaken again and again and not written; it will come again",
                 passage->event->id ? passage->event->id : passage->event->subscription_id);
    return passage_result(EVENT_FAILED, NULL);
}

struct event_result event_receive(apr_pool_t *pool, const struct event_delivery *delivery)
{
    struct passage passage = {
        .pool = pool,
        .delivery = delivery,
        .event = delivery->event,
        .record = {.provider = delivery->provider,
                   .event = delivery->event,
                   .body = delivery->body,
                   .replay = delivery->replay},
        .deadline = apr_time_now() + DATABASE_WAIT_WEB,
    };
    const char *ignored, *install_id = NULL;

    if (delivery->event->installation && !(install_id = runtime_install_id(delivery->config, pool))) {
        return passage_result(EVENT_FAILED, NULL); /* whose it is cannot be told now */
    }
    ignored = delivery_ignored(delivery, install_id);
    if (ignored) {
        return passage_keep(&passage, EVENT_IGNORED, ignored);
    }
    if (delivery->event->kind == EVENT_UNUSABLE) {
        return passage_keep(&passage, EVENT_DEAD, delivery->event->error);
    }
    return passage_rounds(&passage);
}

struct event_result event_apply_answer(apr_pool_t *pool, const struct event_answer *answer)
{
    struct billing_event event = {
        .kind = EVENT_SUBSCRIPTION,
        .created = answer->answered_at,
        .livemode = answer->config->mode == MODE_LIVE,
        .customer = answer->snapshot->customer,
        .subscription_id = answer->snapshot->id,
        .snapshot = *answer->snapshot,
    };
    struct event_delivery delivery = {.provider = answer->provider, .config = answer->config, .event = &event};
    struct passage passage = {
        .pool = pool,
        .delivery = &delivery,
        .event = &event,
        .record = {.provider = answer->provider, .event = &event},
        .asked = true,
        .answered = true,
        .by_answer = true,
        .answer = *answer->snapshot,
        .answered_at = answer->answered_at,
        .deadline = apr_time_now() + DATABASE_WAIT_WEB,
    };

    return passage_rounds(&passage);
}
