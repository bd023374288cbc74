/* SPDX-License-Identifier: Apache-2.0
 * All that a decision needs to know of one org in one mode: the value that is kept in shared memory. */
#ifndef BILLING_DOMAIN_STATE_H
#define BILLING_DOMAIN_STATE_H

#include "domain/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OVERRIDES_MAX 64

/* A grant, a refusal or a limit for one org. */
struct override {
    uint64_t key; /* key_hash of the feature or limit */
    enum override_kind { OVERRIDE_REFUSE, OVERRIDE_GRANT, OVERRIDE_LIMIT } kind;
    int64_t limit;   /* OVERRIDE_LIMIT: 0..LIMIT_MAX or LIMIT_UNLIMITED */
    int64_t expires; /* seconds since the epoch, exclusive; 0: never */
};

struct org_state {
    enum billing_status status;
    bool grace_over;        /* the provider has given up collecting: past due with no grace left */
    bool has_customer;      /* known at the provider, so there is something to manage */
    bool has_subscription;  /* one that is not over, whatever its status */
    uint64_t plan;          /* key_hash of the planKey, 0: none */
    uint64_t app_type;      /* key_hash of the org record's app type, 0: not told */
    int64_t period_end;     /* seconds since the epoch; 0: unknown. So are the following */
    int64_t cancel_at;
    int64_t past_due_since;
    int64_t created_at;     /* when the org was created; 0: not told */
    uint64_t version;       /* grows with every change of this org's state; 0: no row in the database yet */
    int64_t verified_at;    /* when this state was last known to be current; not stored per org */
    size_t override_count;
    struct override overrides[OVERRIDES_MAX];
};

bool override_in_force(const struct override *override, int64_t now);

/** Whether `later` never counts where `first`, which is about the same, is found before it. */
bool override_hides(const struct override *first, const struct override *later);

/** The override of this kind of key that is in force at `now`, the first where there are several, or NULL. A feature
 * key and a limit key do not clash. */
const struct override *state_feature_override(const struct org_state *state, uint64_t feature_hash, int64_t now);
const struct override *state_limit_override(const struct org_state *state, uint64_t limit_hash, int64_t now);

#endif
