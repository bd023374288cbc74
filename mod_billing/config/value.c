/* SPDX-License-Identifier: Apache-2.0
 * Numbers, durations, dates and names as they are written in the configuration. */
#include "config/value.h"

#include <stddef.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits up to the first other character and puts `*text` there. False where there is none, or too many. */
static bool take_number(const char **text, int64_t *number)
{
    const char *at = *text;
    int64_t value = 0;
    for (; is_digit(*at); ++at) {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *at - '0', &value)) {
            return false;
        }
    }
    bool any = at != *text;
    *text = at;
    *number = value;
    return any;
}

bool value_number(const char *text, int64_t *number)
{
    return take_number(&text, number) && !*text;
}

bool value_duration(const char *text, apr_interval_time_t *duration)
{
    static const struct {
        const char *name;
        int64_t microseconds;
    } units[] = {{"", APR_USEC_PER_SEC},         {"ms", 1000},
                 {"s", APR_USEC_PER_SEC},        {"m", 60 * APR_USEC_PER_SEC},
                 {"h", 3600 * APR_USEC_PER_SEC}, {"d", 86400 * APR_USEC_PER_SEC}};
    int64_t number;
    if (!take_number(&text, &number)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); ++i) {
        if (!strcmp(text, units[i].name)) {
            int64_t microseconds;
            if (__builtin_mul_overflow(number, units[i].microseconds, &microseconds)) {
                return false;
            }
            *duration = microseconds;
            return true;
        }
    }
    return false;
}

/* Exactly `digits` digits and then `after` (0: nothing is looked at). */
static bool take_field(const char **text, int digits, char after, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; ++i, ++*text) {
        if (!is_digit(**text)) {
            return false;
        }
        *value = *value * 10 + (**text - '0');
    }
    if (!after) {
        return true;
    }
    return *(*text)++ == after;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool take_day(const char **text, apr_time_exp_t *when)
{
    int year, month;
    if (!take_field(text, 4, '-', &year) || !take_field(text, 2, '-', &month) ||
        !take_field(text, 2, 0, &when->tm_mday)) {
        return false;
    }
    when->tm_year = year - 1900;
    when->tm_mon = month - 1;
    return year >= 1970 && month >= 1 && month <= 12 && when->tm_mday >= 1 &&
           when->tm_mday <= days_in_month(year, month);
}

static bool take_fraction(const char **text)
{
    int64_t ignored;
    if (**text != '.') {
        return true;
    }
    ++*text;
    return take_number(text, &ignored);
}

static bool take_zone(const char *text, int *offset)
{
    int hours, minutes;
    if (*text == 'Z' || *text == 'z') {
        *offset = 0;
        return !text[1];
    }
    if (*text != '+' && *text != '-') {
        return false;
    }
    bool west = *text++ == '-';
    if (!take_field(&text, 2, ':', &hours) || !take_field(&text, 2, 0, &minutes) || *text || hours > 23 ||
        minutes > 59) {
        return false;
    }
    *offset = (hours * 60 + minutes) * (west ? -60 : 60);
    return true;
}

bool value_date(const char *text, int64_t *seconds)
{
    apr_time_exp_t when = {0};
    if (!take_day(&text, &when)) {
        return false;
    }
    if (*text) {
        if ((*text != 'T' && *text != 't') || !take_field((++text, &text), 2, ':', &when.tm_hour) ||
            !take_field(&text, 2, ':', &when.tm_min) || !take_field(&text, 2, 0, &when.tm_sec) ||
            !take_fraction(&text) || !take_zone(text, &when.tm_gmtoff)) {
            return false;
        }
        if (when.tm_hour > 23 || when.tm_min > 59 || when.tm_sec > 59) {
            return false;
        }
    }
    apr_time_t microseconds;
    if (apr_time_exp_gmt_get(&microseconds, &when) != APR_SUCCESS || microseconds < 0) {
        return false;
    }
    *seconds = apr_time_sec(microseconds);
    return true;
}

static bool visible(const char *text, const char *forbidden, size_t max)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; ++i) {
        if (text[i] <= ' ' || text[i] > '~' || strchr(forbidden, text[i])) {
            return false;
        }
    }
    return length >= 1 && length <= max;
}

bool value_name(const char *text)
{
    return visible(text, ",", NAME_MAX_LENGTH);
}

bool value_price_id(const char *text)
{
    return visible(text, "", PRICE_ID_MAX);
}
