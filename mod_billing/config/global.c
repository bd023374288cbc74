/* SPDX-License-Identifier: Apache-2.0
 * The one configuration of the process: its life, the references to its catalogue, and the directives that are one for
 * all virtual hosts. */
#include "config/build.h"
#include "config/directive.h"
#include "config/handlers.h"
#include "config/value.h"
#include "domain/key.h"

#include <apr_file_info.h>
#include <apr_strings.h>

#define CACHE_ORGS_DEFAULT      100000
#define CACHE_ORGS_MAX          20000000
#define CACHE_REFRESH_DEFAULT   apr_time_from_sec(1)
#define EVENT_RETENTION_DEFAULT apr_time_from_sec(90 * 86400)
#define SWEEP_DEFAULT           apr_time_from_sec(600)
#define YEARS_100               apr_time_from_sec(INT64_C(36525) * 86400)

static struct config_build *current;

void config_reset(apr_pool_t *pconf)
{
    struct config_build *build = apr_pcalloc(pconf, sizeof(*build));
    build->global.cache_orgs = CACHE_ORGS_DEFAULT;
    build->global.cache_refresh = CACHE_REFRESH_DEFAULT;
    build->global.event_retention = EVENT_RETENTION_DEFAULT;
    build->global.sweep = SWEEP_DEFAULT;
    build->global.catalogue.new_orgs_since = INT64_MAX;
    build->enforce_default.enforcement = ENFORCE_MONITOR;
    build->enforce_default.percent = 100;
    build->plans = apr_array_make(pconf, 4, sizeof(struct plan_build *));
    build->features = apr_array_make(pconf, 8, sizeof(struct feature_build *));
    build->feature_uses = apr_array_make(pconf, 8, sizeof(struct required_feature *));
    build->plan_uses = apr_array_make(pconf, 4, sizeof(struct key_use));
    build->limit_uses = apr_array_make(pconf, 4, sizeof(struct key_use));
    build->limits = apr_array_make(pconf, 4, sizeof(struct required_limit *));
    build->server_name_uses = apr_array_make(pconf, 4, sizeof(struct key_use));
    current = build;
    apr_pool_cleanup_register(pconf, &current, ap_pool_cleanup_set_null, apr_pool_cleanup_null);
}

struct config_build *config_build(void)
{
    return current;
}

const struct global_config *config_global(void)
{
    return &current->global;
}

struct required_feature *config_feature_reference(apr_pool_t *pool, const char *key, struct config_place place)
{
    struct required_feature *required = apr_pcalloc(pool, sizeof(*required));
    required->key = key;
    required->place = place;
    if (current->finished) {
        required->feature = catalogue_feature(&current->global.catalogue, key);
    } else {
        APR_ARRAY_PUSH(current->feature_uses, struct required_feature *) = required;
        current->global.has_gates = true;
    }
    return required;
}

const apr_array_header_t *config_feature_references(void)
{
    return current->feature_uses;
}

static struct key_use key_use_of(const char *by, const char *key, struct config_place place)
{
    struct key_use use = {{key, key_hash_str(key)}, by, place};
    return use;
}

void config_plan_reference(const char *key, struct config_place place)
{
    if (!current->finished) {
        APR_ARRAY_PUSH(current->plan_uses, struct key_use) = key_use_of("Require billing-plan", key, place);
        current->global.has_gates = true;
    }
}

void config_status_reference(void)
{
    if (!current->finished) {
        current->global.has_gates = true;
    }
}

void config_limit_use(const cmd_parms *cmd, struct key_ref limit)
{
    APR_ARRAY_PUSH(current->limit_uses, struct key_use) = key_use_of(cmd->cmd->name, limit.key, config_place_of(cmd));
}

const char *config_set_cache_orgs(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    int64_t orgs;
    const char *error = config_context_global(cmd);
    if (error || (error = config_number(cmd, text, 1, CACHE_ORGS_MAX, &orgs))) {
        return error;
    }
    current->global.cache_orgs = (apr_size_t)orgs;
    return NULL;
}

const char *config_set_cache_refresh(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    const char *error = config_context_global(cmd);
    return error ? error
                 : config_duration(cmd, text, apr_time_from_msec(50), apr_time_from_sec(3600), "50ms to 1h",
                                   &current->global.cache_refresh);
}

const char *config_set_event_retention(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    const char *error = config_context_global(cmd);
    return error ? error
                 : config_duration(cmd, text, apr_time_from_sec(86400), YEARS_100, "at least 1d, at most 36525d",
                                   &current->global.event_retention);
}

const char *config_set_sweep(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    const char *error = config_context_global(cmd);
    if (error) {
        return error;
    }
    if (!strcasecmp(text, "off")) {
        current->global.sweep = 0;
        return NULL;
    }
    return config_duration(cmd, text, apr_time_from_sec(1), apr_time_from_sec(7 * 86400), "1s to 7d, or off",
                           &current->global.sweep);
}

const char *config_set_new_orgs_since(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    const char *error = config_context_global(cmd);
    if (error) {
        return error;
    }
    if (!value_date(text, &current->global.catalogue.new_orgs_since)) {
        return config_error(cmd,
                            "\"%s\" is not a date: write 2026-12-01 (midnight UTC) or, with its zone, "
                            "2026-12-01T08:30:00+01:00",
                            text);
    }
    return NULL;
}

/* Whoever may write in the folder can open every gate by making the file. */
static const char *folder_closed(cmd_parms *cmd, const char *folder)
{
    apr_finfo_t info;
    apr_status_t status = apr_stat(&info, folder, APR_FINFO_TYPE | APR_FINFO_PROT, cmd->temp_pool);
    if (status != APR_SUCCESS && status != APR_INCOMPLETE) {
        return config_error(cmd, "the folder %s cannot be seen (%pm): make it first, writable by its owner alone",
                            folder, &status);
    }
    if (info.filetype != APR_DIR) {
        return config_error(cmd, "%s is not a folder", folder);
    }
    if (info.protection & (APR_FPROT_GWRITE | APR_FPROT_WWRITE)) {
        return config_error(cmd, "others than its owner may write in %s, and so open every gate: chmod go-w %s", folder,
                            folder);
    }
    return NULL;
}

const char *config_set_kill_switch(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    const char *error = config_context_global(cmd);
    if (error) {
        return error;
    }
    const char *path = ap_server_root_relative(cmd->pool, text);
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (!slash || !slash[1]) {
        return config_error(cmd, "\"%s\" is not the path of a file", text);
    }
    const char *folder = slash == path ? "/" : apr_pstrmemdup(cmd->temp_pool, path, (apr_size_t)(slash - path));
    if ((error = folder_closed(cmd, folder))) {
        return error;
    }
    apr_finfo_t info;
    if (apr_stat(&info, path, APR_FINFO_TYPE, cmd->temp_pool) == APR_SUCCESS && info.filetype == APR_DIR) {
        return config_error(cmd, "%s is a folder: name a file, which need not exist", path);
    }
    current->global.kill_switch = path;
    return NULL;
}
