/* SPDX-License-Identifier: Apache-2.0
 * Whether the operators' mount is open to everybody who signs in to the site: a Require valid-user, or all granted, of
 * the whole site holds there too, and people of the orgs would be operators. */
#include "config/report.h"
#include "config/server.h"
#include "config/tree.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <http_config.h>

/* What guards a mount. */
struct guard {
    const char *mount;
    bool anybody; /* a condition that whoever signs in meets */
    bool chosen;  /* any other, or one that cannot be judged here */
};

static void guard_requires(const struct report *report, const ap_directive_t *first, struct guard *guard)
{
    for (; first; first = first->next) {
        if (!strcasecmp(first->directive, "Require")) {
            const char *arguments = first->args, *what = ap_getword_conf(report->pool, &arguments);
            /* The routes have people sign in where the site only lets them. */
            bool wide = !strcasecmp(what, "valid-user") ||
                        (!strcasecmp(what, "all") && !strcasecmp(ap_getword_conf(report->pool, &arguments), "granted"));

            guard->anybody |= wide;
            guard->chosen |= !wide;
        }
        guard_requires(report, first->first_child, guard);
    }
}

static bool begins_with(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    return !strncmp(path, folder, length) &&
           (!path[length] || path[length] == '/' || (length && path[length - 1] == '/'));
}

/* Whether a <Location> of this argument concerns the mount, or anything below it. */
static bool location_concerns(const char *path, const char *mount)
{
    return begins_with(mount, path) || begins_with(path, mount) ||
           (apr_fnmatch_test(path) && !apr_fnmatch(path, mount, APR_FNM_PATHNAME));
}

/* Any section but a plain <Location> may be the guard: what it concerns depends on the request, or on an expression. */
static void guard_look(const struct report *report, const ap_directive_t *first, struct guard *guard)
{
    for (; first; first = first->next) {
        struct guard inner = {.mount = guard->mount};

        if (*first->directive != '<' || tree_is_host(first)) {
            continue;
        }
        guard_requires(report, first->first_child, &inner);
        if (!strcasecmp(first->directive, "<Location")) {
            char *path = apr_pstrdup(report->pool, tree_argument(report->pool, first));

            path[strcspn(path, ">")] = '\0';
            if (!strcmp(path, "~")) {
                guard->chosen |= inner.anybody || inner.chosen;
            } else if (location_concerns(path, guard->mount)) {
                guard->anybody |= inner.anybody;
                guard->chosen |= inner.chosen;
            }
        } else if (!strcasecmp(first->directive, "<LocationMatch") || !strncasecmp(first->directive, "<If", 3) ||
                   !strncasecmp(first->directive, "<Else", 5)) {
            guard->chosen |= inner.chosen;
        }
    }
}

static const ap_directive_t *host_of(const server_rec *server)
{
    for (const ap_directive_t *host = ap_conftree; host && server->defn_name; host = host->next) {
        if (tree_is_host(host) && (unsigned)host->line_num == server->defn_line_number &&
            !strcmp(host->filename, server->defn_name)) {
            return host;
        }
    }
    return NULL;
}

void check_operators(struct report *report, const server_rec *server, const struct server_config *config)
{
    const ap_directive_t *host = server == report->server ? NULL : host_of(server);
    struct guard guard = {.mount = config->mounts[MOUNT_ADMIN]};

    if (!guard.mount) {
        return;
    }
    guard_look(report, ap_conftree, &guard);
    guard_look(report, host ? host->first_child : NULL, &guard);
    if (guard.anybody && !guard.chosen) {
        report_warning(report, "ATB0144", config->mount_places[MOUNT_ADMIN],
                       "whoever signs in to this site is an operator at %s, people of every org included: add "
                       "<Location \"%s\"> with a Require of its own that names your operators",
                       guard.mount, guard.mount);
    }
}
