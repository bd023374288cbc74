/* SPDX-License-Identifier: Apache-2.0
 * Reading the columns that several statements share. */
#ifndef BILLING_STORE_RECORD_H
#define BILLING_STORE_RECORD_H

#include "domain/state.h"
#include "domain/subscription.h"
#include "store/database.h"

/* Seconds since the epoch of a timestamp column. By date_part, since 14's extract gives a numeric, which for a million
 * rows is seconds of the server's time. */
#define SQL_SECONDS(column) "date_part('epoch', " column ")::bigint"

/* It breaks texts with macros in them into letters: */
/* clang-format off */
/* A subscription's columns, in the order that record_subscription reads them. */
#define SQL_SUBSCRIPTION_COLUMNS                                                                                       \
    "s.subscription_id, s.customer_id, s.raw_status, s.base_status, s.status, s.ended, s.grace_over, "                 \
    SQL_SECONDS("s.created") ", " SQL_SECONDS("s.period_end") ", " SQL_SECONDS("s.cancel_at") ", "                     \
    "to_json(s.price_ids), " SQL_SECONDS("s.watermark") ", s.watermark_event, "                                        \
    "s.signal, " SQL_SECONDS("s.signal_at") ", s.signal_event, " SQL_SECONDS("s.past_due_since") ", "                  \
    "s.unsettled, s.org_id"
#define SUBSCRIPTION_COLUMN_COUNT 19

/* The overrides in force as a JSON array, of org and mode named by columns or params. */
#define SQL_OVERRIDES(org, livemode)                                                                                   \
    "(SELECT json_agg(json_build_array(v.kind, v.key, v.limit_value, " SQL_SECONDS("v.expires_at") ")"                 \
    " ORDER BY v.source = 'config', v.override_id DESC) FROM billing.override v"                                       \
    " WHERE v.org_id = " org " AND v.livemode = " livemode                                                             \
    " AND (v.expires_at IS NULL OR v.expires_at > now()))"
/* clang-format on */

void record_subscription(apr_pool_t *pool, const struct rows *rows, int row, int column,
                         struct subscription *subscription);

/** The overrides of `json` into the state, without those that others hide for as long as they last; what does not fit
 * OVERRIDES_MAX is left out. `json` may be NULL. */
void record_overrides(const char *json, struct org_state *state);

/** A JSON array of texts; NULL or [] give no items. */
const char *const *record_texts(apr_pool_t *pool, const char *json, size_t *count);

#endif
