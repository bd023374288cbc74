/* SPDX-License-Identifier: Apache-2.0
 * Counters in shared memory.
 *
 * A slot's word holds its state, its generation and its count, and every change of a slot goes through it: who counts
 * compares the key first and then adds one by compare-and-swap, which fails where the slot was given to another key
 * meanwhile. The count only grows until the slot is free again; `sealed` is what it was when the batch was sealed,
 * `settled` what is written down, so a batch is sealed - settled whatever is counted meanwhile. */
#include "cache/tally.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TALLY_MAGIC UINT64_C(0x3159494c4c41540a)

/* A slot's word: state, generation, count. Busy: its key is being written, or it is being freed; the count is then the
 * id of the process that does so. */
#define COUNT_BITS 40
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)
#define STATE_BITS UINT64_C(3)
#define STATE_MASK (STATE_BITS << 62)
#define STATE_FREE (UINT64_C(0) << 62)
#define STATE_BUSY (UINT64_C(1) << 62)
#define STATE_USED (UINT64_C(2) << 62)
#define TURN_MASK  (~(STATE_MASK | COUNT_MASK))
#define TURN_ONE   (UINT64_C(1) << COUNT_BITS)

/* How far from its place a key may lie, and how often a slot may change under who looks at it. */
#define PROBES    32
#define TRIES     16

#define TEXT_ROOM 72 /* the longest org id or key with its NUL, in whole words */

/* The key as it is compared: padded with zeroes. */
struct slot_key {
    char org[TEXT_ROOM];
    char feature[TEXT_ROOM];
    int32_t day;
    unsigned char livemode;
    unsigned char reason;
    unsigned char unused[2];
};
#define KEY_WORDS (sizeof(struct slot_key) / sizeof(uint64_t))
_Static_assert(sizeof(struct slot_key) % sizeof(uint64_t) == 0, "a key is whole words");
_Static_assert(ORG_ID_MAX < TEXT_ROOM && KEY_MAX < TEXT_ROOM, "the longest names fit");

struct slot {
    _Atomic uint64_t word;
    _Atomic int64_t first_seen;
    _Atomic int64_t last_seen;
    uint64_t sealed; /* with the lock, or where the slot is busy */
    uint64_t settled;
    _Atomic uint64_t key[KEY_WORDS]; /* words, since it may be read while it is written; the slot's word tells */
};

struct tally {
    uint64_t magic;
    uint64_t slot_size;
    uint64_t slots;
    char id[TALLY_ID_MAX + 1];
    pthread_mutex_t lock; /* robust, between processes */
    bool sealed;          /* with the lock, as the batch's number: the batch of this number is not settled */
    uint64_t batch;
    uint64_t next; /* where the next batch starts to look, so that no slot waits for ever */
    _Atomic uint64_t dropped;
    _Alignas(TALLY_ALIGNMENT) struct slot slot[];
};

size_t tally_size(size_t slots)
{
    size_t size;

    if (!slots || slots & (slots - 1) || __builtin_mul_overflow(slots, sizeof(struct slot), &size) ||
        __builtin_add_overflow(size, sizeof(struct tally), &size)) {
        return 0;
    }
    return size;
}

static bool memory_holds(const void *memory, size_t size, size_t slots)
{
    return memory && (uintptr_t)memory % TALLY_ALIGNMENT == 0 && tally_size(slots) && size >= tally_size(slots);
}

struct tally *tally_format(void *memory, size_t size, size_t slots, const char *id)
{
    struct tally *tally = memory;
    pthread_mutexattr_t attributes;
    bool made;

    if (!memory_holds(memory, size, slots) || !*id || strlen(id) > TALLY_ID_MAX ||
        pthread_mutexattr_init(&attributes)) {
        return NULL;
    }
    made = !pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) &&
           !pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) &&
           !pthread_mutex_init(&tally->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    if (!made) {
        return NULL;
    }
    memcpy(tally->id, id, strlen(id) + 1);
    tally->slot_size = sizeof(struct slot);
    tally->slots = slots;
    tally->magic = TALLY_MAGIC;
    return tally;
}

struct tally *tally_attach(void *memory, size_t size)
{
    struct tally *tally = memory;

    return memory && size >= sizeof(*tally) && tally->magic == TALLY_MAGIC && tally->slot_size == sizeof(struct slot) &&
                   memory_holds(memory, size, tally->slots)
               ? tally
               : NULL;
}

const char *tally_id(const struct tally *tally)
{
    return tally->id;
}

uint64_t tally_dropped(const struct tally *tally)
{
    return atomic_load_explicit(&tally->dropped, memory_order_relaxed);
}

/* Counting */

static bool exchange(struct slot *slot, uint64_t expected, uint64_t next)
{
    return atomic_compare_exchange_strong_explicit(&slot->word, &expected, next, memory_order_acq_rel,
                                                   memory_order_acquire);
}

static uint64_t busy_word(uint64_t word)
{
    return STATE_BUSY | (word & TURN_MASK) | ((uint64_t)getpid() & COUNT_MASK);
}

static uint64_t next_turn(uint64_t word)
{
    return (word + TURN_ONE) & TURN_MASK;
}

static bool key_pack(uint64_t words[KEY_WORDS], const struct tally_key *key)
{
    struct slot_key packed = {.day = key->day, .livemode = key->livemode, .reason = key->reason};
    size_t org = strnlen(key->org, TEXT_ROOM), feature = strnlen(key->feature, TEXT_ROOM);

    if (org >= TEXT_ROOM || feature >= TEXT_ROOM) {
        return false;
    }
    memcpy(packed.org, key->org, org);
    memcpy(packed.feature, key->feature, feature);
    memcpy(words, &packed, sizeof(packed));
    return true;
}

static bool key_equals(struct slot *slot, const uint64_t words[KEY_WORDS])
{
    uint64_t different = 0;

    for (size_t i = 0; i < KEY_WORDS; ++i) {
        different |= atomic_load_explicit(&slot->key[i], memory_order_relaxed) ^ words[i];
    }
    /* What was read of the key is older than what the slot's word says from here on. */
    atomic_thread_fence(memory_order_acquire);
    return !different;
}

/* Only ever forwards: who is late may touch a slot that is another's by now. */
static void last_seen_raise(struct slot *slot, int64_t now)
{
    int64_t last = atomic_load_explicit(&slot->last_seen, memory_order_relaxed);

    while (last < now && !atomic_compare_exchange_weak_explicit(&slot->last_seen, &last, now, memory_order_relaxed,
                                                                memory_order_relaxed)) {
    }
}

/* Adds one where the slot is still the one that was looked at. */
static bool slot_add(struct slot *slot, uint64_t word, int64_t now)
{
    uint64_t expected = word;

    /* Before it is counted, so that no batch has the count without the time. */
    last_seen_raise(slot, now);
    while (!atomic_compare_exchange_weak_explicit(&slot->word, &expected, expected + 1, memory_order_acq_rel,
                                                  memory_order_acquire)) {
        if ((expected ^ word) & ~COUNT_MASK) {
            return false;
        }
    }
    return true;
}

static bool slot_claim(struct slot *slot, uint64_t word, const uint64_t words[KEY_WORDS], int64_t now)
{
    if (!exchange(slot, word, busy_word(word))) {
        return false;
    }
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < KEY_WORDS; ++i) {
        atomic_store_explicit(&slot->key[i], words[i], memory_order_relaxed);
    }
    atomic_store_explicit(&slot->first_seen, now, memory_order_relaxed);
    atomic_store_explicit(&slot->last_seen, now, memory_order_relaxed);
    atomic_store_explicit(&slot->word, STATE_USED | (word & TURN_MASK) | 1, memory_order_release);
    return true;
}

static uint64_t words_hash(const uint64_t words[KEY_WORDS])
{
    uint64_t hash = 0;

    for (size_t i = 0; i < KEY_WORDS; ++i) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

/* A free slot ends the search: the key may lie behind it in a slot of its own, which does no harm. */
static bool count_once(struct tally *tally, const uint64_t words[KEY_WORDS], uint64_t place, int64_t now, bool *full)
{
    for (unsigned probe = 0; probe < PROBES; ++probe) {
        struct slot *slot = &tally->slot[(place + probe) & (tally->slots - 1)];
        uint64_t word = atomic_load_explicit(&slot->word, memory_order_acquire);

        if ((word & STATE_MASK) == STATE_FREE) {
            return slot_claim(slot, word, words, now);
        }
        if ((word & STATE_MASK) == STATE_USED && key_equals(slot, words)) {
            return slot_add(slot, word, now);
        }
    }
    *full = true;
    return false;
}

bool tally_count(struct tally *tally, const struct tally_key *key, int64_t now)
{
    uint64_t words[KEY_WORDS];
    bool full = !key_pack(words, key);
    uint64_t place = full ? 0 : words_hash(words);

    for (unsigned try = 0; try < TRIES && !full; ++try) {
        if (count_once(tally, words, place, now, &full)) {
            return true;
        }
    }
    atomic_fetch_add_explicit(&tally->dropped, 1, memory_order_relaxed);
    return false;
}

/* Draining */

bool tally_lock(struct tally *tally, unsigned milliseconds)
{
    struct timespec deadline;
    int error;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += milliseconds / 1000;
    deadline.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec += 1;
        deadline.tv_nsec -= 1000000000;
    }
    error = pthread_mutex_timedlock(&tally->lock, &deadline);
    if (error == EOWNERDEAD) {
        /* Sealing and settling can be done again from wherever they were left. */
        error = pthread_mutex_consistent(&tally->lock);
    }
    return !error;
}

void tally_unlock(struct tally *tally)
{
    pthread_mutex_unlock(&tally->lock);
}

static bool process_is_gone(uint64_t word)
{
    return kill((pid_t)(word & COUNT_MASK), 0) && errno == ESRCH;
}

/* For who has made the slot busy. */
static void slot_release(struct slot *slot, uint64_t word)
{
    slot->sealed = 0;
    slot->settled = 0;
    atomic_store_explicit(&slot->word, next_turn(word), memory_order_release);
}

/* True where the slot has something that is not written down; that is then in the batch. */
static bool slot_seal(struct slot *slot)
{
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_acquire);

    if ((word & STATE_MASK) == STATE_BUSY && process_is_gone(word) && exchange(slot, word, busy_word(word))) {
        slot_release(slot, word);
        return false;
    }
    if ((word & STATE_MASK) != STATE_USED) {
        return false;
    }
    slot->sealed = word & COUNT_MASK;
    return slot->sealed != slot->settled;
}

uint64_t tally_seal(struct tally *tally, size_t most)
{
    size_t found = 0;

    for (uint64_t i = 0; !tally->sealed && i < tally->slots && found < most; ++i) {
        found += slot_seal(&tally->slot[tally->next]);
        tally->next = (tally->next + 1) & (tally->slots - 1);
    }
    if (found) {
        tally->batch++;
        tally->sealed = true;
    }
    return tally->sealed ? tally->batch : 0;
}

void tally_visit(struct tally *tally, tally_visitor visit, void *baton)
{
    for (uint64_t i = 0; i < tally->slots; ++i) {
        struct slot *slot = &tally->slot[i];
        uint64_t words[KEY_WORDS];
        struct slot_key packed;
        struct tally_key key;

        if (slot->sealed == slot->settled) {
            continue;
        }
        for (size_t word = 0; word < KEY_WORDS; ++word) {
            words[word] = atomic_load_explicit(&slot->key[word], memory_order_relaxed);
        }
        memcpy(&packed, words, sizeof(packed));
        key = (struct tally_key){packed.org, packed.livemode, packed.feature, packed.reason, packed.day};
        visit(baton, &key, slot->sealed - slot->settled, atomic_load_explicit(&slot->first_seen, memory_order_relaxed),
              atomic_load_explicit(&slot->last_seen, memory_order_relaxed));
    }
}

static void slot_settle(struct slot *slot)
{
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_acquire);

    if (slot->sealed != slot->settled) {
        slot->settled = slot->sealed;
    } else if ((word & STATE_MASK) == STATE_USED && (word & COUNT_MASK) == slot->settled &&
               exchange(slot, word, busy_word(word))) {
        slot_release(slot, word);
    }
}

void tally_settle(struct tally *tally)
{
    for (uint64_t i = 0; i < tally->slots; ++i) {
        slot_settle(&tally->slot[i]);
    }
    tally->sealed = false;
}
