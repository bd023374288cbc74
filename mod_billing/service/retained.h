/* SPDX-License-Identifier: Apache-2.0
 * Shared memory to count in: made once in the life of the server's parent process, so that what was counted under the
 * last configuration is not lost, and that its children, while they end, count into the same. */
#ifndef BILLING_SERVICE_RETAINED_H
#define BILLING_SERVICE_RETAINED_H

#include <httpd.h>
#include <stdbool.h>

/** The memory of this name and size: at first, or after another build of the module wanted another size, zeroed and
 * `fresh`, else what the last call gave. In the parent, from post_config.
 * @param alignment a power of two */
apr_status_t retained_memory(server_rec *server, const char *name, apr_size_t size, apr_size_t alignment, void **memory,
                             bool *fresh);

#endif
