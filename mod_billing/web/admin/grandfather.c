/* SPDX-License-Identifier: Apache-2.0
 * Grandfathering at the admin mount:
 *
 * POST /grandfather {"feature", "days": 1..3650, "expiresAt": time|null, "note": text|null, "dryRun": true|false}
 * writes one dated grant for each org that would have been denied the feature in the last days; with dryRun it only
 * shows them. Skipped are orgs that have a grant in force, and those that an operator refused the feature. GET
 * /grandfather: the newest 100 batches. DELETE /grandfather/{batch}: undoes exactly that one. */
#include "service/grandfather.h"
#include "config/value.h"
#include "domain/key.h"
#include "service/provider.h"
#include "service/runtime.h"
#include "service/shadow.h"
#include "web/admin/operator.h"
#include "web/answer.h"
#include "web/problem.h"

#include <apr_strings.h>
#include <http_protocol.h>

#define NOTE_MAX    1000
#define DAYS_MAX    3650
#define BATCHES_MAX 100
#define ORGS_SHOWN  10000 /* beyond them the answer only counts */

/* NULL, or what is wrong with the body. */
static const char *asked_parse(apr_pool_t *pool, const json_t *body, struct grandfathering *asked)
{
    const json_t *days = json_object_get(body, "days"), *expires = json_object_get(body, "expiresAt");
    const json_t *note = json_object_get(body, "note"), *dry_run = json_object_get(body, "dryRun");

    memset(asked, 0, sizeof(*asked));
    asked->feature = apr_pstrdup(pool, json_string_value(json_object_get(body, "feature")));
    if (!key_valid(asked->feature) || !catalogue_feature(&config_global()->catalogue, asked->feature)) {
        return "feature is the key of a feature of this server.";
    }
    if (!json_is_integer(days) || json_integer_value(days) < 1 || json_integer_value(days) > DAYS_MAX) {
        return "days is a number from 1 to 3650.";
    }
    asked->days = (int)json_integer_value(days);
    if (expires && !json_is_null(expires) &&
        !(json_is_string(expires) && value_date(json_string_value(expires), &asked->expires_at) &&
          asked->expires_at > runtime_now())) {
        return "expiresAt is a date or an RFC 3339 time in the future, or null for no end.";
    }
    asked->note = apr_pstrdup(pool, json_string_value(note));
    if (note && !json_is_null(note) && (!asked->note || strlen(asked->note) > NOTE_MAX)) {
        return "note is a text of at most 1000 bytes, or null.";
    }
    return dry_run && !json_is_boolean(dry_run) ? "dryRun is true or false." : NULL;
}

static json_t *batch_json(const struct grandfather_batch *batch)
{
    json_t *json = json_object();

    json_object_set_new(json, "batch", json_integer(batch->batch_id));
    json_object_set_new(json, "feature", json_string(batch->feature));
    json_object_set_new(json, "days", json_integer(batch->days));
    json_object_set_new(json, "expiresAt", json_time(batch->expires_at));
    json_object_set_new(json, "note", json_text_or_null(batch->note));
    json_object_set_new(json, "author", json_string(batch->author));
    json_object_set_new(json, "count", json_integer(batch->org_count));
    json_object_set_new(json, "createdAt", json_time(batch->created_at));
    json_object_set_new(json, "undoneAt", json_time(batch->undone_at));
    json_object_set_new(json, "undoneBy", json_text_or_null(batch->undone_by));
    return json;
}

static json_t *org_json(const struct grandfather_org *org)
{
    json_t *json = json_object();

    json_object_set_new(json, "org", json_string(org->org));
    json_object_set_new(json, "requests", json_integer(org->requests));
    json_object_set_new(json, "firstSeen", json_time(org->first_seen));
    json_object_set_new(json, "lastSeen", json_time(org->last_seen));
    if (org->skipped) {
        json_object_set_new(json, "why", json_string(org->skipped));
    }
    return json;
}

/* The orgs asked for: those that get the grant, and those that were skipped. */
static void orgs_json(json_t *json, const struct grandfather_org *orgs, int count)
{
    json_t *chosen = json_array(), *skipped = json_array();
    json_int_t chosen_count = 0;

    for (int i = 0; i < count; ++i) {
        json_t *list = orgs[i].skipped ? skipped : chosen;

        chosen_count += !orgs[i].skipped;
        if (json_array_size(list) < ORGS_SHOWN) {
            json_array_append_new(list, org_json(&orgs[i]));
        }
    }
    json_object_set_new(json, "count", json_integer(chosen_count));
    json_object_set_new(json, "orgs", chosen);
    json_object_set_new(json, "skippedCount", json_integer(count - chosen_count));
    json_object_set_new(json, "skipped", skipped);
}

static json_t *asked_json(const struct grandfathering *asked, bool dry_run)
{
    json_t *json = json_object();

    json_object_set_new(json, "dryRun", json_boolean(dry_run));
    json_object_set_new(json, "batch", json_null());
    json_object_set_new(json, "feature", json_string(asked->feature));
    json_object_set_new(json, "days", json_integer(asked->days));
    json_object_set_new(json, "expiresAt", json_time(asked->expires_at));
    json_object_set_new(json, "note", json_text_or_null(asked->note));
    return json;
}

static struct org_actor batch_actor(request_rec *r, const struct operator_call *call, const json_t *detail)
{
    return (struct org_actor){
        .provider = PROVIDER_NAME,
        .livemode = call->livemode,
        .actor = call->actor,
        .detail = json_text(r->pool, json_deep_copy(detail)),
    };
}

static json_t *grandfather_do(request_rec *r, const struct operator_call *call, struct grandfathering *asked,
                              const json_t *body, int *answered)
{
    struct org_actor actor = batch_actor(r, call, body);
    bool dry_run = json_is_true(json_object_get(body, "dryRun"));
    struct grandfather_org *shown;
    int64_t batch_id = 0;
    json_t *json;
    int count;
    /* What this server has counted belongs to it. */
    enum store_result result = shadow_flush(r->pool, DATABASE_WAIT_WEB);

    if (result == STORE_OK) {
        result = store_grandfather_orgs(runtime()->database, r->pool, call->livemode, asked, &shown, &count);
    }
    if (result == STORE_OK && !dry_run) {
        result = grandfather_write(r->pool, &actor, asked, shown, count, &batch_id);
    }
    if (result != STORE_OK) {
        return operator_store_problem(r, result, answered);
    }
    json = asked_json(asked, dry_run);
    if (batch_id) {
        json_object_set_new(json, "batch", json_integer(batch_id));
    }
    orgs_json(json, shown, count);
    return json;
}

static json_t *grandfather_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                                int *answered)
{
    struct grandfathering asked;
    const char *wrong = asked_parse(r->pool, body, &asked);

    (void)tail;
    return wrong ? operator_member_problem(r, wrong, answered) : grandfather_do(r, call, &asked, body, answered);
}

static json_t *list_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                         int *answered)
{
    struct grandfather_batch *batches;
    json_t *json, *list;
    int count;
    enum store_result result =
        store_grandfather_list(runtime()->database, r->pool, call->livemode, BATCHES_MAX, &batches, &count);

    (void)tail;
    (void)body;
    if (result != STORE_OK) {
        return operator_store_problem(r, result, answered);
    }
    list = json_array();
    for (int i = 0; i < count; ++i) {
        json_array_append_new(list, batch_json(&batches[i]));
    }
    json = json_object();
    json_object_set_new(json, "batches", list);
    return json;
}

static json_t *undo_unknown(request_rec *r, int *answered)
{
    *answered = problem_send(r, HTTP_NOT_FOUND, "unknown_batch", "There is no such batch in this server's mode.");
    return NULL;
}

static json_t *undone_json(const struct grandfather_batch *batch, const char *const *orgs, size_t count)
{
    json_t *json = batch_json(batch), *list = json_array();

    for (size_t i = 0; i < count && i < ORGS_SHOWN; ++i) {
        json_array_append_new(list, json_string(orgs[i]));
    }
    json_object_set_new(json, "removedCount", json_integer((json_int_t)count));
    json_object_set_new(json, "removed", list);
    return json;
}

static json_t *undo_work(request_rec *r, const struct operator_call *call, const char *tail, const json_t *body,
                         int *answered)
{
    struct grandfather_batch batch;
    struct org_actor actor;
    enum store_result result;
    const char *const *orgs;
    int64_t batch_id;
    json_t *detail;
    size_t count;

    (void)body;
    if (!value_number(tail, &batch_id)) {
        return undo_unknown(r, answered);
    }
    detail = json_pack("{s:I}", "batch", (json_int_t)batch_id);
    actor = batch_actor(r, call, detail);
    json_decref(detail);
    result = grandfather_undo(r->pool, &actor, batch_id, &batch, &orgs, &count);
    if (result == STORE_CONFLICT) {
        return undo_unknown(r, answered);
    }
    return result == STORE_OK ? undone_json(&batch, orgs, count) : operator_store_problem(r, result, answered);
}

static const char *const grandfather_members[] = {"feature", "days", "expiresAt", "note", "dryRun", NULL};

const struct operator_task admin_grandfather = {grandfather_work, true, grandfather_members};
const struct operator_task admin_grandfather_list = {list_work, false, NULL};
const struct operator_task admin_grandfather_undo = {undo_work, true, NULL};
