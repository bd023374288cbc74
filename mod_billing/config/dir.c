/* SPDX-License-Identifier: Apache-2.0
 * The simpler directives of a directory or location. */
#include "config/directive.h"
#include "config/handlers.h"

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
