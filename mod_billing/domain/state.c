/* SPDX-License-Identifier: Apache-2.0
 * Overrides in force. */
#include "domain/state.h"

bool override_in_force(const struct override *override, int64_t now)
{
    return !override->expires || now < override->expires;
}

bool override_hides(const struct override *first, const struct override *later)
{
    return first->key == later->key && (first->kind == OVERRIDE_LIMIT) == (later->kind == OVERRIDE_LIMIT) &&
           (!first->expires || (later->expires && first->expires >= later->expires));
}

static const struct override *override_find(const struct org_state *state, uint64_t key, bool limit, int64_t now)
{
    size_t count = state->override_count < OVERRIDES_MAX ? state->override_count : OVERRIDES_MAX;
    for (size_t i = 0; i < count; ++i) {
        const struct override *override = &state->overrides[i];
        if (override->key == key && (override->kind == OVERRIDE_LIMIT) == limit && override_in_force(override, now)) {
            return override;
        }
    }
    return NULL;
}

const struct override *state_feature_override(const struct org_state *state, uint64_t feature_hash, int64_t now)
{
    return override_find(state, feature_hash, false, now);
}

const struct override *state_limit_override(const struct org_state *state, uint64_t limit_hash, int64_t now)
{
    return override_find(state, limit_hash, true, now);
}
