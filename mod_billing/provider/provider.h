/* SPDX-License-Identifier: Apache-2.0
 * What a payment provider does for the rest of the module. Nobody else knows a provider's words: ids, statuses and
 * error codes are opaque text outside, and a new provider is a new record of this kind in provider.c.
 *
 * All calls are thread-safe and block for the call's time-out at most. Results live in the call's pool. */
#ifndef BILLING_PROVIDER_H
#define BILLING_PROVIDER_H

#include "domain/event.h"

#include <apr_pools.h>
#include <apr_time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The metadata key under which everything we create names the installation (BillingInstallId). */
#define PROVIDER_INSTALL_METADATA "attune_install"

#define PROVIDER_TIMEOUT_DEFAULT  apr_time_from_sec(10)
#define PROVIDER_TIMEOUT_WEBHOOK  apr_time_from_sec(3) /* the person waits in Checkout for our answer */
#define PROVIDER_KEY_MAX          255                  /* bytes of an idempotency key */

struct http_client;
struct provider;

/* One account at a provider, as configured. Cheap to fill in: it only points. */
struct provider_account {
    const struct provider *provider;
    struct http_client *http; /* one per api_base, made in each child */
    const char *secret_key;   /* never logged. NULL: none, and every call is refused */
    const char *api_base;     /* without a slash at the end; NULL: the provider's own */
    const char *org_metadata; /* the metadata key that names the org */
    const char *installation; /* NULL: none is written */
    bool livemode;            /* an answer of the other mode is refused */
};

struct provider_call {
    apr_pool_t *pool;
    const struct provider_account *account;
    apr_interval_time_t timeout; /* the call with its retries; 0: PROVIDER_TIMEOUT_DEFAULT */
};

enum provider_outcome {
    PROVIDER_OK,
    PROVIDER_NOT_FOUND,   /* the provider has no such thing, or no longer */
    PROVIDER_REFUSED,     /* our request is wrong, by a bug or by the configuration: the same again is no use */
    PROVIDER_UNAVAILABLE, /* not reached, busy or failing. Nothing was changed there */
    PROVIDER_AMBIGUOUS,   /* a change may have been made: to be repeated with the same idempotency key only */
    PROVIDER_KEY_USED,    /* the idempotency key was used with other words: what was made then is not told */
    PROVIDER_OUTCOMES     /* how many there are */
};

struct provider_result {
    enum provider_outcome outcome;
    int64_t date;           /* seconds since the epoch: when the answer was true, by the provider's own clock; where it
                             * told none, when the call began by ours. 0 unless OK */
    int retry_after;        /* seconds, at least 1, with UNAVAILABLE and AMBIGUOUS; else 0 */
    unsigned attempts;      /* that reached for the network */
    const char *detail;     /* a printable sentence for the log, without secrets; NULL with OK */
    const char *code;       /* the provider's own name of the error; NULL: none told */
    const char *request_id; /* the provider's own name of the request, for its support; NULL: none told */
};

/* What a provider is asked for over the network. */
enum provider_operation {
    PROVIDER_CUSTOMER_CREATE,
    PROVIDER_CUSTOMER_FIND,
    PROVIDER_CHECKOUT_CREATE,
    PROVIDER_CHECKOUT_FETCH,
    PROVIDER_CHECKOUT_EXPIRE,
    PROVIDER_CHECKOUTS_OPEN,
    PROVIDER_PORTAL_CREATE,
    PROVIDER_SUBSCRIPTION_FETCH,
    PROVIDER_SUBSCRIPTIONS_LIST,
    PROVIDER_EVENTS_LIST,
    PROVIDER_OPERATIONS
};

struct webhook_delivery {
    const char *signature; /* the value of provider->signature_header; NULL: the request has none */
    const void *body;
    size_t len;
    int64_t now; /* seconds since the epoch */
};

struct customer_request {
    const char *org;
    const char *idempotency_key;
};

/* A customer that an earlier, lost call may have made. */
struct customer_query {
    const char *org;
    int64_t since; /* seconds since the epoch: not made before, nor after `until`; 0: unbounded */
    int64_t until;
};

struct checkout_request {
    const char *org;
    const char *customer;
    const char *price;
    const char *return_url; /* http(s); the outcome is added to its query */
    int64_t expires_at;     /* 0: the provider's default */
    const char *idempotency_key;
};

enum checkout_status { CHECKOUT_OPEN, CHECKOUT_COMPLETE, CHECKOUT_EXPIRED };

struct checkout_session {
    const char *id;
    enum checkout_status status;
    const char *url; /* while it is open; else NULL */
    int64_t expires_at;
    const char *customer;         /* NULL: none */
    const char *subscription;     /* NULL: none yet */
    const char *client_reference; /* NULL: none */
};

/* Open sessions that earlier, lost calls may have made. */
struct checkout_query {
    const char *org;
    const char *customer;
};

struct checkout_list {
    const char *const *ids;
    size_t count;
};

enum portal_flow { PORTAL_HOME, PORTAL_PAYMENT_METHOD };

struct portal_request {
    const char *customer;
    const char *return_url;
    enum portal_flow flow;
};

struct subscription_list {
    const struct subscription_snapshot *items;
    size_t count;
    size_t unusable;    /* left out, since they make no sense to us */
    const char *detail; /* why the first of those was */
};

/* Newest first. */
struct event_query {
    int64_t since;         /* seconds since the epoch; 0: as far back as the provider keeps them */
    int64_t until;         /* not made after this second; 0: to the newest */
    bool undelivered_only; /* those that no endpoint has acknowledged */
    const char *cursor;    /* event_page.next of the page before; NULL: the first page */
};

struct event_page {
    const char *const *bodies; /* as event_parse takes them */
    const size_t *lens;
    size_t count;
    const char *next; /* NULL: this was the last page */
};

struct provider {
    const char *name; /* as in BillingPrice and in the database */
    const char *signature_header;
    const char *page_origins; /* where Checkout and the portal are, divided by spaces */

    /** NULL, or why the delivery is not the provider's: a sentence for the log. */
    const char *(*webhook_verify)(const struct webhook_delivery *delivery, const char *const *secrets,
                                  size_t secret_count);

    /** NULL, or why the body is no event at all: then there is nothing to keep (stripe/event.h). */
    const char *(*event_parse)(apr_pool_t *pool, const void *body, size_t len, const char *org_key,
                               struct billing_event *event);

    struct provider_result (*customer_create)(const struct provider_call *call, const struct customer_request *request,
                                              const char **customer);

    /** The oldest customer of this org and installation; NOT_FOUND where there is none. */
    struct provider_result (*customer_find)(const struct provider_call *call, const struct customer_query *query,
                                            const char **customer);

    /** NOT_FOUND: the provider does not know the customer, or has deleted it. */
    struct provider_result (*checkout_create)(const struct provider_call *call, const struct checkout_request *request,
                                              struct checkout_session *session);
    struct provider_result (*checkout_fetch)(const struct provider_call *call, const char *id,
                                             struct checkout_session *session);

    /** Ends an open session. One that is over already is no error: `session` says how it ended. */
    struct provider_result (*checkout_expire)(const struct provider_call *call, const char *id,
                                              struct checkout_session *session);

    /** The customer's open sessions that were made for this org. */
    struct provider_result (*checkouts_open)(const struct provider_call *call, const struct checkout_query *query,
                                             struct checkout_list *list);

    /** NOT_FOUND: the provider does not know the customer, or has deleted it. */
    struct provider_result (*portal_create)(const struct provider_call *call, const struct portal_request *request,
                                            const char **url);

    struct provider_result (*subscription_fetch)(const struct provider_call *call, const char *id,
                                                 struct subscription_snapshot *snapshot);

    /** All of a customer's, ended ones too. */
    struct provider_result (*subscriptions_list)(const struct provider_call *call, const char *customer,
                                                 struct subscription_list *list);

    /** One page of the events that event_parse makes something of. */
    struct provider_result (*events_list)(const struct provider_call *call, const struct event_query *query,
                                          struct event_page *page);
};

/** The provider of this name among those compiled in, or NULL. */
const struct provider *provider_find(const char *name);

/** Called in the caller's thread at the end of each call, with the time that it took in all, in microseconds. */
typedef void provider_observer(enum provider_operation operation, const struct provider_result *result, int64_t took);

/** From now on provider_find gives providers whose calls are told to `observer`, by one for all. Before there are
 * threads. */
void provider_observe(provider_observer *observer);

/** "ok", "not found", "refused", "unavailable", "ambiguous", "key used". */
const char *provider_outcome_name(enum provider_outcome outcome);

#endif
