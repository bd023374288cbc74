/* SPDX-License-Identifier: Apache-2.0
 * Holding what is stored against what the provider says, org by org, and on request mending it. */
#ifndef BILLING_SERVICE_VERIFY_H
#define BILLING_SERVICE_VERIFY_H

#include "config/config.h"
#include "store/database.h"

#include <jansson.h>

/* One thing that is not as the provider says. */
struct drift {
    const char *org;
    const char *subscription; /* NULL: it is about the org's customer or link */
    const char *what;         /* "status", "cancelAt", …; "subscription", "customer": one side has none */
    const char *here;         /* NULL: nothing */
    const char *there;
    const char *repair; /* what became of the mending: an outcome, or NULL: not tried */
    const char *error;  /* why that failed; NULL: it did not */
};

struct verify_report {
    unsigned checked;     /* orgs */
    unsigned unreachable; /* orgs about which the provider did not answer */
    unsigned repaired;    /* differences that are gone */
    struct drift *drift;
    size_t drift_count;
    bool complete;    /* to the last org */
    const char *next; /* the org after which to go on; "": from the first */
};

/* One call takes this long at most, and reports so many differences. */
#define VERIFY_TIME      apr_time_from_sec(20)
#define VERIFY_DRIFT_MAX 500

struct verify_request {
    const struct server_config *config;
    const char *after; /* an org; "": from the first */
    bool repair;
};

/** Orgs of the server's mode in the order of their ids. False where the server has no account. Where the database does
 * not answer it ends early, `result` says so and the report tells how far it came. Everything lives in `pool`. What
 * came of it is kept, the health of the installation tells it. */
bool verify_run(apr_pool_t *pool, const struct verify_request *request, enum store_result *result,
                struct verify_report *report);

/** A new object: the counts, the differences, and where to go on. */
json_t *verify_report_json(const struct verify_report *report, bool livemode);

#endif
