/* SPDX-License-Identifier: Apache-2.0
 * Writing Prometheus' text format. */
#include "web/exposition.h"

#include <apr_strings.h>
#include <inttypes.h>
#include <string.h>

#define MICROSECONDS INT64_C(1000000)

static void exposition_add(struct exposition *out, const char *part)
{
    APR_ARRAY_PUSH(out->parts, const char *) = part;
}

void exposition_begin(struct exposition *out, apr_pool_t *pool)
{
    out->pool = pool;
    out->parts = apr_array_make(pool, 256, sizeof(const char *));
    out->name = NULL;
    out->about = NULL;
}

/* Backslash and line feed, in a label's value quotation marks too. */
static const char *exposition_escape(apr_pool_t *pool, const char *text, bool quotes)
{
    char *escaped = apr_palloc(pool, 2 * strlen(text) + 1), *end = escaped;

    for (; *text; ++text) {
        if (*text == '\\' || *text == '\n' || (quotes && *text == '"')) {
            *end++ = '\\';
        }
        *end++ = *text == '\n' ? 'n' : *text;
    }
    *end = '\0';
    return escaped;
}

void exposition_family(struct exposition *out, const char *name, const char *type, const char *help)
{
    out->name = name;
    exposition_add(out, apr_psprintf(out->pool, "# HELP %s %s\n# TYPE %s %s\n", name,
                                     exposition_escape(out->pool, help, false), name, type));
}

/* Microseconds in seconds, without zeros at the end. */
static const char *exposition_seconds(apr_pool_t *pool, uint64_t value)
{
    char *text = apr_psprintf(pool, "%" PRIu64 ".%06" PRIu64, value / MICROSECONDS, value % MICROSECONDS);
    char *end = text + strlen(text);

    while (end[-1] == '0') {
        --end;
    }
    end[end[-1] == '.' ? -1 : 0] = '\0';
    return text;
}

/* `bound`, where there is one, is one more label. */
static void exposition_line(struct exposition *out, const char *suffix, const struct label *labels, size_t count,
                            const char *bound, const char *value)
{
    const char *separator = "{";

    exposition_add(out, out->name);
    exposition_add(out, suffix);
    for (size_t i = 0; i < count; ++i) {
        exposition_add(out, apr_pstrcat(out->pool, separator, labels[i].name, "=\"",
                                        exposition_escape(out->pool, labels[i].value, true), "\"", NULL));
        separator = ",";
    }
    if (bound) {
        exposition_add(out, apr_pstrcat(out->pool, separator, "le=\"", bound, "\"", NULL));
    }
    exposition_add(out, count || bound ? "} " : " ");
    exposition_add(out, value);
    exposition_add(out, "\n");
}

void exposition_sample(struct exposition *out, const struct label *labels, size_t count, int64_t value)
{
    exposition_line(out, "", labels, count, NULL, apr_psprintf(out->pool, "%" PRId64, value));
}

/* The count is the last bucket's, so that they agree whatever was added while they were read. */
void exposition_histogram(struct exposition *out, const struct label *labels, size_t count,
                          const struct histogram *histogram)
{
    const char *seen = "0";
    uint64_t sum = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; ++i) {
        const char *bound =
            i < HISTOGRAM_BOUNDS ? exposition_seconds(out->pool, (uint64_t)histogram->bounds[i]) : "+Inf";

        sum += histogram->buckets[i];
        seen = apr_psprintf(out->pool, "%" PRIu64, sum);
        exposition_line(out, "_bucket", labels, count, bound, seen);
    }
    exposition_line(out, "_sum", labels, count, NULL, exposition_seconds(out->pool, histogram->sum));
    exposition_line(out, "_count", labels, count, NULL, seen);
}

const char *exposition_text(const struct exposition *out)
{
    return apr_array_pstrcat(out->pool, out->parts, 0);
}
