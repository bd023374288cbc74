/* SPDX-License-Identifier: Apache-2.0
 * Keeping gated answers out of caches. */
#ifndef BILLING_GATE_CACHING_H
#define BILLING_GATE_CACHING_H

#include <httpd.h>

/** Once per child, when all modules are known. */
void caching_start(void);

void caching_register_filters(void);

/** Nobody but its receiver may keep the answer. To be called before the handler runs. */
void caching_forbid(request_rec *r);

/** Nor the answers around it, where `r` is looked up to become part of them. A page that is on its way already has its
 * headers; what mod_cache has begun to store of it is given up. */
void caching_forbid_around(request_rec *r);

#endif
