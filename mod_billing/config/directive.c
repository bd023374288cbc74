/* SPDX-License-Identifier: Apache-2.0
 * What the handler of every directive needs: where it may stand, its words, and messages that carry its name. */
#include "config/directive.h"

#include "config/value.h"
#include "domain/key.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

const char *config_error(const cmd_parms *cmd, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *message = apr_pvsprintf(cmd->pool, format, arguments);
    va_end(arguments);
    /* A section's name begins with "<". */
    const char *name = cmd->cmd->name;
    return apr_pstrcat(cmd->pool, name + (*name == '<'), ": ", message, NULL);
}

struct config_place config_place_of(const cmd_parms *cmd)
{
    struct config_place place = {cmd->directive->filename, (unsigned)cmd->directive->line_num};
    return place;
}

const char *config_context_server(const cmd_parms *cmd)
{
    return ap_check_cmd_context((cmd_parms *)cmd, NOT_IN_HTACCESS | NOT_IN_DIR_CONTEXT | NOT_IN_LIMIT);
}

const char *config_context_directory(const cmd_parms *cmd)
{
    return ap_check_cmd_context((cmd_parms *)cmd, NOT_IN_HTACCESS | NOT_IN_LIMIT);
}

const char *config_context_global(const cmd_parms *cmd)
{
    if (!ap_check_cmd_context((cmd_parms *)cmd, GLOBAL_ONLY | NOT_IN_HTACCESS)) {
        return NULL;
    }
    return config_error(cmd,
                        "is one for all virtual hosts and paths: write it outside of <VirtualHost>, <Location> and "
                        "every other section");
}

apr_array_header_t *config_words(const cmd_parms *cmd, const char *args)
{
    apr_array_header_t *words = apr_array_make(cmd->pool, 4, sizeof(const char *));
    while (*args) {
        APR_ARRAY_PUSH(words, const char *) = ap_getword_conf(cmd->pool, &args);
    }
    return words;
}

const char *config_word(const apr_array_header_t *words, int index)
{
    return APR_ARRAY_IDX(words, index, const char *);
}

const char *config_duration(const cmd_parms *cmd, const char *text, apr_interval_time_t min, apr_interval_time_t max,
                            const char *range, apr_interval_time_t *duration)
{
    apr_interval_time_t value;
    if (!value_duration(text, &value)) {
        return config_error(cmd,
                            "\"%s\" is not a duration: write a number and its unit, such as 250ms, 30s, 10m, 24h "
                            "or 7d",
                            text);
    }
    if (value < min || value > max) {
        return config_error(cmd, "\"%s\" is out of range: %s", text, range);
    }
    *duration = value;
    return NULL;
}

const char *config_seconds(const cmd_parms *cmd, const char *text, int64_t min, int64_t max, const char *range,
                           int64_t *seconds)
{
    apr_interval_time_t duration;
    const char *error = config_duration(cmd, text, apr_time_from_sec(min), apr_time_from_sec(max), range, &duration);
    if (!error && duration % APR_USEC_PER_SEC) {
        error = config_error(cmd, "\"%s\" is not a number of whole seconds", text);
    }
    if (!error) {
        *seconds = apr_time_sec(duration);
    }
    return error;
}

const char *config_number(const cmd_parms *cmd, const char *text, int64_t min, int64_t max, int64_t *number)
{
    if (!value_number(text, number) || *number < min || *number > max) {
        return config_error(cmd, "\"%s\" is not a whole number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT, text,
                            (apr_int64_t)min, (apr_int64_t)max);
    }
    return NULL;
}

const char *config_key(const cmd_parms *cmd, const char *what, const char *key, struct key_ref *ref)
{
    if (!key_valid(key)) {
        return config_error(cmd, "\"%s\" cannot be a %s key: use 1 to 64 of the characters A-Z a-z 0-9 _ . -", key,
                            what);
    }
    ref->key = key;
    ref->hash = key_hash_str(key);
    return NULL;
}

const char *config_feature_key(const cmd_parms *cmd, const char *key, struct key_ref *ref)
{
    if (!strcasecmp(key, "none")) {
        return config_error(cmd, "no feature can be called none, since BillingRequireFeature none requires nothing");
    }
    return config_key(cmd, "feature", key, ref);
}

static bool method_spelled(const char *name)
{
    for (const char *at = name; *at; ++at) {
        if (!(*at >= 'A' && *at <= 'Z') && *at != '-') {
            return false;
        }
    }
    return *name;
}

const char *config_methods(const cmd_parms *cmd, const char *name, uint64_t *bits)
{
    if (!method_spelled(name)) {
        return config_error(cmd, "\"%s\" is not a method: methods are written in capitals, such as DELETE", name);
    }
    if (!strcmp(name, "HEAD")) {
        *bits |= METHOD_BIT_HEAD;
        return NULL;
    }
    int number = ap_method_number_of(name);
    if (number == M_INVALID) {
        number = ap_method_register(cmd->pool, name);
    }
    /* Bit 63 is HEAD's; httpd's registry of extension methods ends before it, and says M_INVALID when it is full. */
    if (number == M_INVALID || number < 0 || number >= 63) {
        return config_error(cmd, "httpd has no room for another method (%s): name fewer extension methods", name);
    }
    *bits |= UINT64_C(1) << number;
    return NULL;
}

const char *config_names(const cmd_parms *cmd, const char *args, struct key_list *list)
{
    apr_array_header_t *words = config_words(cmd, args);
    if (!words->nelts) {
        return config_error(cmd, "needs at least one name");
    }
    size_t before = list->count;
    struct key_ref *items = apr_palloc(cmd->pool, (before + (size_t)words->nelts) * sizeof(*items));
    if (before) {
        memcpy(items, list->items, before * sizeof(*items));
    }
    for (int i = 0; i < words->nelts; ++i) {
        const char *name = config_word(words, i);
        if (!value_name(name)) {
            return config_error(cmd,
                                "\"%s\" is not a name: use 1 to 64 visible characters without commas, and put "
                                "spaces between names",
                                name);
        }
        items[before + (size_t)i].key = name;
        items[before + (size_t)i].hash = key_hash_str(name);
    }
    list->items = items;
    list->count = before + (size_t)words->nelts;
    return NULL;
}
