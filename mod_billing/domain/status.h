/* SPDX-License-Identifier: Apache-2.0
 * The status of a billing link as everybody sees it. A provider's own words are mapped to it by the provider. */
#ifndef BILLING_DOMAIN_STATUS_H
#define BILLING_DOMAIN_STATUS_H

#include <stdbool.h>

enum billing_status {
    STATUS_NONE = 0, /* no link, or a subscription that has not begun */
    STATUS_ACTIVE = 1,
    STATUS_PAST_DUE = 2,
    STATUS_CANCELED = 3
};

/** "none", "active", "past_due", "canceled": the words of the JSON, of SQL and of `Require billing-status`. */
const char *status_name(enum billing_status status);
bool status_parse(const char *name, enum billing_status *status);

#endif
