/* SPDX-License-Identifier: Apache-2.0
 * What stands in one slot of the table: how an org's state becomes 24 words and comes back. Pure; internal to cache/.
 *
 * A slot holds the head of an entry with the first overrides, or one part of a longer list of them. Both end with the
 * id, in as many words as it takes, and as many overrides of two words as there is room for then: three to six in a
 * head, six to ten in a part. Words that are not used are not read either, so an org with an id of up to 48 bytes and
 * without overrides costs two cache lines.
 *
 *        head                                                part
 *    0   sum over the others                                 the same
 *    1   meta                                                the same
 *    2   version                                             token
 *    3   plan                                                id, overrides
 *    4   app_type
 *    5   period_end, cancel_at, past_due_since, created_at
 *    9   token
 *   10   id, overrides
 *
 * The token is a hash of the whole list of overrides, 0 where the head holds them all. It ties parts to the head: parts
 * of equal content are interchangeable, others are never taken for each other. */
#ifndef BILLING_CACHE_SLOT_H
#define BILLING_CACHE_SLOT_H

#include "domain/key.h"
#include "domain/state.h"

#define SLOT_WORDS   24
#define ID_WORDS     (ORG_ID_MAX / 8)
#define SECRET_WORDS 4

/* The first word of the id in a head and in a part. */
#define HEAD_ID 10
#define PART_ID 3

/* At least so many overrides fit, so there are at most so many parts. */
#define HEAD_OVERRIDES ((SLOT_WORDS - HEAD_ID - ID_WORDS) / 2)
#define PART_OVERRIDES ((SLOT_WORDS - PART_ID - ID_WORDS) / 2)
#define PARTS_MAX      ((OVERRIDES_MAX - HEAD_OVERRIDES + PART_OVERRIDES - 1) / PART_OVERRIDES)

enum { WORD_SUM, WORD_META, WORD_VERSION, WORD_PLAN, WORD_APP_TYPE, WORD_TIMES, WORD_TOKEN = 9, WORD_PART_TOKEN = 2 };

/* meta: words used 5 bits, part 4, livemode 1, length of the id 7, overrides of the whole entry 7, status 2,
 * grace_over 1, has_customer 1, has_subscription 1, time 35 */
enum {
    META_PART_SHIFT = 5,
    META_LIVEMODE_SHIFT = 9,
    META_ID_LEN_SHIFT = 10,
    META_OVERRIDES_SHIFT = 17,
    META_STATUS_SHIFT = 24,
    META_GRACE_OVER_SHIFT = 26,
    META_HAS_CUSTOMER_SHIFT = 27,
    META_HAS_SUBSCRIPTION_SHIFT = 28,
    META_TIME_SHIFT = 29
};
#define META_WORDS UINT64_C(31)
#define META_KEY                                                                                                       \
    (UINT64_C(15) << META_PART_SHIFT | UINT64_C(1) << META_LIVEMODE_SHIFT | UINT64_C(127) << META_ID_LEN_SHIFT)

/* What an entry can hold of a time that is its own or an override's; later ones are stored as the last. */
#define ENTRY_TIME_MAX      INT64_C(0x7ffffffff)  /* the year 3058 */
#define OVERRIDE_EXPIRY_MAX INT64_C(0x1ffffffff)  /* the year 2242 */

struct slot_image {
    uint64_t words[SLOT_WORDS];
};

/* Equality of two keys is equality of the id, the mode, the part and the token; `hash` only places. */
struct slot_key {
    uint64_t id[ID_WORDS]; /* as many words as id_len needs, the last one padded with zeros; the rest is not set */
    unsigned id_words;
    unsigned id_len;
    uint64_t meta;  /* the bits of META_KEY */
    uint64_t token; /* of a part */
    uint64_t hash;
};

/** Places are found by a hash with the table's secret, of which nothing is ever told outside: tenants may choose their
 * ids, but not with whom they share a bucket. False where `org` is empty or longer than ORG_ID_MAX. */
bool slot_key_head(struct slot_key *key, const uint64_t secret[SECRET_WORDS], const char *org, bool livemode);
void slot_key_part(struct slot_key *key, const uint64_t secret[SECRET_WORDS], const struct slot_key *head,
                   uint64_t part, uint64_t token);

static inline uint64_t key_part(const struct slot_key *key)
{
    return key->meta >> META_PART_SHIFT & 15;
}

static inline bool key_livemode(const struct slot_key *key)
{
    return key->meta >> META_LIVEMODE_SHIFT & 1;
}

/** The key that the image is of. Whatever the image says, the id stays within ORG_ID_MAX. */
void slot_image_key(const struct slot_image *image, const uint64_t secret[SECRET_WORDS], struct slot_key *key);

/** How many words of a slot are in use, by its meta word: a multiple of four, at most SLOT_WORDS. */
static inline unsigned meta_words(uint64_t meta)
{
    unsigned words = meta & META_WORDS;
    return words > SLOT_WORDS ? SLOT_WORDS : words;
}

/** True where the image is of this very key. The image need not be whole: see slot_sum. */
static inline bool slot_image_is(const struct slot_image *image, const struct slot_key *key)
{
    const uint64_t *id = image->words + (key_part(key) ? PART_ID : HEAD_ID);
    uint64_t difference = (image->words[WORD_META] & META_KEY) ^ key->meta;
    for (unsigned i = 0; i < key->id_words; ++i) {
        difference |= id[i] ^ key->id[i];
    }
    return !difference && (!key_part(key) || image->words[WORD_PART_TOKEN] == key->token);
}

/* The sum over all used words but the sum itself, and over the stamp under which the slot was taken: four lanes side by
 * side, so that the multiplications overlap. Every step is a bijection of its lane, so one changed word always changes
 * it. Guards against accidents of timing, not against an adversary: nobody but the module writes here. */
struct slot_sum {
    uint64_t lanes[4];
};

static inline uint64_t sum_step(uint64_t lane, uint64_t word)
{
    lane = (lane ^ word) * UINT64_C(0x6df1f463f97e4107);
    return lane << 29 | lane >> 35;
}

static inline void slot_sum_begin(struct slot_sum *sum)
{
    sum->lanes[0] = UINT64_C(0x66765cead160770c);
    sum->lanes[1] = UINT64_C(0x426ec35779ccd563);
    sum->lanes[2] = UINT64_C(0xb67b87beed6a28da);
    sum->lanes[3] = UINT64_C(0x1d2c9be4a3f0715e);
}

/** Takes the next four words; of the first four the stamp stands in for the first. */
static inline void slot_sum_take(struct slot_sum *sum, uint64_t first, uint64_t second, uint64_t third, uint64_t fourth)
{
    sum->lanes[0] = sum_step(sum->lanes[0], first);
    sum->lanes[1] = sum_step(sum->lanes[1], second);
    sum->lanes[2] = sum_step(sum->lanes[2], third);
    sum->lanes[3] = sum_step(sum->lanes[3], fourth);
}

static inline uint64_t slot_sum_end(const struct slot_sum *sum)
{
    return sum_step(sum_step(sum_step(sum->lanes[0], sum->lanes[1]), sum->lanes[2]), sum->lanes[3]);
}

/* An entry ready for the table: the head, and all overrides packed into two words each. */
struct packed_entry {
    struct slot_image head;
    uint64_t token;
    size_t part_count;
    size_t override_count;
    uint64_t overrides[OVERRIDES_MAX][2];
};

/** False where the state holds what an entry cannot: too many overrides, a limit or a status out of range. */
bool entry_pack(struct packed_entry *packed, const uint64_t secret[SECRET_WORDS], const struct slot_key *key,
                const struct org_state *state, int64_t now);
void entry_pack_part(const struct packed_entry *packed, const struct slot_key *key, struct slot_image *image);

/** Fills in all of `state` but the overrides that parts hold; verified_at is the entry's own time. */
void entry_unpack(const struct slot_image *head, const struct slot_key *key, struct org_state *state);
void entry_unpack_part(const struct slot_image *image, const struct slot_key *key, struct org_state *state);

/** How many parts belong to a head, and the token by which they are found. */
size_t slot_image_parts(const struct slot_image *head, const struct slot_key *key, uint64_t *token);

static inline bool slot_image_is_part(const struct slot_image *image)
{
    return image->words[WORD_META] >> META_PART_SHIFT & 15;
}

/** 0 for a part, which has none: its token says what it belongs to. */
static inline uint64_t slot_image_version(const struct slot_image *image)
{
    return slot_image_is_part(image) ? 0 : image->words[WORD_VERSION];
}

/** True where an entry says that the database has no row. */
static inline bool slot_image_bare(const struct slot_image *image)
{
    return !slot_image_is_part(image) && !image->words[WORD_VERSION];
}

#endif
