/* SPDX-License-Identifier: Apache-2.0
 * What a payment provider is to the rest of the module. */
#ifndef BILLING_PROVIDER_H
#define BILLING_PROVIDER_H

/* The metadata key under which everything we create names the installation (BillingInstallId). */
#define PROVIDER_INSTALL_METADATA "attune_install"

#endif
