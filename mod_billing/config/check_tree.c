/* SPDX-License-Identifier: Apache-2.0
 * Other modules' directives that do not go well with gates. */
#include "config/report.h"
#include "config/tree.h"

static bool is_off(const struct report *report, const ap_directive_t *directive)
{
    return directive && !strcasecmp(tree_argument(report->pool, directive), "off");
}

/* mod_cache's quick handler answers before any access check. A gate keeps its own answers out of the cache, but not
 * those that were stored before it came. */
static const ap_directive_t *quick_cache(const struct report *report)
{
    const ap_directive_t *quick = tree_last(ap_conftree, "CacheQuickHandler");
    const ap_directive_t *enable = tree_any(ap_conftree, "CacheEnable");
    if (enable && !is_off(report, quick)) {
        return enable;
    }
    for (const ap_directive_t *host = ap_conftree; host; host = host->next) {
        if (!tree_is_host(host)) {
            continue;
        }
        const ap_directive_t *own = tree_last(host->first_child, "CacheQuickHandler");
        const ap_directive_t *cached = tree_any(host->first_child, "CacheEnable");
        if ((cached || enable) && !is_off(report, own ? own : quick)) {
            return cached ? cached : enable;
        }
    }
    return NULL;
}

static void check_cache(struct report *report)
{
    const ap_directive_t *enable = report->build->global.has_gates ? quick_cache(report) : NULL;
    if (enable) {
        report_warning(report, "ATB0150", tree_place(enable),
                       "CacheEnable with CacheQuickHandler On serves what is in the cache before any gate is asked: "
                       "write CacheQuickHandler Off, or empty the cache when a path becomes gated");
    }
}

static bool canonical(const struct report *report, const ap_directive_t *first)
{
    const ap_directive_t *directive = tree_last(first, "UseCanonicalName");
    return directive && !is_off(report, directive);
}

static void check_server_name(struct report *report)
{
    const apr_array_header_t *uses = report->build->server_name_uses;
    bool all = canonical(report, ap_conftree);
    for (const ap_directive_t *host = ap_conftree; host && !all; host = host->next) {
        all = tree_is_host(host) && canonical(report, host->first_child);
    }
    for (int i = 0; i < uses->nelts && !all; ++i) {
        const struct key_use *use = &APR_ARRAY_IDX(uses, i, struct key_use);
        report_warning(
            report, "ATB0151", use->place,
            "%s reads SERVER_NAME, which repeats the client's Host header unless UseCanonicalName is On: add "
            "UseCanonicalName On",
            use->by);
    }
}

void check_tree(struct report *report)
{
    check_cache(report);
    check_server_name(report);
}
