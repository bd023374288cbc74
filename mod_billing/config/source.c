/* SPDX-License-Identifier: Apache-2.0
 * Where a secret comes from: `file:/path`, `env:NAME`, `exec:/path arg…`. */
#include "config/source.h"

#include "config/directive.h"
#include "config/exec.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <stdlib.h>

APLOG_USE_MODULE(attune_billing);

/* Ends the bytes at the newline and refuses what no secret holds, so that a stray blank is found here and not at the
 * provider's 401. */
static const char *secret_clean(const cmd_parms *cmd, const char *source, char *bytes, size_t length)
{
    while (length && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r')) {
        --length;
    }
    if (!length) {
        return config_error(cmd, "%s is empty: put the secret there", source);
    }
    for (size_t i = 0; i < length; ++i) {
        if (bytes[i] <= ' ' || bytes[i] > '~') {
            return config_error(cmd,
                                "%s holds white space or another character that no secret has: leave the secret "
                                "there alone, on one line",
                                source);
        }
    }
    bytes[length] = '\0';
    return NULL;
}

static void warn_if_public(cmd_parms *cmd, const char *path, apr_fileperms_t protection)
{
    if (protection & APR_FPROT_WREAD) {
        struct config_place place = config_place_of(cmd);
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, cmd->server,
                     "ATB0100: %s:%u: %s: everybody on this machine can read %s: chmod o-r %s", place.file, place.line,
                     cmd->cmd->name, path, path);
    }
}

static apr_status_t file_bytes(cmd_parms *cmd, const char *path, char *bytes, apr_size_t *length)
{
    apr_file_t *file;
    apr_status_t status = apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, cmd->temp_pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    status = apr_file_read_full(file, bytes, SECRET_MAX + 1, length);
    apr_file_close(file);
    return status == APR_EOF ? APR_SUCCESS : status;
}

static const char *read_file(cmd_parms *cmd, const char *name, struct secret *secret)
{
    const char *path = *name ? ap_server_root_relative(cmd->pool, name) : NULL;
    if (!path) {
        return config_error(cmd, "file: is not followed by a path");
    }
    secret->source = apr_pstrcat(cmd->pool, "file:", path, NULL);
    if (!secret->value) {
        return NULL;
    }
    apr_finfo_t info;
    apr_status_t status = apr_stat(&info, path, APR_FINFO_TYPE | APR_FINFO_PROT, cmd->temp_pool);
    if (status == APR_SUCCESS && info.filetype != APR_REG) {
        return config_error(cmd, "%s is not a regular file", path);
    }
    char *bytes = apr_pcalloc(cmd->pool, SECRET_MAX + 2);
    apr_size_t length = 0;
    if (status == APR_SUCCESS) {
        status = file_bytes(cmd, path, bytes, &length);
    }
    if (status != APR_SUCCESS) {
        return config_error(cmd, "%s cannot be read (%pm): it must exist and be readable by the user who starts httpd",
                            path, &status);
    }
    if (length > SECRET_MAX) {
        return config_error(cmd, "%s is longer than %d bytes, so it is not a secret", path, SECRET_MAX);
    }
    warn_if_public(cmd, path, info.protection);
    char *resolved = realpath(path, NULL);
    secret->file = apr_pstrdup(cmd->pool, resolved ? resolved : path);
    free(resolved);
    secret->value = bytes;
    return secret_clean(cmd, secret->source, bytes, length);
}

static const char *read_environment(cmd_parms *cmd, const char *name, struct secret *secret)
{
    if (!*name || strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name)) {
        return config_error(cmd, "env: is not followed by the name of an environment variable");
    }
    secret->source = apr_pstrcat(cmd->pool, "env:", name, NULL);
    if (!secret->value) {
        return NULL;
    }
    const char *found = getenv(name);
    if (!found) {
        return config_error(cmd, "the environment variable %s is not set where httpd is started", name);
    }
    char *bytes = apr_pstrdup(cmd->pool, found);
    secret->value = bytes;
    return secret_clean(cmd, secret->source, bytes, strlen(bytes));
}

static const char *read_program(cmd_parms *cmd, const char *line, struct secret *secret)
{
    char **argv;
    if (apr_tokenize_to_argv(line, &argv, cmd->pool) != APR_SUCCESS || !argv[0] || !*argv[0]) {
        return config_error(cmd, "exec: is not followed by a program's path");
    }
    argv[0] = ap_server_root_relative(cmd->pool, argv[0]);
    if (!argv[0]) {
        return config_error(cmd, "exec: is not followed by a program's path");
    }
    secret->source = apr_pstrcat(cmd->pool, "exec:", argv[0], NULL);
    if (!secret->value) {
        return NULL;
    }
    char *bytes = apr_pcalloc(cmd->pool, SECRET_MAX + 2);
    apr_size_t length;
    const char *failure =
        exec_output(cmd->temp_pool, (const char *const *)argv, SECRET_EXEC_TIMEOUT, bytes, SECRET_MAX, &length);
    if (failure) {
        return config_error(cmd, "%s %s", argv[0], failure);
    }
    secret->value = bytes;
    return secret_clean(cmd, secret->source, bytes, length);
}

/* `-S`, `-M` and `-t -DDUMP_CONFIG` show the configuration to whoever can read the files, who need not be able to read
 * the secrets. Without -t, DUMP_CONFIG starts a server. */
static bool only_shown(void)
{
    int mode = ap_state_query(AP_SQ_RUN_MODE);
    return mode == AP_SQ_RM_CONFIG_DUMP || (mode == AP_SQ_RM_CONFIG_TEST && ap_exists_config_define("DUMP_CONFIG"));
}

const char *config_secret_read(cmd_parms *cmd, const char *text, struct secret *secret)
{
    static const struct {
        const char *prefix;
        const char *(*read)(cmd_parms *, const char *, struct secret *);
    } forms[] = {{"file:", read_file}, {"env:", read_environment}, {"exec:", read_program}};
    memset(secret, 0, sizeof(*secret));
    secret->value = only_shown() ? NULL : "";
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); ++i) {
        size_t length = strlen(forms[i].prefix);
        if (!strncmp(text, forms[i].prefix, length)) {
            return forms[i].read(cmd, text + length, secret);
        }
    }
    return config_error(cmd, "a secret is never written in httpd.conf: put it into a file that root alone can read and "
                             "say file:/path here, or env:NAME, or exec:/path with arguments");
}
