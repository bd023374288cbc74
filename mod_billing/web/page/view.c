/* SPDX-License-Identifier: Apache-2.0
 * How things stand, in sentences. */
#include "web/page/view.h"

#include "service/provider.h"
#include "service/runtime.h"
#include "store/org.h"
#include "web/page/rows.h"
#include "web/page/texts.h"

#include <apr_strings.h>

static const char *const kind_names[VIEW_KINDS] = {
    [VIEW_UNKNOWN] = "unknown",   [VIEW_NONE] = "none",         [VIEW_INCOMPLETE] = "incomplete",
    [VIEW_ACTIVE] = "active",     [VIEW_TRIALING] = "trialing", [VIEW_ENDING] = "ending",
    [VIEW_PAST_DUE] = "past_due", [VIEW_UNPAID] = "unpaid",     [VIEW_PAUSED] = "paused",
    [VIEW_CANCELED] = "canceled",
};

const char *view_kind_name(enum view_kind kind)
{
    return kind_names[kind];
}

/* A trial counts as active in every decision, so only the provider's own word, as it is stored, tells it. While the
 * database does not answer, it is shown as what it counts as. */
static bool org_is_trialing(request_rec *r, const struct member *member)
{
    const char *raw_status;

    return runtime()->database &&
           store_org_raw_status(runtime()->database, r->pool, member->org, member->livemode, &raw_status) == STORE_OK &&
           raw_status && !strcmp(raw_status, "trialing");
}

static enum view_kind kind_of(request_rec *r, const struct member *member)
{
    const struct org_state *state = &member->state;

    if (!member->known) {
        return VIEW_UNKNOWN;
    }
    switch (state->status) {
    case STATUS_NONE:
        return state->has_subscription ? VIEW_INCOMPLETE : VIEW_NONE;
    case STATUS_PAST_DUE:
        return state->grace_over ? VIEW_UNPAID : VIEW_PAST_DUE;
    case STATUS_CANCELED:
        return state->has_subscription ? VIEW_PAUSED : VIEW_CANCELED;
    default:
        if (org_is_trialing(r, member)) {
            return VIEW_TRIALING;
        }
        return state->cancel_at ? VIEW_ENDING : VIEW_ACTIVE;
    }
}

/* Sentences */

struct words {
    const char *tone, *badge, *headline, *detail;
};

static const struct words words[VIEW_KINDS] = {
    [VIEW_UNKNOWN] = {"warn", TEXT_BADGE_UNKNOWN, TEXT_UNKNOWN, TEXT_UNKNOWN_MORE},
    [VIEW_NONE] = {"", TEXT_BADGE_NONE, TEXT_NONE, TEXT_NONE_MORE},
    [VIEW_INCOMPLETE] = {"warn", TEXT_BADGE_INCOMPLETE, TEXT_INCOMPLETE, TEXT_INCOMPLETE_MORE},
    [VIEW_ACTIVE] = {"good", TEXT_BADGE_ACTIVE, TEXT_ACTIVE_NO_PLAN, NULL},
    [VIEW_TRIALING] = {"good", TEXT_BADGE_TRIAL, TEXT_TRIAL_NO_PLAN, NULL},
    [VIEW_ENDING] = {"warn", TEXT_BADGE_ENDING, NULL, TEXT_ENDING_MORE},
    [VIEW_PAST_DUE] = {"bad", TEXT_BADGE_PAST_DUE, TEXT_PAST_DUE, TEXT_PAST_DUE_MORE},
    [VIEW_UNPAID] = {"bad", TEXT_BADGE_UNPAID, TEXT_UNPAID, TEXT_UNPAID_MORE},
    [VIEW_PAUSED] = {"warn", TEXT_BADGE_PAUSED, TEXT_PAUSED, TEXT_PAUSED_MORE},
    [VIEW_CANCELED] = {"", TEXT_BADGE_CANCELED, TEXT_CANCELED, TEXT_CANCELED_MORE},
};

/* Where the plan's name or a date belongs into what is said. */
static void sentences_fill(apr_pool_t *pool, struct view *view, const struct org_state *state, int64_t grace_until,
                           int64_t now)
{
    const struct plan *plan = catalogue_plan(&config_global()->catalogue, state->plan);

    switch (view->kind) {
    case VIEW_ACTIVE:
        view->headline = plan ? apr_psprintf(pool, TEXT_ACTIVE, plan->name) : view->headline;
        view->detail = state->period_end ? apr_psprintf(pool, TEXT_RENEWS, text_date(pool, state->period_end)) : NULL;
        break;
    case VIEW_TRIALING:
        view->headline = plan ? apr_psprintf(pool, TEXT_TRIAL, plan->name) : view->headline;
        if (state->cancel_at) {
            view->detail = apr_psprintf(pool, TEXT_TRIAL_STOPS, text_date(pool, state->cancel_at));
        } else if (state->period_end) {
            view->detail = apr_psprintf(pool, TEXT_TRIAL_ENDS, text_date(pool, state->period_end));
        }
        break;
    case VIEW_ENDING:
        view->headline = plan ? apr_psprintf(pool, TEXT_ENDING, plan->name, text_date(pool, state->cancel_at))
                              : apr_psprintf(pool, TEXT_ENDING_NO_PLAN, text_date(pool, state->cancel_at));
        break;
    case VIEW_PAST_DUE:
        if (grace_until > now) {
            view->detail = apr_psprintf(pool, TEXT_PAST_DUE_BY, text_date(pool, grace_until));
        }
        break;
    default:
        break;
    }
}

/* What can be done */

static void actions_add(apr_array_header_t *actions, int what, const char *label, const char *value)
{
    APR_ARRAY_PUSH(actions, struct view_action) = (struct view_action){what, label, value};
}

static void actions_buy(request_rec *r, const struct standing *standing, apr_array_header_t *actions, const char **hint)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    const struct checkout_pending *pending = &standing->pending;

    if (pending->url) {
        actions_add(actions, ACTION_LINK, TEXT_CONTINUE, pending->url);
        *hint = apr_psprintf(r->pool, TEXT_CONTINUE_MORE, text_date(r->pool, pending->expires_at),
                             text_clock(r->pool, pending->expires_at));
    }
    for (size_t i = 0; i < catalogue->plan_count; ++i) {
        const struct plan *plan = &catalogue->plans[i];

        if (plan_price(plan, PROVIDER_NAME, standing->member.livemode)) {
            actions_add(actions, ACTION_CHECKOUT, apr_psprintf(r->pool, TEXT_SUBSCRIBE, plan->name), plan->ref.key);
        }
    }
    if (pending->url && actions->nelts == 2) {
        apr_array_pop(actions); /* the only plan there is: it is the one that is being bought */
    }
    if (!actions->nelts) {
        *hint = TEXT_CANNOT_BUY;
    }
    if (standing->may_portal) {
        actions_add(actions, ACTION_PORTAL, TEXT_OLD_INVOICES, NULL);
    }
}

static const char *portal_label(enum view_kind kind)
{
    switch (kind) {
    case VIEW_INCOMPLETE:
        return TEXT_COMPLETE;
    case VIEW_ENDING:
        return TEXT_KEEP;
    case VIEW_UNPAID:
        return TEXT_PAY;
    case VIEW_PAUSED:
        return TEXT_RESUME;
    default:
        return TEXT_MANAGE;
    }
}

/* Those who may, where the site names roles at all. */
static const char *hint_whom_to_ask(request_rec *r)
{
    const struct key_list *roles = member_manage_roles(r);
    const char *names = "";

    for (size_t i = 0; i < roles->count; ++i) {
        const char *divider = i == 0 ? "" : i + 1 == roles->count ? TEXT_OR : ", ";

        names = apr_pstrcat(r->pool, names, divider, roles->items[i].key, NULL);
    }
    return apr_psprintf(r->pool, TEXT_ASK, names);
}

static void actions_fill(request_rec *r, const struct standing *standing, struct view *view)
{
    apr_array_header_t *actions = apr_array_make(r->pool, 4, sizeof(struct view_action));

    if (view->kind == VIEW_UNKNOWN) {
        actions_add(actions, ACTION_LINK, TEXT_AGAIN, config_server(r->server)->mounts[MOUNT_PAGE]);
    } else if (!standing->member.may_manage) {
        view->hint = hint_whom_to_ask(r);
    } else if (!view->subscribed) {
        actions_buy(r, standing, actions, &view->hint);
    } else if (standing->may_portal) {
        if (view->kind == VIEW_PAST_DUE) {
            actions_add(actions, ACTION_PORTAL, TEXT_UPDATE_PAYMENT, "payment_method_update");
        }
        actions_add(actions, ACTION_PORTAL, portal_label(view->kind), NULL);
    }
    view->actions = (const struct view_action *)actions->elts;
    view->action_count = (size_t)actions->nelts;
}

struct view view_make(request_rec *r, const struct standing *standing)
{
    const struct member *member = &standing->member;
    const struct decision *decisions = standing_decisions(r, standing);
    enum view_kind kind = kind_of(r, member);
    struct view view = {
        .kind = kind,
        .tone = words[kind].tone,
        .badge = words[kind].badge,
        .headline = words[kind].headline,
        .detail = words[kind].detail,
        .org = member->org,
        .livemode = member->livemode,
        .stale = standing->stale,
        .subscribed = member->known && member->state.has_subscription,
    };

    if (member->known) {
        sentences_fill(r->pool, &view, &member->state, standing_grace_until(standing, decisions), member->context.now);
        view.as_of =
            apr_psprintf(r->pool, standing->stale ? TEXT_STALE : TEXT_AS_OF,
                         text_date(r->pool, member->state.verified_at), text_clock(r->pool, member->state.verified_at));
        view.features = rows_features(r, standing, decisions, &view.feature_count);
        view.limits = rows_limits(r, standing, &view.limit_count);
    }
    actions_fill(r, standing, &view);
    return view;
}
