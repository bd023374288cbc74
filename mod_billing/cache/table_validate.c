/* SPDX-License-Identifier: Apache-2.0
 * The invariants of a table at rest, checked one by one. */
#include "cache/table_layout.h"

static const char *header_validate(const struct table *table)
{
    if (table->magic != TABLE_MAGIC || table->layout != TABLE_LAYOUT) {
        return "the header is not of this layout";
    }
    if (table->size != table_size(table->orgs) || table->bucket_count < BLOCKS_MIN * BLOCK_BUCKETS ||
        !table->offset_span || table->offset_span >= table->bucket_count || table->offset_span > 255) {
        return "the header contradicts itself";
    }
    return NULL;
}

static unsigned times_in_bucket(struct table *table, uint32_t index, const struct slot_key *key)
{
    unsigned times = 0;
    for (unsigned way = 0; way < WAYS; ++way) {
        struct slot_image image;
        uint64_t control = atomic_load(&table_bucket(table, index)->control[way]);
        if ((control & CONTROL_STATE) == CONTROL_LIVE) {
            times += slot_load(table_slot(table, index, way), control, &image) && slot_image_is(&image, key);
        }
    }
    return times;
}

static const char *live_validate(struct table *table, uint32_t index, unsigned way, uint64_t control)
{
    struct slot_image image;
    struct slot_key key;
    if (!slot_load(table_slot(table, index, way), control, &image)) {
        return "the words of a live slot do not fit their sum";
    }
    slot_image_key(&image, table->secret, &key);
    struct place place = slot_place(table, &key);
    if (index != place.bucket[0] && index != place.bucket[1]) {
        return "an entry stands in a bucket that is not its own";
    }
    if (!control_matches(control, &place)) {
        return "a control word has another tag than its entry";
    }
    if (!(control & CONTROL_BARE) != !slot_image_bare(&image)) {
        return "a control word and its entry differ on whether there is a row";
    }
    if (times_in_bucket(table, place.bucket[0], &key) + times_in_bucket(table, place.bucket[1], &key) != 1) {
        return "an entry stands in two slots";
    }
    return NULL;
}

static const char *slot_validate(struct table *table, uint32_t index, unsigned way)
{
    uint64_t control = atomic_load(&table_bucket(table, index)->control[way]);
    switch (control & CONTROL_STATE) {
    case CONTROL_EMPTY:
        return control & (CONTROL_TAG | CONTROL_BARE | CONTROL_PART) ? "an empty slot has a tag or flags" : NULL;
    case CONTROL_BUSY: /* left by a writer that died; the next one that comes by frees it */
        return control & CONTROL_BARE ? "a busy slot has a flag of a live one" : NULL;
    case CONTROL_LIVE:
        return live_validate(table, index, way, control);
    default:
        return "a control word has no state";
    }
}

const char *table_validate(struct table *table)
{
    const char *wrong = header_validate(table);
    for (uint32_t index = 0; !wrong && index < table->bucket_count; ++index) {
        if (atomic_load(&table_bucket(table, index)->touched) >> WAYS) {
            return "a bucket marks slots that it does not have";
        }
        for (unsigned way = 0; !wrong && way < WAYS; ++way) {
            wrong = slot_validate(table, index, way);
        }
    }
    return wrong;
}
