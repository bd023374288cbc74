-- SPDX-License-Identifier: Apache-2.0
-- The shadow report: what would have been denied, had it been enforced; and the overrides written from it.

-- One row per day and what was seen on it. No reference to org: what was counted is kept whatever is known of the org.
CREATE TABLE shadow (
    livemode   boolean NOT NULL,
    feature    text NOT NULL,
    org_id     text NOT NULL, -- '': requests without an org
    reason     text NOT NULL,
    day        date NOT NULL, -- UTC
    requests   bigint NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen  timestamptz NOT NULL,
    PRIMARY KEY (livemode, feature, org_id, reason, day)
);
CREATE INDEX shadow_day ON shadow (day);

-- The counters in the shared memory of one server, by the id they got when they were made. A batch of counts is added
-- together with its number here, and only if it is a greater one: so none is added twice, however often it is sent.
CREATE TABLE shadow_source (
    source     text PRIMARY KEY,
    batch      bigint NOT NULL,
    dropped    bigint NOT NULL, -- counts that had no room in memory
    flushed_at timestamptz NOT NULL DEFAULT now()
);

-- `token` is the call that asked for it, so that sending its statement twice writes once.
CREATE TABLE grandfather (
    batch_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    livemode   boolean NOT NULL,
    token      text NOT NULL UNIQUE,
    feature    text NOT NULL,
    days       integer NOT NULL,
    expires_at timestamptz,
    note       text,
    author     text NOT NULL,
    orgs       integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    undone_at  timestamptz,
    undone_by  text
);
CREATE INDEX override_batch ON override (batch_id) WHERE batch_id IS NOT NULL;
