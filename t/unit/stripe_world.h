/* SPDX-License-Identifier: Apache-2.0
 * What tests of Stripe's calls share: a server that plays a script, and an account that points to it. */
#ifndef BILLING_UNIT_STRIPE_WORLD_H
#define BILLING_UNIT_STRIPE_WORLD_H

#include "fake_clock.h"
#include "loopback.h"
#include "provider/provider.h"
#include "tap_apr.h"

#include <apr_strings.h>

#define REPLIES_MAX 64

struct world {
    apr_pool_t *root, *pool;
    struct fake_clock clock;
    struct loopback_reply replies[REPLIES_MAX];
    size_t reply_count;
    struct loopback *server;
    struct provider_account account;
    struct provider_call call;
};

static struct world world;

static void world_reply(const char *bytes, enum loopback_then then)
{
    world.replies[world.reply_count++] = (struct loopback_reply){bytes, then};
}

static void world_answer(int status, const char *headers, const char *body)
{
    world_reply(loopback_answer(world.pool, status, headers, body), THEN_KEEP);
}

/* The script is complete: calls may begin. */
static void world_begin(void)
{
    struct http_settings settings = {0, 99, &world.clock.clock};
    fake_clock_init(&world.clock);
    world.server = loopback_start(world.pool, world.replies, world.reply_count);
    world.account = (struct provider_account){.provider = provider_find("stripe"),
                                              .secret_key = "sk_test_unit",
                                              .api_base = loopback_base(world.server),
                                              .org_metadata = "attune_org",
                                              .installation = "install-1"};
    CU_ASSERT_EQUAL_FATAL(http_client_create(world.pool, &settings, &world.account.http), APR_SUCCESS);
    world.call = (struct provider_call){.pool = world.pool, .account = &world.account};
}

static void world_end(void)
{
    loopback_stop(world.server);
    world.reply_count = 0;
    apr_pool_clear(world.pool);
}

static inline const struct loopback_request *world_request(size_t index)
{
    return loopback_request(world.server, index);
}

static inline void world_prepare(void)
{
    http_initialize(world.root);
    apr_pool_create(&world.pool, world.root);
}

#define WORLD_MAIN(tests) UNIT_MAIN_APR(tests, world.root, world_prepare)

#endif
