/* SPDX-License-Identifier: Apache-2.0
 * How the table lies in memory, and the rules by which its words change. Internal to cache/.
 *
 * Buckets of five slots. An org has two buckets: its own, and another one up to 255 further; its entry is in one slot
 * of the ten or nowhere. Each slot has a control word in its bucket, so one cache line tells which slot to look at.
 * Four buckets and their slots share a page of 4096 bytes: of a large table the address translation of that page costs
 * as much as fetching what stands there, and so it is paid once.
 *
 * Control words change only by compare-and-swap, and never take the same value twice: a writer that takes the slot
 * counts the stamp up, a writer that robs a lock counts the fence up. A slot is empty, live, or busy: a writer is at
 * its words. Readers take the words only where the control word was live and the same before and after, and the words'
 * sum, to which the stamp belongs, fits.
 *
 * All writers of an org hold the lock of its own bucket. It is held for less than a microsecond by whoever runs; a
 * writer that has watched one and the same hold for LOCK_PATIENCE robs it, whether the holder is dead, stopped or
 * merely slow. That needs no process ids and no common clock, because a robbed holder can do no harm when it goes on:
 *
 *   - It changes a control word only by exchanging a value that it read before it last saw the lock its own. The robber
 *     takes the lock first and then gives every control word of the holder's two buckets (the lock word says which) a
 *     new value, freeing what is busy. If the holder had read one of these new values it would also have seen the lock
 *     gone; so its exchange fails, or it came before and the robber sees its effect. Hence no org ever stands in two
 *     slots, and nothing older is published by one that was robbed.
 *   - It may still write words of a slot that is no longer its own. They carry a sum bound to its old stamp, so until
 *     the slot is written anew it is a miss.
 *   - A robber that dies while it does so leaves the lock naming the same two buckets, for the next robber.
 *
 * Versions tell older from newer only while the newer stands in the table. Where it was lost, the count of losses takes
 * over: each bucket counts whatever goes from its slots before it goes, and every robbery, since a robbed writer may
 * have taken something away. table_fill finds the count other than it was before the database was asked, and gives
 * way. */
#ifndef BILLING_CACHE_TABLE_LAYOUT_H
#define BILLING_CACHE_TABLE_LAYOUT_H

#include "cache/slot.h"
#include "cache/table.h"

#include <stdalign.h>
#include <stdatomic.h>

/* Counted up whenever the meaning of any byte of the table changes. */
#define TABLE_LAYOUT  1
#define TABLE_MAGIC   UINT64_C(0x31656c6261746261)

#define CACHE_LINE    64
#define WAYS          5
#define BLOCK_SIZE    4096
#define BLOCK_BUCKETS 4

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "atomics in shared memory must not need a lock of the process");

struct bucket {
    _Atomic uint64_t lock;
    _Atomic uint64_t touched; /* a bit for each slot that was read since the last time somebody had to evict */
    _Atomic uint64_t control[WAYS];
    _Atomic uint64_t losses; /* counted up before an entry in one of these slots is lost: see table_fill */
};
_Static_assert(sizeof(struct bucket) == CACHE_LINE, "a bucket is one cache line");

struct slot {
    _Atomic uint64_t words[SLOT_WORDS];
};
_Static_assert(sizeof(struct slot) == 3 * CACHE_LINE, "a slot is three cache lines");

struct block {
    struct bucket buckets[BLOCK_BUCKETS];
    struct slot slots[BLOCK_BUCKETS * WAYS];
};
_Static_assert(sizeof(struct block) == BLOCK_SIZE, "a block is a page");

struct table {
    /* Written once. */
    alignas(BLOCK_SIZE) uint64_t magic;
    uint64_t layout;
    uint64_t size;
    uint64_t orgs;
    uint64_t secret[SECRET_WORDS];
    uint32_t bucket_count;
    uint32_t offset_span; /* how many distances there are between an org's two buckets */
    /* Read by every lookup, written with every pass of the change feed. */
    alignas(CACHE_LINE) _Atomic int64_t verified_at;
    _Atomic uint64_t position;
    _Atomic uint64_t marks[TABLE_MARKS];
    /* Written only where something unusual happens. */
    alignas(CACHE_LINE) _Atomic uint64_t evictions;
    _Atomic uint64_t stolen_locks;
    _Atomic uint64_t spoilt_entries;
    _Atomic uint64_t refused_stores;
    alignas(BLOCK_SIZE) struct block blocks[];
};

/* The control word: state 2 bits, flags 2, tag 12, fence 16, stamp 32. An empty slot has no flags and no tag. */
#define CONTROL_EMPTY       UINT64_C(0)
#define CONTROL_BUSY        UINT64_C(1)
#define CONTROL_LIVE        UINT64_C(2)
#define CONTROL_STATE       UINT64_C(3)
#define CONTROL_BARE        UINT64_C(4) /* an entry without a row in the database: the first to be evicted */
#define CONTROL_PART        UINT64_C(8)

#define CONTROL_TAG_SHIFT   4
#define CONTROL_TAG         (UINT64_C(0xfff) << CONTROL_TAG_SHIFT)
#define CONTROL_FENCE_ONE   (UINT64_C(1) << 16)
#define CONTROL_FENCE       (UINT64_C(0xffff) << 16)
#define CONTROL_STAMP_SHIFT 32
#define CONTROL_STAMP       (UINT64_C(0xffffffff) << CONTROL_STAMP_SHIFT)
#define CONTROL_STAMP_ONE   (UINT64_C(1) << CONTROL_STAMP_SHIFT)

/* The lock word: held 1 bit, distance from the bucket to the holder's other one 8 bits, the rest counts the holds. */
#define LOCK_HELD         UINT64_C(1)
#define LOCK_OFFSET_SHIFT 1
#define LOCK_OFFSET       (UINT64_C(0xff) << LOCK_OFFSET_SHIFT)
#define LOCK_TURN_SHIFT   9
#define LOCK_PATIENCE     20000000 /* nanoseconds */

/* The least room, and the most that the 32-bit number of a bucket allows. */
#define BLOCKS_MIN 2
#define BLOCKS_MAX (UINT32_MAX / BLOCK_BUCKETS)

struct place {
    uint32_t bucket[2];
    unsigned way; /* the slot of the own bucket that is tried first */
    uint64_t offset;
    uint64_t match; /* the tag and flag that the control word of such a slot has */
};

static inline struct bucket *table_bucket(struct table *table, uint32_t index)
{
    return &table->blocks[index / BLOCK_BUCKETS].buckets[index % BLOCK_BUCKETS];
}

static inline struct slot *table_slot(struct table *table, uint32_t bucket, unsigned way)
{
    return &table->blocks[bucket / BLOCK_BUCKETS].slots[bucket % BLOCK_BUCKETS * WAYS + way];
}

static inline uint32_t bucket_at_offset(const struct table *table, uint32_t bucket, uint64_t offset)
{
    uint64_t other = bucket + offset;
    return (uint32_t)(other < table->bucket_count ? other : other - table->bucket_count);
}

static inline struct place slot_place(const struct table *table, const struct slot_key *key)
{
    struct place place;
    place.bucket[0] = (uint32_t)((key->hash >> 32) * table->bucket_count >> 32);
    place.offset = 1 + ((key->hash >> 12 & 0xfffff) * table->offset_span >> 20);
    place.bucket[1] = bucket_at_offset(table, place.bucket[0], place.offset);
    place.way = (unsigned)((key->hash & 0xfff) * WAYS >> 12);
    place.match = (key->hash & 0xfff) << CONTROL_TAG_SHIFT | (key_part(key) ? CONTROL_PART : 0);
    return place;
}

static inline bool control_matches(uint64_t control, const struct place *place)
{
    return (control & (CONTROL_TAG | CONTROL_PART)) == place->match && (control & CONTROL_STATE) != CONTROL_EMPTY;
}

/* Copies the used words out and says whether they fit their sum. The other words of `image` are left as they are.
 *
 * Acquire, word by word: then the look at the control word that follows cannot come before, which a fence would give
 * too, but the thread sanitizer does not know fences. On x86-64 both are plain loads. */
static inline bool slot_load(struct slot *slot, uint64_t control, struct slot_image *image)
{
    uint64_t *to = image->words;
    struct slot_sum sum;
    uint64_t first_word = control >> CONTROL_STAMP_SHIFT;
    to[WORD_META] = atomic_load_explicit(&slot->words[WORD_META], memory_order_acquire);
    unsigned used = meta_words(to[WORD_META]);
    to[WORD_SUM] = atomic_load_explicit(&slot->words[WORD_SUM], memory_order_acquire);
    to[2] = atomic_load_explicit(&slot->words[2], memory_order_acquire);
    to[3] = atomic_load_explicit(&slot->words[3], memory_order_acquire);
    slot_sum_begin(&sum);
    slot_sum_take(&sum, first_word, to[WORD_META], to[2], to[3]);
    for (unsigned i = 4; i < used; i += 4) {
        to[i] = atomic_load_explicit(&slot->words[i], memory_order_acquire);
        to[i + 1] = atomic_load_explicit(&slot->words[i + 1], memory_order_acquire);
        to[i + 2] = atomic_load_explicit(&slot->words[i + 2], memory_order_acquire);
        to[i + 3] = atomic_load_explicit(&slot->words[i + 3], memory_order_acquire);
        slot_sum_take(&sum, to[i], to[i + 1], to[i + 2], to[i + 3]);
    }
    return slot_sum_end(&sum) == to[WORD_SUM];
}

/* The writer's counterpart. Release, so that whoever sees one of these words also sees the control word busy. */
static inline void slot_save(struct slot *slot, uint64_t control, const struct slot_image *image)
{
    const uint64_t *from = image->words;
    struct slot_sum sum;
    slot_sum_begin(&sum);
    slot_sum_take(&sum, control >> CONTROL_STAMP_SHIFT, from[WORD_META], from[2], from[3]);
    for (unsigned i = 4; i < meta_words(from[WORD_META]); i += 4) {
        slot_sum_take(&sum, from[i], from[i + 1], from[i + 2], from[i + 3]);
    }
    atomic_store_explicit(&slot->words[WORD_SUM], slot_sum_end(&sum), memory_order_release);
    for (unsigned i = 1; i < meta_words(from[WORD_META]); ++i) {
        atomic_store_explicit(&slot->words[i], from[i], memory_order_release);
    }
}

/** Copies out the slot of this key. False: not in the table, or a writer was at it all the while. */
bool slot_find(struct table *table, const struct slot_key *key, struct slot_image *image);

/** The state of a head and its parts; false where a part is missing. */
bool entry_collect(struct table *table, const struct slot_key *key, const struct slot_image *head,
                   struct org_state *state);

#endif
