/* SPDX-License-Identifier: Apache-2.0
 * An HTTP client for calls to a provider, over libcurl: connections are kept and reused, a whole call with its retries
 * has one deadline, and a provider that is slow or dead is left alone for a while, so that it never takes the workers
 * with it. Redirects are not followed, proxies of the environment not used, certificates always verified, and plain
 * http:// is for loopback addresses alone. Nothing here writes a log: keys and bodies stay with the caller. */
#ifndef BILLING_HTTP_H
#define BILLING_HTTP_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_ANSWER_MAX         ((size_t)1024 * 1024)  /* bytes of a body */
#define HTTP_HEAD_MAX           ((size_t)64 * 1024)    /* bytes of an answer's header lines */
#define HTTP_TIMEOUT_MAX        apr_time_from_sec(300) /* of a whole call */
#define HTTP_CONNECT_TIMEOUT    apr_time_from_sec(5)
#define HTTP_ATTEMPT_MIN        apr_time_from_msec(200) /* with less time left no attempt is made */
#define HTTP_RETRIES_DEFAULT    2
#define HTTP_CONCURRENT_DEFAULT 8                    /* calls at once */
#define HTTP_BREAKER_FAILURES   5                    /* in a row, before calls are held back */
#define HTTP_BREAKER_WAIT       apr_time_from_sec(5) /* doubles with every failed probe, up to */
#define HTTP_BREAKER_WAIT_MAX   apr_time_from_sec(60)

/* Time and chance, so that tests need not wait for either. */
struct http_clock {
    apr_time_t (*now)(void *context); /* any epoch; never goes back */
    void (*sleep)(void *context, apr_interval_time_t duration);
    unsigned (*chance)(void *context); /* evenly 0..999 */
    void *context;
};

/* Each member: 0 or NULL for the default. */
struct http_settings {
    unsigned concurrent;
    unsigned breaker_failures;
    const struct http_clock *clock; /* must live as long as the client */
};

struct http_client;

/** Once per process image, before any thread: sets up libcurl and takes it down with the pool. */
apr_status_t http_initialize(apr_pool_t *pool);

/** One client per origin, shared by all threads of a process. Its handles go with `pool`, which must die before that of
 * http_initialize. A client that was made before a fork works after it: the child starts with no connections. */
apr_status_t http_client_create(apr_pool_t *pool, const struct http_settings *settings, struct http_client **client);

/* How the last attempt of a call ended. */
enum transfer_end {
    TRANSFER_DONE,      /* a complete answer came, whatever its status */
    TRANSFER_NOT_SENT,  /* the server has seen nothing of it */
    TRANSFER_BROKEN,    /* the server may have seen it; no complete answer came */
    TRANSFER_TOO_LARGE, /* an answer came, but more than we take */
    TRANSFER_HELD_BACK, /* not tried: too many calls at once, or the server has been failing */
    TRANSFER_INVALID    /* not tried: the URL or a header cannot be sent */
};

struct http_answer {
    enum transfer_end end;
    long status;          /* 0: no status line came */
    apr_table_t *headers; /* of the answer; never NULL */
    const char *body;     /* ends in NUL, which does not count; never NULL */
    size_t len;
    const char *detail; /* why it is not DONE, printable; else NULL */
    unsigned attempts;  /* that reached for the network */
    bool seen_before;   /* the server may have seen an attempt before the last */
    int retry_after;    /* TRANSFER_HELD_BACK: seconds, at least 1 */
};

struct http_request {
    const char *method; /* "GET", "POST", "DELETE" */
    const char *url;
    const char *const *headers; /* "Name: value", NULL at the end */
    const char *body;           /* of a POST; NULL: empty */
    size_t body_len;
    apr_interval_time_t timeout; /* of the whole call; above 0 */
    size_t answer_max;           /* 0: HTTP_ANSWER_MAX */
    unsigned retries;            /* attempts after the first */
    /** Whether an answer that came asks for another attempt. Lost connections are always tried again, unless a good
     * status line had come: then it is done, and only what it said is lost. */
    bool (*repeat)(const struct http_answer *answer);
};

/** Blocks for `timeout` at most. The answer lives in `pool`. Thread-safe. */
void http_call(struct http_client *client, apr_pool_t *pool, const struct http_request *request,
               struct http_answer *answer);

/** The client's clock, for those who spread one deadline over several calls. */
apr_time_t http_client_now(const struct http_client *client);

/* For the status page. */
struct http_client_state {
    unsigned in_flight;
    unsigned idle;  /* handles kept, each with its connection */
    bool held_back; /* the server has been failing: calls are refused */
    uint64_t calls;
    uint64_t attempts;
    uint64_t failures; /* attempts without an answer, or with one of 500 and above */
    uint64_t refusals; /* calls held back */
};

void http_client_state(struct http_client *client, struct http_client_state *state);

/** NULL, or why a URL must not be called: not https://, nor http:// to 127.0.0.0/8, ::1 or localhost. */
const char *http_url_refusal(apr_pool_t *pool, const char *url);

#endif
