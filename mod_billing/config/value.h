/* SPDX-License-Identifier: Apache-2.0
 * Numbers, durations, dates and names as they are written in the configuration. Pure: text in, value out; what a
 * message says of a refused one is the directive's matter. */
#ifndef BILLING_CONFIG_VALUE_H
#define BILLING_CONFIG_VALUE_H

#include <apr_time.h>
#include <stdbool.h>
#include <stdint.h>

#define NAME_MAX_LENGTH 64
#define PRICE_ID_MAX    255

/** Decimal digits alone, 0..INT64_MAX. */
bool value_number(const char *text, int64_t *number);

/** Digits and one of ms, s, m, h, d; seconds where there is no unit. False for anything else and for more microseconds
 * than an apr_interval_time_t holds. */
bool value_duration(const char *text, apr_interval_time_t *duration);

/** `2026-12-01` (midnight UTC) or RFC 3339 with its zone, `2026-12-01T08:30:00+01:00`; 1970 to 9999. A fraction of a
 * second is dropped, a leap second refused. In seconds since the epoch. */
bool value_date(const char *text, int64_t *seconds);

/** A role or app type as a claim may hold it: 1..64 visible ASCII characters, no comma (claims are comma lists). */
bool value_name(const char *text);

/** A provider's price id: 1..255 visible ASCII characters. */
bool value_price_id(const char *text);

#endif
