/* SPDX-License-Identifier: Apache-2.0
 * What the sweep reads and remembers: how far events were fetched, which are not stored, what is in doubt. */
#ifndef BILLING_STORE_SWEEP_H
#define BILLING_STORE_SWEEP_H

#include "store/database.h"

/* One account at a provider, as far as the database tells accounts apart. */
struct sweep_account {
    const char *provider;
    bool livemode;
    const char *account; /* a digest of what names it; never the key */
};

struct sweep_position {
    int64_t fetched_until;     /* all events made up to this second of the provider's clock are stored; 0: none */
    const char *settled_until; /* where an unfinished round through the doubts ended; "": at its end */
};

enum store_result store_sweep_find(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                   struct sweep_position *position);

/** Never goes back: a sweep that lost its lease cannot undo what another reached. */
enum store_result store_sweep_fetched(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                      int64_t until);

enum store_result store_sweep_settled(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                      const char *until);

/** What came of a sweep that is over. @param report a JSON object */
enum store_result store_sweep_report(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                     const char *report);

/** What came of the last verification of the account's orgs. @param report a JSON object; found: NULL where none was */
enum store_result store_verify_report(struct database *database, apr_pool_t *pool, const struct sweep_account *account,
                                      const char *report);
enum store_result store_verify_report_find(struct database *database, apr_pool_t *pool,
                                           const struct sweep_account *account, const char **report);

/** Which of these events are stored already. @param stored one flag per id, filled in */
enum store_result store_sweep_stored(struct database *database, apr_pool_t *pool, const char *provider,
                                     const char *const *ids, size_t count, bool *stored);

/** The next unsettled subscriptions after `after` (""), in the order of their ids, at most `most`. */
enum store_result store_sweep_unsettled(struct database *database, apr_pool_t *pool, const char *provider,
                                        bool livemode, const char *after, int most, const char *const **ids,
                                        size_t *count);

/* A checkout that should be over by now. */
struct stale_checkout {
    const char *org;
    int64_t checkout_id;
    const char *session; /* NULL: none was ever known */
    int64_t reserved_at;
};

/** Those whose time is over and whose end is not known, longest unasked first. They count as asked from now on. */
enum store_result store_sweep_checkouts(struct database *database, apr_pool_t *pool, const char *provider,
                                        bool livemode, int most, struct stale_checkout **checkouts, size_t *count);

/** Deletes events of a mode received more than `age` ago, the oldest first, at most `most`. @param pruned how many */
enum store_result store_event_prune(struct database *database, apr_pool_t *pool, bool livemode, apr_interval_time_t age,
                                    int most, int *pruned);

#endif
