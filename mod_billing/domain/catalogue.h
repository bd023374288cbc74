/* SPDX-License-Identifier: Apache-2.0
 * Plans and features as configured: what is sold, what it grants, and the policy of each feature. Built once while the
 * configuration is read, immutable afterwards, so every thread may read it without a lock. */
#ifndef BILLING_DOMAIN_CATALOGUE_H
#define BILLING_DOMAIN_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_UNLIMITED INT64_C(-1)
#define LIMIT_NOT_SET   INT64_C(-2)
#define LIMIT_MAX       INT64_C(2000000000) /* what an entry in shared memory can hold */

struct key_ref {
    const char *key;
    uint64_t hash;
};

struct key_list {
    const struct key_ref *items;
    size_t count;
};

struct plan_limit {
    struct key_ref limit;
    int64_t value; /* 0..LIMIT_MAX, or LIMIT_UNLIMITED */
};

/* A price of the provider that stands for the plan. The first of a mode is the one that is sold. */
struct plan_price {
    const char *provider;
    enum price_mode { PRICE_BOTH, PRICE_TEST, PRICE_LIVE } mode;
    const char *id;
};

struct plan {
    struct key_ref ref;
    const char *name; /* for people; the key where none was given */
    const struct plan_price *prices;
    size_t price_count;
    struct key_list grants; /* features */
    const struct plan_limit *limits;
    size_t limit_count;
    const char *file; /* where in the configuration it stands */
    unsigned line;
};

enum enforcement { ENFORCE_OFF, ENFORCE_MONITOR, ENFORCE_NEW_ORGS, ENFORCE_FULL };

enum past_due_policy { PAST_DUE_GRACE, PAST_DUE_ALLOW, PAST_DUE_READ_ONLY, PAST_DUE_DENY };

#define GRACE_DEFAULT   INT64_C(604800) /* 7d */
#define STALE_DEFAULT   INT64_C(86400)  /* 24h */
#define METHOD_BIT_HEAD (UINT64_C(1) << 63)

struct feature {
    struct key_ref ref;
    enum enforcement enforcement; /* the default already filled in */
    unsigned percent;             /* 0..100 of the orgs are in; 100 where none was given */
    struct key_list roles;        /* empty: anyone */
    struct key_list app_types;    /* empty: any */
    enum past_due_policy past_due;
    int64_t grace;           /* seconds, for PAST_DUE_GRACE */
    struct key_ref uses;     /* the limit that `usage` is held against; hash 0: none */
    uint64_t except_methods; /* bits; the caller's numbering, METHOD_BIT_HEAD for HEAD */
    int64_t stale_max;       /* seconds */
    bool stale_allow;        /* `then` */
    bool declared;           /* has a <BillingFeature>; else it is only granted and has the defaults */
    const char *file;
    unsigned line;
};

struct catalogue {
    const struct plan *plans; /* in the order of the configuration */
    size_t plan_count;
    const struct feature *features;
    size_t feature_count;
    struct key_list limits; /* that any plan sets, each once */
    int64_t new_orgs_since; /* seconds since the epoch; INT64_MAX where no date was given: then no org is new */
};

/** NULL where there is none, so too for hash 0. */
const struct plan *catalogue_plan(const struct catalogue *catalogue, uint64_t hash);
const struct plan *catalogue_plan_by_key(const struct catalogue *catalogue, const char *key);
const struct feature *catalogue_feature(const struct catalogue *catalogue, const char *key);

/** The plan that a subscription to these prices is: the first of the catalogue that any of them belongs to, or NULL. */
const struct plan *catalogue_plan_of_prices(const struct catalogue *catalogue, const char *provider, bool livemode,
                                            const char *const *prices, size_t count);

/** A number that is another one for a catalogue that takes some price for another plan. Never 0. */
uint64_t catalogue_fingerprint(const struct catalogue *catalogue);

/** The price that is sold for a plan in this mode, or NULL. */
const char *plan_price(const struct plan *plan, const char *provider, bool livemode);

bool plan_grants(const struct plan *plan, uint64_t feature_hash);

/** The plan's value, LIMIT_UNLIMITED, or LIMIT_NOT_SET where the plan does not name the limit. `plan` may be NULL. */
int64_t plan_limit_value(const struct plan *plan, uint64_t limit_hash);

/** "off", "monitor", "new-orgs", "enforce". */
const char *enforcement_name(enum enforcement enforcement);

#endif
