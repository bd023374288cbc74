/* SPDX-License-Identifier: Apache-2.0
 * The Stripe-Signature header: `t=<seconds>,v1=<64 hex>[,v1=…]`, HMAC-SHA256 over "<t>.<raw body>", keyed with the
 * whole whsec_… text (docs.stripe.com/webhooks#verify-manually). */
#ifndef BILLING_STRIPE_SIGNATURE_H
#define BILLING_STRIPE_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#define STRIPE_SIGNATURE_TOLERANCE      INT64_C(300) /* seconds to either side */
#define STRIPE_SIGNATURE_HEADER_MAX     4096         /* bytes */
#define STRIPE_SIGNATURE_CANDIDATES_MAX 16           /* v1 elements looked at */

enum signature_verdict {
    SIGNATURE_OK,
    SIGNATURE_MISSING,
    SIGNATURE_TOO_LONG,
    SIGNATURE_MALFORMED,
    SIGNATURE_NO_SCHEME, /* no v1 */
    SIGNATURE_MISMATCH,
    SIGNATURE_TOO_OLD,
    SIGNATURE_IN_FUTURE
};

/** Any v1 with any of the secrets, compared in constant time. Thread-safe.
 * @param header NULL where the request has none
 * @param now    seconds since the epoch */
enum signature_verdict stripe_signature_verify(const char *header, const void *body, size_t len,
                                               const char *const *secrets, size_t secret_count, int64_t now);

/** A sentence for the log. */
const char *signature_verdict_text(enum signature_verdict verdict);

#endif
