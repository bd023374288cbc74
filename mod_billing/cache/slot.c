/* SPDX-License-Identifier: Apache-2.0
 * Packing and unpacking of one slot of the table, its key and its sum. */
#include "cache/slot.h"

#include "domain/catalogue.h"

#include <string.h>

enum { WORD_SUM, WORD_META, WORD_VERSION, WORD_PLAN, WORD_ID, WORD_APP_TYPE = 10, WORD_TIMES, WORD_TOKEN = 15 };
enum { WORD_PART_TOKEN = WORD_PLAN, ID_WORDS_FIRST = 6, WORD_ID_REST = 16 };

/* Where the n-th override of a head or a part begins. */
static const unsigned head_override_word[HEAD_OVERRIDES] = {18, 20, 22};
static const unsigned part_override_word[PART_OVERRIDES] = {10, 12, 14, 18, 20, 22};

/* meta: status 2 bits, grace_over 1, livemode 1, part 4, overrides of the whole entry 7, length of the id 7, time 42 */
enum {
    META_GRACE_OVER_SHIFT = 2,
    META_LIVEMODE_SHIFT = 3,
    META_PART_SHIFT = 4,
    META_OVERRIDES_SHIFT = 8,
    META_ID_LEN_SHIFT = 15,
    META_TIME_SHIFT = 22
};
#define META_KEY_MASK                                                                                                  \
    (UINT64_C(1) << META_LIVEMODE_SHIFT | UINT64_C(15) << META_PART_SHIFT | UINT64_C(127) << META_ID_LEN_SHIFT)

/* The second word of an override: 31 bits say its kind and limit, 33 when it ends. */
#define CODE_BITS      31
#define CODE_MASK      UINT64_C(0x7fffffff)
#define CODE_UNLIMITED UINT64_C(0x7fffffff)
#define CODE_GRANT     UINT64_C(0x7ffffffe)
#define CODE_REFUSE    UINT64_C(0x7ffffffd)
_Static_assert(LIMIT_MAX < CODE_REFUSE, "a limit must not read as another kind");
_Static_assert(OVERRIDES_MAX < 128 && PARTS_MAX < 16, "meta has no room for more");

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

struct sip {
    uint64_t a, b, c, d;
};

static inline void sip_round(struct sip *sip)
{
    sip->a += sip->b;
    sip->c += sip->d;
    sip->b = rotate(sip->b, 13) ^ sip->a;
    sip->d = rotate(sip->d, 16) ^ sip->c;
    sip->a = rotate(sip->a, 32) + sip->d;
    sip->c += sip->b;
    sip->d = rotate(sip->d, 21) ^ sip->a;
    sip->b = rotate(sip->b, 17) ^ sip->c;
    sip->c = rotate(sip->c, 32);
}

static inline void sip_take(struct sip *sip, uint64_t word)
{
    sip->d ^= word;
    sip_round(sip);
    sip->a ^= word;
}

/* SipHash-1-3 over whole words; `last` takes the place of its length byte and tells lengths apart. */
static inline uint64_t sip_words(const uint64_t secret[2], const uint64_t *words, size_t count, uint64_t last)
{
    struct sip sip = {secret[0] ^ UINT64_C(0x736f6d6570736575), secret[1] ^ UINT64_C(0x646f72616e646f6d),
                      secret[0] ^ UINT64_C(0x6c7967656e657261), secret[1] ^ UINT64_C(0x7465646279746573)};
    for (size_t i = 0; i < count; ++i) {
        sip_take(&sip, words[i]);
    }
    sip_take(&sip, last);
    sip.c ^= 0xff;
    sip_round(&sip);
    sip_round(&sip);
    sip_round(&sip);
    return sip.a ^ sip.b ^ sip.c ^ sip.d;
}

static inline uint64_t key_meta(const struct slot_key *key)
{
    return key->livemode << META_LIVEMODE_SHIFT | key->part << META_PART_SHIFT | key->id_len << META_ID_LEN_SHIFT;
}

static inline void key_place(struct slot_key *key, const uint64_t secret[2])
{
    key->hash = sip_words(secret, key->id, (key->id_len + 7) / 8, key_meta(key));
}

bool slot_key_head(struct slot_key *key, const uint64_t secret[2], const char *org, bool livemode)
{
    size_t len = strnlen(org, ORG_ID_MAX + 1);
    if (!len || len > ORG_ID_MAX) {
        return false;
    }
    memset(key, 0, sizeof(*key));
    memcpy(key->id, org, len);
    key->id_len = len;
    key->livemode = livemode;
    key_place(key, secret);
    return true;
}

void slot_key_part(struct slot_key *key, const uint64_t secret[2], const struct slot_key *head, uint64_t part,
                   uint64_t token)
{
    *key = *head;
    key->part = part;
    key->token = token;
    key_place(key, secret);
}

static uint64_t image_id_difference(const struct slot_image *image, const struct slot_key *key)
{
    uint64_t difference = 0;
    for (unsigned i = 0; i < ID_WORDS_FIRST; ++i) {
        difference |= image->words[WORD_ID + i] ^ key->id[i];
    }
    for (unsigned i = ID_WORDS_FIRST; i < ID_WORDS; ++i) {
        difference |= image->words[WORD_ID_REST + i - ID_WORDS_FIRST] ^ key->id[i];
    }
    return difference;
}

bool slot_image_is(const struct slot_image *image, const struct slot_key *key)
{
    return !image_id_difference(image, key) && (image->words[WORD_META] & META_KEY_MASK) == key_meta(key) &&
           (!key->part || image->words[WORD_PART_TOKEN] == key->token);
}

static void image_set_key(struct slot_image *image, const struct slot_key *key)
{
    memcpy(&image->words[WORD_ID], key->id, ID_WORDS_FIRST * sizeof(uint64_t));
    memcpy(&image->words[WORD_ID_REST], key->id + ID_WORDS_FIRST, (ID_WORDS - ID_WORDS_FIRST) * sizeof(uint64_t));
    image->words[WORD_META] = key_meta(key);
}

void slot_image_key(const struct slot_image *image, const uint64_t secret[2], struct slot_key *key)
{
    uint64_t meta = image->words[WORD_META];
    memset(key, 0, sizeof(*key));
    memcpy(key->id, &image->words[WORD_ID], ID_WORDS_FIRST * sizeof(uint64_t));
    memcpy(key->id + ID_WORDS_FIRST, &image->words[WORD_ID_REST], (ID_WORDS - ID_WORDS_FIRST) * sizeof(uint64_t));
    key->id_len = meta >> META_ID_LEN_SHIFT & 127;
    key->id_len = key->id_len > ORG_ID_MAX ? ORG_ID_MAX : key->id_len;
    key->livemode = meta >> META_LIVEMODE_SHIFT & 1;
    key->part = meta >> META_PART_SHIFT & 15;
    key->token = key->part ? image->words[WORD_PART_TOKEN] : 0;
    key_place(key, secret);
}

/* Four lanes side by side, so that the multiplications overlap. Every step is a bijection of its lane, so one changed
 * word always changes the sum. Guards against accidents of timing, not against an adversary: nobody but the module
 * writes here. */
uint64_t slot_sum(const struct slot_image *image, uint64_t stamp)
{
    const uint64_t multiplier = UINT64_C(0x6df1f463f97e4107);
    uint64_t lane[4] = {stamp, UINT64_C(0x66765cead160770c), UINT64_C(0x426ec35779ccd563),
                        UINT64_C(0xb67b87beed6a28da)};
    lane[0] = rotate(lane[0] * multiplier, 29);
    for (unsigned i = 0; i < SLOT_WORDS; i += 4) {
        lane[0] = rotate((lane[0] ^ (i ? image->words[i] : 0)) * multiplier, 29);
        lane[1] = rotate((lane[1] ^ image->words[i + 1]) * multiplier, 29);
        lane[2] = rotate((lane[2] ^ image->words[i + 2]) * multiplier, 29);
        lane[3] = rotate((lane[3] ^ image->words[i + 3]) * multiplier, 29);
    }
    uint64_t sum = lane[0] + rotate(lane[1], 17) + rotate(lane[2], 31) + rotate(lane[3], 47);
    return (sum ^ sum >> 32) * multiplier;
}

static uint64_t time_clipped(int64_t time, int64_t least, int64_t most)
{
    return (uint64_t)(time < least ? least : time > most ? most : time);
}

static bool override_pack(const struct override *override, uint64_t packed[2])
{
    uint64_t code;
    switch (override->kind) {
    case OVERRIDE_REFUSE:
        code = CODE_REFUSE;
        break;
    case OVERRIDE_GRANT:
        code = CODE_GRANT;
        break;
    case OVERRIDE_LIMIT:
        if (override->limit != LIMIT_UNLIMITED && (override->limit < 0 || override->limit > LIMIT_MAX)) {
            return false;
        }
        code = override->limit == LIMIT_UNLIMITED ? CODE_UNLIMITED : (uint64_t) override->limit;
        break;
    default:
        return false;
    }
    /* 0 means never, so a time before 1970 becomes the first second after it. */
    uint64_t expires = override->expires ? time_clipped(override->expires, 1, OVERRIDE_EXPIRY_MAX) : 0;
    packed[0] = override->key;
    packed[1] = expires << CODE_BITS | code;
    return true;
}

static void override_unpack(const uint64_t packed[2], struct override *override)
{
    uint64_t code = packed[1] & CODE_MASK;
    override->key = packed[0];
    override->expires = (int64_t)(packed[1] >> CODE_BITS);
    override->limit = 0;
    if (code == CODE_REFUSE) {
        override->kind = OVERRIDE_REFUSE;
    } else if (code == CODE_GRANT) {
        override->kind = OVERRIDE_GRANT;
    } else {
        override->kind = OVERRIDE_LIMIT;
        override->limit = code == CODE_UNLIMITED ? LIMIT_UNLIMITED : (int64_t)code;
    }
}

static size_t parts_of(size_t overrides)
{
    return overrides <= HEAD_OVERRIDES ? 0 : (overrides - HEAD_OVERRIDES + PART_OVERRIDES - 1) / PART_OVERRIDES;
}

static bool overrides_pack(struct packed_entry *packed, const uint64_t secret[2], const struct org_state *state)
{
    if (state->override_count > OVERRIDES_MAX) {
        return false;
    }
    packed->override_count = state->override_count;
    packed->part_count = parts_of(state->override_count);
    for (size_t i = 0; i < state->override_count; ++i) {
        if (!override_pack(&state->overrides[i], packed->overrides[i])) {
            return false;
        }
    }
    packed->token =
        packed->part_count
            ? sip_words(secret, packed->overrides[0], 2 * packed->override_count, packed->override_count) | 1
            : 0;
    return true;
}

bool entry_pack(struct packed_entry *packed, const uint64_t secret[2], const struct slot_key *key,
                const struct org_state *state, int64_t now)
{
    if ((unsigned)state->status > STATUS_CANCELED || !overrides_pack(packed, secret, state)) {
        return false;
    }
    struct slot_image *head = &packed->head;
    memset(head, 0, sizeof(*head));
    image_set_key(head, key);
    head->words[WORD_META] |= (uint64_t)state->status | (uint64_t)state->grace_over << META_GRACE_OVER_SHIFT |
                              (uint64_t)state->override_count << META_OVERRIDES_SHIFT |
                              time_clipped(now, 0, ENTRY_TIME_MAX) << META_TIME_SHIFT;
    head->words[WORD_VERSION] = state->version;
    head->words[WORD_PLAN] = state->plan;
    head->words[WORD_APP_TYPE] = state->app_type;
    head->words[WORD_TIMES] = (uint64_t)state->period_end;
    head->words[WORD_TIMES + 1] = (uint64_t)state->cancel_at;
    head->words[WORD_TIMES + 2] = (uint64_t)state->past_due_since;
    head->words[WORD_TIMES + 3] = (uint64_t)state->created_at;
    head->words[WORD_TOKEN] = packed->token;
    for (size_t i = 0; i < state->override_count && i < HEAD_OVERRIDES; ++i) {
        memcpy(&head->words[head_override_word[i]], packed->overrides[i], sizeof(packed->overrides[i]));
    }
    return true;
}

static size_t part_first(uint64_t part)
{
    return HEAD_OVERRIDES + (part - 1) * PART_OVERRIDES;
}

void entry_pack_part(const struct packed_entry *packed, const struct slot_key *key, struct slot_image *image)
{
    memset(image, 0, sizeof(*image));
    image_set_key(image, key);
    image->words[WORD_META] |= (uint64_t)packed->override_count << META_OVERRIDES_SHIFT;
    image->words[WORD_PART_TOKEN] = key->token;
    size_t first = part_first(key->part);
    for (size_t i = 0; i < PART_OVERRIDES && first + i < packed->override_count; ++i) {
        memcpy(&image->words[part_override_word[i]], packed->overrides[first + i], sizeof(packed->overrides[0]));
    }
}

static size_t image_overrides(const struct slot_image *image)
{
    size_t count = image->words[WORD_META] >> META_OVERRIDES_SHIFT & 127;
    return count > OVERRIDES_MAX ? OVERRIDES_MAX : count;
}

size_t slot_image_parts(const struct slot_image *head, uint64_t *token)
{
    *token = head->words[WORD_TOKEN];
    return parts_of(image_overrides(head));
}

void entry_unpack(const struct slot_image *head, struct org_state *state)
{
    uint64_t meta = head->words[WORD_META];
    state->status = (enum billing_status)(meta & 3);
    state->grace_over = meta >> META_GRACE_OVER_SHIFT & 1;
    state->version = head->words[WORD_VERSION];
    state->plan = head->words[WORD_PLAN];
    state->app_type = head->words[WORD_APP_TYPE];
    state->period_end = (int64_t)head->words[WORD_TIMES];
    state->cancel_at = (int64_t)head->words[WORD_TIMES + 1];
    state->past_due_since = (int64_t)head->words[WORD_TIMES + 2];
    state->created_at = (int64_t)head->words[WORD_TIMES + 3];
    state->verified_at = (int64_t)(meta >> META_TIME_SHIFT);
    state->override_count = image_overrides(head);
    for (size_t i = 0; i < state->override_count && i < HEAD_OVERRIDES; ++i) {
        override_unpack(&head->words[head_override_word[i]], &state->overrides[i]);
    }
}

void entry_unpack_part(const struct slot_image *image, uint64_t part, struct org_state *state)
{
    size_t first = part_first(part);
    for (size_t i = 0; i < PART_OVERRIDES && first + i < state->override_count; ++i) {
        override_unpack(&image->words[part_override_word[i]], &state->overrides[first + i]);
    }
}

uint64_t slot_image_version(const struct slot_image *image)
{
    return image->words[WORD_VERSION];
}

bool slot_image_bare(const struct slot_image *image)
{
    return !image->words[WORD_VERSION] && !(image->words[WORD_META] >> META_PART_SHIFT & 15);
}
