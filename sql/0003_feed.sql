-- SPDX-License-Identifier: Apache-2.0
-- What the change feed needs to miss nothing: links in the order of the transactions that changed them, changes by hand
-- counted as all others, and a trace of rows that are gone.

-- Pages of the feed are read in this order.
DROP INDEX link_changed;
CREATE INDEX link_changed ON link (changed, org_id, livemode);

-- Whoever changes a link by hand need not know of version and changed.
CREATE FUNCTION link_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.changed := pg_current_xact_id();
    NEW.changed_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER link_touched BEFORE UPDATE ON link
    FOR EACH ROW WHEN (NEW.version = OLD.version) EXECUTE FUNCTION link_touched();

-- A link that is made anew begins with version 1 again, so shared memory must forget the old one first. Kept for longer
-- than a node is ever away without reading everything.
CREATE TABLE link_gone (
    org_id   org_id NOT NULL,
    livemode boolean NOT NULL,
    changed  xid8 NOT NULL DEFAULT pg_current_xact_id(),
    gone_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, livemode)
);
CREATE INDEX link_gone_changed ON link_gone (changed);

CREATE FUNCTION link_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM billing.link_gone WHERE gone_at < now() - interval '30 days';
    INSERT INTO billing.link_gone (org_id, livemode) SELECT org_id, livemode FROM gone
        ON CONFLICT (org_id, livemode) DO UPDATE SET changed = excluded.changed, gone_at = excluded.gone_at;
    RETURN NULL;
END $$;
CREATE TRIGGER link_gone AFTER DELETE ON link
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION link_gone();
