/* SPDX-License-Identifier: Apache-2.0
 * The envelope of Stripe's events, and which events mean something here. */
#include "provider/stripe/event.h"
#include "provider/provider.h"
#include "provider/stripe/parse.h"

#include <apr_strings.h>
#include <string.h>
#include <time.h>

enum family { FAMILY_CHECKOUT, FAMILY_CUSTOMER, FAMILY_SUBSCRIPTION, FAMILY_SUBSCRIPTION_END, FAMILY_INVOICE };

static const struct handled {
    const char *type;
    enum family family;
    enum event_kind kind;
} handled_types[] = {
    {"checkout.session.async_payment_failed", FAMILY_CHECKOUT, EVENT_CHECKOUT_FAILED},
    {"checkout.session.async_payment_succeeded", FAMILY_CHECKOUT, EVENT_CHECKOUT_COMPLETED},
    {"checkout.session.completed", FAMILY_CHECKOUT, EVENT_CHECKOUT_PENDING}, /* unless its payment_status says more */
    {"checkout.session.expired", FAMILY_CHECKOUT, EVENT_CHECKOUT_EXPIRED},
    {"customer.deleted", FAMILY_CUSTOMER, EVENT_CUSTOMER_DELETED},
    {"customer.subscription.created", FAMILY_SUBSCRIPTION, EVENT_SUBSCRIPTION},
    {"customer.subscription.deleted", FAMILY_SUBSCRIPTION_END, EVENT_SUBSCRIPTION},
    {"customer.subscription.paused", FAMILY_SUBSCRIPTION, EVENT_SUBSCRIPTION},
    {"customer.subscription.resumed", FAMILY_SUBSCRIPTION, EVENT_SUBSCRIPTION},
    {"customer.subscription.updated", FAMILY_SUBSCRIPTION, EVENT_SUBSCRIPTION},
    {"invoice.paid", FAMILY_INVOICE, EVENT_PAYMENT_PAID},
    {"invoice.payment_failed", FAMILY_INVOICE, EVENT_PAYMENT_FAILED},
    {"invoice.payment_succeeded", FAMILY_INVOICE, EVENT_PAYMENT_PAID},
};

#define HANDLED_COUNT (sizeof(handled_types) / sizeof(*handled_types))

const char *stripe_event_type(size_t index)
{
    return index < HANDLED_COUNT ? handled_types[index].type : NULL;
}

static const struct handled *handled_find(const char *type)
{
    for (size_t i = 0; i < HANDLED_COUNT; ++i) {
        if (!strcmp(handled_types[i].type, type)) {
            return &handled_types[i];
        }
    }
    return NULL;
}

static void customer_deleted(struct fields *fields, const json_t *customer, struct billing_event *event)
{
    event->kind = EVENT_CUSTOMER_DELETED;
    event->customer = field_id(fields, customer, "id");
    if (!event->customer) {
        field_fail(fields, "the customer has no id");
    }
}

static void object_parse(struct fields *fields, const struct handled *handled, const json_t *object,
                         const char *org_key, struct billing_event *event)
{
    switch (handled->family) {
    case FAMILY_CHECKOUT:
        stripe_parse_checkout(fields, object, handled->kind, event);
        break;
    case FAMILY_CUSTOMER:
        customer_deleted(fields, object, event);
        break;
    case FAMILY_SUBSCRIPTION:
    case FAMILY_SUBSCRIPTION_END:
        stripe_parse_subscription(fields, object, org_key, handled->family == FAMILY_SUBSCRIPTION_END, event);
        break;
    case FAMILY_INVOICE:
        stripe_parse_invoice(fields, object, handled->kind, event);
        break;
    }
}

/* What the event is about. Whatever is odd here makes an event unusable at most, never refused: it is Stripe's, and
 * refusing it would only bring it back for days. */
static void content_parse(apr_pool_t *pool, const json_t *root, const char *org_key, struct billing_event *event)
{
    const struct handled *handled = handled_find(event->type);
    const json_t *object = field_get(field_get(root, "data"), "object");
    struct fields lenient = {.pool = pool}, fields = {.pool = pool};
    event->kind = EVENT_UNHANDLED;
    event->object_id = field_id(&lenient, object, "id");
    event->installation = field_metadata(pool, object, PROVIDER_INSTALL_METADATA);
    if (!handled) {
        event->customer = field_id(&lenient, object, "customer");
        event->error = "events of this type have no effect";
        return;
    }
    if (json_is_object(object)) {
        object_parse(&fields, handled, object, org_key, event);
    } else {
        field_fail(&fields, "the event has no data.object");
    }
    if (fields.error) {
        event->kind = EVENT_UNUSABLE;
        event->error = fields.error;
    }
}

/* "2026-10-29T15:13:32.232Z", as v2 events have it; 0 for anything else. */
static int64_t iso_time(const json_t *value)
{
    struct tm broken = {.tm_sec = 0};
    const char *text = json_string_value(value), *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &broken) : NULL;
    if (!rest) {
        return 0;
    }
    if (*rest == '.') {
        rest += 1 + strspn(rest + 1, "0123456789");
    }
    time_t seconds = timegm(&broken);
    return strcmp(rest, "Z") || seconds < 0 || seconds > STRIPE_TIME_MAX ? 0 : seconds;
}

/* A v2 event names its object without carrying it. Kept and counted, so that a destination set up as "thin" is seen. */
static void thin_parse(apr_pool_t *pool, const json_t *root, struct billing_event *event)
{
    struct fields lenient = {.pool = pool};
    event->created = iso_time(json_object_get(root, "created"));
    event->kind = EVENT_UNHANDLED;
    event->error = "a thin event carries no object: the endpoint must send snapshot events";
    event->object_id = field_id(&lenient, field_get(root, "related_object"), "id");
}

static void envelope_parse(struct fields *fields, const json_t *root, const char *org_key, struct billing_event *event)
{
    const char *object = field_text(fields, root, "object");
    bool thin = object && !strncmp(object, "v2.", 3);
    if (!thin && (!object || strcmp(object, "event"))) {
        field_fail(fields, "the body is no event");
    }
    event->id = field_text(fields, root, "id");
    event->type = field_text(fields, root, "type");
    event->api_version = field_text(fields, root, "api_version");
    event->account = field_text(fields, root, "account");
    event->livemode = field_flag(fields, root, "livemode");
    event->created = thin ? 0 : field_time(fields, root, "created");
    if (!event->id || !event->type || !field_get(root, "livemode") || (!thin && !field_get(root, "created"))) {
        field_fail(fields, "the event lacks id, type, created or livemode");
    }
    if (fields->error) {
        return;
    }
    if (thin) {
        thin_parse(fields->pool, root, event);
    } else {
        content_parse(fields->pool, root, org_key, event);
    }
}

/* jansson's own text repeats what it stumbled over, so it is not used. */
static const char *json_complaint(apr_pool_t *pool, const json_error_t *error)
{
    const char *complaint;
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        complaint = "names a member twice";
        break;
    case json_error_invalid_utf8:
        complaint = "is not UTF-8";
        break;
    case json_error_null_character:
    case json_error_null_byte_in_key:
        complaint = "has a NUL in a text";
        break;
    case json_error_numeric_overflow:
        complaint = "has a number out of range";
        break;
    case json_error_stack_overflow:
        complaint = "is nested too deep";
        break;
    case json_error_premature_end_of_input:
        complaint = "ends too early";
        break;
    case json_error_out_of_memory:
        complaint = "found no memory";
        break;
    default:
        complaint = "is not JSON";
    }
    return apr_psprintf(pool, "the body %s (line %d, column %d)", complaint, error->line, error->column);
}

const char *stripe_event_parse(apr_pool_t *pool, const void *body, size_t len, const char *org_key,
                               struct billing_event *event)
{
    json_error_t json_error;
    /* A NUL is allowed in what nobody reads here, since refusing an event loses it; field.c refuses it where it counts.
     */
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &json_error);
    struct fields fields = {.pool = pool};
    *event = (struct billing_event){.kind = EVENT_UNHANDLED};
    if (!root) {
        return json_complaint(pool, &json_error);
    }
    envelope_parse(&fields, root, org_key, event);
    json_decref(root);
    return fields.error;
}
