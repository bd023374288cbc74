/* SPDX-License-Identifier: Apache-2.0
 * How a server's and a section's configuration begin, and how a virtual host's is merged into the main server's and an
 * inner section's into an outer one's. Sections are also merged while a request is served, in its pool. */
#include "config/config.h"

#include <apr_strings.h>

void *config_server_create(apr_pool_t *pool, server_rec *server)
{
    (void)server;
    return apr_pcalloc(pool, sizeof(struct server_config));
}

static void mounts_merge(struct server_config *merged, const struct server_config *base,
                         const struct server_config *added)
{
    for (int i = 0; i < MOUNT_COUNT; ++i) {
        const struct server_config *from = added->mounts[i] ? added : base;
        merged->mounts[i] = from->mounts[i];
        merged->mount_places[i] = from->mount_places[i];
    }
    merged->has_mount = base->has_mount || added->has_mount;
}

static void stripe_merge(struct server_config *merged, const struct server_config *base,
                         const struct server_config *added)
{
    const struct server_config *from = added->stripe_key_source ? added : base;
    merged->stripe_key = from->stripe_key;
    merged->stripe_key_source = from->stripe_key_source;
    merged->stripe_key_place = from->stripe_key_place;
    merged->stripe_key_file = from->stripe_key_file;

    from = added->webhook_files ? added : base;
    merged->webhook_secrets = from->webhook_secrets;
    merged->webhook_files = from->webhook_files;

    merged->stripe_api_base = added->stripe_api_base ? added->stripe_api_base : base->stripe_api_base;
    merged->stripe_timeout = added->stripe_timeout ? added->stripe_timeout : base->stripe_timeout;
    merged->org_metadata = added->org_metadata ? added->org_metadata : base->org_metadata;
    merged->install_id = added->install_id ? added->install_id : base->install_id;
}

void *config_server_merge(apr_pool_t *pool, void *base_config, void *added_config)
{
    const struct server_config *base = base_config;
    const struct server_config *added = added_config;
    struct server_config *merged = apr_pcalloc(pool, sizeof(*merged));
    mounts_merge(merged, base, added);
    stripe_merge(merged, base, added);
    const struct server_config *from = added->mode != MODE_UNSET ? added : base;
    merged->mode = from->mode;
    merged->mode_place = from->mode_place;
    merged->return_url = added->return_url ? added->return_url : base->return_url;
    merged->allow_origins = added->allow_origins ? added->allow_origins : base->allow_origins;
    merged->manage_roles = added->manage_roles ? added->manage_roles : base->manage_roles;
    return merged;
}

void *config_dir_create(apr_pool_t *pool, char *dir)
{
    (void)dir;
    struct dir_config *config = apr_pcalloc(pool, sizeof(*config));
    config->forward_headers = -1;
    return config;
}

static bool requires(const apr_array_header_t *features, const struct required_feature *wanted)
{
    for (int i = 0; i < features->nelts; ++i) {
        if (!strcmp(APR_ARRAY_IDX(features, i, struct required_feature *)->key, wanted->key)) {
            return true;
        }
    }
    return false;
}

/* The outer features, then those of the inner that the outer lacks. */
static apr_array_header_t *features_merge(apr_pool_t *pool, apr_array_header_t *outer, apr_array_header_t *inner)
{
    if (!outer || !inner) {
        return outer ? outer : inner;
    }
    apr_array_header_t *all = apr_array_make(pool, outer->nelts + inner->nelts, sizeof(struct required_feature *));
    apr_array_cat(all, outer);
    for (int i = 0; i < inner->nelts; ++i) {
        struct required_feature *feature = APR_ARRAY_IDX(inner, i, struct required_feature *);
        if (!requires(outer, feature)) {
            APR_ARRAY_PUSH(all, struct required_feature *) = feature;
        }
    }
    return all;
}

static apr_array_header_t *limits_merge(apr_pool_t *pool, apr_array_header_t *outer, apr_array_header_t *inner)
{
    if (!outer || !inner) {
        return outer ? outer : inner;
    }
    return apr_array_append(pool, outer, inner);
}

void *config_dir_merge(apr_pool_t *pool, void *base_config, void *added_config)
{
    const struct dir_config *base = base_config;
    const struct dir_config *added = added_config;
    struct dir_config *merged = apr_palloc(pool, sizeof(*merged));
    *merged = *base;
    for (int i = 0; i < IDENTITY_COUNT; ++i) {
        if (added->identity[i]) {
            merged->identity[i] = added->identity[i];
        }
    }
    merged->features =
        added->features_cleared ? added->features : features_merge(pool, base->features, added->features);
    /* Kept, so that it still holds when the result is itself merged into something. */
    merged->features_cleared = base->features_cleared || added->features_cleared;
    merged->limits = limits_merge(pool, base->limits, added->limits);
    if (added->deny_status) {
        merged->deny_status = added->deny_status;
    }
    if (added->forward_headers >= 0) {
        merged->forward_headers = added->forward_headers;
    }
    return merged;
}
