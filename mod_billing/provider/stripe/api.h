/* SPDX-License-Identifier: Apache-2.0
 * A call to Stripe's API: headers, retries as the official SDKs make them, and what an answer means. */
#ifndef BILLING_STRIPE_API_H
#define BILLING_STRIPE_API_H

#include "provider/provider.h"
#include "provider/stripe/form.h"

#include <jansson.h>

#define STRIPE_API_BASE    "https://api.stripe.com"
#define STRIPE_API_VERSION "2026-10-28.endive"

struct stripe_request {
    const char *method;          /* "GET" or "POST" */
    const char *path;            /* "/v1/…", ids in it percent-encoded */
    const struct form *form;     /* body of a POST, query of a GET; NULL: nothing */
    const char *idempotency_key; /* of a POST; NULL: a random one, for what may be made twice over two calls */
    size_t answer_max;           /* 0: HTTP_ANSWER_MAX */
};

/** @param answer with PROVIDER_OK the JSON object that came, to be released with json_decref; else NULL */
struct provider_result stripe_call(const struct provider_call *call, const struct stripe_request *request,
                                   json_t **answer);

/** The result of a call whose answer came but lacks what it must have: `detail` says what. The request was carried out,
 * so a POST is AMBIGUOUS. */
struct provider_result stripe_unusable(const struct provider_call *call, const struct stripe_request *request,
                                       struct provider_result result, const char *detail);

/** What is left of `call` for a further request, where one call makes several. False where no time is left: then
 * `result` is made UNAVAILABLE.
 * @param began http_client_now when the first request began */
bool stripe_call_rest(const struct provider_call *call, apr_time_t began, struct provider_call *rest,
                      struct provider_result *result);

#define STRIPE_LIST_ANSWER_MAX ((size_t)16 * 1024 * 1024) /* bytes: 50 objects of the largest kind */
#define STRIPE_LIST_PAGE       50                         /* objects */
#define STRIPE_LIST_PAGES_MAX  40

struct stripe_list {
    const char *path;
    void (*filter)(struct form *form, const void *baton); /* adds the query's own part */
    const void *filter_baton;
    void (*visit)(const json_t *object, void *baton); /* each object, in Stripe's order: newest first */
    void *visit_baton;
};

/** All pages. The result's date is the first page's. REFUSED where there are more than STRIPE_LIST_PAGES_MAX. */
struct provider_result stripe_list_all(const struct provider_call *call, const struct stripe_list *list);

/** The page after the object `cursor` (NULL: the first). @param next the cursor of the page after, or NULL */
struct provider_result stripe_list_page(const struct provider_call *call, const struct stripe_list *list,
                                        const char *cursor, const char **next);

#endif
