/* SPDX-License-Identifier: Apache-2.0
 * The configuration of a server as its directives may write it. */
#ifndef BILLING_CONFIG_SERVER_H
#define BILLING_CONFIG_SERVER_H

#include "config/config.h"

struct server_config *config_server_of(const server_rec *server);

#endif
