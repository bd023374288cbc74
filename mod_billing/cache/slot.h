/* SPDX-License-Identifier: Apache-2.0
 * What stands in one slot of the table: how an org's state becomes 24 words and comes back. Pure; internal to cache/.
 *
 * A slot holds the head of an entry, with up to three overrides, or one part of a longer list of overrides. Word by
 * word, ordered so that an org with an id of up to 48 bytes and without overrides lies in two cache lines:
 *
 *        head                           part
 *    0   sum over the others            the same
 *    1   meta (below)                   the same
 *    2   version                        0
 *    3   plan                           token
 *    4   id, first 48 bytes             the same
 *   10   app_type                       three overrides
 *   11   period_end, cancel_at,
 *        past_due_since, created_at
 *   15   token
 *   16   id, last 16 bytes              the same
 *   18   three overrides                three overrides
 *
 * The token is a hash of the whole list of overrides, 0 where the head holds them all. It ties parts to the head: parts
 * of equal content are interchangeable, others are never taken for each other. */
#ifndef BILLING_CACHE_SLOT_H
#define BILLING_CACHE_SLOT_H

#include "domain/key.h"
#include "domain/state.h"

#define SLOT_WORDS     24
#define ID_WORDS       (ORG_ID_MAX / 8)
#define HEAD_OVERRIDES 3
#define PART_OVERRIDES 6
#define PARTS_MAX      ((OVERRIDES_MAX - HEAD_OVERRIDES + PART_OVERRIDES - 1) / PART_OVERRIDES)

/* What an entry can hold of a time that is its own or an override's; later ones are stored as the last. */
#define ENTRY_TIME_MAX      INT64_C(0x3ffffffffff)
#define OVERRIDE_EXPIRY_MAX INT64_C(0x1ffffffff) /* the year 2242 */

struct slot_image {
    uint64_t words[SLOT_WORDS];
};

/* Equality of two keys is equality of all words of the id, of the mode, the part and the token; `hash` only places. */
struct slot_key {
    uint64_t id[ID_WORDS]; /* zero-padded */
    uint64_t id_len;
    uint64_t livemode; /* 0 or 1 */
    uint64_t part;     /* 0: the head; else 1..PARTS_MAX */
    uint64_t token;    /* of a part */
    uint64_t hash;
};

/** SipHash-1-3 with the table's secret: tenants may choose their ids, but not who shares a bucket with them.
 * False where `org` is empty or longer than ORG_ID_MAX. */
bool slot_key_head(struct slot_key *key, const uint64_t secret[2], const char *org, bool livemode);
void slot_key_part(struct slot_key *key, const uint64_t secret[2], const struct slot_key *head, uint64_t part,
                   uint64_t token);

/** True where the image is of this very key. The image need not be whole: see slot_sum. */
bool slot_image_is(const struct slot_image *image, const struct slot_key *key);

/** The key that the image is of. The id is clipped to ORG_ID_MAX whatever the image says. */
void slot_image_key(const struct slot_image *image, const uint64_t secret[2], struct slot_key *key);

/** The sum over all words but the sum itself, bound to the stamp under which the slot was taken. */
uint64_t slot_sum(const struct slot_image *image, uint64_t stamp);

/* An entry ready for the table: the head, and all overrides packed into two words each. */
struct packed_entry {
    struct slot_image head;
    uint64_t token;
    size_t part_count;
    size_t override_count;
    uint64_t overrides[OVERRIDES_MAX][2];
};

/** False where the state holds what an entry cannot: too many overrides, a limit or a status out of range. */
bool entry_pack(struct packed_entry *packed, const uint64_t secret[2], const struct slot_key *key,
                const struct org_state *state, int64_t now);
void entry_pack_part(const struct packed_entry *packed, const struct slot_key *key, struct slot_image *image);

/** Fills in all of `state` but the overrides that parts hold; verified_at is the entry's own time. */
void entry_unpack(const struct slot_image *head, struct org_state *state);
void entry_unpack_part(const struct slot_image *image, uint64_t part, struct org_state *state);

/** How many parts belong to a head, and the token by which they are found. */
size_t slot_image_parts(const struct slot_image *head, uint64_t *token);

/** 0 for a part: those have no version. */
uint64_t slot_image_version(const struct slot_image *image);

/** True where an entry says that the database has no row. */
bool slot_image_bare(const struct slot_image *image);

#endif
