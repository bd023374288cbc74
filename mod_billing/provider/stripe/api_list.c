/* SPDX-License-Identifier: Apache-2.0
 * Stripe's lists, which come in pages, newest first. */
#include "provider/http.h"
#include "provider/stripe/api.h"
#include "provider/stripe/field.h"

#include <apr_strings.h>

static struct form *page_form(const struct provider_call *call, const struct stripe_list *list, const char *cursor)
{
    struct form *form = form_create(call->pool);
    list->filter(form, list->filter_baton);
    form_integer(form, "limit", STRIPE_LIST_PAGE);
    form_text(form, "starting_after", cursor);
    return form;
}

/* Visits what the page has. NULL, or why it is no page. A page that says there is more, but has nothing to go on from,
 * would be asked for for ever. */
static const char *page_read(apr_pool_t *pool, const json_t *answer, const struct stripe_list *list, const char **next)
{
    struct fields fields = {.pool = pool};
    const json_t *data = field_get(answer, "data");
    bool more = field_flag(&fields, answer, "has_more");
    size_t count = json_array_size(data);
    if (!json_is_array(data)) {
        return "the answer is no list";
    }
    for (size_t i = 0; i < count; ++i) {
        list->visit(json_array_get(data, i), list->visit_baton);
    }
    *next = more ? field_id(&fields, json_array_get(data, count - (count > 0)), "id") : NULL;
    return more && !*next ? "the list goes on, but its last object has no id" : fields.error;
}

struct provider_result stripe_list_page(const struct provider_call *call, const struct stripe_list *list,
                                        const char *cursor, const char **next)
{
    struct stripe_request request = {
        .method = "GET",
        .path = list->path,
        .form = page_form(call, list, cursor),
        .answer_max = STRIPE_LIST_ANSWER_MAX,
    };
    json_t *answer;
    struct provider_result result = stripe_call(call, &request, &answer);
    if (result.outcome == PROVIDER_OK) {
        const char *error = page_read(call->pool, answer, list, next);
        json_decref(answer);
        return error ? stripe_unusable(call, &request, result, error) : result;
    }
    return result;
}

struct provider_result stripe_list_all(const struct provider_call *call, const struct stripe_list *list)
{
    const char *cursor = NULL;
    apr_time_t began = http_client_now(call->account->http);
    struct provider_result first = stripe_list_page(call, list, NULL, &cursor);
    struct provider_call rest;
    for (int page = 1; first.outcome == PROVIDER_OK && cursor; ++page) {
        if (page >= STRIPE_LIST_PAGES_MAX) {
            first.outcome = PROVIDER_REFUSED;
            first.detail = apr_psprintf(call->pool, "GET %s: the list has more than %d objects", list->path,
                                        STRIPE_LIST_PAGES_MAX * STRIPE_LIST_PAGE);
            return first;
        }
        if (!stripe_call_rest(call, began, &rest, &first)) {
            return first;
        }
        struct provider_result result = stripe_list_page(&rest, list, cursor, &cursor);
        first.attempts += result.attempts;
        if (result.outcome != PROVIDER_OK) {
            result.attempts = first.attempts;
            return result;
        }
    }
    return first;
}
