/* SPDX-License-Identifier: Apache-2.0
 * Tables in ordinary memory, and states to put into them. */
#ifndef BILLING_UNIT_TABLE_FIXTURE_H
#define BILLING_UNIT_TABLE_FIXTURE_H

#include "cache/table_layout.h"
#include "domain/catalogue.h"
#include "tap.h"

#include <stdlib.h>

static inline struct table *fixture_table(size_t orgs)
{
    size_t size = table_size(orgs);
    void *memory = aligned_alloc(TABLE_ALIGNMENT, size);
    memset(memory, 0, size);
    struct table *table = table_format(memory, size, orgs);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    return table;
}

/* A state all of whose fields tell its version, with as many overrides as asked for. */
static inline struct org_state fixture_state(uint64_t version, size_t overrides)
{
    struct org_state state = {.status = (enum billing_status)(version % 4),
                              .grace_over = version % 3 == 1,
                              .plan = version * 3,
                              .app_type = version * 5,
                              .period_end = (int64_t)version * 7,
                              .cancel_at = (int64_t)version * 11,
                              .past_due_since = (int64_t)version * 13,
                              .created_at = (int64_t)version * 17,
                              .version = version,
                              .override_count = overrides};
    for (size_t i = 0; i < overrides; ++i) {
        struct override *override = &state.overrides[i];
        override->key = version * 1000 + i;
        override->kind = (enum override_kind)(i % 3);
        override->limit = override->kind == OVERRIDE_LIMIT ? (int64_t)(version + i) : 0;
        override->expires = (int64_t)(version * 100 + i);
    }
    return state;
}

static inline bool fixture_same(const struct org_state *left, const struct org_state *right)
{
    bool same = left->status == right->status && left->grace_over == right->grace_over && left->plan == right->plan &&
                left->app_type == right->app_type && left->period_end == right->period_end &&
                left->cancel_at == right->cancel_at && left->past_due_since == right->past_due_since &&
                left->created_at == right->created_at && left->version == right->version &&
                left->override_count == right->override_count;
    for (size_t i = 0; same && i < left->override_count; ++i) {
        const struct override *one = &left->overrides[i], *other = &right->overrides[i];
        same = one->key == other->key && one->kind == other->kind && one->limit == other->limit &&
               one->expires == other->expires;
    }
    return same;
}

/* True where the table holds exactly this state. */
static inline bool fixture_holds(struct table *table, const char *org, bool livemode, const struct org_state *state)
{
    struct org_state found;
    memset(&found, 0xa5, sizeof(found));
    return table_lookup(table, org, livemode, &found) && fixture_same(&found, state);
}

static inline bool fixture_missing(struct table *table, const char *org, bool livemode)
{
    struct org_state found;
    return !table_lookup(table, org, livemode, &found);
}

static inline struct table_stats fixture_stats(struct table *table)
{
    struct table_stats stats;
    table_stats(table, &stats);
    return stats;
}

#endif
