/* SPDX-License-Identifier: Apache-2.0
 * What becomes of a session that was opened. */
#ifndef BILLING_SERVICE_SESSION_H
#define BILLING_SERVICE_SESSION_H

#include "config/config.h"
#include "provider/provider.h"
#include "store/checkout.h"

enum session_fate {
    SESSION_OPEN,    /* it can be paid */
    SESSION_BOUGHT,  /* it was paid or will be, and what was bought is applied */
    SESSION_PAID,    /* it was paid or will be, but what was bought cannot be told yet: nothing more may be sold */
    SESSION_OVER,    /* it ended, or the provider knows nothing of it */
    SESSION_UNKNOWN, /* provider or database cannot be asked */
};

/** Applies what the provider has said of the checkout's session. */
enum session_fate session_apply(const struct provider_call *call, const struct server_config *config, const char *org,
                                const struct checkout *checkout, const struct checkout_session *session);

/** Asks the provider, and applies what it says. */
enum session_fate session_ask(const struct provider_call *call, const struct server_config *config, const char *org,
                              const struct checkout *checkout);

#endif
