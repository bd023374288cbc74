# SPDX-License-Identifier: Apache-2.0
"""Two transactions in each other's way, of which PostgreSQL ends one: that is no word about the org. The statement is done
again, and where it cannot be, the database is as good as away."""
import concurrent.futures

import pytest
from harness import stripe_events
from harness.site import token
from harness.waiting import wait_for
from node_support import Session
from operate_support import ADMIN
from shop_support import org, own_shop, problem  # noqa: F401

# The module's sessions look for a deadlock at once, so that they are the ones that find it and are ended. A statement of
# the module's stands still before the link is inserted for as long as somebody has the advisory lock 7.
HELD = """
DO $$ BEGIN EXECUTE format('ALTER ROLE attune_billing IN DATABASE %I SET deadlock_timeout = ''10ms''', current_database());
END $$;
CREATE OR REPLACE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF session_user = 'attune_billing' THEN PERFORM pg_advisory_xact_lock_shared(7); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stand_still BEFORE INSERT ON billing.link FOR EACH ROW EXECUTE FUNCTION stand_still();
"""

# The first so many changes of a table fail as those of a transaction that another one is in the way of. A sequence
# counts, since that is not undone with the transaction.
IN_THE_WAY = """
CREATE SEQUENCE tries; GRANT ALL ON tries TO PUBLIC;
CREATE FUNCTION in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('tries') <= {times} THEN RAISE 'in the way' USING ERRCODE = '{state}'; END IF;
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER in_the_way BEFORE {event} ON billing.{table} FOR EACH ROW EXECUTE FUNCTION in_the_way();
"""
TOO_OFTEN = 1000


@pytest.fixture
def trouble(cluster, database):
    """trouble(SQL): what it makes in the database is gone after the test."""
    yield lambda sql: cluster.psql(sql, database)
    cluster.psql("DROP FUNCTION IF EXISTS stand_still, in_the_way CASCADE; DROP SEQUENCE IF EXISTS tries", database)


def waits_for_a_lock(cluster, database, kind, user):
    """Sessions of a user that wait for a lock of this kind."""
    return int(cluster.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                             f"wait_event = '{kind}' AND usename = '{user}' AND datname = '{database}'"))


def test_a_first_customer_and_an_event_of_it_in_each_others_way(own_shop, cluster, database, org, trouble):
    """Of an org that has no link yet, binding writes the customer first and an event the link. The one that is ended here
    is the binding: it is no other org's customer for that."""
    trouble(HELD)
    shop = own_shop('DBDParams "@DATABASE@"\n')
    holder, event = Session(cluster, database), Session(cluster, database)
    holder.run("SELECT pg_advisory_lock(7)")
    event.run("SET deadlock_timeout = '1h'")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        bought = pool.submit(shop.buy, org)
        wait_for(lambda: waits_for_a_lock(cluster, database, "advisory", "attune_billing"), what="the customer to be written")
        customer = shop.customers(org)[0]["id"]
        event.run("BEGIN")
        event.run(f"INSERT INTO billing.link (org_id, livemode, provider) VALUES ('{org}', false, 'stripe')")
        written = pool.submit(event.run, "INSERT INTO billing.customer (provider, livemode, customer_id, org_id)"
                              f" VALUES ('stripe', false, '{customer}', '{org}')")
        wait_for(lambda: waits_for_a_lock(cluster, database, "transactionid", "postgres"), what="the event to wait")
        holder.close()
        written.result()
        event.run("COMMIT")
        event.close()
        assert bought.result().status == 200, bought.result()
    assert "deadlock detected" in cluster.log_tail()
    assert len(shop.customers(org)) == 1 and shop.open_session(org)["customer"] == customer
    assert shop.sql(f"SELECT customer_id FROM billing.link WHERE org_id = '{org}'") == [[customer]]


@pytest.mark.parametrize("state", ["40P01", "40001"])
def test_what_was_in_the_way_is_done_again(own_shop, org, trouble, state):
    shop = own_shop()
    trouble(IN_THE_WAY.format(times=2, state=state, event="INSERT", table="customer"))
    assert shop.buy(org).status == 200
    assert len(shop.customers(org)) == 1 and shop.open_session(org)["customer"] == shop.customers(org)[0]["id"]


def test_what_is_in_the_way_again_and_again_is_tried_later(own_shop, cluster, database, org, trouble):
    """And no answer says that something was otherwise."""
    shop = own_shop(f"BillingMount admin {ADMIN}\n")
    shop.server.allow("ATB0402")
    shop.buy(org)
    path = f"{ADMIN}/orgs/{org}/overrides"
    made = shop.server.post(path, headers=token(sub="op"), json={"feature": "trucking.dispatch", "allow": True})
    assert made.status == 200, made
    trouble(IN_THE_WAY.format(times=TOO_OFTEN, state="40P01", event="UPDATE", table="link"))
    number = cluster.value(f"SELECT override_id FROM billing.override WHERE org_id = '{org}'", database)
    problem(shop.server.request("DELETE", f"{path}/{number}", headers=token(sub="op")), 503, "database_unavailable")
    assert cluster.value(f"SELECT count(*) FROM billing.override WHERE org_id = '{org}'", database) == "1"
    assert shop.server.deliver(stripe_events.subscription_event(org=org, sub=f"sub_{org}", customer=f"cus_{org}")).status == 503
