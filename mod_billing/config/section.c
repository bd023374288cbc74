/* SPDX-License-Identifier: Apache-2.0
 * What <BillingPlan> and <BillingFeature> have in common: a key, and lines that may stand nowhere else. */
#include "config/section.h"

#include "config/directive.h"

#include <apr_strings.h>
#include <util_cfgtree.h>

const char *config_section_key(const cmd_parms *cmd, const char *args, const char *what, struct key_ref *ref)
{
    const char *error = config_context_global(cmd);
    if (error) {
        return error;
    }
    const char *end = strrchr(args, '>');
    if (!end || end[1]) {
        return config_error(cmd, "the section's line must end in \">\"");
    }
    apr_array_header_t *words = config_words(cmd, apr_pstrmemdup(cmd->pool, args, (apr_size_t)(end - args)));
    if (words->nelts != 1) {
        return config_error(cmd, "takes one %s key, as in %s trucking.dispatch>", what, cmd->cmd->name);
    }
    return config_key(cmd, what, config_word(words, 0), ref);
}

static bool is_one_of(const char *name, const char *const *lines)
{
    for (; *lines; ++lines) {
        if (!strcasecmp(name, *lines)) {
            return true;
        }
    }
    return false;
}

static const char *all_of(apr_pool_t *pool, const char *const *lines)
{
    const char *text = *lines;
    while (*++lines) {
        text = apr_pstrcat(pool, text, ", ", *lines, NULL);
    }
    return text;
}

const char *config_section_walk(cmd_parms *cmd, const char *const *lines)
{
    /* Any other directive would be executed as if it stood outside. */
    for (const ap_directive_t *child = cmd->directive->first_child; child; child = child->next) {
        if (!is_one_of(child->directive, lines)) {
            cmd->err_directive = child;
            return config_error(cmd, "%s has no place in this section, which holds %s", child->directive,
                                all_of(cmd->pool, lines));
        }
    }
    return ap_walk_config(cmd->directive->first_child, cmd, cmd->context);
}
