/* SPDX-License-Identifier: Apache-2.0
 * The file that turns every gate to watching only, without a reload. */
#include "gate/judge.h"

#include <apr_file_info.h>
#include <stdatomic.h>
#include <sys/stat.h>

bool kill_switch_on(void)
{
    /* The second of the last look, doubled, with the answer in the lowest bit: one word, so no lock. Threads that race
     * look twice at worst. */
    static _Atomic(apr_int64_t) last;
    const char *path = config_global()->kill_switch;
    apr_int64_t now, seen;
    struct stat info;

    if (!path) {
        return false;
    }
    now = apr_time_sec(apr_time_now());
    seen = atomic_load_explicit(&last, memory_order_relaxed);
    if (seen >> 1 != now) {
        seen = now << 1 | (stat(path, &info) == 0);
        atomic_store_explicit(&last, seen, memory_order_relaxed);
    }
    return seen & 1;
}
