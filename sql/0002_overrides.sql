-- SPDX-License-Identifier: Apache-2.0
-- Overrides with their origin, and a record of what operators did.

-- config: the org's customerConfig, undated; override: one dated exception; grandfather: written from the shadow report.
-- Where several are in force for one key the dated ones come first, the newest before the others.
ALTER TABLE override ADD COLUMN source text NOT NULL DEFAULT 'override'
    CHECK (source IN ('config', 'override', 'grandfather'));
ALTER TABLE override ADD COLUMN batch_id bigint; -- those that one grandfathering wrote

CREATE TABLE audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    action   text NOT NULL,
    org_id   org_id,
    livemode boolean NOT NULL,
    detail   jsonb NOT NULL
);
CREATE INDEX audit_org ON audit (org_id, livemode, audit_id);
