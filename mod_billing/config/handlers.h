/* SPDX-License-Identifier: Apache-2.0
 * The handlers of the command table, by the file they live in. Each is called by httpd while it reads its
 * configuration and returns NULL, or the sentence that refuses the line. `dir` is the struct dir_config of the section
 * the line stands in. */
#ifndef BILLING_CONFIG_HANDLERS_H
#define BILLING_CONFIG_HANDLERS_H

#include <http_config.h>

/* global.c */
const char *config_set_cache_orgs(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_cache_refresh(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_event_retention(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_sweep(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_new_orgs_since(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_kill_switch(cmd_parms *cmd, void *dir, const char *text);

/* server.c */
const char *config_set_mode(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_stripe_timeout(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_org_metadata(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_install_id(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_manage_roles(cmd_parms *cmd, void *dir, const char *args);
const char *config_set_mount(cmd_parms *cmd, void *dir, const char *kind, const char *path);

/* address.c */
const char *config_set_stripe_api_base(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_return_url(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_allow_origin(cmd_parms *cmd, void *dir, const char *args);

/* secret.c */
const char *config_set_stripe_key(cmd_parms *cmd, void *dir, const char *args);
const char *config_set_webhook_secret(cmd_parms *cmd, void *dir, const char *args);

/* plan.c */
const char *config_plan_section(cmd_parms *cmd, void *dir, const char *args);
const char *config_set_plan_name(cmd_parms *cmd, void *dir, const char *text);
const char *config_add_price(cmd_parms *cmd, void *dir, const char *args);
const char *config_add_grant(cmd_parms *cmd, void *dir, const char *args);
const char *config_add_plan_limit(cmd_parms *cmd, void *dir, const char *key, const char *value);

/* feature.c */
const char *config_feature_section(cmd_parms *cmd, void *dir, const char *args);
const char *config_set_enforce(cmd_parms *cmd, void *dir, const char *word, const char *percent);
const char *config_set_enforce_default(cmd_parms *cmd, void *dir, const char *word, const char *percent);
const char *config_set_roles(cmd_parms *cmd, void *dir, const char *args);
const char *config_set_app_types(cmd_parms *cmd, void *dir, const char *args);
const char *config_set_past_due(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_uses(cmd_parms *cmd, void *dir, const char *key);
const char *config_set_except(cmd_parms *cmd, void *dir, const char *args);
const char *config_set_stale(cmd_parms *cmd, void *dir, const char *args);

/* identity.c; which identity is in the command's data */
const char *config_set_identity(cmd_parms *cmd, void *dir, const char *expression, const char *trusted);

/* require.c */
const char *config_require_feature(cmd_parms *cmd, void *dir, const char *args);
const char *config_require_limit(cmd_parms *cmd, void *dir, const char *key, const char *statement,
                                 const char *methods);

/* dir.c */
const char *config_set_deny_status(cmd_parms *cmd, void *dir, const char *text);
const char *config_set_forward_headers(cmd_parms *cmd, void *dir, int on);

#endif
