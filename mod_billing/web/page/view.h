/* SPDX-License-Identifier: Apache-2.0
 * What the status page has to say to this person: finished sentences, for HTML and JSON alike. */
#ifndef BILLING_WEB_PAGE_VIEW_H
#define BILLING_WEB_PAGE_VIEW_H

#include "web/standing.h"

enum view_kind {
    VIEW_UNKNOWN,
    VIEW_NONE,
    VIEW_INCOMPLETE,
    VIEW_ACTIVE,
    VIEW_TRIALING,
    VIEW_ENDING,
    VIEW_PAST_DUE,
    VIEW_UNPAID,
    VIEW_PAUSED,
    VIEW_CANCELED,
    VIEW_KINDS
};

/* A button: to a URL of the provider's, or to a route of the page's own. */
struct view_action {
    enum { ACTION_LINK, ACTION_CHECKOUT, ACTION_PORTAL } what;
    const char *label;
    const char *value; /* the URL; the plan's key; the flow, or NULL */
};

struct view_row {
    const char *name, *text;
    const char *tone; /* "good", "warn", "bad" or "" */
};

struct view {
    enum view_kind kind;
    const char *tone; /* as of a row */
    const char *badge, *headline;
    const char *detail;                /* NULL: none */
    const struct view_action *actions; /* the first is the one to do */
    size_t action_count;
    const char *hint; /* about what can be done; NULL: none */
    const struct view_row *features, *limits;
    size_t feature_count, limit_count;
    const char *as_of; /* NULL: nothing is known */
    bool stale;
    const char *org;
    bool livemode;
    bool subscribed; /* there is a subscription that is not over */
};

/** In r->pool. */
struct view view_make(request_rec *r, const struct standing *standing);

/** "active", "past_due", …: stable words of the JSON. */
const char *view_kind_name(enum view_kind kind);

/** A sentence for a known reason and a known feature or limit that somebody was sent here for; `*title` goes above it.
 * NULL for anything else. The names come from a query. */
const char *view_why(request_rec *r, const struct standing *standing, const char *reason, const char *feature,
                     const char *limit, const char **title);

#endif
