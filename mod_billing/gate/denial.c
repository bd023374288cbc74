/* SPDX-License-Identifier: Apache-2.0
 * Bodies of denials: RFC 9457 for programs, HTML for people. */
#include "gate/denial.h"

#include "web/problem.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <jansson.h>

/* Long enough for the database to be back in most cases, short enough for a person who waits. */
#define RETRY_AFTER "5"

struct denial_words denial_words(enum decision_reason reason)
{
    switch (reason) {
    case REASON_NO_ORG:
        return (struct denial_words){"no_org", "Sign in", "This needs an organisation, and the request has none."};
    case REASON_APP_TYPE:
        return (struct denial_words){"forbidden", "Not available here",
                                     "This feature is not part of this application."};
    case REASON_ROLE:
        return (struct denial_words){"forbidden", "Not allowed", "Your role may not use this feature."};
    case REASON_OVERRIDE:
        return (struct denial_words){"forbidden", "Not allowed", "This feature is switched off for your organisation."};
    case REASON_UNVERIFIED:
        return (struct denial_words){"unverified", "Cannot be verified now",
                                     "The billing status cannot be verified at this moment. Try again shortly."};
    case REASON_PAST_DUE:
        return (struct denial_words){"payment_required", "Payment is overdue",
                                     "The last payment failed. Update the payment method to go on."};
    case REASON_CANCELED:
        return (struct denial_words){"payment_required", "The subscription has ended",
                                     "The subscription has ended. Subscribe again to go on."};
    case REASON_NO_SUBSCRIPTION:
        return (struct denial_words){"payment_required", "A subscription is needed",
                                     "This feature needs a subscription."};
    case REASON_LIMIT:
        return (struct denial_words){"payment_required", "The limit is reached", "Your plan's limit is reached."};
    default:
        return (struct denial_words){"payment_required", "Not in your plan",
                                     "Your plan does not include this feature."};
    }
}

/* A plan that does not name the limit has none. */
static bool plan_leaves_room(const struct plan *plan, const struct denial *denial)
{
    int64_t limit = plan_limit_value(plan, denial->counted->limit.hash);

    return limit < 0 || limit > denial->usage;
}

static bool plan_would_do(const struct plan *plan, const struct denial *denial)
{
    return (!denial->feature || plan_grants(plan, denial->feature->ref.hash)) &&
           (!denial->counted || plan_leaves_room(plan, denial));
}

static json_t *denial_plans(const struct denial *denial)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    json_t *plans = json_array();

    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        if (plan_would_do(&catalogue->plans[i], denial)) {
            json_array_append_new(plans, json_string(catalogue->plans[i].ref.key));
        }
    }
    return plans;
}

/* Where the org can put things right: the status page, which knows the reasons, else the site's own. */
static const char *denial_upgrade_url(request_rec *r, const struct denial *denial)
{
    const struct server_config *server = config_server(r->server);

    if (server->mounts[MOUNT_PAGE]) {
        return apr_psprintf(r->pool, "%s?why=%s&%s=%s", server->mounts[MOUNT_PAGE],
                            reason_name(denial->decision.reason), denial->feature ? "feature" : "limit",
                            denial->feature ? denial->feature->ref.key : denial->counted->limit.key);
    }
    return server->return_url;
}

static const char *denial_json(request_rec *r, const struct denial *denial, const struct denial_words *words)
{
    json_t *body = problem_json(r, denial->status, words->code, words->title, words->detail);
    const char *upgrade = denial_upgrade_url(r, denial);

    if (denial->feature) {
        json_object_set_new(body, "feature", json_string(denial->feature->ref.key));
    }
    if (denial->counted) {
        json_object_set_new(body, "limitKey", json_string(denial->counted->limit.key));
    }
    json_object_set_new(body, "reason", json_string(reason_name(denial->decision.reason)));
    json_object_set_new(body, "planKey", denial->plan ? json_string(denial->plan->ref.key) : json_null());
    json_object_set_new(body, "plans", denial_plans(denial));
    if (upgrade) {
        json_object_set_new(body, "upgradeUrl", json_string(upgrade));
    }
    if (denial->decision.limit >= 0) {
        json_object_set_new(body, "limit", json_integer(denial->decision.limit));
    }
    if (denial->usage >= 0) {
        json_object_set_new(body, "usage", json_integer(denial->usage));
    }
    return problem_text(r, body);
}

static const char *denial_html(request_rec *r, const struct denial *denial, const struct denial_words *words)
{
    const char *upgrade = denial_upgrade_url(r, denial);
    const char *way_out =
        upgrade ? apr_psprintf(r->pool, "<p><a href=\"%s\">Billing</a></p>", ap_escape_html(r->pool, upgrade)) : "";

    return apr_psprintf(r->pool,
                        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                        "<meta name=\"viewport\" content=\"width=device-width\"><title>%s</title></head>\n"
                        "<body><main><h1>%s</h1><p>%s</p>%s<p><small>%s</small></p></main></body></html>\n",
                        words->title, words->title, words->detail, way_out, ap_escape_html(r->pool, request_id(r)));
}

/* Whether a person looks at the answer: the browser says so itself, or an old one prefers HTML. */
static bool request_is_navigation(const request_rec *r)
{
    const char *mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");
    const char *accept = apr_table_get(r->headers_in, "Accept");

    return mode ? !strcmp(mode, "navigate") : accept && !strncmp(accept, "text/html", 9);
}

const char *denial_body(request_rec *r, const struct denial *denial, const char **content_type)
{
    struct denial_words words = denial_words(denial->decision.reason);

    if (request_is_navigation(r)) {
        *content_type = "text/html; charset=utf-8";
        return denial_html(r, denial, &words);
    }
    *content_type = "application/problem+json";
    return denial_json(r, denial, &words);
}

void denial_headers(request_rec *r, const struct denial *denial)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    if (denial->status == HTTP_SERVICE_UNAVAILABLE) {
        apr_table_setn(r->err_headers_out, "Retry-After", RETRY_AFTER);
    }
}
