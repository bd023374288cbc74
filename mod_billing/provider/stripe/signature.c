/* SPDX-License-Identifier: Apache-2.0
 * Verifies the Stripe-Signature header. The three official SDKs agree on most of what a header may look like; where
 * they do not, the stricter reading is taken, except for elements without a value, which say nothing and are skipped.
 */
#include "provider/stripe/signature.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define MAC_BYTES 32

struct signature_header {
    bool has_time;
    int64_t time;
    size_t candidate_count; /* v1 elements that said anything, well-formed or not */
    size_t mac_count;
    unsigned char macs[STRIPE_SIGNATURE_CANDIDATES_MAX][MAC_BYTES];
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool mac_decode(const char *text, size_t len, unsigned char mac[MAC_BYTES])
{
    if (len != 2 * MAC_BYTES) {
        return false;
    }
    for (size_t i = 0; i < MAC_BYTES; ++i) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        mac[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* Digits, after one plus sign at most. The MAC is over the number, so leading zeros change nothing. */
static bool time_decode(const char *text, size_t len, int64_t *time)
{
    size_t i = len > 0 && text[0] == '+';
    if (i == len) {
        return false;
    }
    for (*time = 0; i < len; ++i) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(*time, 10, time) ||
            __builtin_add_overflow(*time, text[i] - '0', time)) {
            return false;
        }
    }
    return true;
}

/* False if the element makes the whole header unusable. */
static bool element_decode(const char *element, size_t len, struct signature_header *header)
{
    const char *equals = memchr(element, '=', len);
    if (len > 0 && (element[0] == ' ' || element[0] == '\t')) {
        return false; /* the provider sends no blanks: httpd joins two headers of one name with ", " */
    }
    if (!equals) {
        return true;
    }
    const char *value = equals + 1;
    size_t key_len = (size_t)(equals - element), value_len = len - key_len - 1;
    if (key_len == 1 && element[0] == 't') {
        bool first = !header->has_time;
        header->has_time = true;
        return first && time_decode(value, value_len, &header->time);
    }
    bool candidate = key_len == 2 && !memcmp(element, "v1", 2) && value_len > 0;
    if (candidate && header->candidate_count < STRIPE_SIGNATURE_CANDIDATES_MAX) {
        ++header->candidate_count;
        header->mac_count += mac_decode(value, value_len, header->macs[header->mac_count]);
    }
    return true;
}

static enum signature_verdict header_decode(const char *text, struct signature_header *header)
{
    if (!text || !*text) {
        return SIGNATURE_MISSING;
    }
    if (strnlen(text, STRIPE_SIGNATURE_HEADER_MAX + 1) > STRIPE_SIGNATURE_HEADER_MAX) {
        return SIGNATURE_TOO_LONG;
    }
    for (const char *element = text;; ++element) {
        size_t len = strcspn(element, ",");
        if (!element_decode(element, len, header)) {
            return SIGNATURE_MALFORMED;
        }
        element += len;
        if (!*element) {
            break;
        }
    }
    if (!header->has_time) {
        return SIGNATURE_MALFORMED;
    }
    return header->candidate_count ? SIGNATURE_OK : SIGNATURE_NO_SCHEME;
}

/* A blank secret would let anybody sign. */
static bool secret_blank(const char *secret)
{
    return !secret[strspn(secret, " \t\r\n")];
}

/* Over "<t>.<body>", piecewise, so that the body is not copied. EVP_DigestSign does this in OpenSSL 1.1.1 and 3 alike.
 */
static bool mac_compute(const char *secret, int64_t time, const void *body, size_t len, unsigned char mac[MAC_BYTES])
{
    char prefix[24];
    int prefix_len = snprintf(prefix, sizeof(prefix), "%" PRId64 ".", time);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, (const unsigned char *)secret, strlen(secret));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t mac_len = MAC_BYTES;
    bool done = key && context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSignUpdate(context, prefix, (size_t)prefix_len) == 1 &&
                (len == 0 || EVP_DigestSignUpdate(context, body, len) == 1) &&
                EVP_DigestSignFinal(context, mac, &mac_len) == 1 && mac_len == MAC_BYTES;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return done;
}

/* Every candidate is held against every secret, without an early way out, so that time tells nothing. */
static bool header_matches(const struct signature_header *header, const void *body, size_t len,
                           const char *const *secrets, size_t secret_count)
{
    bool match = false;
    /* mod_ssl reads this thread's error queue: it is left as it was found. */
    ERR_set_mark();
    for (size_t i = 0; i < secret_count; ++i) {
        unsigned char mac[MAC_BYTES];
        if (secret_blank(secrets[i]) || !mac_compute(secrets[i], header->time, body, len, mac)) {
            continue;
        }
        for (size_t j = 0; j < header->mac_count; ++j) {
            match |= CRYPTO_memcmp(mac, header->macs[j], MAC_BYTES) == 0;
        }
    }
    ERR_pop_to_mark();
    return match;
}

enum signature_verdict stripe_signature_verify(const char *header, const void *body, size_t len,
                                               const char *const *secrets, size_t secret_count, int64_t now)
{
    struct signature_header decoded = {.has_time = false};
    enum signature_verdict verdict = header_decode(header, &decoded);
    if (verdict != SIGNATURE_OK) {
        return verdict;
    }
    if (!header_matches(&decoded, body, len, secrets, secret_count)) {
        return SIGNATURE_MISMATCH;
    }
    int64_t age;
    if (__builtin_sub_overflow(now, decoded.time, &age) || age < -STRIPE_SIGNATURE_TOLERANCE) {
        return SIGNATURE_IN_FUTURE;
    }
    return age > STRIPE_SIGNATURE_TOLERANCE ? SIGNATURE_TOO_OLD : SIGNATURE_OK;
}

const char *signature_verdict_text(enum signature_verdict verdict)
{
    switch (verdict) {
    case SIGNATURE_OK:
        return "the signature is good";
    case SIGNATURE_MISSING:
        return "the request has no Stripe-Signature header";
    case SIGNATURE_TOO_LONG:
        return "the Stripe-Signature header is too long";
    case SIGNATURE_MALFORMED:
        return "the Stripe-Signature header has no single, well-formed timestamp";
    case SIGNATURE_NO_SCHEME:
        return "the Stripe-Signature header has no v1 signature";
    case SIGNATURE_MISMATCH:
        return "no signature fits the body and a configured secret (wrong endpoint's secret, or a changed body)";
    case SIGNATURE_TOO_OLD:
        return "the signature is older than the tolerance (a replay, or this machine's clock is ahead)";
    case SIGNATURE_IN_FUTURE:
        return "the signature's time lies in the future (this machine's clock is behind)";
    }
    return "unknown verdict";
}
