/* SPDX-License-Identifier: Apache-2.0
 * Reading the table: no lock, no write but the mark that keeps an entry from being evicted. */
#include "cache/table_layout.h"

#include <string.h>

/* A writer is done within a microsecond where it runs at all; then a miss is cheaper than to go on waiting. */
#define READ_ATTEMPTS 64

enum answer { ANSWER_ABSENT, ANSWER_FOUND, ANSWER_UNSTABLE };

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline __attribute__((always_inline)) void slot_prefetch(struct slot *slot)
{
    __builtin_prefetch(&slot->words[0]);
    __builtin_prefetch(&slot->words[CACHE_LINE / sizeof(uint64_t)]);
}

/* Most entries stand in that slot of one of their buckets which is tried first. Those two are fetched along with the
 * control words: with a million orgs a fetch that must wait for another one costs more than all the rest.
 * Always inline: gcc 12 takes a function that does nothing but prefetch for one without effect, and drops the call. */
static inline __attribute__((always_inline)) void place_prefetch(struct table *table, const struct place *place)
{
    slot_prefetch(table_slot(table, place->bucket[0], place->way));
    slot_prefetch(table_slot(table, place->bucket[1], place->way));
    __builtin_prefetch(table_bucket(table, place->bucket[1]));
}

static inline void slot_touch(struct bucket *bucket, unsigned way)
{
    uint64_t bit = UINT64_C(1) << way;
    if (!(atomic_load_explicit(&bucket->touched, memory_order_relaxed) & bit)) {
        atomic_fetch_or_explicit(&bucket->touched, bit, memory_order_relaxed);
    }
}

/* Which slots of a bucket have a matching control word in this state; without a branch for each of them. */
static inline unsigned bucket_matches(struct bucket *bucket, const struct place *place, uint64_t state)
{
    unsigned ways = 0;
#pragma GCC unroll 8
    for (unsigned way = WAYS; way-- > 0;) {
        uint64_t control = atomic_load_explicit(&bucket->control[way], memory_order_acquire);
        uint64_t difference = (control & (CONTROL_TAG | CONTROL_PART | CONTROL_STATE)) ^ (place->match | state);
        ways += ways + (difference < 1);
    }
    return ways;
}

static inline enum answer slot_try(struct table *table, uint32_t index, unsigned way, const struct slot_key *key,
                                   struct slot_image *image)
{
    struct bucket *bucket = table_bucket(table, index);
    uint64_t control = atomic_load_explicit(&bucket->control[way], memory_order_acquire);
    if ((control & CONTROL_STATE) != CONTROL_LIVE) {
        return ANSWER_UNSTABLE;
    }
    bool whole = slot_load(table_slot(table, index, way), control, image);
    if (atomic_load_explicit(&bucket->control[way], memory_order_relaxed) != control) {
        return ANSWER_UNSTABLE;
    }
    if (!whole || !slot_image_is(image, key)) {
        return ANSWER_ABSENT;
    }
    slot_touch(bucket, way);
    return ANSWER_FOUND;
}

static inline enum answer bucket_find(struct table *table, uint32_t index, const struct place *place,
                                      const struct slot_key *key, struct slot_image *image)
{
    enum answer answer = ANSWER_ABSENT;
    for (unsigned ways = bucket_matches(table_bucket(table, index), place, CONTROL_LIVE); ways; ways &= ways - 1) {
        enum answer of_slot = slot_try(table, index, (unsigned)__builtin_ctz(ways), key, image);
        if (of_slot == ANSWER_FOUND) {
            return ANSWER_FOUND;
        }
        answer = of_slot == ANSWER_UNSTABLE ? ANSWER_UNSTABLE : answer;
    }
    return answer;
}

static inline enum answer slot_find_once(struct table *table, const struct place *place, const struct slot_key *key,
                                         struct slot_image *image)
{
    enum answer first = bucket_find(table, place->bucket[0], place, key, image);
    if (first == ANSWER_FOUND) {
        return ANSWER_FOUND;
    }
    enum answer second = bucket_find(table, place->bucket[1], place, key, image);
    if (second == ANSWER_FOUND) {
        return ANSWER_FOUND;
    }
    if (first == ANSWER_UNSTABLE || second == ANSWER_UNSTABLE) {
        return ANSWER_UNSTABLE;
    }
    return bucket_matches(table_bucket(table, place->bucket[0]), place, CONTROL_BUSY) |
                   bucket_matches(table_bucket(table, place->bucket[1]), place, CONTROL_BUSY)
               ? ANSWER_UNSTABLE
               : ANSWER_ABSENT;
}

bool slot_find(struct table *table, const struct slot_key *key, struct slot_image *image)
{
    struct place place = slot_place(table, key);
    place_prefetch(table, &place);
    for (unsigned attempt = 0; attempt < READ_ATTEMPTS; ++attempt) {
        enum answer answer = slot_find_once(table, &place, key, image);
        if (answer != ANSWER_UNSTABLE) {
            return answer == ANSWER_FOUND;
        }
        pause_briefly();
    }
    return false;
}

bool entry_collect(struct table *table, const struct slot_key *key, const struct slot_image *head,
                   struct org_state *state)
{
    uint64_t token;
    size_t parts = slot_image_parts(head, key, &token);
    entry_unpack(head, key, state);
    for (uint64_t part = 1; part <= parts; ++part) {
        struct slot_key part_key;
        struct slot_image image;
        slot_key_part(&part_key, table->secret, key, part, token);
        if (!slot_find(table, &part_key, &image)) {
            return false;
        }
        entry_unpack_part(&image, &part_key, state);
    }
    int64_t verified_at = table_verified_at(table);
    if (state->verified_at < verified_at) {
        state->verified_at = verified_at;
    }
    return true;
}

bool table_lookup(struct table *table, const char *org, bool livemode, struct org_state *state)
{
    struct slot_key key;
    struct slot_image head;
    return slot_key_head(&key, table->secret, org, livemode) && slot_find(table, &key, &head) &&
           entry_collect(table, &key, &head, state);
}

/* The slot as one look at it shows it, if it is a whole head. A slot that is being written is left out. */
static bool slot_read_head(struct table *table, uint32_t index, unsigned way, struct slot_image *head)
{
    _Atomic uint64_t *word = &table_bucket(table, index)->control[way];
    uint64_t control = atomic_load_explicit(word, memory_order_acquire);
    if ((control & (CONTROL_STATE | CONTROL_PART)) != CONTROL_LIVE) {
        return false;
    }
    bool whole = slot_load(table_slot(table, index, way), control, head);
    return whole && atomic_load_explicit(word, memory_order_relaxed) == control;
}

void table_visit(struct table *table, table_visitor visit, void *baton)
{
    for (uint32_t index = 0; index < table->bucket_count; ++index) {
        for (unsigned way = 0; way < WAYS; ++way) {
            struct slot_image head;
            struct slot_key key;
            struct org_state state;
            char org[ORG_ID_MAX + 1];
            if (!slot_read_head(table, index, way, &head)) {
                continue;
            }
            slot_image_key(&head, table->secret, &key);
            memcpy(org, key.id, key.id_len);
            org[key.id_len] = '\0';
            if (entry_collect(table, &key, &head, &state) && !visit(baton, org, key_livemode(&key), &state)) {
                return;
            }
        }
    }
}
