-- SPDX-License-Identifier: Apache-2.0
-- The billing state: orgs, their customers and subscriptions at a provider, the link derived from them, and every event.
--
-- Rows that belong to an org carry org_id and livemode, and every statement names both. A link's `version` grows with
-- every change of what is known of the org in that mode (its own columns, the org record, its overrides), so one
-- comparison guards every write and orders every copy in shared memory; `changed` is the transaction that did it, by
-- which the change feed finds it.

CREATE TABLE installation (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    install_id  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO installation (install_id) VALUES (gen_random_uuid()::text);

CREATE DOMAIN org_id AS text CHECK (VALUE ~ '^[A-Za-z0-9_.:-]{1,64}$');
CREATE DOMAIN status AS text CHECK (VALUE IN ('none', 'active', 'past_due', 'canceled'));

-- created_at stays null until a claim or an operator tells it: unknown age never locks anyone out.
CREATE TABLE org (
    org_id      org_id PRIMARY KEY,
    created_at  timestamptz,
    app_type    text,
    first_seen  timestamptz NOT NULL DEFAULT now()
);

-- A row without an org is the tombstone of a customer whose deletion came before anything else about it. What refers to a
-- customer names its org too, so nothing can ever join a customer to another org.
CREATE TABLE customer (
    provider    text NOT NULL,
    livemode    boolean NOT NULL,
    customer_id text NOT NULL,
    org_id      org_id REFERENCES org,
    first_seen  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz,
    PRIMARY KEY (provider, livemode, customer_id),
    UNIQUE (provider, livemode, customer_id, org_id),
    CHECK (org_id IS NOT NULL OR deleted_at IS NOT NULL)
);
CREATE INDEX customer_org ON customer (org_id, livemode);

-- `base_status` is what the event or answer at the watermark said, `status` what is shown: bent by a newer payment signal.
CREATE TABLE subscription (
    provider        text NOT NULL,
    livemode        boolean NOT NULL,
    subscription_id text NOT NULL,
    org_id          org_id NOT NULL REFERENCES org,
    customer_id     text,
    raw_status      text NOT NULL,
    base_status     status NOT NULL,
    status          status NOT NULL,
    ended           boolean NOT NULL,
    grace_over      boolean NOT NULL,
    created         timestamptz NOT NULL,
    period_end      timestamptz,
    cancel_at       timestamptz,
    price_ids       text[] NOT NULL,
    watermark       timestamptz NOT NULL,
    watermark_event text COLLATE "C" NOT NULL,
    signal          text CHECK (signal IN ('paid', 'failed')),
    signal_at       timestamptz,
    signal_event    text COLLATE "C",
    past_due_since  timestamptz,
    unsettled       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (provider, livemode, subscription_id),
    FOREIGN KEY (provider, livemode, customer_id, org_id)
        REFERENCES customer (provider, livemode, customer_id, org_id)
);
CREATE INDEX subscription_org ON subscription (org_id, livemode);
CREATE INDEX subscription_unsettled ON subscription (livemode) WHERE unsettled;

CREATE TABLE link (
    org_id          org_id NOT NULL REFERENCES org,
    livemode        boolean NOT NULL,
    provider        text NOT NULL,
    customer_id     text,
    subscription_id text,
    status          status NOT NULL DEFAULT 'none',
    grace_over      boolean NOT NULL DEFAULT false,
    plan_key        text,
    price_ids       text[] NOT NULL DEFAULT '{}',
    period_end      timestamptz,
    cancel_at       timestamptz,
    past_due_since  timestamptz,
    live_count      integer NOT NULL DEFAULT 0,
    version         bigint NOT NULL DEFAULT 1,
    changed         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    changed_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, livemode),
    FOREIGN KEY (provider, livemode, customer_id, org_id)
        REFERENCES customer (provider, livemode, customer_id, org_id)
);
CREATE INDEX link_changed ON link (changed);
CREATE INDEX link_several ON link (livemode) WHERE live_count > 1;

-- One webhook delivery's content, raw. `shown_status` is what it says of subscription_id, where it says anything.
CREATE TABLE event (
    provider        text NOT NULL,
    event_id        text COLLATE "C" NOT NULL,
    type            text NOT NULL,
    api_version     text,
    created         timestamptz NOT NULL,
    livemode        boolean NOT NULL,
    org_id          org_id,
    customer_id     text,
    subscription_id text,
    shown_status    status,
    outcome         text NOT NULL CHECK (outcome IN ('applied', 'stale', 'ignored', 'dead')),
    error           text,
    body            text NOT NULL,
    received_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider, event_id)
);
CREATE INDEX event_timeline ON event (subscription_id, livemode, created, event_id) WHERE shown_status IS NOT NULL;
CREATE INDEX event_received ON event (livemode, received_at, event_id);
CREATE INDEX event_dead ON event (received_at) WHERE outcome = 'dead';
CREATE INDEX event_org ON event (org_id, livemode, received_at);

-- A checkout is reserved here before the provider is asked for a session, so a crash in between is found again. What the
-- provider is asked with stays with the reservation: the same again has to be the same.
CREATE TABLE checkout (
    checkout_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id      org_id NOT NULL REFERENCES org,
    livemode    boolean NOT NULL,
    provider    text NOT NULL,
    plan_key    text NOT NULL,
    price_id    text NOT NULL,
    return_url  text NOT NULL,
    request_key text NOT NULL DEFAULT gen_random_uuid()::text, -- what its idempotency keys are made of
    customer_id text,
    session_id  text,
    url         text,
    state       text NOT NULL DEFAULT 'reserved'
                CHECK (state IN ('reserved', 'open', 'pending', 'complete', 'failed', 'expired')),
    reserved_at timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    checked_at  timestamptz, -- when the provider was last asked about it
    UNIQUE (provider, livemode, session_id)
);
-- At most one session of an org can be paid, or is being paid, at any time.
CREATE UNIQUE INDEX checkout_open ON checkout (org_id, livemode) WHERE state IN ('reserved', 'open', 'pending');
CREATE INDEX checkout_recent ON checkout (org_id, livemode, reserved_at);

CREATE TABLE override (
    override_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id      org_id NOT NULL REFERENCES org,
    livemode    boolean NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('grant', 'refuse', 'limit')),
    key         text NOT NULL,
    limit_value bigint CHECK (limit_value BETWEEN -1 AND 2000000000), -- -1: unlimited
    expires_at  timestamptz,
    note        text,
    author      text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CHECK ((kind = 'limit') = (limit_value IS NOT NULL))
);
CREATE INDEX override_org ON override (org_id, livemode);

-- Work that one node of all does at a time. A holder that is not heard of by `until` has died; `due` is when the work is
-- to be done next.
CREATE TABLE lease (
    name    text PRIMARY KEY,
    holder  text,
    until   timestamptz NOT NULL,
    due     timestamptz NOT NULL
);

-- How far the events of one account were fetched, and what came of it last. `account` tells the accounts of a mode apart
-- by a digest of key and address; another key begins anew, which finds nothing new.
CREATE TABLE sweep (
    provider      text NOT NULL,
    livemode      boolean NOT NULL,
    account       text NOT NULL,
    fetched_until timestamptz,
    settled_until text COLLATE "C", -- the subscription at which the last, unfinished round of doubts ended
    swept_at      timestamptz,
    report        json,
    PRIMARY KEY (provider, livemode, account)
);

-- Events of the other mode that servers of mode `livemode` were sent.
CREATE TABLE livemode_mismatch (
    livemode    boolean PRIMARY KEY,
    count       bigint NOT NULL,
    last_event  text NOT NULL,
    last_at     timestamptz NOT NULL
);
