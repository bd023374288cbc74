/* SPDX-License-Identifier: Apache-2.0
 * The record of a request, and what it says together with httpd's. */
#include "gate/request.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <http_core.h>

struct request_record *request_record(request_rec *r)
{
    struct request_record *record = request_record_find(r);

    if (!record) {
        record = apr_pcalloc(r->pool, sizeof(*record));
        ap_set_module_config(r->request_config, &attune_billing_module, record);
    }
    return record;
}

request_rec *request_first(request_rec *r)
{
    while (r->main || r->prev) {
        r = r->main ? r->main : r->prev;
    }
    return r;
}

const struct denial *request_denial(const request_rec *r)
{
    const struct request_record *record = request_record_find(r);

    if (!record) {
        return NULL;
    }
    if (record->denial && record->denial->status == r->status) {
        return record->denial;
    }
    return record->inner_denial && !record->handling && record->inner_denial->status == r->status ? record->inner_denial
                                                                                                  : NULL;
}

bool request_signed_in(const request_rec *r)
{
    const struct request_record *record = request_record_find(r);

    /* Empty: mod_auth_openidc's way to let somebody pass unauthenticated (OIDCUnAuthAction pass). */
    return record && record->signing_in && record->let_through && r->user && *r->user;
}

bool request_can_authenticate(request_rec *r)
{
    const char *type = ap_auth_type(r);
    return type && strcasecmp(type, "None");
}

/* By the request line: subrequests and ErrorDocuments ask with GET for what the client asked with OPTIONS. */
bool request_is_preflight(const request_rec *r)
{
    const char *line = r->the_request;

    /* Asked several times for each request: nearly all are told apart by their first letter. */
    return line && *line == 'O' && !strncmp(line, "OPTIONS ", 8) && apr_table_get(r->headers_in, "Origin") &&
           apr_table_get(r->headers_in, "Access-Control-Request-Method");
}

const char *request_id(request_rec *r)
{
    static const char key[] = "attune-billing-request-id";
    const char *id = apr_table_get(r->subprocess_env, "UNIQUE_ID");
    void *made = NULL;
    apr_uint64_t random;

    if (id) {
        return id;
    }
    apr_pool_userdata_get(&made, key, r->pool);
    if (!made) {
        apr_generate_random_bytes((unsigned char *)&random, sizeof(random));
        made = apr_psprintf(r->pool, "req_%016" APR_UINT64_T_HEX_FMT, random);
        apr_pool_userdata_setn(made, key, NULL, r->pool);
    }
    return made;
}
