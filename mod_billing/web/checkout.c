/* SPDX-License-Identifier: Apache-2.0
 * POST /checkout-session and POST /portal-session: the way to the provider's own pages. */
#include "web/answer.h"
#include "web/json_body.h"
#include "web/opening.h"
#include "web/origin.h"
#include "web/routes.h"

#include <http_protocol.h>

/* A member who may manage billing, with a clean body; else the problem was sent. */
static bool manager_find(request_rec *r, const char *const *members, struct member *member, json_t **body,
                         int *answered)
{
    return member_find(r, member, answered) && origin_may_change(r, answered) && opening_allowed(r, member, answered) &&
           json_body_read(r, members, body, answered);
}

/* A member's text; NULL for none. What is no text is "", which names nothing. */
static const char *name_in(const json_t *body, const char *member)
{
    const json_t *value = json_object_get(body, member);

    if (!value || json_is_null(value)) {
        return NULL;
    }
    return json_is_string(value) ? json_string_value(value) : "";
}

int checkout_handler(request_rec *r, const char *tail)
{
    static const char *const members[] = {"planKey", NULL};
    struct opening opening;
    struct member member;
    json_t *body, *json;
    int answered;

    (void)tail;
    if (!manager_find(r, members, &member, &body, &answered) ||
        !opening_checkout(r, &member, name_in(body, "planKey"), &opening, &answered)) {
        return answered;
    }
    json = json_object();
    json_object_set_new(json, "url", json_string(opening.url));
    json_object_set_new(json, "planKey", json_string(opening.plan->ref.key));
    json_object_set_new(json, "expiresAt", json_time(opening.expires_at));
    return answer_json(r, HTTP_OK, "application/json", json);
}

int portal_handler(request_rec *r, const char *tail)
{
    static const char *const members[] = {"flow", NULL};
    struct opening opening;
    struct member member;
    json_t *body, *json;
    int answered;

    (void)tail;
    if (!manager_find(r, members, &member, &body, &answered) ||
        !opening_portal(r, &member, name_in(body, "flow"), &opening, &answered)) {
        return answered;
    }
    json = json_object();
    json_object_set_new(json, "url", json_string(opening.url));
    return answer_json(r, HTTP_OK, "application/json", json);
}
