/* SPDX-License-Identifier: Apache-2.0
 * The provider's own page where an org manages what it has bought. */
#ifndef BILLING_SERVICE_PORTAL_H
#define BILLING_SERVICE_PORTAL_H

#include "config/config.h"
#include "provider/provider.h"

struct portal_answer {
    enum {
        PORTAL_READY,
        PORTAL_NO_CUSTOMER,
        PORTAL_REFUSED,     /* a matter for the operator, in the log */
        PORTAL_UNAVAILABLE, /* the provider cannot be asked */
        PORTAL_NO_STATE     /* nor can the database */
    } outcome;
    const char *url; /* short-lived, so it is made for each visit and never kept */
    int retry_after; /* seconds */
};

struct portal_answer portal_open(apr_pool_t *pool, const struct server_config *config, const char *org,
                                 enum portal_flow flow);

#endif
