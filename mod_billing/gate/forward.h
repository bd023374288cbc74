/* SPDX-License-Identifier: Apache-2.0
 * What a backend is told of the org, and that nobody else can tell it: X-Billing-Org, X-Billing-Plan, X-Billing-Status.
 *
 * Header names that a client sent and that a backend might take for one of these are removed from every request before
 * any other module sees them, whatever is configured. Letters count without their case, and a byte that is no letter or
 * digit is as good as another, since backends make one character of them all. */
#ifndef BILLING_GATE_FORWARD_H
#define BILLING_GATE_FORWARD_H

/** While hooks are registered. */
void forward_register(void);

#endif
