/* SPDX-License-Identifier: Apache-2.0
 * Where httpd meets the gate. Each hook returns DECLINED or a status, never OK: an OK would end the phase for other
 * modules, or let a request in. The one exception is force_authn, where OK asks httpd to authenticate. */
#ifndef BILLING_GATE_HOOKS_H
#define BILLING_GATE_HOOKS_H

#include <httpd.h>

/** Early: denies where every input is free of authentication; under `Satisfy Any` answers 401 while the org depends on
 * the user, since httpd drops other denials of this phase there (server/request.c:368-405). */
int gate_access_checker(request_rec *r);

/** Has httpd authenticate where the org depends on the user and the gate can deny. */
int gate_force_authn(request_rec *r);

/** Runs only for requests that authn and authz let through: remembers that. */
int gate_type_checker(request_rec *r);

/** Always runs, also for subrequests, internal redirects and under Satisfy Any: the decision that counts. */
int gate_fixups(request_rec *r);

struct request_record;

/** The status of the record's denial, with the headers that belong to it. */
int gate_denied(request_rec *r, const struct request_record *record);

/** Marks answers of gated paths private. */
void gate_insert_filter(request_rec *r);

/** Puts the gate's own body in the place of httpd's canned one, unless the site has an ErrorDocument. */
void gate_insert_error_filter(request_rec *r);

void gate_register_filters(void);

#endif
