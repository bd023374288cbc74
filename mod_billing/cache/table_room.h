/* SPDX-License-Identifier: Apache-2.0
 * Which slot a new entry takes: an empty one, one that becomes empty by a move, or another entry's. Internal to cache/.
 */
#ifndef BILLING_CACHE_TABLE_ROOM_H
#define BILLING_CACHE_TABLE_ROOM_H

#include "cache/table_hold.h"

/** An empty slot of the two buckets; false where there is none. */
bool room_empty(const struct hold *hold, struct spot *spot);

/** The slot whose loss costs least. */
struct spot room_victim(struct hold *hold);

/** Moves one of those who stand in this key's buckets to its own other bucket, if one of them has room there. Call it
 * without a hold. */
void room_make(struct table *table, const struct slot_key *key);

#endif
