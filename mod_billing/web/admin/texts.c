/* SPDX-License-Identifier: Apache-2.0
 * What the operators' page says of the JSON's codes. These are texts, not markup. */
#include "web/admin/texts.h"

#include <stddef.h>
#include <string.h>

struct text {
    const char *code, *text;
};

static const char *text_find(const struct text *texts, size_t count, const char *code)
{
    for (size_t i = 0; code && i < count; ++i) {
        if (!strcmp(texts[i].code, code)) {
            return texts[i].text;
        }
    }
    return NULL;
}

#define TEXTS(name, ...)                                                                                               \
    const char *text_of_##name(const char *code)                                                                       \
    {                                                                                                                  \
        static const struct text texts[] = {__VA_ARGS__};                                                              \
        return text_find(texts, sizeof(texts) / sizeof(*texts), code);                                                 \
    }

/* clang-format off */
TEXTS(done,
    {"swept", "The sweep is over. What came of it is below."},
    {"verified", "The verification is over. What it found is below."},
    {"override_added", "The override is in force, on every node within a moment."},
    {"override_ended", "The override is gone."},
    {"grandfathered", "The orgs have their grants. The batch is listed below."},
    {"grandfathered_none", "There was nobody left to grant it to."},
    {"undone", "The batch was undone: its grants are gone."},
    {"replay_applied", "It was replayed and had its effect."},
    {"replay_duplicate", "It had its effect before. Nothing changed."},
    {"replay_stale", "It was replayed; something newer had come meanwhile."},
    {"replay_ignored", "It was replayed and has no effect."},
    {"replay_dead", "It was replayed and is dead again. Its error says why."},
    {"replayed", "All dead events were replayed. Those still listed are dead again."},
    {"replayed_some", "The time was up before all dead events were replayed."})

TEXTS(reason,
    {"mode_off", "enforcement is off"},
    {"method", "the method is not gated"},
    {"no_org", "no org"},
    {"app_type", "app type not accepted"},
    {"role", "role not accepted"},
    {"override", "an override"},
    {"unverified", "state could not be verified"},
    {"plan", "the plan"},
    {"grace", "past due, in grace"},
    {"past_due", "past due"},
    {"canceled", "subscription canceled"},
    {"no_subscription", "no subscription"},
    {"limit", "the limit is reached"})

TEXTS(rule,
    {"off", "Is enforcement off?"},
    {"method", "Is the method excepted?"},
    {"no_org", "Is there no org?"},
    {"app_type", "Is the app type not accepted?"},
    {"role", "Is the role not accepted?"},
    {"override", "Is there an override?"},
    {"unverified", "Is the state unknown or too old?"},
    {"subscription", "What does the subscription say?"},
    {"limit", "Is the limit reached?"},
    {"kill_switch", "Is the kill switch on?"},
    {"monitor", "Does it only monitor?"},
    {"old_org", "Is the org an old one?"},
    {"percent", "Is the org outside the percentage?"})

TEXTS(outcome,
    {"applied", "applied"},
    {"duplicate", "duplicate"},
    {"stale", "stale"},
    {"ignored", "ignored"},
    {"dead", "dead"},
    {"failed", "failed"})

TEXTS(status,
    {"active", "active"},
    {"past_due", "past due"},
    {"canceled", "canceled"},
    {"none", "none"})

TEXTS(source,
    {"shared_memory", "shared memory, kept current"},
    {"snapshot", "the last stop’s snapshot"},
    {"database", "the database, org by org"})

TEXTS(sweep,
    {"complete", "complete"},
    {"provider_unavailable", "the provider did not answer"},
    {"database_unavailable", "the database did not answer"},
    {"out_of_time", "its time was up"},
    {"stopping", "the server was stopping"},
    {"lease_lost", "another node took over"})

TEXTS(origin,
    {"config", "customerConfig"},
    {"override", "override"},
    {"grandfather", "grandfathered"})

TEXTS(skipped,
    {"granted", "has a grant already"},
    {"refused", "an operator refused it the feature"})

TEXTS(way,
    {"plan", "a plan:"},
    {"role", "a role:"},
    {"appType", "an app type:"},
    {"payment", "payment"},
    {"override", "an override"},
    {"limit", "a higher limit"},
    {"removeOverride", "ending the override"},
    {"signIn", "signing in"},
    {"retry", "trying again"})
/* clang-format on */
