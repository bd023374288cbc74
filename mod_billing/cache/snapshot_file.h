/* SPDX-License-Identifier: Apache-2.0
 * A file of numbers and bytes, written and read in one go with a digest over all of it. Internal to cache/. */
#ifndef BILLING_CACHE_SNAPSHOT_FILE_H
#define BILLING_CACHE_SNAPSHOT_FILE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32

/* After the first failure every call does nothing, so only the end needs to be checked. */
struct snapshot_file {
    int descriptor;
    int error; /* errno of the first failure; EBADMSG where the content is not what it should be */
    EVP_MD_CTX *digest;
    size_t used, filled;
    uint64_t left; /* reading: bytes before the digest that were not read yet */
    unsigned char buffer[65536];
};

/** Begins a new file that only its owner can read, in place of whatever stands there. */
void file_create(struct snapshot_file *file, const char *path);
void file_put(struct snapshot_file *file, const void *bytes, size_t size);
void file_put_number(struct snapshot_file *file, uint64_t number); /* eight bytes, the lowest first */
void file_put_byte(struct snapshot_file *file, unsigned byte);

/** Writes what is left and the digest, waits for the disk, closes. Returns 0 or the errno of the first failure. */
int file_finish(struct snapshot_file *file);

/** Opens a regular file of this account's own that no other may write or read, not through a link, and checks its
 * digest. */
void file_open(struct snapshot_file *file, const char *path);
bool file_get(struct snapshot_file *file, void *bytes, size_t size);
uint64_t file_get_number(struct snapshot_file *file); /* 0 after a failure */
unsigned file_get_byte(struct snapshot_file *file);

/** Closes. Returns 0 where all was well and all was read. */
int file_close(struct snapshot_file *file);

#endif
