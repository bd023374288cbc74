/* SPDX-License-Identifier: Apache-2.0
 * Where an answer ends (RFC 9112, as far as servers under test use it). */
#include "load.h"

#include <stdlib.h>
#include <string.h>

/* The value of a header, or NULL; names are looked for at the starts of lines, in any case. */
static const char *header_find(const char *head, size_t size, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = head; (line = memchr(line, '\n', size - (size_t)(line - head)));) {
        ++line;
        if (size - (size_t)(line - head) > length && !strncasecmp(line, name, length) && line[length] == ':') {
            line += length + 1;
            return line + strspn(line, " ");
        }
    }
    return NULL;
}

/* The size of a chunked body with its trailer, or 0 where it is not all there. */
static size_t chunked_size(const char *body, size_t size)
{
    size_t at = 0;

    for (;;) {
        const char *line_end = memchr(body + at, '\n', size - at);
        size_t chunk;

        if (!line_end) {
            return 0;
        }
        chunk = strtoul(body + at, NULL, 16);
        at = (size_t)(line_end - body) + 1;
        if (size - at < chunk + 2) {
            return 0;
        }
        at += chunk + 2;
        if (!chunk) {
            return at;
        }
    }
}

size_t answer_size(const char *answer, size_t held, int *status, bool *closes)
{
    const char *end = memmem(answer, held, "\r\n\r\n", 4), *value;
    size_t head, body;

    if (!end) {
        return 0;
    }
    head = (size_t)(end - answer) + 4;
    if (head < 16 || memcmp(answer, "HTTP/1.1 ", 9) || (*status = atoi(answer + 9)) < 200 || *status >= STATUS_MAX) {
        die("no final answer of HTTP/1.1: %.*s", (int)head, answer);
    }
    value = header_find(answer, head, "Connection");
    *closes = value && !strncasecmp(value, "close", 5);
    if (*status == 204 || *status == 304) {
        return head;
    }
    if ((value = header_find(answer, head, "Content-Length"))) {
        body = strtoul(value, NULL, 10);
        return held - head >= body ? head + body : 0;
    }
    value = header_find(answer, head, "Transfer-Encoding");
    if (!value || strncasecmp(value, "chunked", 7)) {
        die("an answer with neither a length nor chunks: %.*s", (int)head, answer);
    }
    body = chunked_size(answer + head, held - head);
    return body ? head + body : 0;
}
