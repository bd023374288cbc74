/* SPDX-License-Identifier: Apache-2.0
 * Orgs as operators look for them, and how many there are. */
#ifndef BILLING_STORE_ORG_LIST_H
#define BILLING_STORE_ORG_LIST_H

#include "domain/catalogue.h"
#include "domain/status.h"
#include "store/database.h"

struct org_filter {
    const char *provider;
    bool livemode;
    const char *prefix; /* of the id; "": any */
    const char *status; /* NULL: any. An org without a link in this mode counts as `none` */
    const char *after;  /* an org id, exclusive; "": from the first */
    int most;
};

/* Times in seconds since the epoch, 0: not known. */
struct listed_org {
    const char *org;
    int64_t created_at;
    const char *app_type; /* NULL: not told */
    int64_t first_seen;
    enum billing_status status;
    const struct plan *plan; /* NULL: none that the catalogue knows */
    int64_t period_end;
    int64_t cancel_at;
    int64_t past_due_since;
    int64_t overrides; /* in force */
};

/* One count by enum billing_status. */
#define ORG_COUNTS (STATUS_CANCELED + 1)

struct org_list {
    struct listed_org *orgs; /* by the bytes of their ids */
    size_t count;
    const char *next; /* the `after` of the following page; NULL: there is none */
};

/** However rare what is asked for, one call looks at a bounded number of orgs: so a list may have fewer than `most`, or
 * none, and yet go on. */
enum store_result store_org_list(struct database *database, apr_pool_t *pool, const struct catalogue *catalogue,
                                 const struct org_filter *filter, struct org_list *list);

/** How many orgs there are in each status. Reads all links of the mode. */
enum store_result store_org_counts(struct database *database, apr_pool_t *pool, bool livemode,
                                   int64_t counts[ORG_COUNTS]);

#endif
