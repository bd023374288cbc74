/* SPDX-License-Identifier: Apache-2.0
 * Writing CSV. */
#include "web/csv.h"

#include <stdbool.h>
#include <string.h>

/* Org ids and keys may begin with a minus; the others only come from elsewhere. */
static bool cell_is_formula(const char *cell)
{
    return *cell && strchr("=+-@\t\r", *cell);
}

static char *cell_write(char *at, const char *cell)
{
    bool quoted = strpbrk(cell, ",\"\r\n") != NULL;

    if (quoted) {
        *at++ = '"';
    }
    if (cell_is_formula(cell)) {
        *at++ = '\'';
    }
    for (; *cell; ++cell) {
        if (*cell == '"') {
            *at++ = '"';
        }
        *at++ = *cell;
    }
    if (quoted) {
        *at++ = '"';
    }
    return at;
}

const char *csv_line(apr_pool_t *pool, const char *const *cells, size_t count)
{
    size_t room = sizeof("\r\n");
    char *line, *at;

    for (size_t i = 0; i < count; ++i) {
        room += (cells[i] ? 2 * strlen(cells[i]) : 0) + sizeof(",\"'\"");
    }
    line = at = apr_palloc(pool, room);
    for (size_t i = 0; i < count; ++i) {
        if (i) {
            *at++ = ',';
        }
        at = cell_write(at, cells[i] ? cells[i] : "");
    }
    strcpy(at, "\r\n");
    return line;
}
