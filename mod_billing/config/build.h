/* SPDX-License-Identifier: Apache-2.0
 * The configuration while it is being read: what the sections and lines seen so far have said of the catalogue, and
 * every place that names a feature, a plan or a limit. config_check makes the global_config of it. One at a time, used
 * by the one thread that reads the configuration. */
#ifndef BILLING_CONFIG_BUILD_H
#define BILLING_CONFIG_BUILD_H

#include "config/config.h"

struct plan_build {
    struct key_ref ref;
    const char *name;
    struct config_place place;
    apr_array_header_t *prices; /* struct plan_price */
    apr_array_header_t *grants; /* struct key_ref */
    apr_array_header_t *limits; /* struct plan_limit */
};

struct enforcement_choice {
    bool set;
    enum enforcement enforcement;
    unsigned percent;
    struct config_place place;
};

struct feature_build {
    struct feature feature; /* complete but for the enforcement where none was chosen */
    struct enforcement_choice enforce;
};

/* A key that something outside the catalogue's sections relies on. */
struct key_use {
    struct key_ref ref;
    const char *by; /* the directive */
    struct config_place place;
};

struct config_build {
    struct global_config global;
    apr_array_header_t *plans;     /* struct plan_build * */
    apr_array_header_t *features;  /* struct feature_build * */
    struct plan_build *plan;       /* the section that is being read, or NULL */
    struct feature_build *feature; /* likewise */
    struct enforcement_choice enforce_default;
    apr_array_header_t *feature_uses;     /* struct required_feature * */
    apr_array_header_t *plan_uses;        /* struct key_use */
    apr_array_header_t *limit_uses;       /* struct key_use */
    apr_array_header_t *limits;           /* struct required_limit *: what sections require */
    apr_array_header_t *server_name_uses; /* struct key_use: identity expressions that read SERVER_NAME */
    bool finished; /* config_check is over: nothing is written any more, and any thread may read */
};

/** The configuration being read; never NULL between pre_config and the pool's end. */
struct config_build *config_build(void);

/** Notes that the line names a limit, so that a misspelt one is found. */
void config_limit_use(const cmd_parms *cmd, struct key_ref limit);

/** A feature as it is where nothing else is said of it. */
void config_feature_default(struct feature *feature, struct key_ref ref, struct config_place place);

/** Fills in the catalogue from what was read. `pool` is pconf. */
void config_catalogue_finish(apr_pool_t *pool, struct config_build *build);

#endif
