/* SPDX-License-Identifier: Apache-2.0
 * GET /openapi.json: the description of these routes, openapi.json as it stands beside this file. */
#include "web/answer.h"
#include "web/routes.h"

/* Made of openapi.json by the build; ends with a NUL. */
extern const char openapi_text[];

int openapi_handler(request_rec *r, const char *tail)
{
    (void)tail;
    return answer_text_etag(r, openapi_text);
}
