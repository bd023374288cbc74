/* SPDX-License-Identifier: Apache-2.0
 * GET /openapi.json: the description of these routes, openapi.json as it stands beside this file. */
#include "web/asset.h"
#include "web/routes.h"

int openapi_handler(request_rec *r, const char *tail)
{
    (void)tail;
    return asset_answer(r, asset_find("openapi.json"));
}
