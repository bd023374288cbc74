/* SPDX-License-Identifier: Apache-2.0
 * One attempt of a call, over libcurl. */
#include "provider/http_client.h"
#include "provider/text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#define DETAIL_MAX 200 /* bytes of libcurl's own words */

/* What the callbacks write to. */
struct reception {
    apr_pool_t *pool;
    struct http_answer *answer;
    char *body;
    size_t room; /* of body, without its NUL */
    size_t body_max;
    size_t head_len;
    bool too_large;
};

static size_t receive_body(char *data, size_t unit, size_t count, void *baton)
{
    struct reception *reception = baton;
    struct http_answer *answer = reception->answer;
    size_t len = unit * count;
    if (len > reception->body_max - answer->len) {
        reception->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    if (answer->len + len > reception->room) {
        size_t room = 2 * reception->room > answer->len + len ? 2 * reception->room : answer->len + len;
        char *larger = apr_palloc(reception->pool, room + 1);
        memcpy(larger, reception->body, answer->len);
        reception->body = larger;
        reception->room = room;
    }
    memcpy(reception->body + answer->len, data, len);
    answer->len += len;
    return len;
}

/* `line` ends in CR LF, not in NUL. An interim answer's lines (100, 103) are dropped when the next status line comes.
 */
static size_t receive_head(char *line, size_t unit, size_t count, void *baton)
{
    struct reception *reception = baton;
    size_t len = unit * count;
    if (len > HTTP_HEAD_MAX - reception->head_len) {
        reception->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    reception->head_len += len;
    if (len >= 5 && !memcmp(line, "HTTP/", 5)) {
        apr_table_clear(reception->answer->headers);
        return len;
    }
    char *name = apr_pstrmemdup(reception->pool, line, len), *colon = strchr(name, ':');
    if (colon) {
        *colon = 0;
        char *value = colon + 1 + strspn(colon + 1, " \t"), *end = value + strlen(value);
        while (end > value && apr_isspace(end[-1])) {
            *--end = 0;
        }
        apr_table_addn(reception->answer->headers, name, value);
    }
    return len;
}

static long milliseconds(apr_interval_time_t duration)
{
    /* libcurl takes 0 for no limit at all. */
    return duration < 1000 ? 1 : (long)(duration / 1000);
}

static struct curl_slist *headers_list(const struct http_request *request)
{
    struct curl_slist *list = NULL;
    for (const char *const *header = request->headers; header && *header; ++header) {
        struct curl_slist *longer = curl_slist_append(list, *header);
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static void options_connection(CURL *handle, apr_interval_time_t timeout)
{
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L); /* SIGALRM belongs to httpd, and to no thread */
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, milliseconds(timeout));
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                     milliseconds(timeout < HTTP_CONNECT_TIMEOUT ? timeout : HTTP_CONNECT_TIMEOUT));
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "https,http"); /* http_url_refusal has looked at the host */
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
}

static void options_request(CURL *handle, const struct http_request *request)
{
    curl_easy_setopt(handle, CURLOPT_URL, request->url);
    if (!strcmp(request->method, "POST")) {
        curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(request->body ? request->body_len : 0));
    } else if (strcmp(request->method, "GET")) {
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

static void options_reception(CURL *handle, struct reception *reception)
{
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, reception);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, receive_head);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, reception);
}

/* Whether any of the request may have left: then the server may have acted on it. */
static bool was_sent(CURL *handle)
{
    long request_size = 0;
    curl_off_t ready = 0;
    curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &request_size);
    curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &ready);
    return request_size > 0 || ready > 0;
}

static enum transfer_end transfer_end(CURL *handle, CURLcode code, const struct reception *reception)
{
    if (code == CURLE_OK) {
        return TRANSFER_DONE;
    }
    if (reception->too_large) {
        return TRANSFER_TOO_LARGE;
    }
    return was_sent(handle) ? TRANSFER_BROKEN : TRANSFER_NOT_SENT;
}

void http_attempt(CURL *handle, apr_pool_t *pool, const struct http_request *request, apr_interval_time_t timeout,
                  struct http_answer *answer)
{
    char words[CURL_ERROR_SIZE] = "";
    struct reception reception = {.pool = pool, .answer = answer, .body = apr_pcalloc(pool, 4096), .room = 4095};
    reception.body_max = request->answer_max ? request->answer_max : HTTP_ANSWER_MAX;
    *answer = (struct http_answer){.headers = apr_table_make(pool, 16)};
    struct curl_slist *headers = headers_list(request);
    options_connection(handle, timeout);
    options_request(handle, request);
    options_reception(handle, &reception);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, words);
    CURLcode code = headers || !request->headers ? curl_easy_perform(handle) : CURLE_OUT_OF_MEMORY;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer->status);
    answer->end = transfer_end(handle, code, &reception);
    if (answer->end == TRANSFER_TOO_LARGE) {
        answer->detail = "the answer is larger than is taken";
    } else if (code != CURLE_OK) {
        answer->detail = text_printable(pool, *words ? words : curl_easy_strerror(code), DETAIL_MAX);
    }
    reception.body[answer->len] = 0;
    answer->body = reception.body;
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
}
