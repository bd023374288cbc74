/* SPDX-License-Identifier: Apache-2.0
 * One org under verification: what is asked (verify.c), and what is found to differ (verify_compare.c). */
#ifndef BILLING_SERVICE_VERIFY_STEPS_H
#define BILLING_SERVICE_VERIFY_STEPS_H

#include "service/verify.h"
#include "store/verify.h"

#include <apr_tables.h>

/* What the provider said of one subscription. */
struct verify_answer {
    struct subscription_snapshot snapshot;
    int64_t date;
};

struct verification {
    apr_pool_t *pool; /* of this org */
    const char *org;
    struct verify_record record;  /* as stored, read after the answers came */
    apr_array_header_t *answers;  /* struct verify_answer */
    apr_array_header_t *missing;  /* const char *: subscriptions that the provider does not know */
    apr_array_header_t *gone;     /* const char *: customers that it does not know */
    apr_array_header_t *unusable; /* const char *: why something that it said makes no sense */
};

/** The differences as struct drift, in the verification's pool. */
apr_array_header_t *verify_compare(const struct verification *verification, const char *provider, bool livemode);

/** Keeps what came of this call for whoever looks later; joined to what is kept where it goes on from there. */
void verify_report_keep(apr_pool_t *pool, const struct verify_request *request, const struct verify_report *report);

/** What the provider said of this subscription, or NULL. */
const struct verify_answer *verify_answer_find(const struct verification *verification, const char *subscription);

#endif
