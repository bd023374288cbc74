/* SPDX-License-Identifier: Apache-2.0
 * Which URLs may be called. */
#include "provider/http.h"
#include "provider/text.h"

#include <apr_strings.h>
#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>

/* `host` as libcurl understood it, so that both see the same: 127.1 has become 127.0.0.1, and ::1 stands in brackets.
 */
static bool host_is_loopback(const char *host)
{
    struct in_addr address;
    if (inet_pton(AF_INET, host, &address) == 1) {
        return ntohl(address.s_addr) >> 24 == 127;
    }
    return !strcmp(host, "[::1]") || !strcasecmp(host, "localhost");
}

const char *http_url_refusal(apr_pool_t *pool, const char *url)
{
    char *scheme = NULL, *host = NULL;
    const char *refusal = NULL;
    CURLU *parsed = curl_url();
    if (!parsed || curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        refusal = apr_psprintf(pool, "\"%s\" is no URL", text_printable(pool, url, 100));
    } else if (strcmp(scheme, "https") && (strcmp(scheme, "http") || !host_is_loopback(host))) {
        refusal = apr_psprintf(pool, "\"%s\" must be https://, or http:// to a loopback address",
                               text_printable(pool, url, 100));
    }
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parsed);
    return refusal;
}
