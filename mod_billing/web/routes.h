/* SPDX-License-Identifier: Apache-2.0
 * The module's own paths: who claims them, and who answers. */
#ifndef BILLING_WEB_ROUTES_H
#define BILLING_WEB_ROUTES_H

#include <httpd.h>

/** pre_translate_name: keeps our paths from mod_proxy's `mapping=encoded` and `mapping=servlet`, which act that early
 * and leave the path undecoded. */
int routes_pre_translate_name(request_rec *r);

/** translate_name, before mod_proxy and mod_rewrite: a path below a BillingMount is ours, so a vhost whose `ProxyPass
 * /` hands everything to a backend needs no exclusion. Access control stays the site's own, by <Location>: both look at
 * the same r->uri, so no spelling of a path reaches a route by another section than its own. */
int routes_translate_name(request_rec *r);

/** map_to_storage: a claimed request has no file, so no <Directory> is walked. */
int routes_map_to_storage(request_rec *r);

/** fixups: keeps mod_dir's FallbackResource from taking a path without a file or handler over. */
int routes_fixups(request_rec *r);

/** Answers claimed requests, and only those: a handler name set with SetHandler, which .htaccess may do, opens
 * nothing. */
int routes_handler(request_rec *r);

/* A route's own work; returns what a handler returns. `tail` is the part of the path that the route's `*` stands for.
 */
typedef int route_handler(request_rec *r, const char *tail);

route_handler admin_shadow_handler;
route_handler ofrep_flag_handler, ofrep_bulk_handler;
route_handler admin_health_page, admin_sweep_form, admin_verify_form;
route_handler admin_orgs_page, admin_org_page, admin_override_form, admin_override_end_form;
route_handler admin_shadow_page, admin_grandfather_page, admin_grandfather_form, admin_grandfather_undo_form;
route_handler admin_events_page, admin_event_page, admin_event_replay_form, admin_replay_form;
route_handler admin_explain_page;
route_handler asset_handler, page_handler, page_checkout_handler, page_portal_handler, page_status_handler;
route_handler checkout_handler, features_handler, metrics_handler, openapi_handler, portal_handler;
route_handler summary_handler, webhook_handler;

#endif
