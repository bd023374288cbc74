/* SPDX-License-Identifier: Apache-2.0
 * Text from a peer, made fit for a log line or an error sentence. */
#include "provider/text.h"

#include <apr_strings.h>
#include <string.h>

const char *text_printable(apr_pool_t *pool, const char *text, apr_size_t max)
{
    size_t len = strnlen(text, max + 1), shown = len > max ? max : len;
    char *copy = apr_pstrcat(pool, apr_pstrmemdup(pool, text, shown), len > shown ? "..." : "", NULL);
    for (size_t i = 0; i < shown; ++i) {
        if (copy[i] < 0x20 || copy[i] > 0x7e || copy[i] == '"' || copy[i] == '\\') {
            copy[i] = '?';
        }
    }
    return copy;
}

bool text_has_control(const char *text)
{
    for (; *text; ++text) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}
