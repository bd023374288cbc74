/* SPDX-License-Identifier: Apache-2.0
 * Saving and loading the table. All numbers are eight bytes, the lowest first, but where it says byte:
 *
 *     magic, layout, time of saving, verified_at, position, basis, length of the origin (byte), origin
 *     per entry: length of the id (byte, 1..64), flags (byte), number of overrides (byte), id,
 *                version, plan, app_type, period_end, cancel_at, past_due_since, created_at, verified_at,
 *                per override: kind (byte), key, limit, expires
 *     0 (byte), number of entries
 *     SHA-256 of all this */
#include "cache/snapshot.h"

#include "cache/snapshot_file.h"
#include "domain/key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SNAPSHOT_MAGIC  UINT64_C(0x746f6873656c6261)
#define SNAPSHOT_LAYOUT 2

/* How far the clock may have been set back since the file was saved. */
#define CLOCK_SLACK           300

#define FLAG_STATUS           3U
#define FLAG_GRACE_OVER       4U
#define FLAG_LIVEMODE         8U
#define FLAG_HAS_CUSTOMER     16U
#define FLAG_HAS_SUBSCRIPTION 32U

struct saving {
    struct snapshot_file file;
    uint64_t entries;
};

static bool entry_save(void *baton, const char *org, bool livemode, const struct org_state *state)
{
    struct saving *saving = baton;
    struct snapshot_file *file = &saving->file;
    size_t len = strlen(org);
    file_put_byte(file, (unsigned)len);
    file_put_byte(file, (unsigned)state->status | (state->grace_over ? FLAG_GRACE_OVER : 0) |
                            (livemode ? FLAG_LIVEMODE : 0) | (state->has_customer ? FLAG_HAS_CUSTOMER : 0) |
                            (state->has_subscription ? FLAG_HAS_SUBSCRIPTION : 0));
    file_put_byte(file, (unsigned)state->override_count);
    file_put(file, org, len);
    const uint64_t numbers[] = {state->version,
                                state->plan,
                                state->app_type,
                                (uint64_t)state->period_end,
                                (uint64_t)state->cancel_at,
                                (uint64_t)state->past_due_since,
                                (uint64_t)state->created_at,
                                (uint64_t)state->verified_at};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); ++i) {
        file_put_number(file, numbers[i]);
    }
    for (size_t i = 0; i < state->override_count; ++i) {
        file_put_byte(file, (unsigned)state->overrides[i].kind);
        file_put_number(file, state->overrides[i].key);
        file_put_number(file, (uint64_t)state->overrides[i].limit);
        file_put_number(file, (uint64_t)state->overrides[i].expires);
    }
    ++saving->entries;
    return !file->error;
}

/* The head is read before the entries, so whatever is newer than it in them the change feed brings once more. */
static void head_save(struct snapshot_file *file, struct table *table, const char *origin, int64_t now)
{
    size_t len = strnlen(origin, SNAPSHOT_ORIGIN_MAX);
    uint64_t basis = table_mark(table, TABLE_BASIS), position = table_position(table);
    file_put_number(file, SNAPSHOT_MAGIC);
    file_put_number(file, SNAPSHOT_LAYOUT);
    file_put_number(file, (uint64_t)now);
    file_put_number(file, (uint64_t)table_verified_at(table));
    file_put_number(file, position);
    file_put_number(file, basis);
    file_put_byte(file, (unsigned)len);
    file_put(file, origin, len);
}

/* The new name is on disk once the folder is. */
static int folder_sync(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return errno;
    }
    int error = fsync(descriptor) ? errno : 0;
    close(descriptor);
    return error;
}

bool snapshot_save(struct table *table, const char *path, const char *origin, int64_t now,
                   char reason[SNAPSHOT_REASON_SIZE])
{
    struct saving saving = {.entries = 0};
    char temporary[PATH_MAX];
    int error = ENAMETOOLONG;
    if ((size_t)snprintf(temporary, sizeof(temporary), "%s.new", path) < sizeof(temporary)) {
        file_create(&saving.file, temporary);
        head_save(&saving.file, table, origin, now);
        table_visit(table, entry_save, &saving);
        file_put_byte(&saving.file, 0);
        file_put_number(&saving.file, saving.entries);
        error = file_finish(&saving.file);
        error = !error && rename(temporary, path) ? errno : error;
        if (error) {
            unlink(temporary);
        }
    }
    error = error ? error : folder_sync(path);
    snprintf(reason, SNAPSHOT_REASON_SIZE, "%s", error ? strerror(error) : "");
    return !error;
}

struct loading {
    struct snapshot_file file;
    int64_t saved_at, verified_at;
    uint64_t position, basis;
};

static const char *head_load(struct loading *loading, const char *origin, int64_t now, int64_t age_max)
{
    struct snapshot_file *file = &loading->file;
    char origin_there[SNAPSHOT_ORIGIN_MAX + 1] = "";
    bool ours = file_get_number(file) == SNAPSHOT_MAGIC;
    bool known = file_get_number(file) == SNAPSHOT_LAYOUT;
    loading->saved_at = (int64_t)file_get_number(file);
    loading->verified_at = (int64_t)file_get_number(file);
    loading->position = file_get_number(file);
    loading->basis = file_get_number(file);
    file_get(file, origin_there, file_get_byte(file));
    if (file->error == ENOENT) {
        return "there is none";
    }
    if (file->error == EPERM || file->error == ELOOP) {
        return "it is not a file of this account alone";
    }
    if (file->error == EBADMSG) {
        return "it is damaged";
    }
    if (file->error) {
        return strerror(file->error);
    }
    if (!ours || !known) {
        return "it is no snapshot of this version";
    }
    if (strncmp(origin, origin_there, SNAPSHOT_ORIGIN_MAX)) {
        return "it is of another database";
    }
    if (loading->saved_at < 0 || loading->saved_at > now + CLOCK_SLACK) {
        return "it is from the future";
    }
    return now - loading->saved_at > age_max ? "it is too old" : NULL;
}

static void overrides_load(struct snapshot_file *file, struct org_state *state)
{
    for (size_t i = 0; i < state->override_count; ++i) {
        struct override *override = &state->overrides[i];
        override->kind = (enum override_kind)file_get_byte(file);
        override->key = file_get_number(file);
        override->limit = (int64_t)file_get_number(file);
        override->expires = (int64_t)file_get_number(file);
    }
}

/* One entry; false at the end, which is a byte 0, and after a failure. */
static bool entry_load(struct snapshot_file *file, struct table *table)
{
    struct org_state state;
    char org[ORG_ID_MAX + 1];
    size_t len = file_get_byte(file);
    if (!len) {
        return false;
    }
    unsigned flags = file_get_byte(file);
    state.override_count = file_get_byte(file);
    if (len > ORG_ID_MAX || state.override_count > OVERRIDES_MAX) {
        file->error = EBADMSG;
        return false;
    }
    file_get(file, org, len);
    org[len] = '\0';
    state.status = (enum billing_status)(flags & FLAG_STATUS);
    state.grace_over = flags & FLAG_GRACE_OVER;
    state.has_customer = flags & FLAG_HAS_CUSTOMER;
    state.has_subscription = flags & FLAG_HAS_SUBSCRIPTION;
    state.version = file_get_number(file);
    state.plan = file_get_number(file);
    state.app_type = file_get_number(file);
    state.period_end = (int64_t)file_get_number(file);
    state.cancel_at = (int64_t)file_get_number(file);
    state.past_due_since = (int64_t)file_get_number(file);
    state.created_at = (int64_t)file_get_number(file);
    state.verified_at = (int64_t)file_get_number(file);
    overrides_load(file, &state);
    if (!file->error) {
        table_store(table, org, flags & FLAG_LIVEMODE, &state, state.verified_at);
    }
    return !file->error;
}

enum snapshot_outcome snapshot_load(struct table *table, const char *path, const char *origin, int64_t now,
                                    int64_t age_max, uint64_t *entries, char reason[SNAPSHOT_REASON_SIZE])
{
    struct loading loading;
    uint64_t loaded = 0;
    file_open(&loading.file, path);
    bool absent = loading.file.error == ENOENT;
    const char *refused = head_load(&loading, origin, now, age_max);
    if (!refused) {
        while (entry_load(&loading.file, table)) {
            ++loaded;
        }
        if (file_get_number(&loading.file) == loaded) {
            table_verified_set(table, loading.verified_at, loading.position);
            table_mark_set(table, TABLE_BASIS, loading.basis);
        }
    }
    int error = file_close(&loading.file);
    refused = !refused && error ? "it is damaged" : refused;
    snprintf(reason, SNAPSHOT_REASON_SIZE, "%s", refused ? refused : "");
    if (entries) {
        *entries = loaded;
    }
    return absent ? SNAPSHOT_ABSENT : refused ? SNAPSHOT_REFUSED : SNAPSHOT_LOADED;
}
