/* SPDX-License-Identifier: Apache-2.0
 * HTML. */
#include "web/html.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <stdarg.h>

#define ROOM_FIRST  4096
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

struct html {
    apr_pool_t *pool;
    char *text;
    size_t length, room;
};

struct html *html_new(apr_pool_t *pool)
{
    struct html *html = apr_palloc(pool, sizeof(*html));

    *html = (struct html){.pool = pool, .text = apr_palloc(pool, ROOM_FIRST), .room = ROOM_FIRST};
    return html;
}

static void html_append(struct html *html, const char *bytes, size_t count)
{
    if (html->length + count > html->room) {
        size_t room = 2 * (html->length + count);
        char *text = apr_palloc(html->pool, room);

        memcpy(text, html->text, html->length);
        html->text = text;
        html->room = room;
    }
    memcpy(html->text + html->length, bytes, count);
    html->length += count;
}

void html_markup(struct html *html, const char *markup)
{
    html_append(html, markup, strlen(markup));
}

/* The bytes of the character at `text`; 0 where it is no UTF-8 (overlong, a surrogate, too great, cut off). */
static size_t character_length(const unsigned char *text)
{
    size_t length = *text < 0x80 ? 1 : *text < 0xC2 ? 0 : *text < 0xE0 ? 2 : *text < 0xF0 ? 3 : *text < 0xF5 ? 4 : 0;

    for (size_t i = 1; i < length; ++i) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    if ((*text == 0xE0 && text[1] < 0xA0) || (*text == 0xED && text[1] > 0x9F) || (*text == 0xF0 && text[1] < 0x90) ||
        (*text == 0xF4 && text[1] > 0x8F)) {
        return 0;
    }
    return length;
}

/* What stands for a character that may not stand for itself, or NULL. */
static const char *character_escape(unsigned char character)
{
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
    case '\n':
    case '\r':
        return NULL;
    default:
        return character < 0x20 || character == 0x7F ? REPLACEMENT : NULL;
    }
}

void html_text(struct html *html, const char *text)
{
    while (text && *text) {
        size_t length = character_length((const unsigned char *)text);
        const char *escape = length ? character_escape((unsigned char)*text) : REPLACEMENT;

        html_append(html, escape ? escape : text, escape ? strlen(escape) : length);
        text += length ? length : 1;
    }
}

void html_format(struct html *html, const char *format, ...)
{
    va_list values;
    const char *sign;

    va_start(values, format);
    while ((sign = strchr(format, '%'))) {
        html_append(html, format, (size_t)(sign - format));
        format = sign + 2;
        switch (sign[1]) {
        case 's':
            html_text(html, va_arg(values, const char *));
            break;
        case 'l': /* %lld */
            html_markup(html, apr_psprintf(html->pool, "%" APR_INT64_T_FMT, (apr_int64_t)va_arg(values, long long)));
            format = sign + strlen("%lld");
            break;
        default: /* %% */
            html_append(html, sign, 1);
        }
    }
    va_end(values);
    html_markup(html, format);
}

const char *html_url(apr_pool_t *pool, const char *text)
{
    char *url = apr_palloc(pool, 3 * strlen(text) + 1), *at = url;

    for (; *text; ++text) {
        if (apr_isalnum(*text) || strchr("-._~", *text)) {
            *at++ = *text;
        } else {
            at += apr_snprintf(at, 4, "%%%02X", (unsigned char)*text);
        }
    }
    *at = '\0';
    return url;
}

const char *html_result(const struct html *html, size_t *length)
{
    *length = html->length;
    return html->text;
}
