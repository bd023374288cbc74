/* SPDX-License-Identifier: Apache-2.0
 * Storing and forgetting: which slot an entry takes, and how a head and its parts change together. */
#include "cache/table_room.h"

/* How often a store begins anew where others changed the same slots under it, or robbed it. */
#define STORE_ATTEMPTS 16

/* One slot to be written, and what that took the place of. */
struct put {
    const struct slot_key *key;
    const struct slot_image *image;
    const uint64_t *ticket; /* NULL: whatever was lost meanwhile */
    bool evict;
    bool replaced;
    struct slot_image before;
};

static enum outcome hold_insert(struct hold *hold, const struct put *put)
{
    struct spot spot;
    bool empty = room_empty(hold, &spot);
    if (!empty && !put->evict) {
        return OUTCOME_FULL;
    }
    if (!empty) {
        spot = room_victim(hold);
        bucket_loses(hold->bucket[spot.side]);
    }
    atomic_fetch_and_explicit(&hold->bucket[spot.side]->touched, ~(UINT64_C(1) << spot.way), memory_order_relaxed);
    enum outcome outcome = hold_write(hold, spot, put->image);
    if (outcome == OUTCOME_DONE && !empty) {
        atomic_fetch_add_explicit(&hold->table->evictions, 1, memory_order_relaxed);
    }
    return outcome;
}

static uint64_t losses_of(const struct bucket *own, const struct bucket *other)
{
    return atomic_load_explicit(&own->losses, memory_order_acquire) +
           atomic_load_explicit(&other->losses, memory_order_acquire);
}

static enum outcome hold_put(struct hold *hold, struct put *put)
{
    struct spot spot;
    enum outcome outcome = hold_find(hold, put->key, &spot, &put->before);
    put->replaced = outcome == OUTCOME_DONE;
    if (outcome == OUTCOME_AGAIN) {
        return OUTCOME_AGAIN;
    }
    if (put->replaced) {
        bool newer_stands = slot_image_version(&put->before) > slot_image_version(put->image);
        return newer_stands ? OUTCOME_NEWER_STANDS : hold_write(hold, spot, put->image);
    }
    if (put->ticket && *put->ticket != losses_of(hold->bucket[0], hold->bucket[1])) {
        /* Others may be about to fill in what is older than this: they are outrun as well. */
        bucket_loses(hold->bucket[0]);
        return OUTCOME_OUTRUN;
    }
    return hold_insert(hold, put);
}

/* OUTCOME_AGAIN: it could not be written. */
static enum outcome slot_put(struct table *table, struct put *put)
{
    for (unsigned attempt = 0; attempt < STORE_ATTEMPTS; ++attempt) {
        struct hold hold;
        hold_begin(&hold, table, put->key);
        enum outcome outcome = hold_put(&hold, put);
        hold_end(&hold);
        if (outcome == OUTCOME_FULL) {
            room_make(table, put->key);
            put->evict = true;
        } else if (outcome != OUTCOME_AGAIN) {
            return outcome;
        }
    }
    return OUTCOME_AGAIN;
}

static enum outcome hold_drop(struct hold *hold, const struct slot_key *key, struct slot_image *dropped)
{
    struct spot spot;
    enum outcome outcome = hold_find(hold, key, &spot, dropped);
    return outcome == OUTCOME_DONE && !hold_free(hold, spot) ? OUTCOME_AGAIN : outcome;
}

static bool slot_drop(struct table *table, const struct slot_key *key, struct slot_image *dropped)
{
    enum outcome outcome = OUTCOME_AGAIN;
    while (outcome == OUTCOME_AGAIN) {
        struct hold hold;
        hold_begin(&hold, table, key);
        outcome = hold_drop(&hold, key, dropped);
        hold_end(&hold);
    }
    return outcome == OUTCOME_DONE;
}

static void parts_drop(struct table *table, const struct slot_key *key, size_t parts, uint64_t token)
{
    for (uint64_t part = 1; part <= parts; ++part) {
        struct slot_key part_key;
        struct slot_image dropped;
        slot_key_part(&part_key, table->secret, key, part, token);
        slot_drop(table, &part_key, &dropped);
    }
}

static bool parts_put(struct table *table, const struct slot_key *key, const struct packed_entry *packed)
{
    for (uint64_t part = 1; part <= packed->part_count; ++part) {
        struct slot_key part_key;
        struct slot_image image;
        slot_key_part(&part_key, table->secret, key, part, packed->token);
        entry_pack_part(packed, &part_key, &image);
        if (slot_put(table, &(struct put){.key = &part_key, .image = &image}) != OUTCOME_DONE) {
            return false;
        }
    }
    return true;
}

/* Counts as a loss whatever there is: what is being read from the database at this time is to be forgotten, too. */
static void entry_drop(struct table *table, const struct slot_key *key)
{
    struct slot_image dropped;
    bucket_loses(table_bucket(table, slot_place(table, key).bucket[0]));
    if (slot_drop(table, key, &dropped)) {
        uint64_t token;
        size_t parts = slot_image_parts(&dropped, key, &token);
        parts_drop(table, key, parts, token);
    }
}

/* Parts go first, so that the head that names them is never without them; then the parts that nobody names any more. */
static enum outcome entry_put(struct table *table, const struct slot_key *key, const struct packed_entry *packed,
                              const uint64_t *ticket)
{
    struct put put = {.key = key, .image = &packed->head, .ticket = ticket};
    enum outcome outcome = parts_put(table, key, packed) ? slot_put(table, &put) : OUTCOME_AGAIN;
    uint64_t token = 0;
    size_t parts = put.replaced ? slot_image_parts(&put.before, key, &token) : 0;
    if (outcome == OUTCOME_DONE && token != packed->token) {
        parts_drop(table, key, parts, token);
    } else if (outcome != OUTCOME_DONE && token != packed->token) {
        parts_drop(table, key, packed->part_count, packed->token);
    }
    return outcome;
}

static bool entry_store(struct table *table, const char *org, bool livemode, const struct org_state *state, int64_t now,
                        const uint64_t *ticket)
{
    struct slot_key key;
    struct packed_entry packed;
    bool keyed = slot_key_head(&key, table->secret, org, livemode);
    enum outcome outcome = keyed && entry_pack(&packed, table->secret, &key, state, now)
                               ? entry_put(table, &key, &packed, ticket)
                               : OUTCOME_AGAIN;
    if (outcome == OUTCOME_AGAIN) {
        atomic_fetch_add_explicit(&table->refused_stores, 1, memory_order_relaxed);
        if (keyed) {
            entry_drop(table, &key);
        }
    }
    return outcome == OUTCOME_DONE || outcome == OUTCOME_NEWER_STANDS;
}

bool table_store(struct table *table, const char *org, bool livemode, const struct org_state *state, int64_t now)
{
    return entry_store(table, org, livemode, state, now, NULL);
}

uint64_t table_ticket(struct table *table, const char *org, bool livemode)
{
    struct slot_key key;
    if (!slot_key_head(&key, table->secret, org, livemode)) {
        return 0;
    }
    struct place place = slot_place(table, &key);
    return losses_of(table_bucket(table, place.bucket[0]), table_bucket(table, place.bucket[1]));
}

bool table_fill(struct table *table, const char *org, bool livemode, const struct org_state *state, int64_t now,
                uint64_t ticket)
{
    return entry_store(table, org, livemode, state, now, &ticket);
}

void table_forget(struct table *table, const char *org, bool livemode)
{
    struct slot_key key;
    if (slot_key_head(&key, table->secret, org, livemode)) {
        entry_drop(table, &key);
    }
}
