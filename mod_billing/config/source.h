/* SPDX-License-Identifier: Apache-2.0
 * Where a secret comes from: `file:/path`, `env:NAME`, `exec:/path arg…`. A secret itself never stands in httpd.conf,
 * since mod_info and -DDUMP_CONFIG show every line of it, and never in a message or log. */
#ifndef BILLING_CONFIG_SOURCE_H
#define BILLING_CONFIG_SOURCE_H

#include "config/config.h"

#define SECRET_MAX          4096                  /* bytes that a file or program may yield */
#define SECRET_EXEC_TIMEOUT apr_time_from_sec(10) /* how long a program may take */

struct secret {
    const char *value;  /* NULL where httpd only shows its configuration, when nothing is read */
    const char *source; /* to be logged: without a program's arguments, which may be confidential */
    const char *file;   /* symbolic links resolved; NULL for env: and exec: */
};

/** Reads one secret: visible ASCII characters, a newline at the end dropped. NULL, or a message without it. */
const char *config_secret_read(cmd_parms *cmd, const char *text, struct secret *secret);

#endif
