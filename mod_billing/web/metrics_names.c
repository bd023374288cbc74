/* SPDX-License-Identifier: Apache-2.0
 * The words for what is counted. */
#include "web/metrics_names.h"

const char *const decision_result_names[] = {
    [DECISION_ALLOW] = "allow",
    [DECISION_DENY] = "deny",
    [DECISION_WOULD_DENY] = "would_deny",
};

const char *const lookup_result_names[] = {
    [LOOKUP_HIT] = "hit",
    [LOOKUP_MISS] = "miss",
    [LOOKUP_UNKNOWN] = "unknown",
};

const char *const webhook_outcome_names[] = {
    [WEBHOOK_APPLIED] = "applied",
    [WEBHOOK_DUPLICATE] = "duplicate",
    [WEBHOOK_STALE] = "stale",
    [WEBHOOK_IGNORED] = "ignored",
    [WEBHOOK_DEAD] = "dead",
    [WEBHOOK_FAILED] = "failed",
    [WEBHOOK_UNREADABLE] = "unreadable",
    [WEBHOOK_INVALID_SIGNATURE] = "invalid_signature",
    [WEBHOOK_INVALID_EVENT] = "invalid_event",
    [WEBHOOK_OTHER_MODE] = "livemode_mismatch",
};

const char *const provider_operation_names[] = {
    [PROVIDER_CUSTOMER_CREATE] = "customer_create",       [PROVIDER_CUSTOMER_FIND] = "customer_find",
    [PROVIDER_CHECKOUT_CREATE] = "checkout_create",       [PROVIDER_CHECKOUT_FETCH] = "checkout_fetch",
    [PROVIDER_CHECKOUT_EXPIRE] = "checkout_expire",       [PROVIDER_CHECKOUTS_OPEN] = "checkouts_open",
    [PROVIDER_PORTAL_CREATE] = "portal_create",           [PROVIDER_SUBSCRIPTION_FETCH] = "subscription_fetch",
    [PROVIDER_SUBSCRIPTIONS_LIST] = "subscriptions_list", [PROVIDER_EVENTS_LIST] = "events_list",
};

const char *const provider_outcome_labels[] = {
    [PROVIDER_OK] = "ok",
    [PROVIDER_NOT_FOUND] = "not_found",
    [PROVIDER_REFUSED] = "refused",
    [PROVIDER_UNAVAILABLE] = "unavailable",
    [PROVIDER_AMBIGUOUS] = "ambiguous",
    [PROVIDER_KEY_USED] = "key_used",
};

const char *const database_end_names[] = {
    [DATABASE_ANSWERED] = "answered",
    [DATABASE_CONFLICT] = "conflict",
    [DATABASE_REFUSED] = "refused",
    [DATABASE_BUSY] = "busy",
    [DATABASE_LOST] = "lost",
    [DATABASE_TIMEOUT] = "timeout",
    [DATABASE_NO_CONNECTION] = "no_connection",
};
