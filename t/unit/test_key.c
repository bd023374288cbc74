/* SPDX-License-Identifier: Apache-2.0
 * Identifiers and their hashes. */
#include "domain/key.h"
#include "tap.h"

#include <locale.h>

static bool org_valid(const char *id)
{
    return org_id_valid(id, strlen(id));
}

static void test_org_id(void)
{
    CU_ASSERT_TRUE(org_valid("a"));
    CU_ASSERT_TRUE(org_valid("Org_1.eu:42-b"));
    CU_ASSERT_FALSE(org_valid(""));
    CU_ASSERT_FALSE(org_id_valid(NULL, 0));
    CU_ASSERT_FALSE(org_valid("a b"));
    CU_ASSERT_FALSE(org_valid("a/b"));
    CU_ASSERT_FALSE(org_valid("a\n"));
    CU_ASSERT_FALSE(org_valid("\xc3\xa9"));
    CU_ASSERT_FALSE(org_id_valid("a\0b", 3));
    CU_ASSERT_TRUE_FATAL(org_id_valid("ab/", 2)); /* looks at no more than it was told */
}

static void test_org_id_length(void)
{
    char id[ORG_ID_MAX + 1];
    memset(id, 'x', sizeof(id));
    CU_ASSERT_TRUE(org_id_valid(id, ORG_ID_MAX));
    CU_ASSERT_FALSE(org_id_valid(id, ORG_ID_MAX + 1));
}

static void test_every_byte(void)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    setlocale(LC_ALL, "C.UTF-8");
    for (int byte = 1; byte < 256; ++byte) {
        const char text[2] = {(char)byte, '\0'};
        bool expected = strchr(allowed, byte) != NULL;
        CU_ASSERT_EQUAL(key_valid(text), expected);
        CU_ASSERT_EQUAL(org_id_valid(text, 1), expected || byte == ':');
    }
}

static void test_key(void)
{
    char longest[KEY_MAX + 2] = {0};
    memset(longest, 'k', KEY_MAX);
    CU_ASSERT_TRUE(key_valid("trucking.maxLocations"));
    CU_ASSERT_TRUE(key_valid(longest));
    longest[KEY_MAX] = 'k';
    CU_ASSERT_FALSE(key_valid(longest));
    CU_ASSERT_FALSE(key_valid(""));
    CU_ASSERT_FALSE(key_valid(NULL));
    CU_ASSERT_FALSE(key_valid("org:1"));
    CU_ASSERT_FALSE(key_valid("plan "));
}

static void test_hash(void)
{
    /* From the FNV test suite. */
    CU_ASSERT_EQUAL(key_hash_str(""), UINT64_C(0xcbf29ce484222325));
    CU_ASSERT_EQUAL(key_hash_str("a"), UINT64_C(0xaf63dc4c8601ec8c));
    CU_ASSERT_EQUAL(key_hash_str("foobar"), UINT64_C(0x85944171f73967e8));
    /* Computed apart: bytes above 127 must count as unsigned whatever plain char is. */
    CU_ASSERT_EQUAL(key_hash_str("\xff"), UINT64_C(0xaf64724c8602eb6e));
    CU_ASSERT_EQUAL(key_hash_str("trucking.dispatch"), UINT64_C(0xb7a3099cbea28714));
    CU_ASSERT_EQUAL(key_hash("trucking.dispatch.more", 17), key_hash_str("trucking.dispatch"));
}

static void test_hash_is_never_none(void)
{
    /* The shortest known bytes whose FNV-1a of 64 bits is 0. */
    CU_ASSERT_NOT_EQUAL(key_hash("\xd5\x6b\xb9\x53\x42\x87\x08\x36", 8), 0);
}

static const struct unit_test tests[] = {
    {"org id", test_org_id}, {"org id: length", test_org_id_length}, {"every byte", test_every_byte},
    {"key", test_key},       {"hash: known values", test_hash},      {"hash: never 0", test_hash_is_never_none},
};
UNIT_MAIN(tests)
