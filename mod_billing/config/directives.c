/* SPDX-License-Identifier: Apache-2.0
 * The command table: every directive, where it may stand, and what it takes. None can stand in .htaccess. */
#include "config/config.h"
#include "config/handlers.h"

#define SERVER RSRC_CONF
/* So that a section which is none of its places is refused in our words instead of "not allowed here". */
#define GLOBAL    (RSRC_CONF | ACCESS_CONF)
#define DIRECTORY (RSRC_CONF | ACCESS_CONF)

#define IDENTITY(directive, identity, help)                                                                            \
    AP_INIT_TAKE12(directive, config_set_identity, (void *)(intptr_t)(identity), DIRECTORY, help)

const command_rec config_directives[] = {
    AP_INIT_TAKE2("BillingMount", config_set_mount, NULL, SERVER,
                  "api, page, admin, metrics or ofrep, and the path below which it answers"),
    AP_INIT_TAKE1("BillingMode", config_set_mode, NULL, SERVER, "test or live; otherwise as the secret key says"),
    AP_INIT_RAW_ARGS("BillingStripeSecretKey", config_set_stripe_key, NULL, SERVER,
                     "where Stripe's secret or restricted key is: file:/path, env:NAME or exec:/path argument…"),
    AP_INIT_RAW_ARGS("BillingStripeWebhookSecret", config_set_webhook_secret, NULL, SERVER,
                     "where the signing secrets of the webhook endpoint are: one source or more"),
    AP_INIT_TAKE1("BillingStripeAPIBase", config_set_stripe_api_base, NULL, SERVER,
                  "URL of Stripe's API, for tests; https://api.stripe.com otherwise"),
    AP_INIT_TAKE1("BillingStripeTimeout", config_set_stripe_timeout, NULL, SERVER,
                  "how long a call of Stripe may take with its retries; 10s otherwise"),
    AP_INIT_TAKE1("BillingStripeOrgMetadata", config_set_org_metadata, NULL, SERVER,
                  "metadata key that names the org on Stripe's objects; attune_org otherwise"),
    AP_INIT_TAKE1("BillingInstallId", config_set_install_id, NULL, SERVER,
                  "name of this installation, where several share a Stripe account"),
    AP_INIT_TAKE1("BillingReturnURL", config_set_return_url, NULL, SERVER,
                  "where Checkout and the portal send people back to"),
    AP_INIT_RAW_ARGS("BillingAllowOrigin", config_set_allow_origin, NULL, SERVER,
                     "other origins whose pages may call the routes"),
    AP_INIT_RAW_ARGS("BillingManageRoles", config_set_manage_roles, NULL, SERVER,
                     "roles that may open Checkout and the portal"),

    AP_INIT_RAW_ARGS("<BillingPlan", config_plan_section, NULL, GLOBAL, "a plan, by its key"),
    AP_INIT_TAKE1("BillingPlanName", config_set_plan_name, NULL, GLOBAL, "the plan's name for people"),
    AP_INIT_RAW_ARGS("BillingPrice", config_add_price, NULL, GLOBAL,
                     "stripe, stripe:test or stripe:live, and the price ids that stand for the plan"),
    AP_INIT_RAW_ARGS("BillingGrant", config_add_grant, NULL, GLOBAL, "features that the plan grants"),
    AP_INIT_TAKE2("BillingLimit", config_add_plan_limit, NULL, GLOBAL, "a limit's key, and its number or unlimited"),

    AP_INIT_RAW_ARGS("<BillingFeature", config_feature_section, NULL, GLOBAL, "a feature's policy, by its key"),
    AP_INIT_TAKE12("BillingEnforce", config_set_enforce, NULL, GLOBAL,
                   "off, monitor, new-orgs or enforce, the latter two with percent=N"),
    AP_INIT_RAW_ARGS("BillingRoles", config_set_roles, NULL, GLOBAL, "roles that may use the feature"),
    AP_INIT_RAW_ARGS("BillingAppTypes", config_set_app_types, NULL, GLOBAL, "app types that have the feature"),
    AP_INIT_TAKE1("BillingPastDue", config_set_past_due, NULL, GLOBAL, "grace=DURATION, allow, read-only or deny"),
    AP_INIT_TAKE1("BillingUses", config_set_uses, NULL, GLOBAL, "the limit that usage is held against"),
    AP_INIT_RAW_ARGS("BillingExcept", config_set_except, NULL, GLOBAL, "methods that are not gated"),
    AP_INIT_RAW_ARGS("BillingStale", config_set_stale, NULL, GLOBAL,
                     "max=DURATION then=allow|deny, for a state that cannot be refreshed"),

    AP_INIT_TAKE12("BillingEnforceDefault", config_set_enforce_default, NULL, GLOBAL,
                   "BillingEnforce of features that do not say; monitor otherwise"),
    AP_INIT_TAKE1("BillingNewOrgsSince", config_set_new_orgs_since, NULL, GLOBAL,
                  "date from which an org is new to new-orgs"),
    AP_INIT_TAKE1("BillingKillSwitch", config_set_kill_switch, NULL, GLOBAL,
                  "file that, while it exists, makes every gate only monitor"),
    AP_INIT_TAKE1("BillingCacheOrgs", config_set_cache_orgs, NULL, GLOBAL,
                  "orgs that shared memory has room for; 100000 otherwise"),
    AP_INIT_TAKE1("BillingCacheRefresh", config_set_cache_refresh, NULL, GLOBAL,
                  "interval of the change feed; 1s otherwise"),
    AP_INIT_TAKE1("BillingEventRetention", config_set_event_retention, NULL, GLOBAL,
                  "how long events are kept; 90d otherwise"),
    AP_INIT_TAKE1("BillingSweep", config_set_sweep, NULL, GLOBAL,
                  "interval at which missed events are fetched, or off; 10m otherwise"),

    IDENTITY("BillingOrg", IDENTITY_ORG, "expression for the request's org, and trusted-proxy=CIDR,…"),
    IDENTITY("BillingUser", IDENTITY_USER, "expression for the request's user, and trusted-proxy=CIDR,…"),
    IDENTITY("BillingRole", IDENTITY_ROLE, "expression for the user's roles, and trusted-proxy=CIDR,…"),
    IDENTITY("BillingAppType", IDENTITY_APP_TYPE, "expression for the app type, and trusted-proxy=CIDR,…"),
    IDENTITY("BillingLocation", IDENTITY_LOCATION, "expression for the org's location, and trusted-proxy=CIDR,…"),
    IDENTITY("BillingOrgCreated", IDENTITY_ORG_CREATED,
             "expression for the date of the org's creation, and trusted-proxy=CIDR,…"),
    AP_INIT_RAW_ARGS("BillingRequireFeature", config_require_feature, NULL, DIRECTORY,
                     "features that are all needed here, or none"),
    AP_INIT_TAKE23("BillingRequireLimit", config_require_limit, NULL, DIRECTORY,
                   "a limit, the SELECT that counts with one %s for the org, and methods=POST,…"),
    AP_INIT_TAKE1("BillingDenyStatus", config_set_deny_status, NULL, DIRECTORY,
                  "402 or 403 for a billing denial; 402 otherwise"),
    AP_INIT_FLAG("BillingForwardHeaders", config_set_forward_headers, NULL, DIRECTORY,
                 "On tells a proxied backend org, plan and status"),
    {NULL},
};
