/* SPDX-License-Identifier: Apache-2.0
 * The operators' tasks: who calls, for which org, and what the routes answer. */
#include "web/admin/operator.h"

#include "config/config.h"
#include "domain/key.h"
#include "gate/identity.h"
#include "web/answer.h"
#include "web/json_body.h"
#include "web/origin.h"
#include "web/problem.h"
#include "web/query.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

/* Browsers send the name of HTTP's own sign-in as they like, and the audit is UTF-8. */
static const char *actor_text(apr_pool_t *pool, const char *user)
{
    char *text;

    if (!user || text_is_utf8(user)) {
        return user;
    }
    text = apr_pstrdup(pool, user);
    for (char *at = text; *at; ++at) {
        *at = (unsigned char)*at < 0x80 ? *at : '?';
    }
    return text;
}

bool operator_find(request_rec *r, struct operator_call *call, int *answered)
{
    call->actor = actor_text(r->pool, identity_user(r));
    if (!call->actor) {
        if (ap_auth_type(r)) {
            ap_note_auth_failure(r);
        }
        *answered =
            problem_send(r, HTTP_UNAUTHORIZED, "not_signed_in",
                         "These routes answer signed-in operators alone. The site must authenticate them here.");
        return false;
    }
    call->livemode = config_server(r->server)->mode == MODE_LIVE;
    return true;
}

bool operator_change(request_rec *r, struct operator_call *call, int *answered)
{
    return operator_find(r, call, answered) && origin_may_change(r, answered);
}

const char *operator_org(request_rec *r, const char *tail, const char **rest, int *answered)
{
    size_t length = strcspn(tail, "/");

    *rest = tail[length] ? tail + length + 1 : "";
    if (!org_id_valid(tail, length)) {
        *answered = problem_send(r, HTTP_BAD_REQUEST, "invalid_org", "That is no org id.");
        return NULL;
    }
    return apr_pstrmemdup(r->pool, tail, length);
}

int operator_unavailable(request_rec *r)
{
    return problem_unavailable(r, "database_unavailable", "The database cannot be asked now.", 5);
}

json_t *operator_store_problem(request_rec *r, enum store_result result, int *answered)
{
    *answered = result == STORE_UNAVAILABLE ? operator_unavailable(r)
                                            : problem_send(r, HTTP_INTERNAL_SERVER_ERROR, "database_error",
                                                           "The database refused. See the log.");
    return NULL;
}

json_t *operator_member_problem(request_rec *r, const char *detail, int *answered)
{
    *answered = problem_send(r, HTTP_BAD_REQUEST, "invalid_member", detail);
    return NULL;
}

const char *const operator_no_members[] = {NULL};

int operator_answer(request_rec *r, const char *tail, const struct operator_task *task)
{
    struct operator_call call;
    json_t *body = NULL, *json;
    int answered;

    if (!(task->changes ? operator_change(r, &call, &answered) : operator_find(r, &call, &answered)) ||
        (task->members && !operator_body_read(r, task->members, &body, &answered))) {
        return answered;
    }
    json = task->work(r, &call, tail, body, &answered);
    return json ? answer_json(r, HTTP_OK, "application/json", json) : answered;
}
