/* SPDX-License-Identifier: Apache-2.0
 * The caller of a route. */
#include "web/member.h"

#include "gate/identity.h"
#include "gate/judge.h"
#include "gate/request.h"
#include "service/state.h"
#include "web/problem.h"

#include <http_core.h>
#include <http_protocol.h>

static const struct key_ref default_roles[] = {{.key = "owner"}, {.key = "admin"}};
static const struct key_list default_manage_roles = {default_roles, 2};

/* Whether the comma list `roles` names one of `wanted`. */
static bool roles_match(const char *roles, const struct key_list *wanted)
{
    while (roles && *roles) {
        size_t length = strcspn(roles, ",");
        const char *end = roles + length;

        while (end > roles && (end[-1] == ' ' || end[-1] == '\t')) {
            --end;
        }
        for (size_t i = 0; i < wanted->count; ++i) {
            if (strlen(wanted->items[i].key) == (size_t)(end - roles) &&
                !memcmp(wanted->items[i].key, roles, (size_t)(end - roles))) {
                return true;
            }
        }
        roles += length + (roles[length] == ',');
        roles += strspn(roles, " \t");
    }
    return false;
}

const struct key_list *member_manage_roles(const request_rec *r)
{
    const struct key_list *wanted = config_server(r->server)->manage_roles;

    return wanted ? wanted : &default_manage_roles;
}

/* Where the site tells roles, owner and admin unless BillingManageRoles says otherwise; where it tells none, any
 * member. */
static bool member_may_manage(const request_rec *r, const struct dir_config *config, const char *roles)
{
    if (!config_server(r->server)->manage_roles && !config->identity[IDENTITY_ROLE]) {
        return true;
    }
    return roles_match(roles, member_manage_roles(r));
}

static int member_missing(request_rec *r)
{
    if (request_signed_in(r)) {
        return problem_send(r, HTTP_FORBIDDEN, "no_org", "You are signed in, but to no organisation.");
    }
    if (request_can_authenticate(r)) {
        ap_note_auth_failure(r);
    }
    return problem_send(r, HTTP_UNAUTHORIZED, "not_signed_in", "Sign in first.");
}

bool member_find(request_rec *r, struct member *member, int *answered)
{
    const struct dir_config *config = config_dir(r);

    memset(&member->state, 0, offsetof(struct org_state, overrides));
    member->context = gate_context_of(r, config);
    member->context.method = 0;
    member->context.reading = false;
    member->org = member->context.org;
    if (!member->org) {
        *answered = member_missing(r);
        return false;
    }
    member->livemode = config_server(r->server)->mode == MODE_LIVE;
    member->may_manage = member_may_manage(r, config, member->context.roles);
    member->known = state_find(r->pool, member->org, member->livemode, &member->state);
    identity_created_at(r, config, &member->state);
    return true;
}
