/* SPDX-License-Identifier: Apache-2.0
 * /sweep and /verify at the admin mount: asking the provider now. */
#include "domain/key.h"
#include "service/sweep.h"
#include "service/verify.h"
#include "web/admin/operator.h"
#include "web/problem.h"

#include <http_protocol.h>

static json_t *no_account(request_rec *r, int *answered)
{
    *answered = problem_send(r, HTTP_CONFLICT, "no_provider_account",
                             "This server has no account at the provider: configure BillingStripeSecretKey.");
    return NULL;
}

static json_t *sweep_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                          int *answered)
{
    struct sweep_report report;
    enum lease_result taken;

    (void)call;
    (void)tail;
    (void)body;
    if (!sweep_now(r->pool, config_server(r->server), &taken, &report)) {
        return no_account(r, answered);
    }
    if (taken == LEASE_TAKEN) {
        return sweep_report_json(&report);
    }
    *answered = taken == LEASE_BUSY ? problem_send(r, HTTP_CONFLICT, "sweep_running",
                                                   "A sweep is running. GET health tells what came of it.")
                                    : operator_unavailable(r);
    return NULL;
}

/* {"repair":true} mends; "after" is the next of an earlier answer. */
static bool verify_parse(request_rec *r, const json_t *body, struct verify_request *request, int *answered)
{
    const json_t *repair = json_object_get(body, "repair"), *after = json_object_get(body, "after");
    const char *org = json_string_value(after);

    if (repair && !json_is_boolean(repair)) {
        *answered = problem_send(r, HTTP_BAD_REQUEST, "invalid_member", "repair is true or false.");
        return false;
    }
    if (after && !json_is_null(after) && !(org && (!*org || org_id_valid(org, strlen(org))))) {
        *answered = problem_send(r, HTTP_BAD_REQUEST, "invalid_member", "after is the next of an earlier answer.");
        return false;
    }
    request->repair = json_is_true(repair);
    request->after = org ? org : "";
    return true;
}

static json_t *verify_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                           int *answered)
{
    struct verify_request request = {.config = config_server(r->server)};
    struct verify_report report;
    enum store_result result;

    (void)tail;
    if (!verify_parse(r, body, &request, answered)) {
        return NULL;
    }
    if (!verify_run(r->pool, &request, &result, &report)) {
        return no_account(r, answered);
    }
    if (result != STORE_OK && !report.checked) {
        *answered = operator_unavailable(r);
        return NULL;
    }
    return verify_report_json(&report, call->livemode);
}

static const char *const verify_members[] = {"repair", "after", NULL};

const struct operator_task admin_sweep = {sweep_work, true, operator_no_members};
const struct operator_task admin_verify = {verify_work, true, verify_members};
