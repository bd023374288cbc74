/* SPDX-License-Identifier: Apache-2.0
 * The Stripe-Signature header: our own vectors (vectors/signature.py writes them), and those that were tried with the
 * three official SDKs, where they are at hand. */
#include "provider/stripe/signature.h"
#include "tap.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

static const char *const verdict_names[] = {
    [SIGNATURE_OK] = "OK",
    [SIGNATURE_MISSING] = "MISSING",
    [SIGNATURE_TOO_LONG] = "TOO_LONG",
    [SIGNATURE_MALFORMED] = "MALFORMED",
    [SIGNATURE_NO_SCHEME] = "NO_SCHEME",
    [SIGNATURE_MISMATCH] = "MISMATCH",
    [SIGNATURE_TOO_OLD] = "TOO_OLD",
    [SIGNATURE_IN_FUTURE] = "IN_FUTURE",
};

static const char *text(const json_t *vector, const char *name)
{
    return json_string_value(json_object_get(vector, name));
}

static size_t hex_decode(const char *hex, unsigned char *bytes)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; ++i) {
        unsigned byte;
        sscanf(hex + 2 * i, "%2x", &byte);
        bytes[i] = (unsigned char)byte;
    }
    return len;
}

static void check_verdict(const char *name, enum signature_verdict is, const char *wanted)
{
    if (strcmp(verdict_names[is], wanted)) {
        printf("# %s: %s instead of %s\n", name, verdict_names[is], wanted);
        CU_FAIL("verdict");
    } else {
        CU_PASS("verdict");
    }
}

static void own_vectors(void)
{
    json_t *vectors = json_load_file(SRCDIR "/t/unit/vectors/signature.json", 0, NULL);
    CU_ASSERT_FATAL(json_array_size(vectors) > 60);
    size_t index;
    json_t *vector;
    json_array_foreach(vectors, index, vector)
    {
        const char *secrets[4] = {NULL}, *hex = text(vector, "body");
        const json_t *listed = json_object_get(vector, "secrets");
        for (size_t i = 0; i < json_array_size(listed); ++i) {
            secrets[i] = json_string_value(json_array_get(listed, i));
        }
        unsigned char *body = malloc(strlen(hex) / 2 + 1);
        size_t len = hex_decode(hex, body);
        int64_t now = json_integer_value(json_object_get(vector, "now"));
        check_verdict(text(vector, "name"),
                      stripe_signature_verify(text(vector, "header"), body, len, secrets, json_array_size(listed), now),
                      text(vector, "verdict"));
        free(body);
    }
    json_decref(vectors);
}

/* What the SDKs refuse for the body's sake passes here: the body is read later, and refused then. */
static bool body_is_at_fault(const char *name)
{
    return !strcmp(name, "empty payload") || !strcmp(name, "invalid JSON, good mac") ||
           !strcmp(name, "BOM payload, mac over raw bytes") || !strcmp(name, "thin event object, good mac");
}

static void sdk_vector(const json_t *vector)
{
    const json_t *sdk = json_object_get(vector, "sdk");
    bool node = !strcmp(text(sdk, "node"), "ok"), go = !strcmp(text(sdk, "go"), "ok");
    if (node != go || node != !strcmp(text(sdk, "python"), "ok")) {
        return;
    }
    const char *name = text(vector, "Name"), *secret = text(vector, "Secret"), *base64 = text(vector, "PayloadB64");
    bool accepted = (node || body_is_at_fault(name)) && strcmp(name, "future +3600");
    unsigned char *body = malloc(strlen(base64) + 1);
    int len = EVP_DecodeBlock(body, (const unsigned char *)base64, (int)strlen(base64));
    for (size_t i = strlen(base64); i > 0 && base64[i - 1] == '='; --i) {
        --len;
    }
    enum signature_verdict verdict = stripe_signature_verify(text(vector, "Header"), body, (size_t)len, &secret, 1,
                                                             json_integer_value(json_object_get(vector, "now")));
    check_verdict(name, verdict, accepted ? "OK" : verdict == SIGNATURE_OK ? "a refusal" : verdict_names[verdict]);
    free(body);
}

static void sdk_vectors(void)
{
    json_t *file = json_load_file(SRCDIR "/../shared/fixtures/signature-vectors.json", 0, NULL);
    if (!file) {
        printf("# the SDKs' vectors are not here\n");
        return;
    }
    const json_t *vectors = json_object_get(file, "vectors");
    CU_ASSERT(json_array_size(vectors) >= 40);
    for (size_t i = 0; i < json_array_size(vectors); ++i) {
        sdk_vector(json_array_get(vectors, i));
    }
    json_decref(file);
}

/* mod_ssl reads the errors of its own calls from the same queue. */
static void error_queue_untouched(void)
{
    const char *secret = "whsec_unit_first";
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
    unsigned long before = ERR_peek_last_error();
    stripe_signature_verify("t=1,v1=00", "x", 1, &secret, 1, 1);
    CU_ASSERT_EQUAL(ERR_peek_last_error(), before);
    CU_ASSERT_EQUAL(ERR_peek_error(), before);
    ERR_clear_error();
    stripe_signature_verify("t=1,v1=00", "x", 1, &secret, 1, 1);
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

static void verdicts_have_texts(void)
{
    for (int verdict = SIGNATURE_OK; verdict <= SIGNATURE_IN_FUTURE; ++verdict) {
        CU_ASSERT(strstr(signature_verdict_text((enum signature_verdict)verdict), "signature") ||
                  strstr(signature_verdict_text((enum signature_verdict)verdict), "Signature"));
    }
}

static const struct unit_test tests[] = {
    {"own_vectors", own_vectors},
    {"sdk_vectors", sdk_vectors},
    {"error_queue_untouched", error_queue_untouched},
    {"verdicts_have_texts", verdicts_have_texts},
};

UNIT_MAIN(tests)
