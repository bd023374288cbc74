/* SPDX-License-Identifier: Apache-2.0
 * Writing and reading files with a digest. */
#include "cache/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void file_fail(struct snapshot_file *file, int error)
{
    if (!file->error) {
        file->error = error ? error : EIO;
    }
}

static void digest_begin(struct snapshot_file *file)
{
    if (!file->digest) {
        file->digest = EVP_MD_CTX_new();
    }
    if (!file->digest || !EVP_DigestInit_ex(file->digest, EVP_sha256(), NULL)) {
        file_fail(file, ENOMEM);
    }
}

static void file_begin(struct snapshot_file *file)
{
    file->error = 0;
    file->digest = NULL;
    file->used = file->filled = 0;
    file->left = 0;
    if (file->descriptor < 0) {
        file_fail(file, errno);
    } else {
        digest_begin(file);
    }
}

void file_create(struct snapshot_file *file, const char *path)
{
    unlink(path);
    file->descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    file_begin(file);
}

static void file_write(struct snapshot_file *file, const unsigned char *bytes, size_t size)
{
    while (!file->error && size) {
        ssize_t written = write(file->descriptor, bytes, size);
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (errno != EINTR) {
            file_fail(file, errno);
        }
    }
}

static void file_flush(struct snapshot_file *file)
{
    if (!file->error && !EVP_DigestUpdate(file->digest, file->buffer, file->used)) {
        file_fail(file, EIO);
    }
    file_write(file, file->buffer, file->used);
    file->used = 0;
}

void file_put(struct snapshot_file *file, const void *bytes, size_t size)
{
    if (sizeof(file->buffer) - file->used < size) {
        file_flush(file);
    }
    memcpy(file->buffer + file->used, bytes, size);
    file->used += size;
}

void file_put_byte(struct snapshot_file *file, unsigned byte)
{
    unsigned char one = (unsigned char)byte;
    file_put(file, &one, 1);
}

void file_put_number(struct snapshot_file *file, uint64_t number)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < 8; ++i) {
        bytes[i] = (unsigned char)(number >> 8 * i);
    }
    file_put(file, bytes, sizeof(bytes));
}

static int file_end(struct snapshot_file *file)
{
    if (file->descriptor >= 0 && close(file->descriptor)) {
        file_fail(file, errno);
    }
    EVP_MD_CTX_free(file->digest);
    return file->error;
}

int file_finish(struct snapshot_file *file)
{
    unsigned char digest[DIGEST_SIZE];
    file_flush(file);
    if (!file->error && !EVP_DigestFinal_ex(file->digest, digest, NULL)) {
        file_fail(file, EIO);
    }
    file_write(file, digest, sizeof(digest));
    if (!file->error && fsync(file->descriptor)) {
        file_fail(file, errno);
    }
    return file_end(file);
}

static void file_fill(struct snapshot_file *file)
{
    size_t wanted = file->left < sizeof(file->buffer) ? (size_t)file->left : sizeof(file->buffer);
    file->used = file->filled = 0;
    while (!file->error && file->filled < wanted) {
        ssize_t got = read(file->descriptor, file->buffer + file->filled, wanted - file->filled);
        if (got > 0) {
            file->filled += (size_t)got;
        } else if (!got) {
            file_fail(file, EBADMSG);
        } else if (errno != EINTR) {
            file_fail(file, errno);
        }
    }
    file->left -= file->filled;
}

/* Reads the whole file once for its digest and goes back to the beginning. */
static void digest_check(struct snapshot_file *file, uint64_t content)
{
    unsigned char computed[DIGEST_SIZE];
    file->left = content;
    while (!file->error && file->left) {
        file_fill(file);
        if (!EVP_DigestUpdate(file->digest, file->buffer, file->filled)) {
            file_fail(file, EIO);
        }
    }
    file->left = DIGEST_SIZE;
    if (!file->error) {
        file_fill(file);
    }
    if (!file->error && (!EVP_DigestFinal_ex(file->digest, computed, NULL) ||
                         memcmp(computed, file->buffer, DIGEST_SIZE) || lseek(file->descriptor, 0, SEEK_SET))) {
        file_fail(file, EBADMSG);
    }
    file->used = file->filled = 0;
    file->left = content;
}

/* O_NONBLOCK lest a pipe under this name hold up the start. */
void file_open(struct snapshot_file *file, const char *path)
{
    struct stat status;
    file->descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    file_begin(file);
    if (file->error) {
        return;
    }
    if (fstat(file->descriptor, &status)) {
        file_fail(file, errno);
    } else if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || status.st_mode & 077 || status.st_nlink != 1) {
        file_fail(file, EPERM);
    } else if (status.st_size < DIGEST_SIZE) {
        file_fail(file, EBADMSG);
    } else {
        digest_check(file, (uint64_t)status.st_size - DIGEST_SIZE);
    }
}

bool file_get(struct snapshot_file *file, void *bytes, size_t size)
{
    unsigned char *to = bytes;
    while (size) {
        if (file->used == file->filled) {
            if (!file->left) {
                file_fail(file, EBADMSG);
            }
            file_fill(file);
        }
        if (file->error) {
            memset(to, 0, size);
            return false;
        }
        size_t piece = file->filled - file->used < size ? file->filled - file->used : size;
        memcpy(to, file->buffer + file->used, piece);
        file->used += piece;
        to += piece;
        size -= piece;
    }
    return true;
}

unsigned file_get_byte(struct snapshot_file *file)
{
    unsigned char one;
    file_get(file, &one, 1);
    return one;
}

uint64_t file_get_number(struct snapshot_file *file)
{
    unsigned char bytes[8];
    uint64_t number = 0;
    file_get(file, bytes, sizeof(bytes));
    for (unsigned i = 0; i < 8; ++i) {
        number |= (uint64_t)bytes[i] << 8 * i;
    }
    return number;
}

int file_close(struct snapshot_file *file)
{
    if (!file->error && (file->left || file->used != file->filled)) {
        file_fail(file, EBADMSG);
    }
    return file_end(file);
}
