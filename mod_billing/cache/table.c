/* SPDX-License-Identifier: Apache-2.0
 * The table's memory and what it says of itself. */
#include "cache/table_layout.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

/* Room for the orgs that were asked for in four slots of five, 5 buckets for 24 orgs: so full, a store still finds one
 * of its twelve slots empty, and an org takes less than 256 bytes all told. */
static uint64_t buckets_for(uint64_t orgs)
{
    uint64_t buckets = orgs / 24 * 5 + (orgs % 24 * 5 + 23) / 24;
    return buckets < BUCKETS_MIN ? BUCKETS_MIN : buckets;
}

size_t table_size(size_t orgs)
{
    uint64_t buckets = buckets_for(orgs);
    size_t of_bucket = sizeof(struct bucket) + WAYS * sizeof(struct slot);
    if (buckets > BUCKETS_MAX || buckets > (SIZE_MAX - sizeof(struct table)) / of_bucket) {
        return 0;
    }
    return sizeof(struct table) + (size_t)buckets * of_bucket;
}

static void secret_make(uint64_t secret[2])
{
    if (getentropy(secret, 2 * sizeof(*secret))) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        secret[0] = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
        secret[1] = (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)secret;
    }
}

struct table *table_format(void *memory, size_t size, size_t orgs)
{
    struct table *table = memory;
    size_t needed = table_size(orgs);
    if (!needed || size < needed || (uintptr_t)memory % CACHE_LINE) {
        return NULL;
    }
    table->layout = TABLE_LAYOUT;
    table->size = needed;
    table->orgs = orgs;
    table->bucket_count = (uint32_t)buckets_for(orgs);
    table->offset_span = table->bucket_count > 255 ? 255 : table->bucket_count - 1;
    secret_make(table->secret);
    table->magic = TABLE_MAGIC;
    return table;
}

struct table *table_attach(void *memory, size_t size)
{
    struct table *table = memory;
    if (size < sizeof(*table) || (uintptr_t)memory % CACHE_LINE || table->magic != TABLE_MAGIC ||
        table->layout != TABLE_LAYOUT || table->size > size || table->size != table_size(table->orgs) ||
        table->bucket_count != buckets_for(table->orgs)) {
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

void table_stats(struct table *table, struct table_stats *stats)
{
    memset(stats, 0, sizeof(*stats));
    stats->capacity = table->orgs;
    stats->evictions = atomic_load_explicit(&table->evictions, memory_order_relaxed);
    stats->stolen_locks = atomic_load_explicit(&table->stolen_locks, memory_order_relaxed);
    stats->refused_stores = atomic_load_explicit(&table->refused_stores, memory_order_relaxed);
    for (uint32_t index = 0; index < table->bucket_count; ++index) {
        struct bucket *bucket = table_bucket(table, index);
        for (unsigned way = 0; way < WAYS; ++way) {
            uint64_t control = atomic_load_explicit(&bucket->control[way], memory_order_relaxed);
            stats->entries += (control & (CONTROL_STATE | CONTROL_PART)) == CONTROL_LIVE;
        }
    }
}
