/* SPDX-License-Identifier: Apache-2.0
 * Whether there is a gate at a request. */
#ifndef BILLING_GATE_APPLIES_H
#define BILLING_GATE_APPLIES_H

#include "gate/request.h"

/** True where a feature is required of the request, as configured at this moment. The module's own mounts, the document
 * that the site shows for a denial, and the files that prove a domain to a certificate authority are never gated. */
bool gate_applies(const request_rec *r, const struct dir_config *config);

/** To be called before gate_applies on a request for the first time: remembers whether it is the document that the site
 * shows for a denial of the gate, or what httpd looks up to find that document. What the document includes is gated. */
void gate_recognise_error_document(request_rec *r);

/** True where somebody should sign in: a feature that can deny looks at what depends on the user and is not known
 * without one. */
bool gate_needs_user(request_rec *r, const struct dir_config *config);

#endif
