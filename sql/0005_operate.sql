-- SPDX-License-Identifier: Apache-2.0
-- What operators page through and look back at.

-- Pages of orgs go by the bytes of the id, whatever the database's collation, so that a prefix is a range of them.
CREATE INDEX org_listed ON org (org_id COLLATE "C");
-- Those who owe are few and asked for; any other status is common enough to be found by looking through the orgs.
CREATE INDEX link_past_due ON link (livemode, org_id COLLATE "C") WHERE status = 'past_due';

-- What came of holding an account's orgs against the provider last.
ALTER TABLE sweep ADD COLUMN verified_at timestamptz, ADD COLUMN verify_report json;
