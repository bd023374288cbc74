/* SPDX-License-Identifier: Apache-2.0
 * The table's memory and what it says of itself. */
#include "cache/table_layout.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

/* Room for the orgs that were asked for in four slots of five, 8 blocks for 129 orgs: so full, not one store in ten
 * thousand has to evict, and an org takes less than 256 bytes all told. */
static uint64_t blocks_for(uint64_t orgs)
{
    uint64_t blocks = orgs / 129 * 8 + (orgs % 129 * 8 + 128) / 129;
    return blocks < BLOCKS_MIN ? BLOCKS_MIN : blocks;
}

size_t table_size(size_t orgs)
{
    uint64_t blocks = blocks_for(orgs);
    if (blocks > BLOCKS_MAX || blocks > (SIZE_MAX - sizeof(struct table)) / sizeof(struct block)) {
        return 0;
    }
    return sizeof(struct table) + (size_t)blocks * sizeof(struct block);
}

static void secret_make(uint64_t secret[SECRET_WORDS])
{
    if (getentropy(secret, SECRET_WORDS * sizeof(*secret))) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        uint64_t number = (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 40;
        for (unsigned i = 0; i < SECRET_WORDS; ++i) {
            secret[i] = number = (number ^ number >> 29) * UINT64_C(0x6df1f463f97e4107) + i;
        }
    }
}

struct table *table_format(void *memory, size_t size, size_t orgs)
{
    struct table *table = memory;
    size_t needed = table_size(orgs);
    if (!needed || size < needed || (uintptr_t)memory % TABLE_ALIGNMENT) {
        return NULL;
    }
    table->layout = TABLE_LAYOUT;
    table->size = needed;
    table->orgs = orgs;
    table->bucket_count = (uint32_t)blocks_for(orgs) * BLOCK_BUCKETS;
    table->offset_span = table->bucket_count > 255 ? 255 : table->bucket_count - 1;
    secret_make(table->secret);
    table->magic = TABLE_MAGIC;
    return table;
}

struct table *table_attach(void *memory, size_t size)
{
    struct table *table = memory;
    if (size < sizeof(*table) || (uintptr_t)memory % TABLE_ALIGNMENT || table->magic != TABLE_MAGIC ||
        table->layout != TABLE_LAYOUT || table->size > size || table->size != table_size(table->orgs) ||
        table->bucket_count != blocks_for(table->orgs) * BLOCK_BUCKETS) {
        return NULL;
    }
    return table;
}

void table_verified_set(struct table *table, int64_t now, uint64_t position)
{
    atomic_store_explicit(&table->position, position, memory_order_release);
    atomic_store_explicit(&table->verified_at, now, memory_order_release);
}

int64_t table_verified_at(struct table *table)
{
    return atomic_load_explicit(&table->verified_at, memory_order_acquire);
}

uint64_t table_position(struct table *table)
{
    return atomic_load_explicit(&table->position, memory_order_acquire);
}

void table_mark_set(struct table *table, enum table_mark mark, uint64_t value)
{
    atomic_store_explicit(&table->marks[mark], value, memory_order_release);
}

uint64_t table_mark(struct table *table, enum table_mark mark)
{
    return atomic_load_explicit(&table->marks[mark], memory_order_acquire);
}

void table_stats(struct table *table, struct table_stats *stats)
{
    memset(stats, 0, sizeof(*stats));
    stats->capacity = table->orgs;
    stats->evictions = atomic_load_explicit(&table->evictions, memory_order_relaxed);
    stats->stolen_locks = atomic_load_explicit(&table->stolen_locks, memory_order_relaxed);
    stats->spoilt_entries = atomic_load_explicit(&table->spoilt_entries, memory_order_relaxed);
    stats->refused_stores = atomic_load_explicit(&table->refused_stores, memory_order_relaxed);
    for (uint32_t index = 0; index < table->bucket_count; ++index) {
        struct bucket *bucket = table_bucket(table, index);
        for (unsigned way = 0; way < WAYS; ++way) {
            uint64_t control = atomic_load_explicit(&bucket->control[way], memory_order_relaxed);
            stats->entries += (control & (CONTROL_STATE | CONTROL_PART)) == CONTROL_LIVE;
        }
    }
}
