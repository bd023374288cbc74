/* SPDX-License-Identifier: Apache-2.0
 * The table of org states in shared memory: one fixed-size block that any number of processes map and read without a
 * lock. It knows nothing of httpd or APR; cache/segment.h gets it the memory.
 *
 * Every function is safe at any time in any process and thread. Readers copy an entry out and check that it is whole;
 * one that is being written just then is tried again for a moment and then a miss. Writers never wait for one that was
 * killed or stopped for longer than some 20 ms, and such a one does no harm if it goes on. Nothing hands out a pointer
 * into the table. How all this holds is told in cache/table_layout.h. */
#ifndef BILLING_CACHE_TABLE_H
#define BILLING_CACHE_TABLE_H

#include "domain/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table;

/** Bytes that a table for `orgs` orgs needs; 0 where that would overflow. */
size_t table_size(size_t orgs);

/* A page: how the memory of a table is aligned. */
#define TABLE_ALIGNMENT 4096

/** Lays an empty table into zeroed memory. NULL where it is too small or not aligned. */
struct table *table_format(void *memory, size_t size, size_t orgs);

/** The table already in `memory`, or NULL where its layout, version or room is another. */
struct table *table_attach(void *memory, size_t size);

/** True and `state` filled in on a hit; on a miss `state` is spoilt. state->verified_at is the newer of the time of
 * this entry and of the last table_verified_set. Of state->overrides only as many as there are are written. */
bool table_lookup(struct table *table, const char *org, bool livemode, struct org_state *state);

/** Writes the state unless the table holds a newer version of it (equal versions overwrite). Evicts under pressure.
 * For the change feed and for loading, which tell again whatever changed since; for others table_fill.
 * @param now the entry's time, seconds since the epoch
 * @return true where this state, or a newer one, now stands in the table. False where it could not be written, be it
 * that an entry cannot hold it (status or a limit out of range, too many overrides, an id of no or more than ORG_ID_MAX
 * bytes): then the table holds nothing of this org, which is a miss, never a failure */
bool table_store(struct table *table, const char *org, bool livemode, const struct org_state *state, int64_t now);

/** As table_store, for a state that a statement on the database has read or written. By the time its answer is here, a
 * newer state may have been stored by somebody else and evicted again, or forgotten; nothing is left to compare with
 * then. The ticket, drawn before the statement began, tells: then nothing is stored, and it says false. After
 * table_fill of a committed state, whatever it says, no lookup finds an older one. */
uint64_t table_ticket(struct table *table, const char *org, bool livemode);
bool table_fill(struct table *table, const char *org, bool livemode, const struct org_state *state, int64_t now,
                uint64_t ticket);

/** Calls `visit` for each entry as it stands when it comes by; what is stored meanwhile may be left out or come twice.
 * state->verified_at is as table_lookup gives it. Ends early where `visit` says false. */
typedef bool (*table_visitor)(void *baton, const char *org, bool livemode, const struct org_state *state);
void table_visit(struct table *table, table_visitor visit, void *baton);

/** Drops the entry; and what table_fill is about to store under a ticket drawn before this. */
void table_forget(struct table *table, const char *org, bool livemode);

/** When all that the table holds was last known to be current, and the change feed's position that belongs to it. The
 * position is opaque to the table. */
void table_verified_set(struct table *table, int64_t now, uint64_t position);
int64_t table_verified_at(struct table *table);
uint64_t table_position(struct table *table);

/* Two more opaque words, 0 in a new table: by which catalogue states are written into it, and what all of it was last
 * read from. */
enum table_mark { TABLE_CATALOGUE, TABLE_BASIS, TABLE_MARKS };
void table_mark_set(struct table *table, enum table_mark mark, uint64_t value);
uint64_t table_mark(struct table *table, enum table_mark mark);

struct table_stats {
    uint64_t capacity;       /* the orgs that the room was made for; there may be a few more */
    uint64_t entries;        /* orgs in the table */
    uint64_t evictions;      /* entries that made room for others */
    uint64_t stolen_locks;   /* from writers that were killed, or did not move for too long */
    uint64_t spoilt_entries; /* lost to such a writer that came back too late */
    uint64_t refused_stores; /* table_store said false */
};

/** Counts the entries, so it takes some milliseconds for each million orgs of room. */
void table_stats(struct table *table, struct table_stats *stats);

/** Walks the whole table and checks every invariant; NULL where all hold, else what is wrong. For tests. */
const char *table_validate(struct table *table);

#endif
