/* SPDX-License-Identifier: Apache-2.0
 * Stripe's list of past events, which it keeps for 30 days. */
#include "provider/stripe/api.h"
#include "provider/stripe/event.h"
#include "provider/stripe/stripe.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <stdlib.h>
#include <string.h>

static void query_filter(struct form *form, const void *baton)
{
    const struct event_query *query = baton;
    const char *type;
    for (unsigned i = 0; (type = stripe_event_type(i)); ++i) {
        form_item(form, "types", i, type);
    }
    if (query->undelivered_only) {
        form_flag(form, "delivery_success", false);
    }
    if (query->since > 0) {
        form_integer(form, "created[gte]", query->since);
    }
    if (query->until > 0) {
        form_integer(form, "created[lte]", query->until);
    }
}

struct bodies {
    apr_pool_t *pool;
    apr_array_header_t *bodies; /* const char * */
    apr_array_header_t *lens;   /* size_t */
};

static void bodies_visit(const json_t *event, void *baton)
{
    struct bodies *bodies = baton;
    char *text = json_dumps(event, JSON_COMPACT);
    if (text) {
        size_t len = strlen(text);
        APR_ARRAY_PUSH(bodies->bodies, const char *) = apr_pstrmemdup(bodies->pool, text, len);
        APR_ARRAY_PUSH(bodies->lens, size_t) = len;
        free(text);
    }
}

struct provider_result stripe_events_list(const struct provider_call *call, const struct event_query *query,
                                          struct event_page *page)
{
    struct bodies bodies = {call->pool, apr_array_make(call->pool, STRIPE_LIST_PAGE, sizeof(const char *)),
                            apr_array_make(call->pool, STRIPE_LIST_PAGE, sizeof(size_t))};
    struct stripe_list list = {"/v1/events", query_filter, query, bodies_visit, &bodies};
    *page = (struct event_page){.next = NULL};
    struct provider_result result = stripe_list_page(call, &list, query->cursor, &page->next);
    page->bodies = (const char *const *)bodies.bodies->elts;
    page->lens = (const size_t *)bodies.lens->elts;
    page->count = (size_t)bodies.bodies->nelts;
    return result;
}
