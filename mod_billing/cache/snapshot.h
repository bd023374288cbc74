/* SPDX-License-Identifier: Apache-2.0
 * The table saved to a file at a stop and loaded at the next start, so that no start is cold. */
#ifndef BILLING_CACHE_SNAPSHOT_H
#define BILLING_CACHE_SNAPSHOT_H

#include "cache/table.h"

/* Longest text of a reason, and of an origin. */
#define SNAPSHOT_REASON_SIZE 256
#define SNAPSHOT_ORIGIN_MAX  255

/** Saves all entries with the change feed's position and the basis (TABLE_BASIS) that belong to them. The file appears
 * whole or not at all, and only its owner can read it. May run while others still write the table: each entry is saved
 * as it stood at a moment after the position was read.
 * @param origin names the database that the states come from; a snapshot of another one is not loaded
 * @param now seconds since the epoch
 * @return false with `reason` filled in; a file that was there before is then still there */
bool snapshot_save(struct table *table, const char *path, const char *origin, int64_t now,
                   char reason[SNAPSHOT_REASON_SIZE]);

enum snapshot_outcome { SNAPSHOT_LOADED, SNAPSHOT_ABSENT, SNAPSHOT_REFUSED };

/** Loads a snapshot into a new table of any room, each entry with the time at which it was last known to be current,
 * and sets position and basis. Nothing is loaded of a file that is not whole, too old, from the future, of another
 * origin or layout, or that another account owns or may write: SNAPSHOT_REFUSED, with `reason` filled in.
 * @param age_max seconds since it was saved
 * @param entries how many were loaded; may be NULL */
enum snapshot_outcome snapshot_load(struct table *table, const char *path, const char *origin, int64_t now,
                                    int64_t age_max, uint64_t *entries, char reason[SNAPSHOT_REASON_SIZE]);

#endif
