/* SPDX-License-Identifier: Apache-2.0
 * The operators' routes: who calls, and for which org. */
#include "web/admin.h"

#include "config/config.h"
#include "domain/key.h"
#include "web/origin.h"
#include "web/problem.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

bool operator_find(request_rec *r, struct operator_call *call, int *answered)
{
    if (!r->user || !*r->user) {
        if (ap_auth_type(r)) {
            ap_note_auth_failure(r);
        }
        *answered =
            problem_send(r, HTTP_UNAUTHORIZED, "not_signed_in",
                         "These routes answer signed-in operators alone. The site must authenticate them here.");
        return false;
    }
    call->actor = r->user;
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
