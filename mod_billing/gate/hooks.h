/* SPDX-License-Identifier: Apache-2.0
 * Where httpd meets the gate. Each hook returns DECLINED or a status, never OK: an OK would end the phase for other
 * modules, or let a request in. The one exception is force_authn, where OK asks httpd to authenticate.
 *
 * The access hooks are registered AP_AUTH_INTERNAL_PER_CONF: httpd skips them for an internal request whose
 * configuration is that of the request it came from, and then its gates are the same too. One hook registered otherwise
 * would make httpd sign in again, password check and all, for every index file of the whole server. */
#ifndef BILLING_GATE_HOOKS_H
#define BILLING_GATE_HOOKS_H

#include <httpd.h>

/** Early: denies where every input is free of authentication; under `Satisfy Any` answers 401 while the org depends on
 * the user, since httpd drops other denials of this phase there (server/request.c, SATISFY_ANY). */
int gate_access_checker(request_rec *r);

/** Has httpd authenticate where the outcome depends on the user and the gate can deny, and for the caller's own routes.
 */
int gate_force_authn(request_rec *r);

/** Runs only where httpd authenticates: remembers that. */
int gate_check_user_id(request_rec *r);

/** Runs only for requests that no access hook objected to: remembers that. Decides where mod_negotiation comes next. */
int gate_type_checker(request_rec *r);

/** Always runs, also for subrequests, internal redirects and under Satisfy Any: the decision that counts. */
int gate_fixups(request_rec *r);

/** Marks answers of gated paths private. */
void gate_insert_filter(request_rec *r);

/** Puts the gate's own body in the place of httpd's canned one, unless the site has an ErrorDocument. */
void gate_insert_error_filter(request_rec *r);

void gate_register_filters(void);

#endif
