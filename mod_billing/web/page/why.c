/* SPDX-License-Identifier: Apache-2.0
 * Why somebody was sent to the status page. */
#include "gate/denial.h"
#include "web/page/texts.h"
#include "web/page/view.h"

#include <apr_strings.h>

/* Some reasons only ever let pass. */
static bool reason_denies(enum decision_reason reason)
{
    return reason != REASON_MODE_OFF && reason != REASON_METHOD && reason != REASON_GRACE;
}

static bool limit_is_known(const char *key)
{
    const struct key_list *limits = &config_global()->catalogue.limits;

    for (size_t i = 0; i < limits->count; ++i) {
        if (!strcmp(limits->items[i].key, key)) {
            return true;
        }
    }
    return false;
}

const char *view_why(request_rec *r, const struct standing *standing, const char *reason, const char *feature_key,
                     const char *limit_key, const char **title)
{
    const struct catalogue *catalogue = &config_global()->catalogue;
    const struct feature *feature = feature_key ? catalogue_feature(catalogue, feature_key) : NULL;
    const char *name = feature ? feature->ref.key : limit_key && limit_is_known(limit_key) ? limit_key : NULL;
    enum decision_reason known;
    struct denial_words words;

    if (!reason || !name || !reason_parse(reason, &known) || !reason_denies(known)) {
        return NULL;
    }
    if (feature && known != REASON_LIMIT && standing->member.known &&
        gate_decide(feature, catalogue, &standing->member.context, &standing->member.state).allowed) {
        *title = TEXT_WHY;
        return apr_psprintf(r->pool, TEXT_WHY_OPEN, name);
    }
    words = denial_words(known);
    *title = words.title;
    return apr_psprintf(r->pool, "%s " TEXT_WHY_FEATURE, words.detail, name);
}
