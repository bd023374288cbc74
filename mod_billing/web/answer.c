/* SPDX-License-Identifier: Apache-2.0
 * Sending JSON, and text. */
#include "web/answer.h"

#include <apr_sha1.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>
#include <stdlib.h>
#include <time.h>

const char *json_text(apr_pool_t *pool, json_t *json)
{
    char *dump = json_dumps(json, JSON_COMPACT);
    const char *text = apr_pstrdup(pool, dump ? dump : "{}");

    free(dump);
    json_decref(json);
    return text;
}

static int answer_text(request_rec *r, int status, const char *content_type, const char *text)
{
    r->status = status;
    ap_set_content_type(r, content_type);
    ap_set_content_length(r, (apr_off_t)strlen(text));
    if (!r->header_only) {
        ap_rputs(text, r);
    }
    return OK;
}

int answer_json(request_rec *r, int status, const char *content_type, json_t *json)
{
    if (!apr_table_get(r->headers_out, "Cache-Control")) {
        apr_table_setn(r->headers_out, "Cache-Control", "private, no-store");
    }
    return answer_text(r, status, content_type, json_text(r->pool, json));
}

const char *answer_etag(apr_pool_t *pool, const void *data, size_t length)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t context;
    char hex[2 * sizeof(digest) + 1];

    apr_sha1_init(&context);
    apr_sha1_update_binary(&context, data, (unsigned)length);
    apr_sha1_final(digest, &context);
    ap_bin2hex(digest, sizeof(digest), hex);
    return apr_pstrcat(pool, "\"", hex, "\"", NULL);
}

int answer_json_etag(request_rec *r, json_t *json, const char *volatile_member)
{
    json_t *stable = json_copy(json);
    const char *text;

    if (volatile_member) {
        json_object_del(stable, volatile_member);
    }
    text = json_text(r->pool, stable);
    apr_table_setn(r->headers_out, "ETag", answer_etag(r->pool, text, strlen(text)));
    apr_table_setn(r->headers_out, "Cache-Control", "private, no-cache");
    if (ap_meets_conditions(r) == HTTP_NOT_MODIFIED) {
        json_decref(json);
        r->status = HTTP_NOT_MODIFIED;
        return OK;
    }
    return answer_text(r, HTTP_OK, "application/json", json_text(r->pool, json));
}

bool answer_is_known(request_rec *r, const char *etag)
{
    const char *wanted = apr_table_get(r->headers_in, "If-None-Match");

    apr_table_setn(r->headers_out, "ETag", etag);
    apr_table_setn(r->headers_out, "Cache-Control", "private, no-cache");
    if (wanted && (!strcmp(wanted, "*") || ap_find_etag_weak(r->pool, wanted, etag))) {
        r->status = HTTP_NOT_MODIFIED;
        return true;
    }
    return false;
}

int answer_text_now(request_rec *r, const char *content_type, const char *text)
{
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    return answer_text(r, HTTP_OK, content_type, text);
}

json_t *json_time(int64_t seconds)
{
    char text[sizeof("+292277026596-12-31T23:59:59Z")];
    time_t time = (time_t)seconds;
    struct tm parts;

    if (!seconds || !gmtime_r(&time, &parts) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts)) {
        return json_null();
    }
    return json_string(text);
}

json_t *json_text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}
