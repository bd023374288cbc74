/* SPDX-License-Identifier: Apache-2.0
 * Stripe's subscription object into a snapshot. Until API version 2025-03-31 the subscription itself had the period's
 * end, since then each of its items has one. */
#include "provider/stripe/event.h"
#include "provider/stripe/parse.h"

#include <apr_strings.h>
#include <string.h>

#define ITEMS_MAX 100 /* Stripe allows 20 */

static const struct status_word {
    const char *word;
    enum billing_status status;
    bool ended;
    bool grace_over;
} status_words[] = {
    {"active", STATUS_ACTIVE, false, false},     {"trialing", STATUS_ACTIVE, false, false},
    {"past_due", STATUS_PAST_DUE, false, false}, {"unpaid", STATUS_PAST_DUE, false, true},
    {"canceled", STATUS_CANCELED, true, false},  {"incomplete_expired", STATUS_CANCELED, true, false},
    {"paused", STATUS_CANCELED, false, false},   {"incomplete", STATUS_NONE, false, false},
};

static const struct status_word *status_find(const char *word)
{
    for (size_t i = 0; word && i < sizeof(status_words) / sizeof(*status_words); ++i) {
        if (!strcmp(status_words[i].word, word)) {
            return &status_words[i];
        }
    }
    return NULL;
}

static void status_take(const struct status_word *found, struct subscription_snapshot *snapshot)
{
    snapshot->raw_status = found->word;
    snapshot->status = found->status;
    snapshot->ended = found->ended;
    snapshot->grace_over = found->grace_over;
}

/* Stripe's enumerations are open: a new word may come in any version, and must not open or shut a gate. */
static void status_read(struct fields *fields, const json_t *object, struct subscription_snapshot *snapshot)
{
    const char *word = field_text(fields, object, "status");
    const struct status_word *found = status_find(word);
    if (found) {
        status_take(found, snapshot);
    } else if (word) {
        field_fail(fields, "unknown subscription status %s", field_quote(fields->pool, word));
    } else {
        field_fail(fields, "the subscription has no status");
    }
}

/* The event ends the subscription; the status stored must say so too, since rules about ends look at it. */
static void status_read_deleted(struct fields *fields, const json_t *object, struct subscription_snapshot *snapshot)
{
    const struct status_word *found = status_find(field_text(fields, object, "status"));
    status_take(found && found->ended ? found : status_find("canceled"), snapshot);
}

/* `price` since 2020, `plan` before; their ids are the same for the prices that were plans once. */
static const char *item_price(struct fields *fields, const json_t *item)
{
    const char *price = field_id(fields, item, "price");
    return price ? price : field_id(fields, item, "plan");
}

/* Items may end at different times: the latest counts, since something of what was paid for lasts until then, and it
 * is the date to show as the end of a subscription that is cancelled at its period's end. */
static void items_read(struct fields *fields, const json_t *object, struct subscription_snapshot *snapshot)
{
    const json_t *items = field_get(field_get(object, "items"), "data");
    size_t count = json_array_size(items);
    if (count > ITEMS_MAX) {
        field_fail(fields, "the subscription has more than %d items", ITEMS_MAX);
        return;
    }
    const char **prices = apr_palloc(fields->pool, (count + 1) * sizeof(*prices));
    int64_t latest = 0;
    for (size_t i = 0; i < count; ++i) {
        const json_t *item = json_array_get(items, i);
        const char *price = item_price(fields, item);
        if (price) {
            prices[snapshot->price_count++] = price;
        }
        int64_t end = field_time(fields, item, "current_period_end");
        latest = end > latest ? end : latest;
    }
    snapshot->prices = prices;
    snapshot->period_end = field_time(fields, object, "current_period_end");
    if (!snapshot->period_end) {
        snapshot->period_end = latest;
    }
}

/* The portal plans an end as cancel_at alone, the Dashboard and the API as cancel_at_period_end alone or as both. */
static void planned_end_read(struct fields *fields, const json_t *object, struct subscription_snapshot *snapshot)
{
    bool at_period_end = field_flag(fields, object, "cancel_at_period_end");
    snapshot->cancel_at = field_time(fields, object, "cancel_at");
    if (!snapshot->cancel_at && at_period_end) {
        snapshot->cancel_at = snapshot->period_end;
    }
}

static void snapshot_read(struct fields *fields, const json_t *object, const char *org_key,
                          struct subscription_snapshot *snapshot)
{
    *snapshot = (struct subscription_snapshot){.id = field_id(fields, object, "id")};
    if (!snapshot->id) {
        field_fail(fields, "the subscription has no id");
    }
    snapshot->customer = field_id(fields, object, "customer");
    snapshot->created = field_time(fields, object, "created");
    snapshot->org = field_metadata(fields->pool, object, org_key);
    items_read(fields, object, snapshot);
    planned_end_read(fields, object, snapshot);
}

const char *stripe_subscription_parse(apr_pool_t *pool, const json_t *object, const char *org_key,
                                      struct subscription_snapshot *snapshot)
{
    struct fields fields = {.pool = pool};
    snapshot_read(&fields, object, org_key, snapshot);
    status_read(&fields, object, snapshot);
    return fields.error;
}

void stripe_parse_subscription(struct fields *fields, const json_t *object, const char *org_key, bool deleted,
                               struct billing_event *event)
{
    snapshot_read(fields, object, org_key, &event->snapshot);
    if (deleted) {
        status_read_deleted(fields, object, &event->snapshot);
    } else {
        status_read(fields, object, &event->snapshot);
    }
    event->kind = EVENT_SUBSCRIPTION;
    event->customer = event->snapshot.customer;
    event->subscription_id = event->snapshot.id;
}
