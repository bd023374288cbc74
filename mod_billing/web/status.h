/* SPDX-License-Identifier: Apache-2.0
 * The module's section in mod_status's page. */
#ifndef BILLING_WEB_STATUS_H
#define BILLING_WEB_STATUS_H

/** Adds it where mod_status is loaded. From register_hooks. */
void status_register(void);

#endif
