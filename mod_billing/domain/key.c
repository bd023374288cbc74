/* SPDX-License-Identifier: Apache-2.0
 * Identifiers and their hashes. */
#include "domain/key.h"

#include <string.h>

#define FNV_OFFSET_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME        UINT64_C(0x100000001b3)

/* Not isalnum(): these rules must not depend on the locale of the process. */
static bool key_byte_valid(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '.' || byte == '-';
}

bool org_id_valid(const char *id, size_t len)
{
    if (!id || !len || len > ORG_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; ++i) {
        if (!key_byte_valid(id[i]) && id[i] != ':') {
            return false;
        }
    }
    return true;
}

bool key_valid(const char *key)
{
    if (!key) {
        return false;
    }
    size_t len = 0;
    while (len <= KEY_MAX && key_byte_valid(key[len])) {
        ++len;
    }
    return len && len <= KEY_MAX && !key[len];
}

uint64_t key_hash(const char *key, size_t len)
{
    uint64_t hash = FNV_OFFSET_BASIS;
    for (size_t i = 0; i < len; ++i) {
        hash = (hash ^ (unsigned char)key[i]) * FNV_PRIME;
    }
    return hash ? hash : FNV_OFFSET_BASIS;
}

uint64_t key_hash_str(const char *key)
{
    return key_hash(key, strlen(key));
}
