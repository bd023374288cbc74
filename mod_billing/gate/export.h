/* SPDX-License-Identifier: Apache-2.0
 * The optional function of mod_attune_billing.h. */
#ifndef BILLING_GATE_EXPORT_H
#define BILLING_GATE_EXPORT_H

/** While hooks are registered. */
void export_register(void);

#endif
