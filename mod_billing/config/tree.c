/* SPDX-License-Identifier: Apache-2.0
 * Other modules' directives, found in httpd's tree of the configuration. */
#include "config/tree.h"

const ap_directive_t *tree_last(const ap_directive_t *first, const char *name)
{
    const ap_directive_t *found = NULL;
    for (; first; first = first->next) {
        if (!strcasecmp(first->directive, name)) {
            found = first;
        }
    }
    return found;
}

bool tree_is_host(const ap_directive_t *directive)
{
    return !strcasecmp(directive->directive, "<VirtualHost");
}

const ap_directive_t *tree_any(const ap_directive_t *first, const char *name)
{
    for (; first; first = first->next) {
        if (!strcasecmp(first->directive, name)) {
            return first;
        }
        const ap_directive_t *below = tree_is_host(first) ? NULL : tree_any(first->first_child, name);
        if (below) {
            return below;
        }
    }
    return NULL;
}

const char *tree_argument(apr_pool_t *pool, const ap_directive_t *directive)
{
    const char *args = directive->args;
    return ap_getword_conf(pool, &args);
}

static const ap_directive_t *tree_mentioning(const ap_directive_t *first, const char *one, const char *other)
{
    const ap_directive_t *found = NULL;
    for (; first && !found; first = first->next) {
        if (first->args && strstr(first->args, one) && strstr(first->args, other)) {
            return first;
        }
        found = tree_mentioning(first->first_child, one, other);
    }
    return found;
}

struct config_place tree_mention(const char *one, const char *other)
{
    struct config_place nowhere = {0};
    const ap_directive_t *found = tree_mentioning(ap_conftree, one, other);
    return found ? tree_place(found) : nowhere;
}

struct config_place tree_place(const ap_directive_t *directive)
{
    struct config_place place = {directive->filename, (unsigned)directive->line_num};
    return place;
}
