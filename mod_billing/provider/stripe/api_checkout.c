/* SPDX-License-Identifier: Apache-2.0
 * Stripe's Checkout sessions. */
#include "provider/http.h"
#include "provider/stripe/api.h"
#include "provider/stripe/field.h"
#include "provider/stripe/stripe.h"

#include <apr_strings.h>
#include <string.h>

/* The URL with a part added to its query, before a fragment. */
static const char *url_with(apr_pool_t *pool, const char *url, const char *part)
{
    size_t len = strcspn(url, "#");
    const char *bare = apr_pstrmemdup(pool, url, len), *joint = "?";
    if (strchr(bare, '?')) {
        joint = strchr("?&", bare[len - 1]) ? "" : "&";
    }
    return apr_pstrcat(pool, bare, joint, part, url + len, NULL);
}

static void metadata_add(const struct provider_call *call, const char *org, const char *name, struct form *form)
{
    form_member(form, name, call->account->org_metadata, org);
    form_member(form, name, PROVIDER_INSTALL_METADATA, call->account->installation);
}

/* Stripe does not hand a session's metadata on to the subscription, so both get it. Which payment methods there are is
 * left to the account's own settings: payment_method_types is refused since API version 2026-09-30. */
static struct form *session_form(const struct provider_call *call, const struct checkout_request *request)
{
    struct form *form = form_create(call->pool);
    form_text(form, "mode", "subscription");
    form_text(form, "customer", request->customer);
    form_text(form, "client_reference_id", request->org);
    form_text(form, "line_items[0][price]", request->price);
    form_integer(form, "line_items[0][quantity]", 1);
    form_text(form, "success_url",
              url_with(call->pool, request->return_url, "checkout=success&session_id={CHECKOUT_SESSION_ID}"));
    form_text(form, "cancel_url", url_with(call->pool, request->return_url, "checkout=cancelled"));
    metadata_add(call, request->org, "metadata", form);
    metadata_add(call, request->org, "subscription_data[metadata]", form);
    if (request->expires_at > 0) {
        form_integer(form, "expires_at", request->expires_at);
    }
    return form;
}

static void status_read(struct fields *fields, const json_t *answer, struct checkout_session *session)
{
    static const char *const words[] = {
        [CHECKOUT_OPEN] = "open", [CHECKOUT_COMPLETE] = "complete", [CHECKOUT_EXPIRED] = "expired"};
    const char *status = field_text(fields, answer, "status");
    for (int i = CHECKOUT_OPEN; status && i <= CHECKOUT_EXPIRED; ++i) {
        if (!strcmp(status, words[i])) {
            session->status = (enum checkout_status)i;
            return;
        }
    }
    field_fail(fields, "the session has no status that is known");
}

static const char *session_read(apr_pool_t *pool, const json_t *answer, struct checkout_session *session)
{
    struct fields fields = {.pool = pool};
    session->id = field_id(&fields, answer, "id");
    session->url = field_url(&fields, answer, "url");
    session->expires_at = field_time(&fields, answer, "expires_at");
    session->customer = field_id(&fields, answer, "customer");
    session->subscription = field_id(&fields, answer, "subscription");
    session->client_reference = field_text(&fields, answer, "client_reference_id");
    status_read(&fields, answer, session);
    if (!session->id || !session->expires_at) {
        field_fail(&fields, "the session has no id or no expires_at");
    }
    if (session->status != CHECKOUT_OPEN) {
        session->url = NULL;
    } else if (!session->url) {
        field_fail(&fields, "the open session has no url");
    }
    return fields.error;
}

static struct provider_result session_call(const struct provider_call *call, const struct stripe_request *request,
                                           struct checkout_session *session)
{
    json_t *answer;
    struct provider_result result = stripe_call(call, request, &answer);
    *session = (struct checkout_session){.id = NULL};
    if (result.outcome == PROVIDER_OK) {
        const char *error = session_read(call->pool, answer, session);
        json_decref(answer);
        if (error) {
            return stripe_unusable(call, request, result, error);
        }
    }
    return result;
}

struct provider_result stripe_checkout_create(const struct provider_call *call, const struct checkout_request *request,
                                              struct checkout_session *session)
{
    struct stripe_request post = {
        .method = "POST",
        .path = "/v1/checkout/sessions",
        .form = session_form(call, request),
        .idempotency_key = request->idempotency_key,
    };
    return session_call(call, &post, session);
}

struct provider_result stripe_checkout_fetch(const struct provider_call *call, const char *id,
                                             struct checkout_session *session)
{
    struct stripe_request get = {
        .method = "GET", .path = apr_pstrcat(call->pool, "/v1/checkout/sessions/", form_escape(call->pool, id), NULL)};
    return session_call(call, &get, session);
}

/* Stripe refuses to expire what is over. Then how it ended is what the caller wants to know. */
struct provider_result stripe_checkout_expire(const struct provider_call *call, const char *id,
                                              struct checkout_session *session)
{
    struct stripe_request post = {
        .method = "POST",
        .path = apr_pstrcat(call->pool, "/v1/checkout/sessions/", form_escape(call->pool, id), "/expire", NULL),
    };
    apr_time_t began = http_client_now(call->account->http);
    struct provider_result result = session_call(call, &post, session);
    struct provider_call rest;
    if (result.outcome != PROVIDER_REFUSED || result.attempts == 0 || !stripe_call_rest(call, began, &rest, &result)) {
        return result;
    }
    struct checkout_session now;
    struct provider_result fetched = stripe_checkout_fetch(&rest, id, &now);
    if (fetched.outcome == PROVIDER_OK && now.status != CHECKOUT_OPEN) {
        *session = now;
        return fetched;
    }
    return result;
}

struct search {
    const struct provider_call *call;
    const struct checkout_query *query;
    apr_array_header_t *ids; /* const char * */
};

static void search_filter(struct form *form, const void *baton)
{
    const struct checkout_query *query = baton;
    form_text(form, "customer", query->customer);
    form_text(form, "status", "open");
}

static void search_visit(const json_t *session, void *baton)
{
    struct search *search = baton;
    struct fields fields = {.pool = search->call->pool};
    const char *org = field_text(&fields, session, "client_reference_id");
    const char *mode = field_text(&fields, session, "mode");
    const char *id = field_id(&fields, session, "id");
    if (id && org && !strcmp(org, search->query->org) && mode && !strcmp(mode, "subscription")) {
        APR_ARRAY_PUSH(search->ids, const char *) = id;
    }
}

/* Told by the org they are for, not by our metadata, whose words may have been others when they were made. */
struct provider_result stripe_checkouts_open(const struct provider_call *call, const struct checkout_query *query,
                                             struct checkout_list *found)
{
    struct search search = {call, query, apr_array_make(call->pool, 1, sizeof(const char *))};
    struct stripe_list list = {"/v1/checkout/sessions", search_filter, query, search_visit, &search};
    struct provider_result result = stripe_list_all(call, &list);
    found->ids = (const char *const *)search.ids->elts;
    found->count = (size_t)search.ids->nelts;
    return result;
}
