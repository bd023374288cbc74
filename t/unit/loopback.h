/* SPDX-License-Identifier: Apache-2.0
 * An HTTP server on a loopback port of the kernel's choice, for tests of the client: plays a script of replies in the
 * order in which requests come, over all connections, and keeps the requests. */
#ifndef BILLING_UNIT_LOOPBACK_H
#define BILLING_UNIT_LOOPBACK_H

#include <apr_pools.h>
#include <stddef.h>

enum loopback_then {
    THEN_KEEP, /* the connection stays for the next request */
    THEN_CLOSE,
    THEN_RESET, /* closed with a TCP reset */
    THEN_HOLD   /* nothing more until loopback_release; then closed */
};

struct loopback_reply {
    const char *bytes; /* sent as they are; NULL: none */
    enum loopback_then then;
};

struct loopback_request {
    const char *line; /* "POST /path HTTP/1.1" */
    const char *head; /* the header lines */
    const char *body;
    unsigned connection; /* counted from 0 */
};

struct loopback;

/** A reply of this status with a JSON body and its length. `headers` are whole lines, or "". */
const char *loopback_answer(apr_pool_t *pool, int status, const char *headers, const char *body);

/** After the script every request gets status 418. */
struct loopback *loopback_start(apr_pool_t *pool, const struct loopback_reply *replies, size_t count);
const char *loopback_base(const struct loopback *server); /* "http://127.0.0.1:port" */

/** Waits until that many requests have come. */
void loopback_wait(struct loopback *server, size_t count);
size_t loopback_count(struct loopback *server);
const struct loopback_request *loopback_request(struct loopback *server, size_t index);

/** The value of a header of the request, or NULL. */
const char *loopback_header(apr_pool_t *pool, const struct loopback_request *request, const char *name);

void loopback_release(struct loopback *server);
void loopback_stop(struct loopback *server);

/** A URL on which nothing listens. */
const char *loopback_nobody(apr_pool_t *pool);

#endif
