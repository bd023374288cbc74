/* SPDX-License-Identifier: Apache-2.0
 * Claiming and dispatching. */
#include "web/routes.h"

#include "config/config.h"
#include "gate/request.h"
#include "web/admin/operator.h"
#include "web/origin.h"
#include "web/problem.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

APLOG_USE_MODULE(attune_billing);

struct route {
    enum mount mount;
    const char *path; /* below the mount; a '*' stands for one segment */
    int method;       /* M_GET answers HEAD too */
    route_handler *handler;
    const struct operator_task *task; /* what it answers, where it has no handler */
};

#define ASSETS "/assets/"
#define PAGES  "/page/" /* of the operators'; what has no such beginning at their mount is JSON */

static const struct route routes[] = {
    {MOUNT_API, "/checkout-session", M_POST, .handler = checkout_handler},
    {MOUNT_API, "/portal-session", M_POST, .handler = portal_handler},
    {MOUNT_API, "/webhook", M_POST, .handler = webhook_handler},
    /* Clients add /ofrep/v1 to their base URL, which is the mount, or what lies above a mount called /ofrep. */
    {MOUNT_OFREP, "/v1/evaluate/flags", M_POST, .handler = ofrep_bulk_handler},
    {MOUNT_OFREP, "/v1/evaluate/flags/*", M_POST, .handler = ofrep_flag_handler},
    {MOUNT_OFREP, "/ofrep/v1/evaluate/flags", M_POST, .handler = ofrep_bulk_handler},
    {MOUNT_OFREP, "/ofrep/v1/evaluate/flags/*", M_POST, .handler = ofrep_flag_handler},
    {MOUNT_ADMIN, "/orgs", M_GET, .task = &admin_orgs},
    {MOUNT_ADMIN, "/org-counts", M_GET, .task = &admin_org_counts},
    {MOUNT_ADMIN, "/orgs/*", M_GET, .task = &admin_org},
    {MOUNT_ADMIN, "/orgs/*", M_PUT, .task = &admin_org_configure},
    {MOUNT_ADMIN, "/orgs/*/overrides", M_POST, .task = &admin_override_add},
    {MOUNT_ADMIN, "/orgs/*/overrides/*", M_DELETE, .task = &admin_override_remove},
    {MOUNT_ADMIN, "/events", M_GET, .task = &admin_events},
    {MOUNT_ADMIN, "/events/replay", M_POST, .task = &admin_events_replay},
    {MOUNT_ADMIN, "/events/*", M_GET, .task = &admin_event},
    {MOUNT_ADMIN, "/events/*/replay", M_POST, .task = &admin_event_replay},
    {MOUNT_ADMIN, "/health", M_GET, .task = &admin_health},
    {MOUNT_ADMIN, "/sweep", M_POST, .task = &admin_sweep},
    {MOUNT_ADMIN, "/verify", M_POST, .task = &admin_verify},
    {MOUNT_ADMIN, "/shadow", M_GET, .handler = admin_shadow_handler},
    {MOUNT_ADMIN, "/grandfather", M_GET, .task = &admin_grandfather_list},
    {MOUNT_ADMIN, "/grandfather", M_POST, .task = &admin_grandfather},
    {MOUNT_ADMIN, "/grandfather/*", M_DELETE, .task = &admin_grandfather_undo},
    {MOUNT_ADMIN, "/explain", M_GET, .task = &admin_explain},
    {MOUNT_API, "/summary", M_GET, .handler = summary_handler},
    {MOUNT_API, "/features/*", M_GET, .handler = features_handler},
    {MOUNT_API, "/openapi.json", M_GET, .handler = openapi_handler},
    {MOUNT_PAGE, "/status.json", M_GET, .handler = page_status_handler},
};

/* What people see in a browser, and Prometheus, which openapi.json has nothing to say of. */
static const struct route pages[] = {
    {MOUNT_METRICS, "", M_GET, .handler = metrics_handler},
    {MOUNT_PAGE, "", M_GET, .handler = page_handler},
    {MOUNT_PAGE, "/", M_GET, .handler = page_handler},
    {MOUNT_PAGE, "/checkout", M_POST, .handler = page_checkout_handler},
    {MOUNT_PAGE, "/portal", M_POST, .handler = page_portal_handler},
    {MOUNT_PAGE, ASSETS "*", M_GET, .handler = asset_handler},
    {MOUNT_PAGE, ASSETS "*/*", M_GET, .handler = asset_handler},
    {MOUNT_ADMIN, "", M_GET, .handler = admin_health_page},
    {MOUNT_ADMIN, "/", M_GET, .handler = admin_health_page},
    {MOUNT_ADMIN, PAGES "sweep", M_POST, .handler = admin_sweep_form},
    {MOUNT_ADMIN, PAGES "verify", M_POST, .handler = admin_verify_form},
    {MOUNT_ADMIN, PAGES "orgs", M_GET, .handler = admin_orgs_page},
    {MOUNT_ADMIN, PAGES "orgs/*", M_GET, .handler = admin_org_page},
    {MOUNT_ADMIN, PAGES "orgs/*/overrides", M_POST, .handler = admin_override_form},
    {MOUNT_ADMIN, PAGES "orgs/*/overrides/*", M_POST, .handler = admin_override_end_form},
    {MOUNT_ADMIN, PAGES "shadow", M_GET, .handler = admin_shadow_page},
    {MOUNT_ADMIN, PAGES "grandfather", M_GET, .handler = admin_grandfather_page},
    {MOUNT_ADMIN, PAGES "grandfather", M_POST, .handler = admin_grandfather_form},
    {MOUNT_ADMIN, PAGES "grandfather/*/undo", M_POST, .handler = admin_grandfather_undo_form},
    {MOUNT_ADMIN, PAGES "events", M_GET, .handler = admin_events_page},
    {MOUNT_ADMIN, PAGES "events/*", M_GET, .handler = admin_event_page},
    {MOUNT_ADMIN, PAGES "events/*/replay", M_POST, .handler = admin_event_replay_form},
    {MOUNT_ADMIN, PAGES "replay", M_POST, .handler = admin_replay_form},
    {MOUNT_ADMIN, PAGES "explain", M_GET, .handler = admin_explain_page},
    {MOUNT_ADMIN, ASSETS "*", M_GET, .handler = asset_handler},
    {MOUNT_ADMIN, ASSETS "*/*", M_GET, .handler = asset_handler},
};

static const struct {
    const struct route *routes;
    size_t count;
} tables[] = {{routes, sizeof(routes) / sizeof(*routes)}, {pages, sizeof(pages) / sizeof(*pages)}};

#define TABLE_COUNT (sizeof(tables) / sizeof(*tables))

/* Of no meaning to httpd; what matters is that there is one. */
#define ROUTE_HANDLER "attune-billing"

/* The part of `uri` below `mount`, or NULL. */
static const char *path_below(const char *uri, const char *mount)
{
    size_t length = strlen(mount);

    return !strncmp(uri, mount, length) && (uri[length] == '/' || !uri[length]) ? uri + length : NULL;
}

/* The mount that `uri` lies below, and the part below it; MOUNT_COUNT where there is none. Of mounts below one another
 * it is the innermost. */
static enum mount mount_of(const struct server_config *config, const char *uri, const char **path)
{
    enum mount found = MOUNT_COUNT;

    for (int mount = 0; mount < MOUNT_COUNT; ++mount) {
        const char *below = config->mounts[mount] ? path_below(uri, config->mounts[mount]) : NULL;

        if (below && (found == MOUNT_COUNT || below > *path)) {
            found = (enum mount)mount;
            *path = below;
        }
    }
    return found;
}

static bool path_is_asset(enum mount mount, const char *path)
{
    return (mount == MOUNT_PAGE || mount == MOUNT_ADMIN) && !strncmp(path, ASSETS, strlen(ASSETS));
}

/* Whether a problem there is shown to a person. */
static bool path_is_page(enum mount mount, const char *path)
{
    if (mount == MOUNT_ADMIN) {
        return !*path || !strcmp(path, "/") || !strncmp(path, PAGES, strlen(PAGES));
    }
    return mount == MOUNT_PAGE && strcmp(path, "/status.json") != 0 && !path_is_asset(mount, path);
}

/* The webhook is signed, metrics are scraped, and the description, styles and scripts are for everybody. */
static bool route_serves_member(enum mount mount, const char *path)
{
    return mount != MOUNT_METRICS && !path_is_asset(mount, path) &&
           !(mount == MOUNT_API && (!strcmp(path, "/webhook") || !strcmp(path, "/openapi.json")));
}

/* httpd has yet to decode what is left encoded here (server/request.c), and only where the result is ours too may the
 * proxy be kept from it. */
int routes_pre_translate_name(request_rec *r)
{
    const struct server_config *config = config_server(r->server);
    const char *path;
    char *decoded;

    if (!config->has_mount || !r->uri || mount_of(config, r->uri, &path) == MOUNT_COUNT) {
        return DECLINED;
    }
    decoded = apr_pstrdup(r->pool, r->uri);
    if (ap_unescape_url_ex(decoded, AP_UNESCAPE_URL_KEEP_UNRESERVED) != OK ||
        !ap_normalize_path(decoded, AP_NORMALIZE_NOT_ABOVE_ROOT | AP_NORMALIZE_MERGE_SLASHES)) {
        return DECLINED;
    }
    return mount_of(config, decoded, &path) == MOUNT_COUNT ? DECLINED : OK;
}

int routes_translate_name(request_rec *r)
{
    const struct server_config *config = config_server(r->server);
    struct request_record *record;
    const char *path;
    enum mount mount;

    if (!config->has_mount || !r->uri || (mount = mount_of(config, r->uri, &path)) == MOUNT_COUNT) {
        return DECLINED;
    }
    record = request_record(r);
    record->claimed = true;
    record->serves_member = route_serves_member(mount, path);
    record->for_people = path_is_page(mount, path);
    record->mount = mount;
    record->path = apr_pstrdup(r->pool, path);
    r->filename = apr_pstrcat(r->pool, ROUTE_HANDLER ":", r->uri, NULL);
    /* mapping=servlet may have turned a path into ours only after we let it pass. */
    r->proxyreq = PROXYREQ_NONE;
    origin_headers(r);
    return OK;
}

int routes_map_to_storage(request_rec *r)
{
    const struct request_record *record = request_record_find(r);

    return record && record->claimed ? OK : DECLINED;
}

int routes_fixups(request_rec *r)
{
    const struct request_record *record = request_record_find(r);

    if (record && record->claimed) {
        r->handler = ROUTE_HANDLER;
    }
    return DECLINED;
}

/* The path from the first '*' of the route on, "" for a route without one, NULL where the path is another. Each '*'
 * stands for one segment that is not empty. */
static const char *route_match(const struct route *route, const char *path)
{
    const char *tail = NULL, *pattern = route->path;

    while (*pattern && (*pattern == '*' || *pattern == *path)) {
        if (*pattern != '*') {
            ++pattern;
            ++path;
            continue;
        }
        size_t length = strcspn(path, "/");
        if (!length) {
            return NULL;
        }
        tail = tail ? tail : path;
        path += length;
        ++pattern;
    }
    return *pattern || *path ? NULL : tail ? tail : "";
}

static int route_method_not_allowed(request_rec *r, apr_int64_t allowed)
{
    const char *text = apr_pstrcat(r->pool, allowed & (AP_METHOD_BIT << M_GET) ? ", GET, HEAD" : "",
                                   allowed & (AP_METHOD_BIT << M_POST) ? ", POST" : "",
                                   allowed & (AP_METHOD_BIT << M_PUT) ? ", PUT" : "",
                                   allowed & (AP_METHOD_BIT << M_PATCH) ? ", PATCH" : "",
                                   allowed & (AP_METHOD_BIT << M_DELETE) ? ", DELETE" : "", NULL);

    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "ATB0421: the route takes %s", text + 2);
    apr_table_setn(r->headers_out, "Allow", text + 2);
    return problem_send(r, HTTP_METHOD_NOT_ALLOWED, "method_not_allowed", "Use one of the methods in Allow.");
}

/* The route for this path and method. `allowed` gathers the methods of all that are for this path. */
static const struct route *route_find(const request_rec *r, const struct request_record *record, const char **tail,
                                      apr_int64_t *allowed)
{
    for (size_t table = 0; table < TABLE_COUNT; ++table) {
        for (size_t i = 0; i < tables[table].count; ++i) {
            const struct route *route = &tables[table].routes[i];

            *tail = route->mount == record->mount ? route_match(route, record->path) : NULL;
            if (*tail && route->method == r->method_number) {
                return route;
            }
            *allowed |= *tail ? AP_METHOD_BIT << route->method : 0;
        }
    }
    return NULL;
}

int routes_handler(request_rec *r)
{
    const struct request_record *record = request_record_find(r);
    const struct route *route;
    apr_int64_t allowed = 0;
    const char *tail;

    if (!record || !record->claimed) {
        return DECLINED;
    }
    route = route_find(r, record, &tail, &allowed);
    if (route) {
        return route->task ? operator_answer(r, tail, route->task) : route->handler(r, tail);
    }
    if (allowed) {
        return route_method_not_allowed(r, allowed);
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "ATB0422: no such route");
    return problem_send(r, HTTP_NOT_FOUND, "not_found", "There is no such route here.");
}
