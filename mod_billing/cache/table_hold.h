/* SPDX-License-Identifier: Apache-2.0
 * A writer's hold on an org's two buckets. The rules are in table_layout.h. Internal to cache/. */
#ifndef BILLING_CACHE_TABLE_HOLD_H
#define BILLING_CACHE_TABLE_HOLD_H

#include "cache/table_layout.h"

/* The lock of the org's own bucket, and its two buckets as last looked at. */
struct hold {
    struct table *table;
    struct place place;
    struct bucket *bucket[2];
    uint64_t lock;
    uint64_t seen[2][WAYS];
};

/* One slot of the two buckets. */
struct spot {
    unsigned side;
    unsigned way;
};

enum outcome {
    OUTCOME_DONE,
    OUTCOME_ABSENT,
    OUTCOME_NEWER_STANDS,
    OUTCOME_OUTRUN, /* something newer may have stood there */
    OUTCOME_FULL,   /* only by evicting */
    OUTCOME_AGAIN   /* others changed the same slots in the meantime, or robbed the lock */
};

/** Takes the lock and looks. Comes back with the lock, always: a hold that is watched for LOCK_PATIENCE is robbed, and
 * one that gives way to another is progress. Never hold two at once. */
void hold_begin(struct hold *hold, struct table *table, const struct slot_key *key);
void hold_end(struct hold *hold);

/** Where the key stands: OUTCOME_DONE, with the slot copied out, OUTCOME_ABSENT or OUTCOME_AGAIN. */
enum outcome hold_find(struct hold *hold, const struct slot_key *key, struct spot *spot, struct slot_image *image);

/** Writes the slot, whatever stands there. On OUTCOME_AGAIN it may be lost. */
enum outcome hold_write(struct hold *hold, struct spot spot, const struct slot_image *image);

/** Empties the slot. */
bool hold_free(struct hold *hold, struct spot spot);

/** The same, but it does not count as a loss: for who writes the entry elsewhere before the hold ends. */
bool hold_vacate(struct hold *hold, struct spot spot);

/* Release, before the control word changes: whoever sees the entry gone sees the count, too. */
static inline void bucket_loses(struct bucket *bucket)
{
    atomic_fetch_add_explicit(&bucket->losses, 1, memory_order_release);
}

static inline uint64_t hold_state(const struct hold *hold, unsigned side, unsigned way)
{
    return hold->seen[side][way] & CONTROL_STATE;
}

#endif
