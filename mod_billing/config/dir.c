/* SPDX-License-Identifier: Apache-2.0
 * The configuration of a directory or location: how it begins, how an inner section's is merged into an outer one's,
 * and its simpler directives. Merging also happens while a request is served, in the request's pool. */
#include "config/directive.h"
#include "config/handlers.h"

#include <apr_strings.h>

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
    for (int i = 0; i < IDENTITY_COUNT; ++i) {
        merged->identity[i] = added->identity[i] ? added->identity[i] : base->identity[i];
    }
    merged->features =
        added->features_cleared ? added->features : features_merge(pool, base->features, added->features);
    /* Kept, so that it still holds when the result is itself merged into something. */
    merged->features_cleared = base->features_cleared || added->features_cleared;
    merged->limits = limits_merge(pool, base->limits, added->limits);
    merged->deny_status = added->deny_status ? added->deny_status : base->deny_status;
    merged->forward_headers = added->forward_headers >= 0 ? added->forward_headers : base->forward_headers;
    return merged;
}

const struct dir_config *config_dir(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &attune_billing_module);
}

const char *config_set_deny_status(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = config_context_directory(cmd);
    if (error) {
        return error;
    }
    if (strcmp(text, "402") && strcmp(text, "403")) {
        return config_error(cmd, "\"%s\" is neither 402 nor 403", text);
    }
    ((struct dir_config *)dir)->deny_status = text[2] == '2' ? HTTP_PAYMENT_REQUIRED : HTTP_FORBIDDEN;
    return NULL;
}

const char *config_set_forward_headers(cmd_parms *cmd, void *dir, int on)
{
    const char *error = config_context_directory(cmd);
    if (!error) {
        ((struct dir_config *)dir)->forward_headers = on;
    }
    return error;
}
