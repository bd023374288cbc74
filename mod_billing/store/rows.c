/* SPDX-License-Identifier: Apache-2.0
 * Text to and from PostgreSQL: parameters and columns. */
#include "store/database.h"

#include <apr_strings.h>
#include <stdlib.h>

const char *sql_int(apr_pool_t *pool, int64_t value)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)value);
}

const char *sql_bool(bool value)
{
    return value ? "t" : "f";
}

const char *sql_time(apr_pool_t *pool, int64_t seconds)
{
    return seconds ? sql_int(pool, seconds) : NULL;
}

const char *sql_text_array(apr_pool_t *pool, const char *const *items, size_t count)
{
    size_t room = 3;
    char *literal, *at;

    for (size_t i = 0; i < count; ++i) {
        room += 2 * strlen(items[i]) + 3;
    }
    literal = at = apr_palloc(pool, room);
    *at++ = '{';
    for (size_t i = 0; i < count; ++i) {
        if (i) {
            *at++ = ',';
        }
        *at++ = '"';
        for (const char *c = items[i]; *c; ++c) {
            if (*c == '"' || *c == '\\') {
                *at++ = '\\';
            }
            *at++ = *c;
        }
        *at++ = '"';
    }
    *at++ = '}';
    *at = '\0';
    return literal;
}

const char *rows_text(const struct rows *rows, int row, int column)
{
    return rows->values[row * rows->columns + column];
}

int64_t rows_int(const struct rows *rows, int row, int column)
{
    const char *text = rows_text(rows, row, column);
    return text ? strtoll(text, NULL, 10) : 0;
}

bool rows_bool(const struct rows *rows, int row, int column)
{
    const char *text = rows_text(rows, row, column);
    return text && *text == 't';
}
