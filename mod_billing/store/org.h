/* SPDX-License-Identifier: Apache-2.0
 * The org record and its overrides, and the record of who changed them. Every change counts the link's version up, in
 * the modes it touches, since that is what shared memory goes by; each is one statement with its audit row. */
#ifndef BILLING_STORE_ORG_H
#define BILLING_STORE_ORG_H

#include "domain/state.h"
#include "store/database.h"

/* Who does it, for the audit. */
struct org_actor {
    const char *provider; /* of a link that is made for an org that has none */
    const char *org;
    bool livemode;
    const char *actor;
    const char *detail; /* JSON: what was asked for */
};

struct org_override {
    int64_t override_id;
    const char *source; /* "config", "override", "grandfather" */
    const char *kind;   /* "grant", "refuse", "limit" */
    const char *key;
    int64_t limit; /* LIMIT_UNLIMITED or a value; of a limit */
    int64_t expires_at;
    const char *note;
    const char *author;
    int64_t created_at;
    bool in_force;
};

struct org_record {
    bool known;
    int64_t created_at;
    const char *app_type;
    int64_t first_seen;
    const struct org_override *overrides; /* newest first; expired ones too */
    size_t override_count;
};

enum store_result store_org_find(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                 struct org_record *record);

/** The provider's own word for the status of the org's subscription, NULL where it has none that is not over. */
enum store_result store_org_raw_status(struct database *database, apr_pool_t *pool, const char *org, bool livemode,
                                       const char **raw_status);

/* A customerConfig; what is not `set` stays as it is. */
struct org_config {
    bool created_at_set;
    int64_t created_at; /* 0: not told */
    bool app_type_set;
    const char *app_type; /* NULL: not told */
    bool features_set;
    const char *const *features; /* keys */
    const char *const *feature_kinds; /* "grant" or "refuse", by feature */
    size_t feature_count;
    bool limits_set;
    const char *const *limits;
    const char *const *limit_values; /* numbers as text, by limit */
    size_t limit_count;
};

/** Replaces what is set of the org's customerConfig. An org never seen before is made. */
enum store_result store_org_configure(struct database *database, apr_pool_t *pool, const struct org_actor *actor,
                                      const struct org_config *config);

/** Adds one dated override; its id. */
enum store_result store_override_add(struct database *database, apr_pool_t *pool, const struct org_actor *actor,
                                     const struct org_override *override, int64_t *override_id);

/** Takes one away. STORE_CONFLICT: the org has none with this id. */
enum store_result store_override_remove(struct database *database, apr_pool_t *pool, const struct org_actor *actor,
                                        int64_t override_id);

#endif
