/* SPDX-License-Identifier: Apache-2.0
 * The context of the moment, and the state that a request found. */
#include "gate/view.h"

#include "gate/identity.h"
#include "gate/judge.h"
#include "gate/request.h"
#include "service/metrics.h"
#include "service/state.h"

#include <apr_strings.h>

struct known_state {
    const char *org;
    bool found;
    int64_t created_at; /* as the org record has it; a claim counts before it, once it can be believed */
    struct org_state state;
};

/* What memory does not know. Without an answer the next request_rec of the same client's request would wait as long. */
static bool view_ask(request_rec *r, const char *org, bool livemode, struct org_state *state)
{
    request_rec *first = request_first(r);
    struct request_record *record = request_record(first);

    if (record->unanswered && !strcmp(record->unanswered, org)) {
        metrics_lookup(LOOKUP_UNKNOWN);
        return false;
    }
    if (!state_ask(r->pool, org, livemode, state)) {
        record->unanswered = apr_pstrdup(first->pool, org);
        return false;
    }
    return true;
}

bool view_find(request_rec *r, const char *org, struct org_state *state)
{
    bool livemode = config_server(r->server)->mode == MODE_LIVE;

    return state_remembered(org, livemode, state) || view_ask(r, org, livemode, state);
}

/* Not the context, which may change until the handler runs: an identity may be a variable that some module has yet to
 * set. */
static struct known_state *state_known(request_rec *r, const char *org)
{
    struct request_record *record = request_record(r);
    struct known_state *known = record->known;

    if (!known || strcmp(known->org, org)) {
        known = apr_palloc(r->pool, sizeof(*known));
        known->org = org;
        known->found = view_find(r, org, &known->state);
        known->created_at = known->found ? known->state.created_at : 0;
        record->known = known;
    }
    return known;
}

void view_take(request_rec *r, const struct dir_config *config, struct gate_view *view)
{
    struct known_state *known;

    view->context = gate_context_of(r, config);
    view->state = NULL;
    if (view->context.org && (known = state_known(r, view->context.org))->found) {
        known->state.created_at = known->created_at;
        identity_created_at(r, config, &known->state);
        view->state = &known->state;
    }
}

struct decision view_decide(const struct gate_view *view, const struct feature *feature)
{
    return gate_decide(feature, &config_global()->catalogue, &view->context, view->state);
}

const char *view_status(const struct gate_view *view)
{
    if (!view->context.org) {
        return "";
    }
    return view->state ? status_name(view->state->status) : "unknown";
}

const struct plan *view_plan(const struct gate_view *view)
{
    return view->state ? catalogue_plan(&config_global()->catalogue, view->state->plan) : NULL;
}
