/* SPDX-License-Identifier: Apache-2.0
 * Other modules' directives, found in httpd's tree of the configuration. What stands in <IfModule>, <IfDefine> or a
 * macro is a part of the tree as if it stood there itself, or no part of it. */
#ifndef BILLING_CONFIG_TREE_H
#define BILLING_CONFIG_TREE_H

#include "config/config.h"

#include <util_cfgtree.h>

/** The last directive of this name among `first` and what follows it, as the last one counts; NULL: none. */
const ap_directive_t *tree_last(const ap_directive_t *first, const char *name);

/** The first directive of this name at any depth, virtual hosts left out. */
const ap_directive_t *tree_any(const ap_directive_t *first, const char *name);

/** The first argument, without quotes. */
const char *tree_argument(apr_pool_t *pool, const ap_directive_t *directive);

/** Where the first line stands whose arguments hold both words, anywhere; `file` NULL: nowhere. */
struct config_place tree_mention(const char *one, const char *other);

struct config_place tree_place(const ap_directive_t *directive);

bool tree_is_host(const ap_directive_t *directive);

#endif
