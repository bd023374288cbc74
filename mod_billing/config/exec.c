/* SPDX-License-Identifier: Apache-2.0
 * Runs a program once and takes what it writes. */
#include "config/exec.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <signal.h>

#define EXEC_POLL apr_time_from_msec(5) /* APR cannot wait for a process with a time-out */

static apr_status_t exec_start(apr_pool_t *pool, const char *const *argv, apr_proc_t *process)
{
    apr_procattr_t *attributes;
    apr_file_t *nothing;
    apr_status_t status = apr_procattr_create(&attributes, pool);
    if (status == APR_SUCCESS) {
        status = apr_procattr_io_set(attributes, APR_NO_PIPE, APR_FULL_BLOCK, APR_NO_PIPE);
    }
    if (status == APR_SUCCESS) {
        status = apr_file_open(&nothing, "/dev/null", APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool);
    }
    if (status == APR_SUCCESS) {
        status = apr_procattr_child_in_set(attributes, nothing, NULL);
    }
    if (status == APR_SUCCESS) {
        status = apr_procattr_cmdtype_set(attributes, APR_PROGRAM_ENV);
    }
    if (status == APR_SUCCESS) {
        status = apr_procattr_error_check_set(attributes, 1);
    }
    return status == APR_SUCCESS ? apr_proc_create(process, argv[0], argv, NULL, attributes, pool) : status;
}

/* Reads to the end, or to one byte more than `max`, or until the deadline. */
static apr_status_t exec_read(apr_file_t *from, apr_time_t deadline, char *bytes, apr_size_t max, apr_size_t *length)
{
    *length = 0;
    while (*length <= max) {
        apr_interval_time_t left = deadline - apr_time_now();
        if (left <= 0) {
            return APR_TIMEUP;
        }
        apr_file_pipe_timeout_set(from, left);
        apr_size_t got = max + 1 - *length;
        apr_status_t status = apr_file_read(from, bytes + *length, &got);
        if (status != APR_SUCCESS) {
            return status == APR_EOF ? APR_SUCCESS : status;
        }
        *length += got;
    }
    return APR_SUCCESS;
}

/* Whether the process ended by itself before the deadline, and how. It is gone in any case. */
static apr_status_t exec_end(apr_proc_t *process, apr_time_t deadline, int *code, apr_exit_why_e *why)
{
    while (apr_proc_wait(process, code, why, APR_NOWAIT) == APR_CHILD_NOTDONE) {
        if (apr_time_now() >= deadline) {
            apr_proc_kill(process, SIGKILL);
            apr_proc_wait(process, code, why, APR_WAIT);
            return APR_TIMEUP;
        }
        apr_sleep(EXEC_POLL);
    }
    return APR_SUCCESS;
}

const char *exec_output(apr_pool_t *pool, const char *const *argv, apr_interval_time_t timeout, char *bytes,
                        apr_size_t max, apr_size_t *length)
{
    apr_proc_t process;
    apr_time_t deadline = apr_time_now() + timeout;
    apr_status_t status = exec_start(pool, argv, &process);
    if (status != APR_SUCCESS) {
        return apr_psprintf(pool, "cannot be run (%pm)", &status);
    }
    int code;
    apr_exit_why_e why;
    status = exec_read(process.out, deadline, bytes, max, length);
    apr_file_close(process.out);
    apr_status_t end = exec_end(&process, *length > max || status != APR_SUCCESS ? 0 : deadline, &code, &why);
    if (*length > max) {
        return apr_psprintf(pool, "wrote more than %" APR_SIZE_T_FMT " bytes", max);
    }
    if (status != APR_SUCCESS && !APR_STATUS_IS_TIMEUP(status)) {
        return apr_psprintf(pool, "could not be read from (%pm)", &status);
    }
    if (status != APR_SUCCESS || end != APR_SUCCESS) {
        return apr_psprintf(pool, "took longer than %d s and was ended", (int)apr_time_sec(timeout));
    }
    if (!APR_PROC_CHECK_EXIT(why)) {
        return apr_psprintf(pool, "was ended by signal %d", code);
    }
    return code ? apr_psprintf(pool, "ended with status %d", code) : NULL;
}
