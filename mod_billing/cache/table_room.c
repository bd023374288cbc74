/* SPDX-License-Identifier: Apache-2.0
 * Finding, making and taking room for a new entry. */
#include "cache/table_room.h"

static unsigned empty_ways(const struct hold *hold, unsigned side)
{
    unsigned empty = 0;
    for (unsigned way = 0; way < WAYS; ++way) {
        empty += hold_state(hold, side, way) == CONTROL_EMPTY;
    }
    return empty;
}

/* Begins with the slot that a lookup fetches ahead. */
static bool side_empty(const struct hold *hold, unsigned side, struct spot *spot)
{
    for (unsigned i = 0; i < WAYS; ++i) {
        unsigned way = (hold->place.way + i) % WAYS;
        if (hold_state(hold, side, way) == CONTROL_EMPTY) {
            *spot = (struct spot){side, way};
            return true;
        }
    }
    return false;
}

/* One of the two slots that a lookup fetches ahead, the own bucket's first. Failing that one in the emptier bucket,
 * which is what lets the table fill up evenly. */
bool room_empty(const struct hold *hold, struct spot *spot)
{
    for (unsigned side = 0; side < 2; ++side) {
        if (hold_state(hold, side, hold->place.way) == CONTROL_EMPTY) {
            *spot = (struct spot){side, hold->place.way};
            return true;
        }
    }
    return side_empty(hold, empty_ways(hold, 1) > empty_ways(hold, 0), spot);
}

/* How much the loss of a slot costs, least first. An org without a row yields before any that has one, in use or not:
 * whoever can sign up under names of his choice displaces others like him, not those whose state must stay known while
 * the database is away. A busy slot belongs to a writer of another org that runs or is dead; it can be taken from
 * either. */
enum { COST_BARE, COST_BARE_IN_USE, COST_IDLE, COST_IN_USE, COST_BUSY, COST_COUNT };

static unsigned slot_cost(uint64_t control, bool touched)
{
    if ((control & CONTROL_STATE) == CONTROL_BUSY) {
        return COST_BUSY;
    }
    if (control & CONTROL_BARE) {
        return touched ? COST_BARE_IN_USE : COST_BARE;
    }
    return touched ? COST_IN_USE : COST_IDLE;
}

/* Among equals the first from a place that moves on with every hold, like the hand of a clock. When nothing idle is
 * left, all have had their chance and start anew. */
struct spot room_victim(struct hold *hold)
{
    struct spot victim = {0, 0};
    unsigned least = COST_COUNT;
    uint64_t touched[2];
    for (unsigned side = 0; side < 2; ++side) {
        touched[side] = atomic_load_explicit(&hold->bucket[side]->touched, memory_order_relaxed);
    }
    for (unsigned i = 0; i < 2 * WAYS; ++i) {
        unsigned turn = (unsigned)((i + (hold->lock >> LOCK_TURN_SHIFT)) % (2 * WAYS));
        struct spot spot = {turn / WAYS, turn % WAYS};
        unsigned cost = slot_cost(hold->seen[spot.side][spot.way], touched[spot.side] >> spot.way & 1);
        if (cost < least) {
            victim = spot;
            least = cost;
        }
    }
    if (least == COST_BARE_IN_USE || least >= COST_IN_USE) {
        atomic_store_explicit(&hold->bucket[0]->touched, 0, memory_order_relaxed);
        atomic_store_explicit(&hold->bucket[1]->touched, 0, memory_order_relaxed);
    }
    return victim;
}

static bool bucket_has_room(struct table *table, uint32_t index)
{
    struct bucket *bucket = table_bucket(table, index);
    bool room = false;
    for (unsigned way = 0; way < WAYS; ++way) {
        uint64_t control = atomic_load_explicit(&bucket->control[way], memory_order_relaxed);
        room |= (control & CONTROL_STATE) == CONTROL_EMPTY;
    }
    return room;
}

/* Out of the one bucket first, into the other then: a reader in between misses, but never is there a second copy. */
static bool entry_move(struct table *table, const struct slot_key *key)
{
    struct hold hold;
    struct spot from, to;
    struct slot_image image;
    bool moved = false;
    hold_begin(&hold, table, key);
    if (hold_find(&hold, key, &from, &image) == OUTCOME_DONE && side_empty(&hold, !from.side, &to)) {
        uint64_t touched = atomic_load_explicit(&hold.bucket[from.side]->touched, memory_order_relaxed);
        if (touched >> from.way & 1) {
            atomic_fetch_or_explicit(&hold.bucket[to.side]->touched, UINT64_C(1) << to.way, memory_order_relaxed);
        }
        moved = hold_vacate(&hold, from) && hold_write(&hold, to, &image) == OUTCOME_DONE;
        if (!moved) {
            bucket_loses(hold.bucket[0]);
        }
    }
    hold_end(&hold);
    return moved;
}

void room_make(struct table *table, const struct slot_key *key)
{
    struct place place = slot_place(table, key);
    for (unsigned i = 0; i < 2 * WAYS; ++i) {
        uint32_t index = place.bucket[i / WAYS];
        struct slot_image image;
        struct slot_key resident;
        uint64_t control = atomic_load_explicit(&table_bucket(table, index)->control[i % WAYS], memory_order_acquire);
        if ((control & CONTROL_STATE) != CONTROL_LIVE ||
            !slot_load(table_slot(table, index, i % WAYS), control, &image)) {
            continue;
        }
        slot_image_key(&image, table->secret, &resident);
        struct place home = slot_place(table, &resident);
        if (bucket_has_room(table, home.bucket[home.bucket[0] == index]) && entry_move(table, &resident)) {
            return;
        }
    }
}
