/* SPDX-License-Identifier: Apache-2.0
 * How things stand for the caller's org: what the summary answers and the status page shows. */
#ifndef BILLING_WEB_STANDING_H
#define BILLING_WEB_STANDING_H

#include "service/checkout.h"
#include "web/member.h"

struct standing {
    struct member member;            /* `known` false: nothing of what follows is */
    struct checkout_pending pending; /* of those who may act alone */
    bool may_checkout, may_portal;
    bool stale; /* what is known is old: the database has not been read for a while */
};

/** False where the problem was sent. Where the person may be back from Checkout before the webhook, the provider is
 * asked. */
bool standing_find(request_rec *r, struct standing *standing, int *answered);

/** The decision about each feature of the catalogue, in its order, whatever the request's method. In r->pool. */
const struct decision *standing_decisions(request_rec *r, const struct standing *standing);

/** When grace ends or ended: the latest of the decisions. 0 unless payment is overdue, or where it is not known. */
int64_t standing_grace_until(const struct standing *standing, const struct decision *decisions);

/* A limit that some plan names, as it is in force for this org. */
struct standing_limit {
    const char *key;
    int64_t value; /* or LIMIT_UNLIMITED */
};

/** Those that plan or override set; each once, in the order of the plans. In r->pool. */
const struct standing_limit *standing_limits(request_rec *r, const struct standing *standing, size_t *count);

#endif
