/* SPDX-License-Identifier: Apache-2.0
 * What the handler of every directive needs: where it may stand, its words, and messages that carry its name. All of
 * it runs while httpd reads its configuration, in one thread; what it returns lives in that configuration's pool. */
#ifndef BILLING_CONFIG_DIRECTIVE_H
#define BILLING_CONFIG_DIRECTIVE_H

#include "config/config.h"

/** "DIRECTIVE: message", as a handler returns it; httpd puts file and line before it. */
const char *config_error(const cmd_parms *cmd, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct config_place config_place_of(const cmd_parms *cmd);

/** Where a directive may stand: NULL, or the sentence that refuses it. None may stand in .htaccess, where a tenant
 * could open a gate, nor in <Limit>, which restricts nothing but Require. */
const char *config_context_server(const cmd_parms *cmd);
const char *config_context_directory(const cmd_parms *cmd);

/** As above, for what is one for all virtual hosts. */
const char *config_context_global(const cmd_parms *cmd);

/** The words of a line, quotes removed: const char *. An ITERATE directive would take an empty line for nothing said.
 */
apr_array_header_t *config_words(const cmd_parms *cmd, const char *args);
const char *config_word(const apr_array_header_t *words, int index);

/** A duration, one of whole seconds, or a number, between two bounds; `range` says them in words. NULL, or the
 * message. */
const char *config_duration(const cmd_parms *cmd, const char *text, apr_interval_time_t min, apr_interval_time_t max,
                            const char *range, apr_interval_time_t *duration);
const char *config_seconds(const cmd_parms *cmd, const char *text, int64_t min, int64_t max, const char *range,
                           int64_t *seconds);
const char *config_number(const cmd_parms *cmd, const char *text, int64_t min, int64_t max, int64_t *number);

/** Reads `key`: a plan, feature or limit. `what` names it in the message. */
const char *config_key(const cmd_parms *cmd, const char *what, const char *key, struct key_ref *ref);

/** As above for a feature, whose key may not be the word that clears requirements. */
const char *config_feature_key(const cmd_parms *cmd, const char *key, struct key_ref *ref);

/** Adds method names to `bits`. HEAD has a bit of its own: to httpd it is GET. */
const char *config_methods(const cmd_parms *cmd, const char *name, uint64_t *bits);

/** Adds the role or app type names of a line, one at least, to a list for the domain. */
const char *config_names(const cmd_parms *cmd, const char *args, struct key_list *list);

#endif
