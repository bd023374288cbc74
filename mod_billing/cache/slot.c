/* SPDX-License-Identifier: Apache-2.0
 * Packing and unpacking of one slot of the table, its key and its sum. */
#include "cache/slot.h"

#include "domain/catalogue.h"

#include <string.h>

/* The second word of an override: 31 bits say its kind and limit, 33 when it ends. */
#define CODE_BITS      31
#define CODE_MASK      UINT64_C(0x7fffffff)
#define CODE_UNLIMITED UINT64_C(0x7fffffff)
#define CODE_GRANT     UINT64_C(0x7ffffffe)
#define CODE_REFUSE    UINT64_C(0x7ffffffd)
_Static_assert(LIMIT_MAX < CODE_REFUSE, "a limit must not read as another kind");
_Static_assert(OVERRIDES_MAX < 128 && PARTS_MAX < 16, "meta has no room for more");

/* The halves of the 128-bit product, folded. */
static inline uint64_t product_fold(uint64_t left, uint64_t right)
{
#ifdef __SIZEOF_INT128__
    unsigned __int128 product = (unsigned __int128)left * right;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t low = (left & UINT32_MAX) * (right & UINT32_MAX), high = (left >> 32) * (right >> 32);
    uint64_t cross = (left >> 32) * (right & UINT32_MAX), cross_too = (left & UINT32_MAX) * (right >> 32);
    uint64_t middle = (low >> 32) + (cross & UINT32_MAX) + (cross_too & UINT32_MAX);
    return (middle << 32 | (low & UINT32_MAX)) ^ (high + (cross >> 32) + (cross_too >> 32) + (middle >> 32));
#endif
}

static inline uint64_t hash_words(const uint64_t secret[SECRET_WORDS], const uint64_t *words, size_t count,
                                  uint64_t start)
{
    uint64_t hash = secret[0] ^ start;
    for (size_t i = 0; i + 1 < count; i += 2) {
        hash = product_fold(hash ^ words[i], secret[1] ^ words[i + 1]);
    }
    if (count % 2) {
        hash = product_fold(hash ^ words[count - 1], secret[1]);
    }
    return product_fold(hash ^ secret[2], secret[3]);
}

static void key_place(struct slot_key *key, const uint64_t secret[SECRET_WORDS])
{
    key->hash = hash_words(secret, key->id, key->id_words, key->meta);
}

/* The last word of the id: what remains of it, then zeros. Where it can, with one load that also takes bytes before it;
 * to put it together in memory would stall the loads that follow. */
static inline uint64_t id_last_word(const char *org, size_t len)
{
    uint64_t word = 0;
    unsigned spare = (unsigned)(-len % 8) * 8;
    if (len < sizeof(word)) {
        memcpy(&word, org, len);
        return word;
    }
    memcpy(&word, org + len - sizeof(word), sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return word >> spare;
#else
    return word << spare;
#endif
}

bool slot_key_head(struct slot_key *key, const uint64_t secret[SECRET_WORDS], const char *org, bool livemode)
{
    size_t len = strnlen(org, ORG_ID_MAX + 1);
    if (!len || len > ORG_ID_MAX) {
        return false;
    }
    key->id_len = (unsigned)len;
    key->id_words = (unsigned)(len + 7) / 8;
    for (unsigned i = 0; i + 1 < key->id_words; ++i) {
        memcpy(&key->id[i], org + (size_t)i * sizeof(key->id[i]), sizeof(key->id[i]));
    }
    key->id[key->id_words - 1] = id_last_word(org, len);
    key->meta = (uint64_t)livemode << META_LIVEMODE_SHIFT | (uint64_t)len << META_ID_LEN_SHIFT;
    key->token = 0;
    key_place(key, secret);
    return true;
}

void slot_key_part(struct slot_key *key, const uint64_t secret[SECRET_WORDS], const struct slot_key *head,
                   uint64_t part, uint64_t token)
{
    *key = *head;
    key->meta |= part << META_PART_SHIFT;
    key->token = token;
    key_place(key, secret);
}

void slot_image_key(const struct slot_image *image, const uint64_t secret[SECRET_WORDS], struct slot_key *key)
{
    unsigned len = image->words[WORD_META] >> META_ID_LEN_SHIFT & 127;
    key->id_len = len > ORG_ID_MAX ? ORG_ID_MAX : len;
    key->id_words = (key->id_len + 7) / 8;
    key->meta = image->words[WORD_META] & META_KEY;
    key->token = key_part(key) ? image->words[WORD_PART_TOKEN] : 0;
    memcpy(key->id, image->words + (key_part(key) ? PART_ID : HEAD_ID), key->id_words * sizeof(uint64_t));
    key_place(key, secret);
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

static size_t head_room(unsigned id_words)
{
    return (SLOT_WORDS - HEAD_ID - id_words) / 2;
}

static size_t part_room(unsigned id_words)
{
    return (SLOT_WORDS - PART_ID - id_words) / 2;
}

static size_t parts_of(size_t overrides, unsigned id_words)
{
    size_t in_head = head_room(id_words), in_part = part_room(id_words);
    return overrides <= in_head ? 0 : (overrides - in_head + in_part - 1) / in_part;
}

/* Puts as many of the overrides from `first` on after the id as the slot has room for, and notes the words used. */
static void image_finish(struct slot_image *image, const struct slot_key *key, const struct packed_entry *packed,
                         size_t first, size_t room)
{
    unsigned word = key_part(key) ? PART_ID : HEAD_ID;
    memcpy(image->words + word, key->id, key->id_words * sizeof(uint64_t));
    word += key->id_words;
    for (size_t i = first; i < packed->override_count && i < first + room; ++i, word += 2) {
        memcpy(image->words + word, packed->overrides[i], sizeof(packed->overrides[i]));
    }
    image->words[WORD_META] |=
        key->meta | (uint64_t)packed->override_count << META_OVERRIDES_SHIFT | ((word + 3) & ~3U);
}

static bool overrides_pack(struct packed_entry *packed, const uint64_t secret[SECRET_WORDS], const struct slot_key *key,
                           const struct org_state *state)
{
    if (state->override_count > OVERRIDES_MAX) {
        return false;
    }
    packed->override_count = state->override_count;
    packed->part_count = parts_of(state->override_count, key->id_words);
    for (size_t i = 0; i < state->override_count; ++i) {
        if (!override_pack(&state->overrides[i], packed->overrides[i])) {
            return false;
        }
    }
    packed->token =
        packed->part_count
            ? hash_words(secret, packed->overrides[0], 2 * packed->override_count, packed->override_count) | 1
            : 0;
    return true;
}

bool entry_pack(struct packed_entry *packed, const uint64_t secret[SECRET_WORDS], const struct slot_key *key,
                const struct org_state *state, int64_t now)
{
    if ((unsigned)state->status > STATUS_CANCELED || !overrides_pack(packed, secret, key, state)) {
        return false;
    }
    struct slot_image *head = &packed->head;
    memset(head, 0, sizeof(*head));
    head->words[WORD_META] = (uint64_t)state->status << META_STATUS_SHIFT |
                             (uint64_t)state->grace_over << META_GRACE_OVER_SHIFT |
                             (uint64_t)state->has_customer << META_HAS_CUSTOMER_SHIFT |
                             (uint64_t)state->has_subscription << META_HAS_SUBSCRIPTION_SHIFT |
                             time_clipped(now, 0, ENTRY_TIME_MAX) << META_TIME_SHIFT;
    head->words[WORD_VERSION] = state->version;
    head->words[WORD_PLAN] = state->plan;
    head->words[WORD_APP_TYPE] = state->app_type;
    head->words[WORD_TIMES] = (uint64_t)state->period_end;
    head->words[WORD_TIMES + 1] = (uint64_t)state->cancel_at;
    head->words[WORD_TIMES + 2] = (uint64_t)state->past_due_since;
    head->words[WORD_TIMES + 3] = (uint64_t)state->created_at;
    head->words[WORD_TOKEN] = packed->token;
    image_finish(head, key, packed, 0, head_room(key->id_words));
    return true;
}

static size_t part_first(uint64_t part, unsigned id_words)
{
    return head_room(id_words) + (part - 1) * part_room(id_words);
}

void entry_pack_part(const struct packed_entry *packed, const struct slot_key *key, struct slot_image *image)
{
    memset(image, 0, sizeof(*image));
    image->words[WORD_PART_TOKEN] = key->token;
    image_finish(image, key, packed, part_first(key_part(key), key->id_words), part_room(key->id_words));
}

static void overrides_unpack(const uint64_t *words, struct org_state *state, size_t first, size_t room)
{
    for (size_t i = first; i < state->override_count && i < first + room; ++i, words += 2) {
        override_unpack(words, &state->overrides[i]);
    }
}

static size_t image_overrides(const struct slot_image *image)
{
    size_t count = image->words[WORD_META] >> META_OVERRIDES_SHIFT & 127;
    return count > OVERRIDES_MAX ? OVERRIDES_MAX : count;
}

size_t slot_image_parts(const struct slot_image *head, const struct slot_key *key, uint64_t *token)
{
    *token = head->words[WORD_TOKEN];
    return !*token ? 0 : parts_of(image_overrides(head), key->id_words);
}

void entry_unpack(const struct slot_image *head, const struct slot_key *key, struct org_state *state)
{
    uint64_t meta = head->words[WORD_META];
    state->status = (enum billing_status)(meta >> META_STATUS_SHIFT & 3);
    state->grace_over = meta >> META_GRACE_OVER_SHIFT & 1;
    state->has_customer = meta >> META_HAS_CUSTOMER_SHIFT & 1;
    state->has_subscription = meta >> META_HAS_SUBSCRIPTION_SHIFT & 1;
    state->version = head->words[WORD_VERSION];
    state->plan = head->words[WORD_PLAN];
    state->app_type = head->words[WORD_APP_TYPE];
    state->period_end = (int64_t)head->words[WORD_TIMES];
    state->cancel_at = (int64_t)head->words[WORD_TIMES + 1];
    state->past_due_since = (int64_t)head->words[WORD_TIMES + 2];
    state->created_at = (int64_t)head->words[WORD_TIMES + 3];
    state->verified_at = (int64_t)(meta >> META_TIME_SHIFT);
    state->override_count = image_overrides(head);
    overrides_unpack(head->words + HEAD_ID + key->id_words, state, 0, head_room(key->id_words));
}

void entry_unpack_part(const struct slot_image *image, const struct slot_key *key, struct org_state *state)
{
    overrides_unpack(image->words + PART_ID + key->id_words, state, part_first(key_part(key), key->id_words),
                     part_room(key->id_words));
}
