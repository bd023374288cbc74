/* SPDX-License-Identifier: Apache-2.0
 * BillingRequireFeature and BillingRequireLimit: what a section requires. */
#include "config/build.h"
#include "config/directive.h"
#include "config/handlers.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_protocol.h>

#define STATEMENT_MAX 4096

static bool already_required(const apr_array_header_t *features, const char *key)
{
    for (int i = 0; i < features->nelts; ++i) {
        if (!strcmp(APR_ARRAY_IDX(features, i, struct required_feature *)->key, key)) {
            return true;
        }
    }
    return false;
}

const char *config_require_feature(cmd_parms *cmd, void *dir, const char *args)
{
    struct dir_config *config = dir;
    const char *error = config_context_directory(cmd);
    if (error) {
        return error;
    }
    apr_array_header_t *words = config_words(cmd, args);
    if (!words->nelts) {
        return config_error(cmd, "takes one or more feature keys, or none");
    }
    if (words->nelts == 1 && !strcasecmp(config_word(words, 0), "none")) {
        config->features_cleared = true;
        return NULL;
    }
    if (!config->features) {
        config->features = apr_array_make(cmd->pool, words->nelts, sizeof(struct required_feature *));
    }
    for (int i = 0; i < words->nelts; ++i) {
        struct key_ref ref;
        const char *key = config_word(words, i);
        if (!strcasecmp(key, "none")) {
            return config_error(cmd, "none stands alone on its line: it clears what the sections around require");
        }
        if ((error = config_key(cmd, "feature", key, &ref))) {
            return error;
        }
        if (!already_required(config->features, key)) {
            APR_ARRAY_PUSH(config->features, struct required_feature *) =
                config_feature_reference(cmd->pool, key, config_place_of(cmd));
        }
    }
    return NULL;
}

/* Puts libpq's parameters in the place of %s. One in quotes would be text to the server. */
static const char *parameters_place(const cmd_parms *cmd, const char *text, struct required_limit *required)
{
    char *out = apr_palloc(cmd->pool, strlen(text) + 1), quote = '\0';
    int count = 0;
    required->statement = out;
    for (; *text; ++text) {
        if (*text == '%' && text[1] == 's' && quote) {
            return config_error(cmd, "%%s stands in quotes, where it is only text: write it without them");
        }
        if (*text == '%' && text[1] != 's' && text[1] != '%') {
            return config_error(cmd, "the statement takes %%s, and no other %%: write %%%% for a percent sign");
        }
        if (*text == '%' && *++text == 's') {
            *out++ = '$';
            *out++ = (char)('1' + (count < 9 ? count++ : 9));
            continue;
        }
        if ((*text == '\'' || *text == '"') && (!quote || quote == *text)) {
            quote = quote ? '\0' : *text;
        }
        *out++ = *text;
    }
    *out = '\0';
    if (count != 1 && count != 2) {
        return config_error(cmd,
                            "the statement must have one %%s, where the org id goes, or two, the second for the "
                            "location; not %d",
                            count);
    }
    required->by_location = count == 2;
    return NULL;
}

static bool begins_with_word(const char *statement, const char *word)
{
    size_t length = strlen(word);
    return !strncasecmp(statement, word, length) && !apr_isalnum(statement[length]) && statement[length] != '_';
}

static const char *statement_parse(const cmd_parms *cmd, const char *statement, struct required_limit *required)
{
    while (apr_isspace(*statement)) {
        ++statement;
    }
    if (!begins_with_word(statement, "SELECT") && !begins_with_word(statement, "WITH")) {
        return config_error(cmd, "the statement must begin with SELECT or WITH: it counts, and changes nothing");
    }
    if (strchr(statement, ';')) {
        return config_error(cmd, "the statement must not hold a semicolon: it is one statement");
    }
    if (strlen(statement) > STATEMENT_MAX) {
        return config_error(cmd, "the statement is longer than %d bytes: make a view or function of it", STATEMENT_MAX);
    }
    return parameters_place(cmd, statement, required);
}

static const char *methods_parse(const cmd_parms *cmd, const char *text, uint64_t *bits)
{
    if (!text) {
        *bits = UINT64_C(1) << M_POST;
        return NULL;
    }
    if (strncasecmp(text, "methods=", 8)) {
        return config_error(cmd, "\"%s\" is not methods=POST,…; the statement is put in quotes", text);
    }
    char *list = apr_pstrdup(cmd->pool, text + 8);
    const char *error;
    do {
        char *comma = strchr(list, ',');
        if (comma) {
            *comma++ = '\0';
        }
        error = config_methods(cmd, list, bits);
        list = comma;
    } while (list && !error);
    return error;
}

const char *config_require_limit(cmd_parms *cmd, void *dir, const char *key, const char *statement, const char *methods)
{
    struct dir_config *config = dir;
    struct required_limit *required = apr_pcalloc(cmd->pool, sizeof(*required));
    const char *error = config_context_directory(cmd);
    if (error || (error = config_key(cmd, "limit", key, &required->limit)) ||
        (error = statement_parse(cmd, statement, required)) ||
        (error = methods_parse(cmd, methods, &required->methods))) {
        return error;
    }
    required->place = config_place_of(cmd);
    if (!config->limits) {
        config->limits = apr_array_make(cmd->pool, 2, sizeof(struct required_limit *));
    }
    APR_ARRAY_PUSH(config->limits, struct required_limit *) = required;
    config_limit_use(cmd, required->limit);
    APR_ARRAY_PUSH(config_build()->limits, struct required_limit *) = required;
    config_build()->global.has_gates = true;
    config_build()->global.has_limits = true;
    return NULL;
}
