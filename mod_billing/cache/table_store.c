/* SPDX-License-Identifier: Apache-2.0
 * Writing the table. The rules by which writers and robbed writers stay out of each other's way are in table_layout.h.
 */
#include "cache/table_layout.h"

#include <sched.h>
#include <time.h>

/* How often a store begins anew when others changed the same buckets under it, or robbed it. */
#define STORE_ATTEMPTS 16
/* How often the lock is looked at before its holder is given time to run, and how long that is. */
#define LOCK_SPINS 64
#define LOCK_NAP   100000 /* nanoseconds */

/* A hold on the lock of an org's own bucket, and its two buckets as last looked at. */
struct hold {
    struct table *table;
    struct place place;
    struct bucket *bucket[2];
    uint64_t lock;
    uint64_t seen[2][WAYS];
};

struct spot {
    unsigned side; /* which of the two buckets */
    unsigned way;
};

enum outcome { OUTCOME_DONE, OUTCOME_ABSENT, OUTCOME_NEWER_STANDS, OUTCOME_AGAIN };

static int64_t nanoseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t lock_held(uint64_t before, uint64_t offset)
{
    return ((before >> LOCK_TURN_SHIFT) + 1) << LOCK_TURN_SHIFT | offset << LOCK_OFFSET_SHIFT | LOCK_HELD;
}

static bool exchange(_Atomic uint64_t *word, uint64_t expected, uint64_t next)
{
    return atomic_compare_exchange_strong_explicit(word, &expected, next, memory_order_acq_rel, memory_order_acquire);
}

static void bucket_fence(struct bucket *bucket)
{
    for (unsigned way = 0; way < WAYS; ++way) {
        uint64_t control = atomic_load_explicit(&bucket->control[way], memory_order_acquire);
        uint64_t next;
        do {
            uint64_t kept = control & ~CONTROL_FENCE;
            if ((control & CONTROL_STATE) == CONTROL_BUSY) {
                kept &= CONTROL_STAMP;
            }
            next = kept | ((control + CONTROL_FENCE_ONE) & CONTROL_FENCE);
        } while (!atomic_compare_exchange_weak_explicit(&bucket->control[way], &control, next, memory_order_acq_rel,
                                                        memory_order_acquire));
    }
}

/* The lock is taken in the robbed holder's name first, with its other bucket: should this robber die before both are
 * fenced, the next one knows which. */
static bool lock_rob(struct hold *hold, uint64_t watched)
{
    uint64_t robbed_offset = (watched & LOCK_OFFSET) >> LOCK_OFFSET_SHIFT;
    uint64_t robbing = lock_held(watched, robbed_offset);
    if (!exchange(&hold->bucket[0]->lock, watched, robbing)) {
        return false;
    }
    atomic_fetch_add_explicit(&hold->table->stolen_locks, 1, memory_order_relaxed);
    bucket_fence(hold->bucket[0]);
    bucket_fence(table_bucket(hold->table, bucket_at_offset(hold->table, hold->place.bucket[0], robbed_offset)));
    hold->lock = lock_held(robbing, hold->place.offset);
    return exchange(&hold->bucket[0]->lock, robbing, hold->lock);
}

/* Lets the holder run. The first looks cost nothing but time on this processor. */
static void lock_wait(unsigned look)
{
    if (look < LOCK_SPINS) {
        sched_yield();
    } else {
        nanosleep(&(struct timespec){.tv_nsec = LOCK_NAP}, NULL);
    }
}

/* Comes back with the lock, always: every hold that is watched for LOCK_PATIENCE is robbed, and one that gives way to
 * another holder is progress. */
static void hold_take(struct hold *hold)
{
    _Atomic uint64_t *lock = &hold->bucket[0]->lock;
    uint64_t watched = atomic_load_explicit(lock, memory_order_acquire);
    int64_t since = 0;
    for (unsigned look = 0;; ++look) {
        uint64_t now = atomic_load_explicit(lock, memory_order_acquire);
        if (!(now & LOCK_HELD)) {
            hold->lock = lock_held(now, hold->place.offset);
            if (exchange(lock, now, hold->lock)) {
                return;
            }
            continue;
        }
        if (now != watched || !since) {
            watched = now;
            since = nanoseconds_now();
        } else if (nanoseconds_now() - since >= LOCK_PATIENCE && lock_rob(hold, watched)) {
            return;
        }
        lock_wait(look);
    }
}

/* Where it was robbed in the meantime the lock is another's, and stays so. */
static void hold_release(struct hold *hold)
{
    exchange(&hold->bucket[0]->lock, hold->lock, hold->lock & ~LOCK_HELD);
}

static void hold_look(struct hold *hold)
{
    for (unsigned side = 0; side < 2; ++side) {
        for (unsigned way = 0; way < WAYS; ++way) {
            hold->seen[side][way] = atomic_load_explicit(&hold->bucket[side]->control[way], memory_order_acquire);
        }
    }
}

static void hold_begin(struct hold *hold, struct table *table, const struct slot_key *key)
{
    hold->table = table;
    hold->place = slot_place(table, key);
    hold->bucket[0] = table_bucket(table, hold->place.bucket[0]);
    hold->bucket[1] = table_bucket(table, hold->place.bucket[1]);
    hold_take(hold);
}

/* The one way by which a holder changes a control word: the value was seen first, then the lock is seen still its own,
 * then the value is exchanged. In this order a robbed holder fails. */
static bool control_change(struct hold *hold, struct spot spot, uint64_t next)
{
    if (atomic_load_explicit(&hold->bucket[0]->lock, memory_order_acquire) != hold->lock ||
        !exchange(&hold->bucket[spot.side]->control[spot.way], hold->seen[spot.side][spot.way], next)) {
        return false;
    }
    hold->seen[spot.side][spot.way] = next;
    return true;
}

static bool slot_free(struct hold *hold, struct spot spot)
{
    return control_change(hold, spot, hold->seen[spot.side][spot.way] & (CONTROL_STAMP | CONTROL_FENCE));
}

/* Where the key stands. A slot that could be it but whose words were spoilt by a robbed writer is freed on the way:
 * nobody can read it, and it must not outlive what is stored now. */
static enum outcome hold_find(struct hold *hold, const struct slot_key *key, struct spot *spot,
                              struct slot_image *image)
{
    for (spot->side = 0; spot->side < 2; ++spot->side) {
        for (spot->way = 0; spot->way < WAYS; ++spot->way) {
            uint64_t control = hold->seen[spot->side][spot->way];
            if (!control_matches(control, &hold->place) || (control & CONTROL_STATE) != CONTROL_LIVE) {
                continue;
            }
            slot_copy(table_slot(hold->table, hold->place.bucket[spot->side], spot->way), image);
            if (atomic_load_explicit(&hold->bucket[spot->side]->control[spot->way], memory_order_relaxed) != control) {
                return OUTCOME_AGAIN;
            }
            if (!slot_image_whole(image, control)) {
                if (!slot_free(hold, *spot)) {
                    return OUTCOME_AGAIN;
                }
            } else if (slot_image_is(image, key)) {
                return OUTCOME_DONE;
            }
        }
    }
    return OUTCOME_ABSENT;
}

/* How gladly a slot is given away, least is most. A busy one belongs to a writer of another org that runs or is dead;
 * it can be taken from either. */
enum { COST_EMPTY, COST_BARE, COST_IDLE, COST_BARE_IN_USE, COST_IN_USE, COST_BUSY, COST_COUNT };

static unsigned slot_cost(uint64_t control, bool touched)
{
    switch (control & CONTROL_STATE) {
    case CONTROL_EMPTY:
        return COST_EMPTY;
    case CONTROL_BUSY:
        return COST_BUSY;
    default:
        return (control & CONTROL_BARE ? COST_BARE : COST_IDLE) + (touched ? COST_BARE_IN_USE - COST_BARE : 0);
    }
}

/* The cheapest slot, in the emptier bucket where both have an empty one: that is what lets the table fill up evenly.
 * Otherwise the first from a place that moves on with every hold, like the hand of a clock. When nothing idle is left,
 * all have had their chance and start anew. */
static struct spot hold_choose(struct hold *hold)
{
    struct spot best = {0, 0};
    unsigned best_cost = COST_COUNT;
    unsigned empty[2] = {0, 0};
    for (unsigned i = 0; i < 2 * WAYS; ++i) {
        unsigned turn = (unsigned)((i + (hold->lock >> LOCK_TURN_SHIFT)) % (2 * WAYS));
        struct spot spot = {turn / WAYS, turn % WAYS};
        uint64_t touched = atomic_load_explicit(&hold->bucket[spot.side]->touched, memory_order_relaxed);
        unsigned cost = slot_cost(hold->seen[spot.side][spot.way], touched >> spot.way & 1);
        empty[spot.side] += cost == COST_EMPTY;
        if (cost < best_cost || (cost == COST_EMPTY && empty[spot.side] > empty[best.side])) {
            best = spot;
            best_cost = cost;
        }
    }
    if (best_cost >= COST_BARE_IN_USE) {
        atomic_store_explicit(&hold->bucket[0]->touched, 0, memory_order_relaxed);
        atomic_store_explicit(&hold->bucket[1]->touched, 0, memory_order_relaxed);
    }
    return best;
}

static enum outcome slot_write(struct hold *hold, struct spot spot, struct slot_image *image)
{
    uint64_t before = hold->seen[spot.side][spot.way];
    uint64_t busy = ((before & CONTROL_STAMP) + CONTROL_STAMP_ONE) | (before & CONTROL_FENCE) | hold->place.match;
    if (!control_change(hold, spot, busy | CONTROL_BUSY)) {
        return OUTCOME_AGAIN;
    }
    struct slot *slot = table_slot(hold->table, hold->place.bucket[spot.side], spot.way);
    image->words[0] = slot_sum(image, busy >> CONTROL_STAMP_SHIFT);
    for (unsigned i = 0; i < SLOT_WORDS; ++i) {
        atomic_store_explicit(&slot->words[i], image->words[i], memory_order_release);
    }
    uint64_t live = busy | CONTROL_LIVE | (slot_image_bare(image) ? CONTROL_BARE : 0);
    return control_change(hold, spot, live) ? OUTCOME_DONE : OUTCOME_AGAIN;
}

static enum outcome slot_insert(struct hold *hold, struct slot_image *image)
{
    struct spot spot = hold_choose(hold);
    bool evicts = (hold->seen[spot.side][spot.way] & CONTROL_STATE) == CONTROL_LIVE;
    atomic_fetch_and_explicit(&hold->bucket[spot.side]->touched, ~(UINT64_C(1) << spot.way), memory_order_relaxed);
    enum outcome outcome = slot_write(hold, spot, image);
    if (outcome == OUTCOME_DONE && evicts) {
        atomic_fetch_add_explicit(&hold->table->evictions, 1, memory_order_relaxed);
    }
    return outcome;
}

/* What a store took the place of. */
struct replaced {
    bool any;
    struct slot_image image;
};

static enum outcome hold_put(struct hold *hold, const struct slot_key *key, struct slot_image *image,
                             struct replaced *replaced)
{
    struct spot spot;
    hold_look(hold);
    enum outcome outcome = hold_find(hold, key, &spot, &replaced->image);
    replaced->any = outcome == OUTCOME_DONE;
    if (outcome == OUTCOME_AGAIN) {
        return OUTCOME_AGAIN;
    }
    if (!replaced->any) {
        return slot_insert(hold, image);
    }
    if (slot_image_version(&replaced->image) > slot_image_version(image)) {
        return OUTCOME_NEWER_STANDS;
    }
    return slot_write(hold, spot, image);
}

/* OUTCOME_AGAIN: it could not be written, and what stood there before is gone. */
static enum outcome slot_put(struct table *table, const struct slot_key *key, struct slot_image *image,
                             struct replaced *replaced)
{
    enum outcome outcome = OUTCOME_AGAIN;
    for (unsigned attempt = 0; outcome == OUTCOME_AGAIN && attempt < STORE_ATTEMPTS; ++attempt) {
        struct hold hold;
        hold_begin(&hold, table, key);
        outcome = hold_put(&hold, key, image, replaced);
        hold_release(&hold);
    }
    return outcome;
}

static enum outcome hold_drop(struct hold *hold, const struct slot_key *key, struct slot_image *dropped)
{
    struct spot spot;
    hold_look(hold);
    enum outcome outcome = hold_find(hold, key, &spot, dropped);
    return outcome == OUTCOME_DONE && !slot_free(hold, spot) ? OUTCOME_AGAIN : outcome;
}

static bool slot_drop(struct table *table, const struct slot_key *key, struct slot_image *dropped)
{
    enum outcome outcome = OUTCOME_AGAIN;
    while (outcome == OUTCOME_AGAIN) {
        struct hold hold;
        hold_begin(&hold, table, key);
        outcome = hold_drop(&hold, key, dropped);
        hold_release(&hold);
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
        size_t parts = slot_image_parts(&dropped, &token);
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
    size_t parts = slot_image_parts(&replaced.image, &token);
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
