/* SPDX-License-Identifier: Apache-2.0
 * What <BillingPlan> and <BillingFeature> have in common: a key, and lines that may stand nowhere else. */
#ifndef BILLING_CONFIG_SECTION_H
#define BILLING_CONFIG_SECTION_H

#include "config/config.h"

/** Reads the key from `KEY>` and checks that the section stands where a catalogue may. NULL, or the message. */
const char *config_section_key(const cmd_parms *cmd, const char *args, const char *what, struct key_ref *ref);

/** Executes the lines inside, none of which may be another directive than `lines` (NULL at the end). NULL, or the
 * message, which httpd reports for the line it belongs to. */
const char *config_section_walk(cmd_parms *cmd, const char *const *lines);

#endif
