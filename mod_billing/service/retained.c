/* SPDX-License-Identifier: Apache-2.0
 * Memory of the process pool, found again by httpd's retained data. */
#include "service/retained.h"

#include <apr_shm.h>
#include <http_config.h>

struct retained {
    void *memory;
    apr_size_t size;
};

/* An anonymous segment starts with a word of APR's own (shmem/unix/shm.c), so it is aligned by hand. It is never given
 * back: children of the last generation may still write to it. */
static apr_status_t retained_make(server_rec *server, struct retained *retained, apr_size_t size, apr_size_t alignment)
{
    apr_uintptr_t base;
    apr_shm_t *shm;
    apr_status_t status = apr_shm_create(&shm, size + alignment, NULL, server->process->pool);

    if (status == APR_SUCCESS) {
        base = (apr_uintptr_t)apr_shm_baseaddr_get(shm) + alignment - 1;
        retained->memory = (void *)(base & ~(apr_uintptr_t)(alignment - 1));
        retained->size = size;
    }
    return status;
}

apr_status_t retained_memory(server_rec *server, const char *name, apr_size_t size, apr_size_t alignment, void **memory,
                             bool *fresh)
{
    struct retained *retained = ap_retained_data_get(name);
    apr_status_t status = APR_SUCCESS;

    if (!retained) {
        retained = ap_retained_data_create(name, sizeof(*retained));
    }
    *fresh = !retained->memory || retained->size != size;
    if (*fresh) {
        status = retained_make(server, retained, size, alignment);
    }
    *memory = status == APR_SUCCESS ? retained->memory : NULL;
    return status;
}
