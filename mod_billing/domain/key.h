/* SPDX-License-Identifier: Apache-2.0
 * Identifiers: what an org id may look like, and the 64-bit hash by which plans, features and limits are named in
 * shared memory. */
#ifndef BILLING_DOMAIN_KEY_H
#define BILLING_DOMAIN_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORG_ID_MAX 64
#define KEY_MAX    64 /* of a plan, feature or limit */

/** True for 1..64 bytes of [A-Za-z0-9_.:-]. `id` need not end in NUL. */
bool org_id_valid(const char *id, size_t len);

/** True for a plan, feature or limit key: 1..64 bytes of [A-Za-z0-9_.-]. */
bool key_valid(const char *key);

/** 64-bit FNV-1a of a plan, feature, limit, role or app-type name. Never 0: that means "none". Stable for ever, since
 * it is stored in shared memory that two configurations and a saved file share. */
uint64_t key_hash(const char *key, size_t len);
uint64_t key_hash_str(const char *key);

#endif
