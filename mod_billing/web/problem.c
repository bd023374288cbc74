/* SPDX-License-Identifier: Apache-2.0
 * problem+json. */
#include "web/problem.h"

#include "gate/request.h"
#include "web/admin/page.h"
#include "web/answer.h"
#include "web/page/problem.h"

#include <apr_strings.h>
#include <http_protocol.h>

json_t *problem_json(request_rec *r, int status, const char *code, const char *title, const char *detail)
{
    json_t *problem = json_object();

    json_object_set_new(problem, "type", json_string(apr_pstrcat(r->pool, "urn:attune-billing:problem:", code, NULL)));
    json_object_set_new(problem, "title", json_string(title));
    json_object_set_new(problem, "status", json_integer(status));
    json_object_set_new(problem, "code", json_string(code));
    json_object_set_new(problem, "detail", json_string(detail));
    json_object_set_new(problem, "requestId", json_string(request_id(r)));
    return problem;
}

const char *problem_text(request_rec *r, json_t *problem)
{
    return json_text(r->pool, problem);
}

/* "404 Not Found" without the number. */
static const char *problem_title(int status)
{
    const char *line = ap_get_status_line(status);
    return strlen(line) > 4 ? line + 4 : line;
}

int problem_answer(request_rec *r, int status, json_t *problem)
{
    const struct request_record *record = request_record_find(r);

    if (record && record->claimed && record->for_people) {
        int answered = record->mount == MOUNT_ADMIN ? admin_problem_page(r, status, problem)
                                                    : page_problem(r, status, problem);

        json_decref(problem);
        return answered;
    }
    return answer_json(r, status, "application/problem+json", problem);
}

int problem_send(request_rec *r, int status, const char *code, const char *detail)
{
    return problem_answer(r, status, problem_json(r, status, code, problem_title(status), detail));
}

int problem_unavailable(request_rec *r, const char *code, const char *detail, int retry_after)
{
    apr_table_setn(r->headers_out, "Retry-After", apr_itoa(r->pool, retry_after));
    return problem_send(r, HTTP_SERVICE_UNAVAILABLE, code, detail);
}
