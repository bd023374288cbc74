/* SPDX-License-Identifier: Apache-2.0
 * Taking, keeping and returning leases. */
#include "service/lease.h"

#include "service/runtime.h"

#include <apr_general.h>
#include <apr_strings.h>

#define LEASE_LIFETIME apr_time_from_sec(120)
#define LEASE_FRESH    apr_time_from_sec(20) /* renewed no more often than this */

/* Nobody takes a lease whose holder is in a step: a step that begins with a lease that is no longer fresh. */
_Static_assert(LEASE_FRESH + LEASE_STEP < LEASE_LIFETIME, "a lease must outlive a step");

/* One claim, not one process: a request and the watchdog of the same child are two. */
static const char *lease_holder(apr_pool_t *pool)
{
    unsigned char bytes[16];
    char *hex = apr_palloc(pool, 2 * sizeof(bytes) + 1);

    if (apr_generate_random_bytes(bytes, sizeof(bytes)) != APR_SUCCESS) {
        return NULL;
    }
    ap_bin2hex(bytes, sizeof(bytes), hex);
    return apr_psprintf(pool, "%s:%" APR_PID_T_FMT ":%s", runtime()->server->server_hostname, getpid(), hex);
}

static enum lease_result lease_claim(apr_pool_t *pool, struct lease *lease)
{
    lease->claim.holder = lease_holder(pool);
    lease->claim.lifetime = LEASE_LIFETIME;
    lease->renewed_at = apr_time_now();
    if (!lease->claim.holder) {
        return LEASE_UNAVAILABLE;
    }
    switch (store_lease_take(runtime()->database, pool, &lease->claim)) {
    case STORE_OK:
        return LEASE_TAKEN;
    case STORE_CONFLICT:
        return LEASE_BUSY;
    default:
        return LEASE_UNAVAILABLE;
    }
}

enum lease_result lease_take(apr_pool_t *pool, const char *name, struct lease *lease)
{
    *lease = (struct lease){.claim = {.name = name}};
    return lease_claim(pool, lease);
}

enum lease_result lease_take_due(apr_pool_t *pool, const char *name, apr_interval_time_t first, struct lease *lease)
{
    *lease = (struct lease){.claim = {.name = name, .only_if_due = true, .first = first}};
    return lease_claim(pool, lease);
}

bool lease_renew(apr_pool_t *pool, struct lease *lease)
{
    apr_time_t now = apr_time_now();

    if (store_lease_renew(runtime()->database, pool, &lease->claim) != STORE_OK) {
        return false;
    }
    lease->renewed_at = now;
    return true;
}

bool lease_keep(apr_pool_t *pool, struct lease *lease)
{
    apr_interval_time_t age = apr_time_now() - lease->renewed_at;

    return (age >= 0 && age < LEASE_FRESH) || lease_renew(pool, lease);
}

void lease_return(apr_pool_t *pool, struct lease *lease, apr_interval_time_t pause)
{
    store_lease_return(runtime()->database, pool, &lease->claim, pause);
}

apr_interval_time_t lease_jitter(apr_interval_time_t interval)
{
    unsigned char byte = 128;

    apr_generate_random_bytes(&byte, sizeof(byte));
    return interval - interval / 10 + interval / 5 * byte / 255;
}
