/* SPDX-License-Identifier: Apache-2.0
 * The configuration as plain structs. Written only while httpd reads its configuration and by the check_config hook,
 * immutable from then on: any thread may read it without a lock. All of it lives in pconf, or for merged per-directory
 * configurations in the request's pool, so nothing that outlives a request may keep a pointer to a dir_config. */
#ifndef BILLING_CONFIG_H
#define BILLING_CONFIG_H

#include "domain/catalogue.h"

#include <ap_expr.h>
#include <apr_time.h>
#include <http_config.h>
#include <httpd.h>

/* Where something stands, for messages and for explain. `file` is NULL where it was not configured. */
struct config_place {
    const char *file;
    unsigned line;
};

enum mount { MOUNT_API, MOUNT_PAGE, MOUNT_ADMIN, MOUNT_METRICS, MOUNT_OFREP, MOUNT_COUNT };

enum billing_mode { MODE_UNSET, MODE_TEST, MODE_LIVE };

/* A secret that was read from a file: which one, so that one file is not used in two modes. */
struct secret_file {
    const char *path; /* symbolic links resolved */
    struct config_place place;
};

/* Per server and virtual host. Merged field by field: a virtual host's own value wins. What is NULL, 0 or MODE_UNSET
 * was not configured: none of them can be configured so. */
struct server_config {
    const char *mounts[MOUNT_COUNT];               /* absolute path without a slash at the end; NULL: not mounted */
    bool has_mount;                                /* any of them: one look on the way of every request */
    enum billing_mode mode;                        /* after check_config never MODE_UNSET */
    const char *stripe_key;                        /* secret: never log it. NULL: none */
    const char *stripe_key_source;                 /* as configured, without the secret: may be logged */
    apr_array_header_t *webhook_secrets;           /* const char *; secrets too. NULL: none */
    const char *stripe_api_base;                   /* without a slash at the end; NULL: the real one */
    apr_interval_time_t stripe_timeout;            /* 0: the default of the call */
    const char *org_metadata;                      /* NULL: CONFIG_ORG_METADATA_DEFAULT */
    const char *install_id;                        /* NULL: the database's own */
    const char *return_url;                        /* NULL: none, so no Checkout and no portal */
    apr_array_header_t *allow_origins;             /* const char * */
    const struct key_list *manage_roles;           /* NULL: the default */
    struct config_place mount_places[MOUNT_COUNT]; /* for the messages of config_check, as all that follows */
    struct config_place mode_place;
    struct config_place stripe_key_place;
    const char *stripe_key_file;       /* symbolic links resolved; NULL: it does not come from a file */
    apr_array_header_t *webhook_files; /* struct secret_file; NULL: no webhook secret was configured */
};

#define CONFIG_ORG_METADATA_DEFAULT "attune_org"

/* What the request says of its own authenticated context. */
enum identity {
    IDENTITY_ORG,
    IDENTITY_USER,
    IDENTITY_ROLE,
    IDENTITY_APP_TYPE,
    IDENTITY_LOCATION,
    IDENTITY_ORG_CREATED,
    IDENTITY_COUNT
};

struct identity_source {
    const ap_expr_info_t *expr;
    const char *text;
    const char *literal; /* the whole value where the expression is constant text, so that nothing is evaluated */
    const char *variable; /* where the expression is no more than %{reqenv:…}: its name, looked up without evaluating */
    bool needs_auth;      /* may say something else once the request is authenticated */
    bool client_certificate;             /* reads SSL_CLIENT_…: counts only if SSL_CLIENT_VERIFY is SUCCESS */
    apr_array_header_t *trusted_proxies; /* apr_ipsubnet_t *; NULL: none were named. Else only connections from these */
    struct config_place place;
};

/* One feature that a section requires. check_config fills in `feature`. */
struct required_feature {
    const char *key;
    const struct feature *feature;
    struct config_place place;
};

/* One limit that a section requires. */
struct required_limit {
    struct key_ref limit;
    const char *statement;        /* SQL, with $1 for the org id */
    bool by_location;             /* and $2 for the location */
    apr_uint64_t methods;         /* bits as in feature.except_methods */
    const struct feature *policy; /* by check_config: how it is enforced where no required feature uses the limit */
    struct config_place place;
};

/* Per directory, <Location> and so on; never from .htaccess. */
struct dir_config {
    const struct identity_source *identity[IDENTITY_COUNT]; /* NULL: not set */
    apr_array_header_t *features; /* struct required_feature *, outermost section first; NULL: none */
    bool features_cleared;        /* `none`: what outer sections require does not count here */
    apr_array_header_t *limits;   /* struct required_limit * */
    int deny_status;              /* 402 or 403; 0: unset */
    int forward_headers;          /* -1: unset, 0, 1 */
};

struct database_config {
    const char *driver; /* NULL: no DBDriver */
    const char *params; /* "" where there is no DBDParams. May hold a password: never log it */
    int max;            /* DBDMax: connections per child */
};

/* One for all servers: the catalogue and what belongs to the process. */
struct global_config {
    struct catalogue catalogue; /* complete after check_config */
    struct database_config database;
    const char *kill_switch; /* path; NULL: none */
    apr_size_t cache_orgs;
    apr_interval_time_t cache_refresh;
    apr_interval_time_t event_retention;
    apr_interval_time_t sweep; /* 0: off */
    bool has_gates;            /* any section requires anything */
    bool has_limits;           /* any section requires a limit */
    bool by_method;            /* after config_check: some decision depends on the request's method */
};

extern module AP_MODULE_DECLARE_DATA attune_billing_module;

const struct global_config *config_global(void);

static inline const struct server_config *config_server(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &attune_billing_module);
}

static inline const struct dir_config *config_dir(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &attune_billing_module);
}

/* For the module record. */
void *config_server_create(apr_pool_t *pool, server_rec *server);
void *config_server_merge(apr_pool_t *pool, void *base, void *added);
void *config_dir_create(apr_pool_t *pool, char *dir);
void *config_dir_merge(apr_pool_t *pool, void *base, void *added);
extern const command_rec config_directives[];

/** Forgets the last generation's global configuration; from pre_config, before any directive is read. */
void config_reset(apr_pool_t *pconf);

/** Resolves what sections refer to and checks all that `apachectl -t` must catch; from check_config. Messages name
 * file, line and remedy. OK or HTTP_INTERNAL_SERVER_ERROR. */
int config_check(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *server);

/** Something outside the command table names a feature (`Require billing-feature`, the expression function): while the
 * configuration is read it is kept and resolved by config_check, which refuses a key that is neither declared nor
 * granted. Afterwards (an expression in .htaccess) it is resolved at once and by any thread; `feature` is NULL where
 * the catalogue has none. `key` must live as long as `pool`, which is pconf while the configuration is read. */
struct required_feature *config_feature_reference(apr_pool_t *pool, const char *key, struct config_place place);

/** All that names a feature so, struct required_feature *, in the order of the configuration. For explain. */
const apr_array_header_t *config_feature_references(void);

/** The same for `Require billing-plan`: config_check refuses a plan that does not exist. */
void config_plan_reference(const char *key, struct config_place place);

/** The same for `Require billing-status`, which names nothing but needs the database as every gate does. */
void config_status_reference(void);

#endif
