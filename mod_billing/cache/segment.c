/* SPDX-License-Identifier: Apache-2.0
 * Making and keeping the segment of shared memory. */
#include "cache/segment.h"

#include <apr_errno.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <stdint.h>
#include <sys/mman.h>

/* Counted up whenever the struct changes: the one that is handed in may be of another build of the module. */
#define SEGMENT_LAYOUT 1

struct segment {
    uint64_t layout;
    size_t orgs;
    apr_shm_t *memory;
    struct table *table;
};

/* apr_shm gives memory that is aligned to a word only, so ask for more and find the first page in it. */
static void *first_page(void *memory)
{
    return (void *)(((uintptr_t)memory + TABLE_ALIGNMENT - 1) & ~(uintptr_t)(TABLE_ALIGNMENT - 1));
}

/* A look-up of an org that was not asked for lately waits for its address to be translated as long as for the memory
 * itself, and a huge page spares most of that. Linux gives them to shared memory where the administrator lets it
 * (/sys/kernel/mm/transparent_hugepage/shmem_enabled: advise); anywhere else this changes nothing. */
static void *pages_prefer_huge(void *memory, size_t size)
{
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, size, MADV_HUGEPAGE);
#else
    (void)size;
#endif
    return memory;
}

static struct segment *segment_make(size_t orgs, apr_pool_t *process_pool, const char **reason)
{
    struct segment *segment = apr_pcalloc(process_pool, sizeof(*segment));
    size_t size = table_size(orgs);
    if (!size) {
        *reason = apr_psprintf(process_pool, "no table can hold %" APR_SIZE_T_FMT " orgs", orgs);
        return NULL;
    }
    apr_status_t status = apr_shm_create(&segment->memory, size + TABLE_ALIGNMENT, NULL, process_pool);
    if (status != APR_SUCCESS) {
        char text[120];
        apr_strerror(status, text, sizeof(text));
        *reason =
            apr_psprintf(process_pool, "no %" APR_SIZE_T_FMT " bytes of shared memory for %" APR_SIZE_T_FMT " orgs: %s",
                         size, orgs, text);
        return NULL;
    }
    segment->layout = SEGMENT_LAYOUT;
    segment->orgs = orgs;
    void *memory = pages_prefer_huge(first_page(apr_shm_baseaddr_get(segment->memory)), size);
    segment->table = table_format(memory, size, orgs);
    return segment;
}

static bool entry_take_over(void *baton, const char *org, bool livemode, const struct org_state *state)
{
    table_store(baton, org, livemode, state, state->verified_at);
    return true;
}

/* The position is read before the entries: whatever is stored in the old table from then on, the change feed brings. */
static void table_take_over(struct table *from, struct table *to)
{
    uint64_t position = table_position(from);
    int64_t verified_at = table_verified_at(from);
    table_visit(from, entry_take_over, to);
    table_verified_set(to, verified_at, position);
}

struct segment *segment_open(struct segment *previous, size_t orgs, apr_pool_t *process_pool, const char **reason)
{
    *reason = NULL;
    if (previous && previous->layout != SEGMENT_LAYOUT) {
        previous = NULL;
    }
    bool readable = previous && table_attach(previous->table, table_size(previous->orgs));
    if (readable && previous->orgs == orgs) {
        return previous;
    }
    struct segment *segment = segment_make(orgs, process_pool, reason);
    if (!segment) {
        return readable ? previous : NULL;
    }
    if (readable) {
        table_take_over(previous->table, segment->table);
    }
    if (previous) {
        apr_shm_destroy(previous->memory);
    }
    return segment;
}

struct table *segment_table(const struct segment *segment)
{
    return segment->table;
}
