/* SPDX-License-Identifier: Apache-2.0
 * The words for the status of a billing link. */
#include "domain/status.h"

#include <stddef.h>
#include <string.h>

static const char *const status_names[] = {
    [STATUS_NONE] = "none",
    [STATUS_ACTIVE] = "active",
    [STATUS_PAST_DUE] = "past_due",
    [STATUS_CANCELED] = "canceled",
};
#define STATUS_COUNT (sizeof(status_names) / sizeof(*status_names))

const char *status_name(enum billing_status status)
{
    /* What came out of shared memory or the database is a number before it is a status. */
    return (size_t)status < STATUS_COUNT ? status_names[status] : status_names[STATUS_NONE];
}

bool status_parse(const char *name, enum billing_status *status)
{
    for (size_t i = 0; i < STATUS_COUNT; ++i) {
        if (!strcmp(name, status_names[i])) {
            *status = (enum billing_status)i;
            return true;
        }
    }
    return false;
}
