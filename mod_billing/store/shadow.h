/* SPDX-License-Identifier: Apache-2.0
 * The shadow report's table: counts added up over days, servers and nodes. */
#ifndef BILLING_STORE_SHADOW_H
#define BILLING_STORE_SHADOW_H

#include "domain/catalogue.h"
#include "domain/status.h"
#include "store/database.h"

/* A batch of counts. The columns are arrays of `count` texts, by counter. */
struct shadow_batch {
    const char *source;
    uint64_t number;
    uint64_t dropped;
    size_t count;
    const char **orgs, **livemodes, **features, **reasons, **days, **requests, **first_seen, **last_seen;
};

/** Adds the batch unless it, or a later one of this source, was added already. */
enum store_result store_shadow_add(struct database *database, apr_pool_t *pool, const struct shadow_batch *batch,
                                   apr_interval_time_t wait);

struct shadow_filter {
    bool livemode;
    const char *feature; /* NULL: all */
    int64_t since;       /* counts its whole day, in UTC */
};

struct shadow_row {
    const char *feature;
    const char *org; /* "": none */
    const char *reason;
    int64_t requests;
    int64_t first_seen;
    int64_t last_seen;
    enum billing_status status; /* the link's, as of now */
    const struct plan *plan;    /* likewise; NULL: none */
};

/** Up to `most` rows behind `after`, by feature, org and reason. `after` NULL: from the first on. */
enum store_result store_shadow_list(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                    const struct shadow_filter *filter, const struct shadow_row *after, int most,
                                    struct shadow_row **rows, int *count);

struct shadow_total {
    const char *feature;
    const char *reason; /* NULL: any */
    int64_t requests;
    int64_t orgs;
    int64_t first_seen;
    int64_t last_seen;
};

/** The totals by feature, each followed by those of its reasons with the most orgs first; and how many counts were dropped by servers that were heard of since. */
enum store_result store_shadow_totals(struct database *database, apr_pool_t *pool, const struct shadow_filter *filter,
                                      struct shadow_total **totals, int *count, int64_t *dropped);

/** Deletes the days that are older than `age`. */
enum store_result store_shadow_prune(struct database *database, apr_pool_t *pool, apr_interval_time_t age);

#endif
