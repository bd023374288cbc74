/* SPDX-License-Identifier: Apache-2.0
 * Problems at the page mount, for people. */
#ifndef BILLING_WEB_PAGE_PROBLEM_H
#define BILLING_WEB_PAGE_PROBLEM_H

#include <httpd.h>
#include <jansson.h>

/** A page that tells of the problem; what a handler returns. */
int page_problem(request_rec *r, int status, const json_t *problem);

#endif
