# SPDX-License-Identifier: Apache-2.0
"""The change feed: what is changed in the database, by another node or by hand, in any order of commits, is seen here."""
import shutil
import statistics
import subprocess
import time

import pytest

from harness import stripe_events
from harness.cluster import binary
from harness.waiting import wait_for
from node_support import AWAY, NODE, Session, look, make_node, own_cluster, subscribe

READ = "ATB0501"


@pytest.fixture
def fresh(cluster, migrated_template):
    """A database of the test's own."""
    name = cluster.create_database(template=migrated_template)
    yield name
    cluster.drop_database(name)


@pytest.fixture
def node(site, cluster, fresh):
    made = make_node(site, cluster.conninfo(fresh)).start()
    made.log.wait_for(READ)
    yield made
    made.stop()  # before its database goes


@pytest.fixture
def lone(scratch, workspace):
    with own_cluster(scratch, workspace) as made:
        yield made


@pytest.fixture
def sessions(cluster, fresh):
    made = [Session(cluster, fresh) for _ in range(3)]
    yield made
    for session in made:
        session.close()


def status(server, org):
    return look(server, org).status


def make_links(cluster, database, count, prefix="org"):
    cluster.psql(f"INSERT INTO billing.org (org_id) SELECT '{prefix}' || n FROM generate_series(1, {count}) n;"
                 f"INSERT INTO billing.link (org_id, livemode, provider, status, price_ids)"
                 f" SELECT '{prefix}' || n, false, 'stripe', 'active', '{{price_founding_monthly}}'"
                 f" FROM generate_series(1, {count}) n", database)



# Two nodes


@pytest.mark.parametrize("interval", ["100ms", "1s"])
def test_a_change_is_seen_by_the_other_node(site, cluster, fresh, interval):
    config = NODE.replace("BillingCacheRefresh 200ms", f"BillingCacheRefresh {interval}")
    one, other = (make_node(site, cluster.conninfo(fresh), config).start() for _ in range(2))
    for server in (one, other):
        server.log.wait_for(READ)
    delays = []
    for number in range(12):
        org = f"org{number}"
        assert status(other, org) == "none"
        subscribe(one, org)
        began = time.monotonic()
        assert status(one, org) == "active"
        wait_for(lambda: status(other, org) == "active", what="the other node to see it")
        delays.append(time.monotonic() - began)
    print(f"another node with BillingCacheRefresh {interval}: median {statistics.median(delays) * 1000:.0f} ms, "
          f"longest {max(delays) * 1000:.0f} ms of {len(delays)}")
    for server in (one, other):
        server.stop()


# What is changed by hand


def test_a_change_by_hand_is_seen(node, cluster, fresh):
    subscribe(node, "acme")
    cluster.psql("UPDATE billing.link SET status = 'canceled' WHERE org_id = 'acme'", fresh)
    wait_for(lambda: status(node, "acme") == "canceled", what="the change")
    assert cluster.value("SELECT version FROM billing.link", fresh) == "2"


def test_a_link_deleted_by_hand_is_gone_and_may_come_back(node, cluster, fresh):
    for _ in range(3):
        subscribe(node, "acme")
        cluster.psql("UPDATE billing.link SET status = 'past_due' WHERE org_id = 'acme'", fresh)
        wait_for(lambda: status(node, "acme") == "past_due", what="the change")
        cluster.psql("DELETE FROM billing.event; DELETE FROM billing.subscription; DELETE FROM billing.link", fresh)
        wait_for(lambda: status(node, "acme") == "none", what="the end of the row")


def test_a_link_made_anew_in_one_transaction_is_seen(node, cluster, fresh):
    subscribe(node, "acme")
    for each in ("past_due", "canceled", "active"):
        cluster.psql(f"BEGIN; UPDATE billing.link SET grace_over = true; CREATE TEMP TABLE kept AS SELECT * FROM billing.link;"
                     f"DELETE FROM billing.link; INSERT INTO billing.link (org_id, livemode, provider, status)"
                     f" SELECT org_id, livemode, provider, '{each}' FROM kept; COMMIT", fresh)
        wait_for(lambda: status(node, "acme") == each, what=f"the new row, {each}")


@pytest.mark.parametrize("count", [999, 1000, 2500])
def test_changes_of_any_number_in_one_transaction_are_all_seen(node, cluster, fresh, count):
    make_links(cluster, fresh, count)
    wait_for(lambda: all(status(node, f"org{number}") == "active" for number in range(1, count + 1, 97)), what="the rows")
    cluster.psql("UPDATE billing.link SET status = 'canceled'", fresh)
    wait_for(lambda: all(status(node, f"org{number}") == "canceled" for number in range(1, count + 1, 97)),
             what="the change")
    cluster.psql("DELETE FROM billing.link", fresh)
    wait_for(lambda: all(status(node, f"org{number}") == "none" for number in range(1, count + 1, 97)), what="their end")


# Commits in any order


def test_what_commits_later_than_younger_transactions_is_seen(node, cluster, fresh, sessions):
    make_links(cluster, fresh, 3)
    old, young, other = sessions
    wait_for(lambda: status(node, "org3") == "active", what="the rows")
    old.run("BEGIN")
    old.run("UPDATE billing.link SET status = 'canceled' WHERE org_id = 'org1'")
    young.run("BEGIN")
    young.run("UPDATE billing.link SET status = 'canceled' WHERE org_id = 'org2'")
    assert int(old.run("SELECT pg_current_xact_id()")) < int(young.run("SELECT pg_current_xact_id()"))
    young.run("COMMIT")
    wait_for(lambda: status(node, "org2") == "canceled", what="the younger")
    for _ in range(3):  # passes go by
        other.run("UPDATE billing.link SET status = 'canceled' WHERE org_id = 'org3'")
        wait_for(lambda: status(node, "org3") == "canceled", what="a pass")
        other.run("UPDATE billing.link SET status = 'active' WHERE org_id = 'org3'")
        wait_for(lambda: status(node, "org3") == "active", what="a pass")
    assert status(node, "org1") == "active"
    old.run("COMMIT")
    wait_for(lambda: status(node, "org1") == "canceled", what="the older")


def test_savepoints_and_rollbacks_change_nothing_about_it(node, cluster, fresh, sessions):
    make_links(cluster, fresh, 3)
    one, two, _ = sessions
    wait_for(lambda: status(node, "org3") == "active", what="the rows")
    one.run("BEGIN")
    one.run("SAVEPOINT a")
    one.run("UPDATE billing.link SET status = 'canceled' WHERE org_id = 'org1'")
    one.run("RELEASE a")
    one.run("SAVEPOINT b")
    one.run("UPDATE billing.link SET status = 'canceled' WHERE org_id = 'org2'")
    one.run("ROLLBACK TO b")
    two.run("UPDATE billing.link SET status = 'canceled' WHERE org_id = 'org3'")
    wait_for(lambda: status(node, "org3") == "canceled", what="a pass")
    one.run("COMMIT")
    wait_for(lambda: status(node, "org1") == "canceled", what="the first savepoint")
    assert status(node, "org2") == "active"


# Ages


def test_ages_stay_small_while_all_is_well(node):
    subscribe(node, "acme")
    first = node.get("/reports/", headers={"X-Org": "acme"}).status  # its state must be known for less than 2 s
    until = time.monotonic() + 3
    while time.monotonic() < until:
        assert look(node, "acme").age <= 1
    assert first == node.get("/reports/", headers={"X-Org": "acme"}).status == 200


@pytest.mark.allowed_log(*AWAY)
def test_ages_grow_while_the_database_is_away_and_what_is_too_old_is_not_verified(site, lone):
    server = make_node(site, lone.conninfo("attune")).start()
    server.log.wait_for(READ)
    subscribe(server, "acme")
    assert look(server, "acme", "/reports/").code == 200
    lone.stop()
    wait_for(lambda: look(server, "acme").age >= 3, what="the age to grow")
    assert look(server, "acme")[:4] == (200, "active", "founding_monthly", "plan")
    assert look(server, "acme", "/reports/")[:4] == (503, "active", "founding_monthly", "unverified")
    lone.start()
    wait_for(lambda: look(server, "acme").age <= 1, what="the feed to be back")
    assert look(server, "acme", "/reports/").code == 200


# Trouble


@pytest.mark.allowed_log("ATB0204")
def test_a_pass_that_fails_does_not_end_the_feed(node, cluster, fresh):
    subscribe(node, "acme")
    cluster.psql("ALTER TABLE billing.link RENAME TO elsewhere", fresh)
    node.log.wait_for("ATB0204")
    assert status(node, "acme") == "active"
    cluster.psql("ALTER TABLE billing.elsewhere RENAME TO link", fresh)
    cluster.psql("UPDATE billing.link SET status = 'canceled' WHERE org_id = 'acme'", fresh)
    wait_for(lambda: status(node, "acme") == "canceled", what="the feed to go on")


def copy(lone, source, target):
    subprocess.run(["cp", "-a", lone.folder / source, lone.folder / target], check=True)


@pytest.mark.allowed_log(*AWAY)
def test_a_server_put_back_to_an_earlier_day_is_believed(site, lone):
    server = make_node(site, lone.conninfo("attune")).start()
    server.log.wait_for(READ)
    subscribe(server, "acme")
    lone.stop()
    copy(lone, "data", "backup")
    lone.start()
    assert wait_for(lambda: server.deliver(stripe_events.subscription_event("created", org="globex")).json.get("outcome"),
                    what="an event to be taken") == "applied"
    lone.psql("UPDATE billing.link SET status = 'past_due' WHERE org_id = 'acme';"
              "UPDATE billing.link SET status = 'canceled' WHERE org_id = 'acme'", "attune")
    wait_for(lambda: (status(server, "acme"), status(server, "globex")) == ("canceled", "active"), what="the changes")
    lone.stop()
    shutil.rmtree(lone.folder / "data")
    copy(lone, "backup", "data")
    lone.start()
    wait_for(lambda: (status(server, "acme"), status(server, "globex")) == ("active", "none"), what="the earlier day")


@pytest.mark.allowed_log(*AWAY, "ATB0204")
def test_a_dump_that_is_read_back_is_believed(site, cluster, fresh, node):
    subscribe(node, "acme")
    dump = subprocess.run([binary("pg_dump"), "-d", cluster.superuser_conninfo(fresh)], check=True, capture_output=True,
                          text=True).stdout
    subscribe(node, "globex")
    cluster.psql("UPDATE billing.link SET status = 'past_due'; UPDATE billing.link SET status = 'canceled'", fresh)
    wait_for(lambda: (status(node, "acme"), status(node, "globex")) == ("canceled", "canceled"), what="the changes")
    cluster.psql("DROP SCHEMA billing CASCADE", fresh)
    cluster.psql(dump, fresh)
    wait_for(lambda: (status(node, "acme"), status(node, "globex")) == ("active", "none"), what="the dump's state")
