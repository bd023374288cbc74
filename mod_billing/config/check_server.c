/* SPDX-License-Identifier: Apache-2.0
 * Whether each server's mode, secrets and mounts fit together, and those of the servers with each other. */
#include "config/report.h"
#include "config/secret.h"
#include "config/server.h"

/* A secret as one server uses it. */
struct secret_use {
    const char *path;
    enum billing_mode mode;
    struct config_place place;
};

static const char *mode_name(enum billing_mode mode)
{
    return mode == MODE_LIVE ? "live" : "test";
}

static bool same_place(struct config_place one, struct config_place other)
{
    return one.file == other.file && one.line == other.line;
}

/* Settles the mode: what is configured, else the key's own, else test. What a virtual host has from the main server has
 * been judged there. */
static void check_mode(struct report *report, struct server_config *config, const struct server_config *main)
{
    enum billing_mode of_key = config->stripe_key ? stripe_key_mode(config->stripe_key) : MODE_UNSET;
    if (config->mode == MODE_UNSET) {
        config->mode = of_key == MODE_UNSET ? MODE_TEST : of_key;
    }
    bool judged = config != main && same_place(config->stripe_key_place, main->stripe_key_place) &&
                  same_place(config->mode_place, main->mode_place);
    if (of_key != MODE_UNSET && of_key != config->mode && !judged) {
        report_error(report, "ATB0140", config->stripe_key_place,
                     "the key from %s is for %s mode, but BillingMode is %s (%s:%u): use a key of that mode, or drop "
                     "BillingMode to follow the key",
                     config->stripe_key_source, mode_name(of_key), mode_name(config->mode), config->mode_place.file,
                     config->mode_place.line);
    }
}

static void check_mounts(struct report *report, const struct server_config *config, const struct server_config *main)
{
    for (int i = 0; i < MOUNT_COUNT; ++i) {
        for (int j = i + 1; j < MOUNT_COUNT; ++j) {
            bool judged = config != main && same_place(config->mount_places[i], main->mount_places[i]) &&
                          same_place(config->mount_places[j], main->mount_places[j]);
            if (config->mounts[i] && config->mounts[j] && !strcmp(config->mounts[i], config->mounts[j]) && !judged) {
                report_error(report, "ATB0141", config->mount_places[j],
                             "BillingMount: %s is taken twice (also at %s:%u): give each its own path",
                             config->mounts[j], config->mount_places[i].file, config->mount_places[i].line);
            }
        }
    }
}

static void check_webhook(struct report *report, const struct server_config *config, const struct server_config *main)
{
    if (!config->mounts[MOUNT_API] || config->webhook_files ||
        (config != main && same_place(config->mount_places[MOUNT_API], main->mount_places[MOUNT_API]))) {
        return;
    }
    report_warning(report, "ATB0142", config->mount_places[MOUNT_API],
                   "%s/webhook will refuse every delivery, since there is no BillingStripeWebhookSecret: add "
                   "BillingStripeWebhookSecret file:/path",
                   config->mounts[MOUNT_API]);
}

static void use_secret(struct report *report, apr_array_header_t *uses, struct secret_use use)
{
    if (!use.path) {
        return;
    }
    for (int i = 0; i < uses->nelts; ++i) {
        const struct secret_use *other = &APR_ARRAY_IDX(uses, i, struct secret_use);
        if (!strcmp(other->path, use.path) && other->mode != use.mode) {
            report_error(report, "ATB0143", use.place,
                         "the secret file %s is used in %s mode here and in %s mode at %s:%u: each mode has secrets of "
                         "its own at the provider",
                         use.path, mode_name(use.mode), mode_name(other->mode), other->place.file, other->place.line);
            return;
        }
    }
    APR_ARRAY_PUSH(uses, struct secret_use) = use;
}

/* A main server that only hands its secrets down, without a mode or mount of its own, uses none of them. */
static bool uses_secrets(const struct server_config *config)
{
    return config->mode_place.file || config->stripe_key_source || config->has_mount;
}

static void check_secrets(struct report *report, const struct server_config *config, apr_array_header_t *uses)
{
    if (!uses_secrets(config)) {
        return;
    }
    struct secret_use key = {config->stripe_key_file, config->mode, config->stripe_key_place};
    use_secret(report, uses, key);
    for (int i = 0; config->webhook_files && i < config->webhook_files->nelts; ++i) {
        const struct secret_file *file = &APR_ARRAY_IDX(config->webhook_files, i, struct secret_file);
        struct secret_use secret = {file->path, config->mode, file->place};
        use_secret(report, uses, secret);
    }
}

void check_servers(struct report *report)
{
    struct server_config *main = config_server_of(report->server);
    apr_array_header_t *uses = apr_array_make(report->pool, 4, sizeof(struct secret_use));
    for (const server_rec *server = report->server; server; server = server->next) {
        struct server_config *config = config_server_of(server);
        if (server != report->server && config == main) {
            continue; /* a virtual host without a line of ours shares the main server's */
        }
        check_mode(report, config, main);
        check_mounts(report, config, main);
        check_webhook(report, config, main);
        if (config == main || !same_place(config->mount_places[MOUNT_ADMIN], main->mount_places[MOUNT_ADMIN])) {
            check_operators(report, server, config);
        }
        check_secrets(report, config, uses);
    }
}
