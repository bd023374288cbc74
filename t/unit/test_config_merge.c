/* SPDX-License-Identifier: Apache-2.0
 * How a section's configuration is merged into the one around it, and a virtual host's into the main server's: set wins
 * over unset and inner over outer, also where what is set is the default. */
#include "config/config.h"

#include "tap_apr.h"

#include <apr_strings.h>

static apr_pool_t *pool;

static struct dir_config *directory(void)
{
    return config_dir_create(pool, NULL);
}

static struct dir_config *inside(struct dir_config *outer, struct dir_config *inner)
{
    return config_dir_merge(pool, outer, inner);
}

static void requires(struct dir_config *config, const char *key)
{
    struct required_feature *feature = apr_pcalloc(pool, sizeof(*feature));
    feature->key = key;
    if (!config->features) {
        config->features = apr_array_make(pool, 1, sizeof(feature));
    }
    APR_ARRAY_PUSH(config->features, struct required_feature *) = feature;
}

/* The features required, each with a comma behind. */
static const char *required(const struct dir_config *config)
{
    const char *text = "";
    for (int i = 0; config->features && i < config->features->nelts; ++i) {
        text = apr_pstrcat(pool, text, APR_ARRAY_IDX(config->features, i, struct required_feature *)->key, ",", NULL);
    }
    return text;
}

static void a_section_begins_unset(void)
{
    const struct dir_config *config = directory();
    for (int i = 0; i < IDENTITY_COUNT; ++i) {
        CU_ASSERT_PTR_NULL(config->identity[i]);
    }
    CU_ASSERT_PTR_NULL(config->features);
    CU_ASSERT_PTR_NULL(config->limits);
    CU_ASSERT_FALSE(config->features_cleared);
    CU_ASSERT_EQUAL(config->deny_status, 0);
    CU_ASSERT_EQUAL(config->forward_headers, -1);
}

static void a_value_is_inherited_and_overridden(void)
{
    struct dir_config *outer = directory(), *inner = directory();
    outer->deny_status = 403;
    outer->forward_headers = 1;
    CU_ASSERT_EQUAL(inside(outer, inner)->deny_status, 403);
    CU_ASSERT_EQUAL(inside(outer, inner)->forward_headers, 1);
    CU_ASSERT_EQUAL(inside(directory(), directory())->forward_headers, -1);
    inner->deny_status = 402; /* the default, but said */
    inner->forward_headers = 0;
    CU_ASSERT_EQUAL(inside(outer, inner)->deny_status, 402);
    CU_ASSERT_EQUAL(inside(outer, inner)->forward_headers, 0);
    CU_ASSERT_EQUAL(inside(inside(outer, inner), directory())->forward_headers, 0);
}

static void each_identity_goes_its_own_way(void)
{
    struct identity_source outer_org = {0}, inner_org = {0}, outer_role = {0};
    struct dir_config *outer = directory(), *inner = directory();
    outer->identity[IDENTITY_ORG] = &outer_org;
    outer->identity[IDENTITY_ROLE] = &outer_role;
    inner->identity[IDENTITY_ORG] = &inner_org;
    const struct dir_config *merged = inside(outer, inner);
    CU_ASSERT_PTR_EQUAL(merged->identity[IDENTITY_ORG], &inner_org);
    CU_ASSERT_PTR_EQUAL(merged->identity[IDENTITY_ROLE], &outer_role);
    CU_ASSERT_PTR_NULL(merged->identity[IDENTITY_USER]);
}

static void features_add_up_and_are_named_once(void)
{
    struct dir_config *outer = directory(), *inner = directory();
    requires(outer, "a");
    requires(outer, "b");
    requires(inner, "b");
    requires(inner, "c");
    CU_ASSERT_STRING_EQUAL(required(inside(outer, inner)), "a,b,c,");
    CU_ASSERT_STRING_EQUAL(required(inside(outer, directory())), "a,b,");
    CU_ASSERT_STRING_EQUAL(required(inside(directory(), inner)), "b,c,");
    CU_ASSERT_STRING_EQUAL(required(outer), "a,b,");
    CU_ASSERT_STRING_EQUAL(required(inner), "b,c,");
}

static void none_clears_what_is_around_it_alone(void)
{
    struct dir_config *outer = directory(), *open = directory(), *again = directory();
    requires(outer, "a");
    open->features_cleared = true;
    CU_ASSERT_STRING_EQUAL(required(inside(outer, open)), "");
    requires(again, "b");
    CU_ASSERT_STRING_EQUAL(required(inside(inside(outer, open), again)), "b,");
    requires(open, "c");
    CU_ASSERT_STRING_EQUAL(required(inside(outer, open)), "c,");
    /* httpd may merge the inner two first */
    CU_ASSERT_STRING_EQUAL(required(inside(outer, inside(open, again))), "c,b,");
    CU_ASSERT_STRING_EQUAL(required(inside(inside(outer, open), again)), "c,b,");
}

static void limits_add_up(void)
{
    struct required_limit first = {0}, second = {0};
    struct dir_config *outer = directory(), *inner = directory();
    outer->limits = apr_array_make(pool, 1, sizeof(struct required_limit *));
    APR_ARRAY_PUSH(outer->limits, struct required_limit *) = &first;
    CU_ASSERT_EQUAL(inside(outer, inner)->limits->nelts, 1);
    CU_ASSERT_EQUAL(inside(inner, outer)->limits->nelts, 1);
    inner->limits = apr_array_make(pool, 1, sizeof(struct required_limit *));
    APR_ARRAY_PUSH(inner->limits, struct required_limit *) = &second;
    const apr_array_header_t *limits = inside(outer, inner)->limits;
    CU_ASSERT_EQUAL_FATAL(limits->nelts, 2);
    CU_ASSERT_PTR_EQUAL(APR_ARRAY_IDX(limits, 0, struct required_limit *), &first);
    CU_ASSERT_PTR_EQUAL(APR_ARRAY_IDX(limits, 1, struct required_limit *), &second);
    CU_ASSERT_EQUAL(outer->limits->nelts, 1);
}

static struct server_config *server(void)
{
    return config_server_create(pool, NULL);
}

static const struct server_config *host_of(struct server_config *main_server, struct server_config *host)
{
    return config_server_merge(pool, main_server, host);
}

static struct server_config *full_server(void)
{
    struct server_config *config = server();
    config->mounts[MOUNT_API] = "/api";
    config->mount_places[MOUNT_API].line = 1;
    config->has_mount = true;
    config->mode = MODE_LIVE;
    config->mode_place.line = 2;
    config->stripe_key = "rk_live_x";
    config->stripe_key_source = "file:/x";
    config->stripe_key_file = "/x";
    config->stripe_key_place.line = 3;
    config->webhook_secrets = apr_array_make(pool, 1, sizeof(char *));
    config->webhook_files = apr_array_make(pool, 1, sizeof(struct secret_file));
    config->stripe_api_base = "https://x";
    config->stripe_timeout = 5;
    config->org_metadata = "org";
    config->install_id = "id";
    config->return_url = "https://r";
    config->allow_origins = apr_array_make(pool, 1, sizeof(char *));
    config->manage_roles = apr_pcalloc(pool, sizeof(struct key_list));
    return config;
}

/* Every byte, so that a member which is forgotten anywhere is found here. */
static void a_host_without_a_line_inherits_everything(void)
{
    struct server_config *full = full_server();
    CU_ASSERT(!memcmp(host_of(full, server()), full, sizeof(*full)));
    CU_ASSERT(!memcmp(host_of(server(), full), full, sizeof(*full)));
    CU_ASSERT(!memcmp(host_of(full, full), full, sizeof(*full)));
    struct server_config *empty = server();
    CU_ASSERT(!memcmp(host_of(empty, server()), empty, sizeof(*empty)));
}

static void a_host_s_own_line_wins(void)
{
    struct server_config *full = full_server(), *host = server();
    host->mode = MODE_TEST;
    host->mounts[MOUNT_PAGE] = "/page";
    host->stripe_key_source = "env:OTHER"; /* and nothing read, as where the configuration is only shown */
    host->webhook_files = apr_array_make(pool, 1, sizeof(struct secret_file));
    host->webhook_secrets = apr_array_make(pool, 1, sizeof(char *));
    host->return_url = "https://host";
    const struct server_config *merged = host_of(full, host);
    CU_ASSERT_EQUAL(merged->mode, MODE_TEST);
    CU_ASSERT_STRING_EQUAL(merged->mounts[MOUNT_API], "/api");
    CU_ASSERT_STRING_EQUAL(merged->mounts[MOUNT_PAGE], "/page");
    CU_ASSERT_PTR_NULL(merged->stripe_key);
    CU_ASSERT_PTR_NULL(merged->stripe_key_file);
    CU_ASSERT_STRING_EQUAL(merged->stripe_key_source, "env:OTHER");
    CU_ASSERT_PTR_EQUAL(merged->webhook_secrets, host->webhook_secrets);
    CU_ASSERT_PTR_EQUAL(merged->webhook_files, host->webhook_files);
    CU_ASSERT_STRING_EQUAL(merged->return_url, "https://host");
    CU_ASSERT_STRING_EQUAL(merged->org_metadata, "org");
    CU_ASSERT(merged->has_mount);
}

static const struct unit_test tests[] = {
    {"a_section_begins_unset", a_section_begins_unset},
    {"a_value_is_inherited_and_overridden", a_value_is_inherited_and_overridden},
    {"each_identity_goes_its_own_way", each_identity_goes_its_own_way},
    {"features_add_up_and_are_named_once", features_add_up_and_are_named_once},
    {"none_clears_what_is_around_it_alone", none_clears_what_is_around_it_alone},
    {"limits_add_up", limits_add_up},
    {"a_host_without_a_line_inherits_everything", a_host_without_a_line_inherits_everything},
    {"a_host_s_own_line_wins", a_host_s_own_line_wins},
};

UNIT_MAIN_APR(tests, pool, NULL)
