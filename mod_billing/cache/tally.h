/* SPDX-License-Identifier: Apache-2.0
 * Counters in shared memory: how often what was seen, of which org and feature, on which day, and when first and last.
 * One fixed block that any number of processes map. Counting takes no lock and never waits; a full table drops the
 * count and counts that. It knows nothing of httpd, APR or a database.
 *
 * Draining is for one at a time, under a lock of its own, and works by numbered batches: a batch stays the same, in
 * number and content, until it is settled, also where the process that sealed it dies. So whoever writes batches down
 * together with their number writes each count exactly once, however often a batch has to be sent. */
#ifndef BILLING_CACHE_TALLY_H
#define BILLING_CACHE_TALLY_H

#include "domain/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally;

#define TALLY_ALIGNMENT 64
#define TALLY_ID_MAX    32

/* What is counted. */
struct tally_key {
    const char *org; /* "": none */
    bool livemode;
    const char *feature;
    unsigned char reason;
    int32_t day; /* days since the epoch */
};

/** Bytes that a tally with `slots` counters, a power of two, needs; 0 where that is none or would overflow. */
size_t tally_size(size_t slots);

/** Lays an empty tally into zeroed memory; NULL where it is too small or not aligned.
 * @param id names these counters for ever, 1..TALLY_ID_MAX bytes: batch numbers count from 1 for each id */
struct tally *tally_format(void *memory, size_t size, size_t slots, const char *id);

/** The tally already in `memory`, or NULL where its layout or room is another. */
struct tally *tally_attach(void *memory, size_t size);

/** Counts one. False where there was no room: it is dropped. Safe at any time in any process and thread.
 * @param now seconds since the epoch */
bool tally_count(struct tally *tally, const struct tally_key *key, int64_t now);

const char *tally_id(const struct tally *tally);
/** How many were dropped since the beginning. */
uint64_t tally_dropped(const struct tally *tally);

/* Draining. All of these but tally_lock are for who has the lock. */

/** Waits at most `milliseconds`. A holder that died is replaced. */
bool tally_lock(struct tally *tally, unsigned milliseconds);
void tally_unlock(struct tally *tally);

/** The number of the batch to be written down: the last one where it was not settled, else a new one with at most
 * `most` counters; 0: there is nothing. */
uint64_t tally_seal(struct tally *tally, size_t most);

/** Calls `visit` for each counter of the sealed batch. Several may have the same key. The strings live for the call. */
typedef void (*tally_visitor)(void *baton, const struct tally_key *key, uint64_t count, int64_t first_seen,
                              int64_t last_seen);
void tally_visit(struct tally *tally, tally_visitor visit, void *baton);

/** The sealed batch is written down. Counters that were idle meanwhile are free again. */
void tally_settle(struct tally *tally);

#endif
