/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: the Stripe-Signature header. The input's first line is the header, the rest the body. */
#include "provider/stripe/signature.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1795443458)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const char *const secrets[] = {"whsec_fuzz", "", "whsec_other"}, *const stranger = "whsec_stranger";
    const unsigned char *end = memchr(data, '\n', size);
    size_t header_len = end ? (size_t)(end - data) : size, body_at = end ? header_len + 1 : size;
    char *header = malloc(header_len + 1);
    memcpy(header, data, header_len);
    header[header_len] = 0;

    enum signature_verdict verdict = stripe_signature_verify(header, data + body_at, size - body_at, secrets, 3, NOW);
    bool known = verdict >= SIGNATURE_OK && verdict <= SIGNATURE_IN_FUTURE;
    bool forged = stripe_signature_verify(header, data + body_at, size - body_at, &stranger, 1, NOW) == SIGNATURE_OK;
    if (!known || forged || !*signature_verdict_text(verdict)) {
        abort();
    }
    free(header);
    return 0;
}
