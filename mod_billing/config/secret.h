/* SPDX-License-Identifier: Apache-2.0
 * What a key for the provider's API says of itself. */
#ifndef BILLING_CONFIG_SECRET_H
#define BILLING_CONFIG_SECRET_H

#include "config/config.h"

/** The mode in which a secret or restricted key works; MODE_UNSET for anything else. */
enum billing_mode stripe_key_mode(const char *key);

#endif
