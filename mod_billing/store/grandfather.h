/* SPDX-License-Identifier: Apache-2.0
 * Overrides for all orgs that the shadow report shows to use a feature: one batch, written and undone as one. */
#ifndef BILLING_STORE_GRANDFATHER_H
#define BILLING_STORE_GRANDFATHER_H

#include "store/org.h"

/* What is asked for. */
struct grandfathering {
    const char *feature;
    int days;           /* how far back use counts */
    int64_t expires_at; /* 0: never */
    const char *note;   /* or NULL */
    const char *token;  /* of this call: what is written under it is written once */
};

struct grandfather_org {
    const char *org;
    int64_t requests;
    int64_t first_seen;
    int64_t last_seen;
    const char
        *skipped; /* NULL: gets the grant. "granted": has one in force. "refused": an operator refused it the feature */
};

/** The orgs that would have been denied the feature, for a reason that a grant can cure, within the days asked for; by
 * org id. Those that are denied for their role or app type, or that have reached a limit, are none of them. */
enum store_result store_grandfather_orgs(struct database *database, apr_pool_t *pool, bool livemode,
                                         const struct grandfathering *asked, struct grandfather_org **orgs, int *count);

/** Writes the batch for these orgs, but those that have been granted or refused the feature meanwhile, with its audit
 * row; every org's link counts up. actor->org is not used. */
enum store_result store_grandfather_write(struct database *database, apr_pool_t *pool, const struct org_actor *actor,
                                          const struct grandfathering *asked, const char *const *orgs, size_t count);

struct grandfather_batch {
    int64_t batch_id; /* 0: there is none */
    const char *feature;
    int days;
    int64_t expires_at;
    const char *note;
    const char *author;
    int64_t org_count;
    int64_t created_at;
    int64_t undone_at; /* 0: not */
    const char *undone_by;
};

/** The batch that was written under the token, batch_id 0 where there was nobody to write for; and its orgs. */
enum store_result store_grandfather_written(struct database *database, apr_pool_t *pool, bool livemode,
                                            const char *token, struct grandfather_batch *batch,
                                            const char *const **orgs, size_t *count);

/** The newest batches first, `most` of them. */
enum store_result store_grandfather_list(struct database *database, apr_pool_t *pool, bool livemode, int most,
                                         struct grandfather_batch **batches, int *count);

/** Takes the grants of a batch away, with an audit row, and gives the orgs that lost one. One that was undone before
 * loses nothing more. STORE_CONFLICT: there is no such batch. */
enum store_result store_grandfather_undo(struct database *database, apr_pool_t *pool, const struct org_actor *actor,
                                         int64_t batch_id, struct grandfather_batch *batch, const char *const **orgs,
                                         size_t *count);

#endif
