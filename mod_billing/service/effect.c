/* SPDX-License-Identifier: Apache-2.0
 * What an event does to its org's link: derived anew from all of the org's subscriptions, written with the event, shown
 * to every child. */
#include "domain/link.h"
#include "service/passage.h"
#include "service/runtime.h"
#include "service/state.h"
#include "store/state.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

/* Less than this would only make a slow moment look like a database that is away. */
#define WAIT_MIN apr_time_from_sec(1)

apr_interval_time_t passage_wait(const struct passage *passage)
{
    apr_interval_time_t left = passage->deadline - apr_time_now();

    return left > WAIT_MIN ? left : WAIT_MIN;
}

static bool customer_deleted(const struct event_context *context, const struct event_effect *effect,
                             const char *customer)
{
    if (effect->deleted_customer && !strcmp(effect->deleted_customer, customer)) {
        return true;
    }
    for (size_t i = 0; i < context->deleted_customer_count; ++i) {
        if (!strcmp(context->deleted_customers[i], customer)) {
            return true;
        }
    }
    return false;
}

/* Whom the provider shall be asked about: the customer of the subscription that speaks for the org, else the one with
 * the greatest id, since that is the same in whatever order they became known. Never one that was deleted. */
static const char *link_customer(const struct event_context *context, const struct event_effect *effect,
                                 const struct subscription *chosen)
{
    const char *customer = context->customer;

    if (chosen && chosen->snapshot.customer && !customer_deleted(context, effect, chosen->snapshot.customer)) {
        return chosen->snapshot.customer;
    }
    if (customer && customer_deleted(context, effect, customer)) {
        customer = NULL;
    }
    if (effect->customer && !customer_deleted(context, effect, effect->customer) &&
        (!customer || strcmp(effect->customer, customer) > 0)) {
        customer = effect->customer;
    }
    return customer;
}

/* The org's link with `changed` in the place of its old row, and its prices. */
static struct link passage_link(const struct passage *passage, const struct subscription *changed,
                                struct event_effect *effect)
{
    const struct event_context *context = &passage->context;
    size_t count = context->subscription_count;
    struct subscription *all = apr_palloc(passage->pool, sizeof(*all) * (count + 1));
    const struct subscription *chosen = NULL;
    struct link link;

    memcpy(all, context->subscriptions, sizeof(*all) * count);
    if (changed && context->current) {
        all[context->current - context->subscriptions] = *changed;
    } else if (changed) {
        all[count++] = *changed;
    }
    link = link_derive(all, count, &runtime()->config->catalogue, passage->delivery->provider, passage->event->livemode,
                       NULL);
    for (size_t i = 0; link.subscription && !chosen; ++i) {
        chosen = strcmp(all[i].snapshot.id, link.subscription) ? NULL : &all[i];
    }
    link.customer = link_customer(context, effect, chosen);
    effect->price_ids = chosen ? chosen->snapshot.prices : NULL;
    effect->price_count = chosen ? chosen->snapshot.price_count : 0;
    return link;
}

void passage_show(struct passage *passage)
{
    const struct event_context *context = &passage->context;
    struct table *table = runtime()->table;
    struct org_state state;

    if (context->org && context->link_version && table &&
        (!table_lookup(table, context->org, passage->event->livemode, &state) ||
         state.version < (uint64_t)context->link_version)) {
        state_refresh(passage->pool, context->org, passage->event->livemode);
    }
}

/* Somebody pays for what grants nothing: a price that was forgotten in the configuration, most likely. */
static void passage_warn_of_prices(const struct passage *passage, const char *org, const struct subscription *changed)
{
    const struct subscription_snapshot *snapshot = changed ? &changed->snapshot : NULL;
    const char *names = "";

    if (!snapshot || snapshot->ended ||
        catalogue_plan_of_prices(&runtime()->config->catalogue, passage->delivery->provider, passage->event->livemode,
                                 snapshot->prices, snapshot->price_count)) {
        return;
    }
    for (size_t i = 0; i < snapshot->price_count; ++i) {
        names = apr_pstrcat(passage->pool, names, i ? " " : "", snapshot->prices[i], NULL);
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, runtime()->server,
                 "ATB0212: no BillingPrice names what subscription %s of org %s is for (%s): it grants nothing by plan",
                 snapshot->id, org, *names ? names : "no price");
}

bool passage_write(struct passage *passage, struct event_effect *effect, const struct subscription *changed,
                   enum event_outcome outcome, struct event_result *result)
{
    struct org_state state;
    struct link link;
    uint64_t ticket;

    if (passage->unread) {
        *result = (struct event_result){.outcome = EVENT_FAILED};
        return true;
    }
    if (changed && changed->snapshot.customer) {
        effect->customer = changed->snapshot.customer;
    }
    link = passage_link(passage, changed, effect);
    effect->link = &link;
    effect->link_version = passage->context.link_version;
    effect->subscription = changed;
    passage->record.outcome = event_outcome_name(outcome);
    passage->record.org = effect->org;
    ticket = state_ticket(effect->org, passage->event->livemode);
    switch (store_event_apply(runtime()->database, passage->pool, &passage->record, effect, passage_wait(passage))) {
    case STORE_OK:
        store_state_of_link(&link, &passage->context.record, effect->link_version + 1, &state);
        state_publish(effect->org, passage->event->livemode, &state, ticket);
        passage_warn_of_prices(passage, effect->org, changed);
        *result = (struct event_result){.outcome = outcome};
        return true;
    case STORE_CONFLICT:
        return false;
    default:
        *result = (struct event_result){.outcome = EVENT_FAILED};
        return true;
    }
}
