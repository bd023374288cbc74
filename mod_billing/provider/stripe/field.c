/* SPDX-License-Identifier: Apache-2.0
 * Reads members of Stripe's objects without trust. */
#include "provider/stripe/field.h"
#include "provider/text.h"

#include <apr_strings.h>
#include <stdarg.h>
#include <string.h>

#define QUOTE_MAX 60 /* bytes of a peer's text that a sentence repeats */

void field_fail(struct fields *fields, const char *format, ...)
{
    if (!fields->error) {
        va_list arguments;
        va_start(arguments, format);
        fields->error = apr_pvsprintf(fields->pool, format, arguments);
        va_end(arguments);
    }
}

const json_t *field_get(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    return json_is_null(member) ? NULL : member;
}

static const char *text_of(struct fields *fields, const json_t *value, const char *name, size_t max)
{
    if (!value) {
        return NULL;
    }
    const char *text = json_string_value(value);
    if (!text) {
        field_fail(fields, "%s is not text", name);
        return NULL;
    }
    size_t len = json_string_length(value);
    if (len == 0 || len > max || strlen(text) != len || text_has_control(text)) {
        field_fail(fields, "%s is empty, longer than %" APR_SIZE_T_FMT " bytes, or has control characters", name, max);
        return NULL;
    }
    return apr_pstrmemdup(fields->pool, text, len);
}

const char *field_text(struct fields *fields, const json_t *object, const char *name)
{
    return text_of(fields, field_get(object, name), name, STRIPE_TEXT_MAX);
}

const char *field_id(struct fields *fields, const json_t *object, const char *name)
{
    const json_t *value = field_get(object, name);
    if (json_is_object(value)) {
        value = field_get(value, "id");
        if (!value) {
            field_fail(fields, "%s is an object without an id", name);
        }
    }
    return text_of(fields, value, name, STRIPE_TEXT_MAX);
}

const char *field_url(struct fields *fields, const json_t *object, const char *name)
{
    const char *url = text_of(fields, field_get(object, name), name, STRIPE_URL_MAX);
    if (url && strncmp(url, "https://", 8) && strncmp(url, "http://", 7)) {
        field_fail(fields, "%s is not an absolute URL", name);
        return NULL;
    }
    return url;
}

int64_t field_time(struct fields *fields, const json_t *object, const char *name)
{
    const json_t *value = field_get(object, name);
    if (!value) {
        return 0;
    }
    int64_t time = json_integer_value(value);
    if (!json_is_integer(value) || time < 0 || time > STRIPE_TIME_MAX) {
        field_fail(fields, "%s is not a time in seconds", name);
        return 0;
    }
    return time;
}

bool field_flag(struct fields *fields, const json_t *object, const char *name)
{
    const json_t *value = field_get(object, name);
    if (value && !json_is_boolean(value)) {
        field_fail(fields, "%s is neither true nor false", name);
    }
    return json_is_true(value);
}

const char *field_metadata(apr_pool_t *pool, const json_t *object, const char *key)
{
    struct fields lenient = {.pool = pool};
    return field_text(&lenient, field_get(object, "metadata"), key);
}

const char *field_quote(apr_pool_t *pool, const char *text)
{
    return apr_pstrcat(pool, "\"", text_printable(pool, text, QUOTE_MAX), "\"", NULL);
}
