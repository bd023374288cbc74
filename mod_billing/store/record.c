/* SPDX-License-Identifier: Apache-2.0
 * From columns to the domain's structs. */
#include "store/record.h"

#include "domain/key.h"

#include <apr_strings.h>
#include <jansson.h>

static enum billing_status record_status(const char *name)
{
    enum billing_status status = STATUS_NONE;

    if (name) {
        status_parse(name, &status);
    }
    return status;
}

const char *const *record_texts(apr_pool_t *pool, const char *json, size_t *count)
{
    json_t *array = json ? json_loads(json, 0, NULL) : NULL;
    const char **texts = apr_pcalloc(pool, sizeof(*texts) * (json_array_size(array) + 1));

    *count = 0;
    for (size_t i = 0; i < json_array_size(array); ++i) {
        const char *text = json_string_value(json_array_get(array, i));
        if (text) {
            texts[(*count)++] = apr_pstrdup(pool, text);
        }
    }
    json_decref(array);
    return texts;
}

static enum payment_signal record_signal(const char *name)
{
    return !name ? SIGNAL_NONE : strcmp(name, "paid") ? SIGNAL_FAILED : SIGNAL_PAID;
}

void record_subscription(apr_pool_t *pool, const struct rows *rows, int row, int column,
                         struct subscription *subscription)
{
    struct subscription_snapshot *snapshot = &subscription->snapshot;

    memset(subscription, 0, sizeof(*subscription));
    snapshot->id = rows_text(rows, row, column);
    snapshot->customer = rows_text(rows, row, column + 1);
    snapshot->raw_status = rows_text(rows, row, column + 2);
    snapshot->status = record_status(rows_text(rows, row, column + 3));
    subscription->status = record_status(rows_text(rows, row, column + 4));
    snapshot->ended = rows_bool(rows, row, column + 5);
    snapshot->grace_over = rows_bool(rows, row, column + 6);
    snapshot->created = rows_int(rows, row, column + 7);
    snapshot->period_end = rows_int(rows, row, column + 8);
    snapshot->cancel_at = rows_int(rows, row, column + 9);
    snapshot->prices = record_texts(pool, rows_text(rows, row, column + 10), &snapshot->price_count);
    subscription->watermark = rows_int(rows, row, column + 11);
    subscription->watermark_event = rows_text(rows, row, column + 12);
    subscription->signal = record_signal(rows_text(rows, row, column + 13));
    subscription->signal_at = rows_int(rows, row, column + 14);
    subscription->signal_event = rows_text(rows, row, column + 15);
    subscription->past_due_since = rows_int(rows, row, column + 16);
    subscription->unsettled = rows_bool(rows, row, column + 17);
    snapshot->org = rows_text(rows, row, column + 18);
}

static enum override_kind record_override_kind(const char *name)
{
    return !strcmp(name, "grant") ? OVERRIDE_GRANT : !strcmp(name, "refuse") ? OVERRIDE_REFUSE : OVERRIDE_LIMIT;
}

static bool override_is_hidden(const struct org_state *state, const struct override *override)
{
    for (size_t i = 0; i < state->override_count; ++i) {
        if (override_hides(&state->overrides[i], override)) {
            return true;
        }
    }
    return false;
}

void record_overrides(const char *json, struct org_state *state)
{
    json_t *array = json ? json_loads(json, 0, NULL) : NULL;

    state->override_count = 0;
    for (size_t i = 0; i < json_array_size(array) && state->override_count < OVERRIDES_MAX; ++i) {
        json_t *item = json_array_get(array, i);
        const char *kind = json_string_value(json_array_get(item, 0));
        const char *key = json_string_value(json_array_get(item, 1));
        struct override *override = &state->overrides[state->override_count];

        if (kind && key) {
            override->key = key_hash_str(key);
            override->kind = record_override_kind(kind);
            override->limit = json_integer_value(json_array_get(item, 2));
            override->expires = json_integer_value(json_array_get(item, 3));
            state->override_count += !override_is_hidden(state, override);
        }
    }
    json_decref(array);
}
