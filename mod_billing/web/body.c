/* SPDX-License-Identifier: Apache-2.0
 * Reading brigades by hand: ap_get_client_block loses error codes (http_filters.c), and LimitRequestBody does not bound
 * chunked bodies by default. */
#include "web/body.h"

#include "web/problem.h"

#include <apr_buckets.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <stdbool.h>
#include <util_filter.h>

APLOG_USE_MODULE(attune_billing);

#define READ_SIZE 16384

static int body_refuse(request_rec *r, int status, const char *code, const char *detail)
{
    r->connection->keepalive = AP_CONN_CLOSE; /* the rest of the body is still on its way */
    problem_send(r, status, code, detail);
    return DONE;
}

static int body_too_large(request_rec *r, apr_size_t most)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "ATB0411: body refused: more than %" APR_SIZE_T_FMT " bytes", most);
    return body_refuse(r, HTTP_REQUEST_ENTITY_TOO_LARGE, "payload_too_large",
                       "The body is larger than this route reads.");
}

static int body_encoded(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "ATB0412: body refused: it has a Content-Encoding");
    return body_refuse(r, HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported_content_encoding",
                       "Send the body without a Content-Encoding.");
}

static int body_broken(request_rec *r, apr_status_t status, apr_size_t most)
{
    int mapped = ap_map_http_request_error(status, HTTP_BAD_REQUEST);

    if (mapped == HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return body_too_large(r, most);
    }
    if (mapped == HTTP_REQUEST_TIME_OUT || APR_STATUS_IS_TIMEUP(status)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "ATB0414: body refused: it did not arrive in time");
        return body_refuse(r, HTTP_REQUEST_TIME_OUT, "request_timeout", "The body did not arrive in time.");
    }
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "ATB0413: body refused: it broke off, or its chunks are malformed");
    if (mapped == AP_FILTER_ERROR) {
        return mapped; /* malformed chunks: httpd's own filter has answered already (http_filters.c) */
    }
    return body_refuse(r, HTTP_BAD_REQUEST, "incomplete_body", "The body could not be read to its end.");
}

static bool body_has_encoding(const request_rec *r)
{
    const char *encoding = apr_table_get(r->headers_in, "Content-Encoding");
    return encoding && strcasecmp(encoding, "identity");
}

/* Doubles as it grows, so that a small body costs a small buffer. */
static void body_append(apr_pool_t *pool, struct body *body, apr_size_t *room, const char *data, apr_size_t length)
{
    if (body->length + length + 1 > *room) {
        char *larger;
        while (body->length + length + 1 > *room) {
            *room *= 2;
        }
        larger = apr_palloc(pool, *room);
        memcpy(larger, body->data, body->length);
        body->data = larger;
    }
    memcpy((char *)body->data + body->length, data, length);
    body->length += length;
    ((char *)body->data)[body->length] = '\0';
}

static apr_status_t body_take(apr_pool_t *pool, apr_bucket_brigade *brigade, apr_size_t most, struct body *body,
                              apr_size_t *room, bool *end)
{
    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        const char *data;
        apr_size_t length;
        apr_status_t status;

        if (APR_BUCKET_IS_EOS(bucket)) {
            *end = true;
            break;
        }
        if (APR_BUCKET_IS_METADATA(bucket)) {
            continue;
        }
        status = apr_bucket_read(bucket, &data, &length, APR_BLOCK_READ);
        if (status != APR_SUCCESS) {
            return status;
        }
        if (length > most - body->length) {
            return APR_ENOSPC;
        }
        body_append(pool, body, room, data, length);
    }
    return APR_SUCCESS;
}

int body_read(request_rec *r, apr_size_t most, struct body *body)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    apr_size_t room = READ_SIZE;
    bool end = false;

    if (body_has_encoding(r)) {
        return body_encoded(r);
    }
    if (length && apr_atoi64(length) > (apr_int64_t)most) {
        return body_too_large(r, most);
    }
    body->data = apr_pcalloc(r->pool, room);
    body->length = 0;
    while (!end) {
        apr_status_t status = ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES, APR_BLOCK_READ, READ_SIZE);

        if (status == APR_SUCCESS) {
            status = body_take(r->pool, brigade, most, body, &room, &end);
        }
        apr_brigade_cleanup(brigade);
        if (status == APR_ENOSPC) {
            return body_too_large(r, most);
        }
        if (status != APR_SUCCESS) {
            return body_broken(r, status, most);
        }
    }
    return OK;
}
