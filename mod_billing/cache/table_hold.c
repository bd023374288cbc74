/* SPDX-License-Identifier: Apache-2.0
 * Taking, robbing and using the hold on an org's two buckets. The rules are in table_layout.h. */
#include "cache/table_hold.h"

#include <sched.h>
#include <time.h>

/* How often the lock is looked at before its holder is given time to run, and how long that is. */
#define LOCK_SPINS 64
#define LOCK_NAP   100000 /* nanoseconds */

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
    bucket_loses(bucket);
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
void hold_end(struct hold *hold)
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

void hold_begin(struct hold *hold, struct table *table, const struct slot_key *key)
{
    hold->table = table;
    hold->place = slot_place(table, key);
    hold->bucket[0] = table_bucket(table, hold->place.bucket[0]);
    hold->bucket[1] = table_bucket(table, hold->place.bucket[1]);
    hold_take(hold);
    hold_look(hold);
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

bool hold_vacate(struct hold *hold, struct spot spot)
{
    return control_change(hold, spot, hold->seen[spot.side][spot.way] & (CONTROL_STAMP | CONTROL_FENCE));
}

bool hold_free(struct hold *hold, struct spot spot)
{
    bucket_loses(hold->bucket[spot.side]);
    return hold_vacate(hold, spot);
}

/* Where the key stands. A slot that could be it but whose words were spoilt by a robbed writer is freed on the way:
 * nobody can read it, and it must not outlive what is stored now. */
enum outcome hold_find(struct hold *hold, const struct slot_key *key, struct spot *spot, struct slot_image *image)
{
    for (spot->side = 0; spot->side < 2; ++spot->side) {
        for (spot->way = 0; spot->way < WAYS; ++spot->way) {
            uint64_t control = hold->seen[spot->side][spot->way];
            if (!control_matches(control, &hold->place) || (control & CONTROL_STATE) != CONTROL_LIVE) {
                continue;
            }
            bool whole = slot_load(table_slot(hold->table, hold->place.bucket[spot->side], spot->way), control, image);
            if (atomic_load_explicit(&hold->bucket[spot->side]->control[spot->way], memory_order_relaxed) != control) {
                return OUTCOME_AGAIN;
            }
            if (!whole) {
                atomic_fetch_add_explicit(&hold->table->spoilt_entries, 1, memory_order_relaxed);
                if (!hold_free(hold, *spot)) {
                    return OUTCOME_AGAIN;
                }
            } else if (slot_image_is(image, key)) {
                return OUTCOME_DONE;
            }
        }
    }
    return OUTCOME_ABSENT;
}

enum outcome hold_write(struct hold *hold, struct spot spot, const struct slot_image *image)
{
    uint64_t before = hold->seen[spot.side][spot.way];
    uint64_t busy = ((before & CONTROL_STAMP) + CONTROL_STAMP_ONE) | (before & CONTROL_FENCE) | hold->place.match;
    if (!control_change(hold, spot, busy | CONTROL_BUSY)) {
        return OUTCOME_AGAIN;
    }
    slot_save(table_slot(hold->table, hold->place.bucket[spot.side], spot.way), busy, image);
    uint64_t live = busy | CONTROL_LIVE | (slot_image_bare(image) ? CONTROL_BARE : 0);
    return control_change(hold, spot, live) ? OUTCOME_DONE : OUTCOME_AGAIN;
}
