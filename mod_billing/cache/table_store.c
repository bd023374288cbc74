/* SPDX-License-Identifier: Apache-2.0
 * Storing and forgetting: which slot an entry takes, and how a head and its parts change together. */
#include "cache/table_room.h"

/* How often a store begins anew where others changed the same slots under it, or robbed it. */
#define STORE_ATTEMPTS 16

static enum outcome hold_insert(struct hold *hold, const struct slot_image *image, bool evict)
{
    struct spot spot;
    bool empty = room_empty(hold, &spot);
    if (!empty && !evict) {
        return OUTCOME_FULL;
    }
    spot = empty ? spot : room_victim(hold);
    atomic_fetch_and_explicit(&hold->bucket[spot.side]->touched, ~(UINT64_C(1) << spot.way), memory_order_relaxed);
    enum outcome outcome = hold_write(hold, spot, image);
    if (outcome == OUTCOME_DONE && !empty) {
        atomic_fetch_add_explicit(&hold->table->evictions, 1, memory_order_relaxed);
    }
    return outcome;
}

/* What a store took the place of. */
struct replaced {
    bool any;
    struct slot_image image;
};

static enum outcome hold_put(struct hold *hold, const struct slot_key *key, const struct slot_image *image, bool evict,
                             struct replaced *replaced)
{
    struct spot spot;
    enum outcome outcome = hold_find(hold, key, &spot, &replaced->image);
    replaced->any = outcome == OUTCOME_DONE;
    if (outcome == OUTCOME_AGAIN) {
        return OUTCOME_AGAIN;
    }
    if (!replaced->any) {
        return hold_insert(hold, image, evict);
    }
    if (slot_image_version(&replaced->image) > slot_image_version(image)) {
        return OUTCOME_NEWER_STANDS;
    }
    return hold_write(hold, spot, image);
}

/* OUTCOME_AGAIN: it could not be written. */
static enum outcome slot_put(struct table *table, const struct slot_key *key, const struct slot_image *image,
                             struct replaced *replaced)
{
    bool evict = false;
    for (unsigned attempt = 0; attempt < STORE_ATTEMPTS; ++attempt) {
        struct hold hold;
        hold_begin(&hold, table, key);
        enum outcome outcome = hold_put(&hold, key, image, evict, replaced);
        hold_end(&hold);
        if (outcome == OUTCOME_FULL) {
            room_make(table, key);
            evict = true;
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
        struct replaced replaced;
        slot_key_part(&part_key, table->secret, key, part, packed->token);
        entry_pack_part(packed, &part_key, &image);
        if (slot_put(table, &part_key, &image, &replaced) != OUTCOME_DONE) {
            return false;
        }
    }
    return true;
}

static void entry_drop(struct table *table, const struct slot_key *key)
{
    struct slot_image dropped;
    if (slot_drop(table, key, &dropped)) {
        uint64_t token;
        size_t parts = slot_image_parts(&dropped, key, &token);
        parts_drop(table, key, parts, token);
    }
}

/* Parts go first, so that the head that names them is never without them; then the parts that nobody names any more. */
static enum outcome entry_put(struct table *table, const struct slot_key *key, struct packed_entry *packed)
{
    struct replaced replaced;
    uint64_t token;
    if (!parts_put(table, key, packed)) {
        return OUTCOME_AGAIN;
    }
    enum outcome outcome = slot_put(table, key, &packed->head, &replaced);
    if (outcome == OUTCOME_AGAIN || !replaced.any) {
        return outcome;
    }
    size_t parts = slot_image_parts(&replaced.image, key, &token);
    if (token != packed->token) {
        bool newer_stands = outcome == OUTCOME_NEWER_STANDS;
        parts_drop(table, key, newer_stands ? packed->part_count : parts, newer_stands ? packed->token : token);
    }
    return outcome;
}

bool table_store(struct table *table, const char *org, bool livemode, const struct org_state *state, int64_t now)
{
    struct slot_key key;
    struct packed_entry packed;
    bool keyed = slot_key_head(&key, table->secret, org, livemode);
    if (keyed && entry_pack(&packed, table->secret, &key, state, now) &&
        entry_put(table, &key, &packed) != OUTCOME_AGAIN) {
        return true;
    }
    atomic_fetch_add_explicit(&table->refused_stores, 1, memory_order_relaxed);
    if (keyed) {
        entry_drop(table, &key);
    }
    return false;
}

void table_forget(struct table *table, const char *org, bool livemode)
{
    struct slot_key key;
    if (slot_key_head(&key, table->secret, org, livemode)) {
        entry_drop(table, &key);
    }
}
