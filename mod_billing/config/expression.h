/* SPDX-License-Identifier: Apache-2.0
 * What an identity expression reads: whether a client can choose its value, and when it is known. */
#ifndef BILLING_CONFIG_EXPRESSION_H
#define BILLING_CONFIG_EXPRESSION_H

#include "config/config.h"

struct expression_use {
    bool any;                /* a variable or function at all: else the text is constant */
    const char *client;      /* the first that repeats what a client sends, as written, or NULL */
    const char *circular;    /* the first that is itself made of identities, or NULL */
    bool needs_auth;         /* its value may change once the request is authenticated */
    bool client_certificate; /* reads the client's certificate */
    bool server_name;        /* reads SERVER_NAME, which is the Host header unless UseCanonicalName is On */
};

/** Parses a string expression and learns what it reads, however deep. NULL: the message is in `error`. */
const ap_expr_info_t *expression_parse(const cmd_parms *cmd, const char *text, struct expression_use *use,
                                       const char **error);

#endif
