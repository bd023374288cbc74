/* SPDX-License-Identifier: Apache-2.0
 * Full event bodies of API version 2026-10-28 and recorded answers of the API since 2020, where they are at hand. */
#include "provider/stripe/event.h"
#include "tap_apr.h"

#include <apr_strings.h>
#include <jansson.h>
#include <stdlib.h>

static apr_pool_t *pool;

static struct billing_event parse(const char *body)
{
    struct billing_event event;
    const char *error = stripe_event_parse(pool, body, strlen(body), "attune_org", &event);
    if (error) {
        printf("# %s\n", error);
    }
    CU_ASSERT_PTR_NULL_FATAL(error);
    return event;
}

static const struct fixture {
    const char *name;
    enum event_kind kind;
    enum billing_status status;
} fixtures[] = {
    {"THIN__v1.customer.subscription.updated", EVENT_UNHANDLED, 0},
    {"checkout.session.async_payment_failed", EVENT_CHECKOUT_FAILED, 0},
    {"checkout.session.async_payment_succeeded", EVENT_CHECKOUT_COMPLETED, 0},
    {"checkout.session.completed__no_payment_required", EVENT_CHECKOUT_COMPLETED, 0},
    {"checkout.session.completed__paid", EVENT_CHECKOUT_COMPLETED, 0},
    {"checkout.session.completed__unpaid_async", EVENT_CHECKOUT_PENDING, 0},
    {"checkout.session.expired", EVENT_CHECKOUT_EXPIRED, 0},
    {"customer.subscription.created__incomplete", EVENT_SUBSCRIPTION, STATUS_NONE},
    {"customer.subscription.created__trialing", EVENT_SUBSCRIPTION, STATUS_ACTIVE},
    {"customer.subscription.deleted", EVENT_SUBSCRIPTION, STATUS_CANCELED},
    {"customer.subscription.paused", EVENT_SUBSCRIPTION, STATUS_CANCELED},
    {"customer.subscription.updated__active_to_past_due", EVENT_SUBSCRIPTION, STATUS_PAST_DUE},
    {"customer.subscription.updated__connect_account", EVENT_SUBSCRIPTION, STATUS_ACTIVE},
    {"customer.subscription.updated__incomplete_expired", EVENT_SUBSCRIPTION, STATUS_CANCELED},
    {"customer.subscription.updated__incomplete_to_active_same_second", EVENT_SUBSCRIPTION, STATUS_ACTIVE},
    {"customer.subscription.updated__past_due_to_unpaid", EVENT_SUBSCRIPTION, STATUS_PAST_DUE},
    {"customer.subscription.updated__plan_change", EVENT_SUBSCRIPTION, STATUS_ACTIVE},
    {"customer.subscription.updated__portal_cancel_flexible_cancel_at", EVENT_SUBSCRIPTION, STATUS_ACTIVE},
    {"entitlements.active_entitlement_summary.updated__10_has_more", EVENT_UNHANDLED, 0},
    {"entitlements.active_entitlement_summary.updated__2", EVENT_UNHANDLED, 0},
    {"entitlements.active_entitlement_summary.updated__empty", EVENT_UNHANDLED, 0},
    {"invoice.created__oneoff_draft", EVENT_UNHANDLED, 0},
    {"invoice.finalized__oneoff", EVENT_UNHANDLED, 0},
    {"invoice.marked_uncollectible__oneoff", EVENT_UNHANDLED, 0},
    {"invoice.paid", EVENT_PAYMENT_PAID, 0},
    {"invoice.paid__oneoff_no_parent", EVENT_UNHANDLED, 0},
    {"invoice.payment_failed", EVENT_PAYMENT_FAILED, 0},
    {"invoice.payment_succeeded", EVENT_PAYMENT_PAID, 0},
    {"invoice.sent__oneoff", EVENT_UNHANDLED, 0},
    {"invoice.voided__oneoff", EVENT_UNHANDLED, 0},
};

static void check_fixture(const struct fixture *fixture, const json_t *body)
{
    char *text = json_dumps(body, 0);
    struct billing_event event = parse(text);
    if (event.kind != fixture->kind) {
        printf("# %s: %d\n", fixture->name, event.kind);
        CU_FAIL("kind");
    }
    CU_ASSERT_STRING_EQUAL(event.id, json_string_value(json_object_get(body, "id")));
    CU_ASSERT(event.created > 1793000000);
    CU_ASSERT_EQUAL(event.account != NULL, strstr(fixture->name, "connect_account") != NULL);
    if (event.kind == EVENT_SUBSCRIPTION) {
        CU_ASSERT_EQUAL(event.snapshot.status, fixture->status);
        CU_ASSERT_EQUAL(event.snapshot.price_count, 1);
        CU_ASSERT(event.snapshot.period_end > 1700000000);
        CU_ASSERT(event.snapshot.created > 1700000000);
        CU_ASSERT_EQUAL(event.snapshot.cancel_at != 0, strstr(fixture->name, "cancel_at") != NULL);
    }
    free(text);
}

static void full_bodies(void)
{
    for (size_t i = 0; i < sizeof(fixtures) / sizeof(*fixtures); ++i) {
        char *path = apr_pstrcat(pool, SRCDIR "/../shared/fixtures/events/", fixtures[i].name, ".json", NULL);
        json_t *body = json_load_file(path, 0, NULL);
        if (body) {
            check_fixture(&fixtures[i], body);
        } else {
            printf("# %s is not here\n", fixtures[i].name);
        }
        json_decref(body);
    }
}

/* The API's answers have the same object as the events, in every version since 2020. */
static void api_answers(void)
{
    static const char *const names[] = {
        "2020-08-27__GET_v1_subscriptions_sub__200__1", "2023-08-16__GET_v1_subscriptions_sub__200__1",
        "2025-10-29.clover__GET_v1_subscriptions_sub__200__1", "2026-03-25.dahlia__POST_v1_subscriptions__200__1"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i) {
        char *path = apr_pstrcat(pool, SRCDIR "/../shared/fixtures/api-recorded/", names[i], ".json", NULL);
        json_t *recorded = json_load_file(path, 0, NULL);
        struct subscription_snapshot snapshot;
        if (recorded) {
            const json_t *answer = json_object_get(json_object_get(recorded, "response"), "body");
            CU_ASSERT_PTR_NULL(stripe_subscription_parse(pool, answer, "attune_org", &snapshot));
            CU_ASSERT(snapshot.price_count > 0 && snapshot.period_end > 0 && snapshot.created > 0);
        }
        json_decref(recorded);
    }
    struct subscription_snapshot snapshot;
    CU_ASSERT_PTR_NOT_NULL(stripe_subscription_parse(pool, NULL, "attune_org", &snapshot));
}

static const struct unit_test tests[] = {
    {"full_bodies", full_bodies},
    {"api_answers", api_answers},
};

UNIT_MAIN_APR(tests, pool, NULL)
