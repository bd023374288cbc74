/* SPDX-License-Identifier: Apache-2.0
 * Prometheus' text format (version 0.0.4). */
#ifndef BILLING_WEB_EXPOSITION_H
#define BILLING_WEB_EXPOSITION_H

#include "domain/histogram.h"

#include <apr_tables.h>
#include <stdbool.h>
#include <stddef.h>

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct exposition {
    apr_pool_t *pool;
    apr_array_header_t *parts; /* const char * */
    const char *name;          /* of the family that samples belong to */
    const void *about;         /* the caller's own; NULL at first */
};

struct label {
    const char *name;
    const char *value;
};

void exposition_begin(struct exposition *out, apr_pool_t *pool);

/** The samples that follow are of this family. `type` is "counter", "gauge" or "histogram". */
void exposition_family(struct exposition *out, const char *name, const char *type, const char *help);

/** One sample of a counter or gauge. */
void exposition_sample(struct exposition *out, const struct label *labels, size_t count, int64_t value);

/** The samples of a histogram, in seconds. */
void exposition_histogram(struct exposition *out, const struct label *labels, size_t count,
                          const struct histogram *histogram);

/** All of it, in the pool. */
const char *exposition_text(const struct exposition *out);

#endif
