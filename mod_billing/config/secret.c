/* SPDX-License-Identifier: Apache-2.0
 * BillingStripeSecretKey and BillingStripeWebhookSecret. */
#include "config/secret.h"

#include "config/directive.h"
#include "config/handlers.h"
#include "config/server.h"
#include "config/source.h"

#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

#define WEBHOOK_SECRETS_MAX 8 /* each costs an HMAC for every delivery that none of them signed */

static bool starts_with(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

enum billing_mode stripe_key_mode(const char *key)
{
    if (!starts_with(key, "sk_") && !starts_with(key, "rk_")) {
        return MODE_UNSET;
    }
    if (starts_with(key + 3, "test_") && key[8]) {
        return MODE_TEST;
    }
    return starts_with(key + 3, "live_") && key[8] ? MODE_LIVE : MODE_UNSET;
}

static const char *key_check(const cmd_parms *cmd, const struct secret *secret)
{
    if (!secret->value || stripe_key_mode(secret->value) != MODE_UNSET) {
        return NULL;
    }
    const char *what = "is not a key for Stripe's API";
    if (starts_with(secret->value, "pk_")) {
        what = "is a publishable key, which is for browsers";
    } else if (starts_with(secret->value, "whsec_")) {
        what = "is a webhook's signing secret, which belongs to BillingStripeWebhookSecret";
    }
    return config_error(cmd,
                        "what %s yields %s: use a secret key (sk_test_…, sk_live_…) or a restricted one "
                        "(rk_test_…, rk_live_…)",
                        secret->source, what);
}

/* Unquoted, a program's arguments follow on the line; nothing may follow the other sources. */
static const char *one_source(const cmd_parms *cmd, const char *args, const char **text)
{
    apr_array_header_t *words = config_words(cmd, args);
    if (!words->nelts) {
        return config_error(cmd, "takes a source: file:/path, env:NAME or exec:/path with arguments");
    }
    *text = config_word(words, 0);
    if (words->nelts > 1) {
        if (!starts_with(args, "exec:")) {
            return config_error(cmd, "takes one source: file:/path, env:NAME or exec:/path with arguments");
        }
        *text = args;
    }
    return NULL;
}

const char *config_set_stripe_key(cmd_parms *cmd, void *dir, const char *args)
{
    (void)dir;
    const char *text = NULL;
    struct secret secret;
    const char *error = config_context_server(cmd);
    if (error || (error = one_source(cmd, args, &text)) || (error = config_secret_read(cmd, text, &secret)) ||
        (error = key_check(cmd, &secret))) {
        return error;
    }
    struct server_config *config = config_server_of(cmd->server);
    config->stripe_key = secret.value;
    config->stripe_key_source = secret.source;
    config->stripe_key_file = secret.file;
    config->stripe_key_place = config_place_of(cmd);
    return NULL;
}

static const char *webhook_check(cmd_parms *cmd, const struct secret *secret)
{
    if (!secret->value || starts_with(secret->value, "whsec_")) {
        return NULL;
    }
    if (starts_with(secret->value, "sk_") || starts_with(secret->value, "rk_") || starts_with(secret->value, "pk_")) {
        return config_error(cmd,
                            "what %s yields is a key for Stripe's API: use the signing secret of the webhook "
                            "endpoint (whsec_…)",
                            secret->source);
    }
    struct config_place place = config_place_of(cmd);
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, cmd->server,
                 "ATB0101: %s:%u: %s: what %s yields does not begin with whsec_ as Stripe's signing secrets do: no "
                 "delivery will be accepted if it is another secret",
                 place.file, place.line, cmd->cmd->name, secret->source);
    return NULL;
}

const char *config_set_webhook_secret(cmd_parms *cmd, void *dir, const char *args)
{
    (void)dir;
    const char *error = config_context_server(cmd);
    if (error) {
        return error;
    }
    apr_array_header_t *words = config_words(cmd, args);
    if (!words->nelts) {
        return config_error(cmd, "takes one or more sources: file:/path, env:NAME or \"exec:/path argument\"");
    }
    struct server_config *config = config_server_of(cmd->server);
    if (!config->webhook_files) {
        config->webhook_secrets = apr_array_make(cmd->pool, 2, sizeof(const char *));
        config->webhook_files = apr_array_make(cmd->pool, 2, sizeof(struct secret_file));
    }
    for (int i = 0; i < words->nelts; ++i) {
        struct secret secret;
        if ((error = config_secret_read(cmd, config_word(words, i), &secret)) ||
            (error = webhook_check(cmd, &secret))) {
            return error;
        }
        if (config->webhook_files->nelts == WEBHOOK_SECRETS_MAX) {
            return config_error(cmd, "more than %d secrets: take out those that Stripe no longer signs with",
                                WEBHOOK_SECRETS_MAX);
        }
        if (secret.value) {
            APR_ARRAY_PUSH(config->webhook_secrets, const char *) = secret.value;
        }
        struct secret_file file = {secret.file, config_place_of(cmd)};
        APR_ARRAY_PUSH(config->webhook_files, struct secret_file) = file;
    }
    return NULL;
}
