/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: event bodies. Whatever is accepted keeps what the header promises. */
#include "provider/stripe/event.h"

#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void must_be_text(const char *text, size_t max)
{
    must(text && *text && strlen(text) <= max);
    for (; *text; ++text) {
        must((unsigned char)*text >= 0x20 && *text != 0x7f);
    }
}

/* A sentence for the log: short, and free of what the body says. */
static void must_be_sentence(const char *sentence)
{
    must_be_text(sentence, 300);
    for (; *sentence; ++sentence) {
        must((unsigned char)*sentence < 0x7f);
    }
}

static void must_be_event(const struct billing_event *event)
{
    must_be_text(event->id, 255);
    must_be_text(event->type, 255);
    must(event->created >= 0);
    must(event->kind != EVENT_UNUSABLE || event->error);
    if (event->error) {
        must_be_sentence(event->error);
    }
    if (event->kind == EVENT_SUBSCRIPTION) {
        must_be_text(event->snapshot.id, 255);
        must_be_text(event->snapshot.raw_status, 255);
        must(event->snapshot.price_count <= 100);
        for (size_t i = 0; i < event->snapshot.price_count; ++i) {
            must_be_text(event->snapshot.prices[i], 255);
        }
    }
    if (event->kind == EVENT_PAYMENT_PAID || event->kind == EVENT_PAYMENT_FAILED) {
        must_be_text(event->subscription_id, 255);
    }
    if (event->kind == EVENT_CUSTOMER_DELETED) {
        must_be_text(event->customer, 255);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *pool;
    struct billing_event event;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const char *refusal = stripe_event_parse(pool, data, size, "attune_org", &event);
    if (refusal) {
        must_be_sentence(refusal);
    } else {
        must_be_event(&event);
    }
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
