/* SPDX-License-Identifier: Apache-2.0
 * Reading a request's body, raw and bounded. */
#ifndef BILLING_WEB_BODY_H
#define BILLING_WEB_BODY_H

#include <httpd.h>

struct body {
    const char *data; /* NUL-terminated, may contain more NULs */
    apr_size_t length;
};

/** The body as it was sent, at most `most` bytes, chunked or not. OK, or what to return: the problem was sent and the
 * reason logged (413, 415 for a Content-Encoding, 400 where the body broke off, 408 where it was too slow). */
int body_read(request_rec *r, apr_size_t most, struct body *body);

#endif
