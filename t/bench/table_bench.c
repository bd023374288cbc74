/* SPDX-License-Identifier: Apache-2.0
 * What a lookup costs: nanoseconds per hit in random order, for a small table that the processor's caches hold and for
 * a large one that they do not, and what it takes to fill one. Ids are those of UUIDs and lie in the order of the
 * lookups, so that fetching the id itself costs what it costs in a request: nothing. Beside it stands what one fetch
 * from a random place of the same memory costs here and now, which no table can do without.
 *
 *     table_bench [ORGS [OVERRIDES]]      default: 1000 and 1000000 orgs, without overrides */
#include "cache/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define ID_SIZE 40
#define LOOKUPS 200000 /* in a round */
#define ROUNDS  60

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t scramble(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

static void id_make(char *id, uint64_t number)
{
    uint64_t high = scramble(number), low = scramble(high);
    snprintf(id, ID_SIZE, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
             (unsigned)(high & 0xffff), (unsigned)(low >> 48), (unsigned long long)(low & 0xffffffffffff));
}

static char (*ids_make(size_t orgs))[ID_SIZE]
{
    char(*ids)[ID_SIZE] = malloc(orgs * sizeof(*ids));
    for (size_t i = 0; ids && i < orgs; ++i) {
        id_make(ids[i], i);
    }
    return ids;
}

static void ids_shuffle(char (*ids)[ID_SIZE], size_t orgs)
{
    for (size_t i = orgs - 1; i > 0; --i) {
        size_t other = scramble(i) % (i + 1);
        char kept[ID_SIZE];
        memcpy(kept, ids[i], ID_SIZE);
        memcpy(ids[i], ids[other], ID_SIZE);
        memcpy(ids[other], kept, ID_SIZE);
    }
}

static double fill(struct table *table, char (*ids)[ID_SIZE], size_t orgs, size_t overrides)
{
    struct org_state state = {.status = STATUS_ACTIVE, .plan = 1, .version = 1, .override_count = overrides};
    for (size_t i = 0; i < overrides; ++i) {
        state.overrides[i] = (struct override){.key = i + 1, .kind = OVERRIDE_LIMIT, .limit = (int64_t)i};
    }
    double began = seconds();
    for (size_t i = 0; i < orgs; ++i) {
        state.created_at = (int64_t)i;
        table_store(table, ids[i], true, &state, 1);
    }
    return seconds() - began;
}

static double look_up_round(struct table *table, char (*ids)[ID_SIZE], size_t orgs, size_t *next, size_t *hits)
{
    struct org_state state;
    double began = seconds();
    for (size_t done = 0; done < LOOKUPS; ++done) {
        *hits += table_lookup(table, ids[*next], true, &state) && state.status == STATUS_ACTIVE;
        *next = *next + 1 < orgs ? *next + 1 : 0;
    }
    return (seconds() - began) * 1e9 / LOOKUPS;
}

static int by_value(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

/* Each place depends on what the one before held, so the fetches cannot overlap. */
static double fetch_round(const char *memory, size_t size)
{
    static uint64_t place;
    double began = seconds();
    for (size_t done = 0; done < LOOKUPS; ++done) {
        place = scramble(place + *(const volatile uint64_t *)(const void *)(memory + place % (size / 64) * 64));
    }
    return (seconds() - began) * 1e9 / LOOKUPS;
}

struct figures {
    double least, median, hits, fetch;
};

/* Many short rounds: the least shows what the table costs, the median what it costs on this machine at this time. */
static struct figures look_up(struct table *table, size_t size, char (*ids)[ID_SIZE], size_t orgs)
{
    double rounds[ROUNDS];
    size_t next = 0, hits = 0;
    struct figures figures = {.fetch = 1e9};
    for (unsigned round = 0; round < ROUNDS; ++round) {
        rounds[round] = look_up_round(table, ids, orgs, &next, &hits);
        double fetch = fetch_round((const char *)table, size);
        figures.fetch = fetch < figures.fetch ? fetch : figures.fetch;
    }
    qsort(rounds, ROUNDS, sizeof(*rounds), by_value);
    figures.least = rounds[0];
    figures.median = rounds[ROUNDS / 2];
    figures.hits = 100.0 * (double)hits / LOOKUPS / ROUNDS;
    return figures;
}

static int bench(size_t orgs, size_t overrides)
{
    size_t size = table_size(orgs);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct table *table = memory == MAP_FAILED ? NULL : table_format(memory, size, orgs);
    char(*ids)[ID_SIZE] = ids_make(orgs);
    if (!table || !ids) {
        fprintf(stderr, "no memory for %zu orgs\n", orgs);
        return 1;
    }
    double filled = fill(table, ids, orgs, overrides);
    ids_shuffle(ids, orgs);
    struct figures figures = look_up(table, size, ids, orgs);
    struct table_stats stats;
    table_stats(table, &stats);
    printf(
        "%8zu orgs, %2zu overrides: %6.1f ns/lookup (median %6.1f, one fetch %5.1f), %5.1f %% hits; filled in %.2f s "
        "(%.0f ns each), %llu evicted, %.1f bytes per org\n",
        orgs, overrides, figures.least, figures.median, figures.fetch, figures.hits, filled,
        filled * 1e9 / (double)orgs, (unsigned long long)stats.evictions, (double)size / (double)orgs);
    free(ids);
    munmap(memory, size);
    return 0;
}

int main(int argc, char **argv)
{
    size_t overrides = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    if (argc > 1) {
        return bench(strtoul(argv[1], NULL, 10), overrides > OVERRIDES_MAX ? OVERRIDES_MAX : overrides);
    }
    return bench(1000, 0) || bench(1000000, 0);
}
