/* SPDX-License-Identifier: Apache-2.0
 * What config_check has to say. Each message names file and line, and has an id of its own that is never used for
 * another: tests and operators go by it. */
#ifndef BILLING_CONFIG_REPORT_H
#define BILLING_CONFIG_REPORT_H

#include "config/build.h"

struct report {
    apr_pool_t *pool;
    const server_rec *server; /* the main one */
    const struct config_build *build;
    unsigned errors;
};

/** Logs "ID: FILE:LINE: message" and counts it: httpd will not start. */
void report_error(struct report *report, const char *id, struct config_place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void report_warning(struct report *report, const char *id, struct config_place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The parts of config_check. */
void check_catalogue(struct report *report); /* check_catalogue.c */
void check_servers(struct report *report);   /* check_server.c */
void check_tree(struct report *report);      /* check_tree.c */
void check_operators(struct report *report, const server_rec *server, const struct server_config *config);

#endif
