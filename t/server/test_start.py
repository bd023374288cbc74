# SPDX-License-Identifier: Apache-2.0
"""What a start needs of the database and what it does not; what outlives a reload and a stop."""
import os
import re
import signal

import pytest

from harness import stripe_events

from harness.httpd import HttpdDied
from harness.waiting import wait_for
from node_support import AWAY, NODE, Load, deliver_again, look, make_node, own_cluster, subscribe

PAID = (200, "active", "founding_monthly", "plan")
READ = "ATB0501"
STATE = "run/attune_billing.state"


@pytest.fixture(scope="module")
def lone(scratch, workspace):
    """A cluster that tests may stop."""
    with own_cluster(scratch, workspace) as made:
        yield made


@pytest.fixture
def away(lone):
    """stop() and it is away until the end of the test."""
    yield lone
    if not lone.is_running():
        lone.start()
    lone.psql("DELETE FROM billing.link", "attune")


def paid(server, org="acme"):
    return look(server, org)[:4] == PAID


# What is asked of the schema


def refusal(server):
    with pytest.raises(HttpdDied) as died:
        server.start()
    return died.value.log


def test_a_first_start_without_the_schema_is_refused_with_the_remedy(site, cluster, empty_database):
    server = make_node(site, cluster.conninfo(empty_database))
    server.allow("ATB0222", "AH00020")
    said = refusal(server)
    assert "ATB0222" in said and "no schema billing" in said and "sql/migrate" in said


@pytest.mark.parametrize("change, words", [
    ("DELETE FROM billing.schema_version WHERE version > 1", ["ATB0222", "has version 1", "sql/migrate"]),
    ("TRUNCATE billing.schema_version", ["ATB0222", "no schema billing", "sql/migrate"]),
    ("ALTER SCHEMA billing OWNER TO postgres; REVOKE ALL ON SCHEMA billing FROM attune_billing",
     ["ATB0223", "--grant"])])
def test_a_first_start_with_an_unfit_schema_is_refused(site, cluster, migrated_template, change, words):
    database = cluster.create_database(template=migrated_template)
    cluster.psql(change, database)
    server = make_node(site, cluster.conninfo(database))
    server.allow("ATB0222", "ATB0223", "ATB0204", "AH00020")
    said = refusal(server)
    assert all(word in said for word in words), said
    cluster.drop_database(database)


def test_a_newer_schema_is_fit(site, cluster, migrated_template):
    database = cluster.create_database(template=migrated_template)
    cluster.psql("INSERT INTO billing.schema_version VALUES (99, 'of a later day')", database)
    server = make_node(site, cluster.conninfo(database)).start()
    subscribe(server, "acme")
    assert paid(server)
    server.stop()
    cluster.drop_database(database)


@pytest.mark.allowed_log(*AWAY)
def test_a_database_that_is_away_stops_no_start_and_is_used_once_it_is_back(site, away):
    away.stop()
    server = make_node(site, away.conninfo("attune")).start()
    assert look(server, "acme")[:4] == (503, "unknown", "", "unverified")
    assert server.get("/free/").status == 200
    away.start()
    wait_for(lambda: look(server, "acme").code == 402, what="the gate to ask the database")
    assert deliver_again(server, stripe_events.subscription_event("created", org="acme")) == "applied"
    assert paid(server)


# Reloads


@pytest.mark.allowed_log(*AWAY, "ATB0204")
def test_a_reload_is_never_refused(site, away):
    server = make_node(site, away.conninfo("attune")).start()
    subscribe(server, "acme")
    away.psql("ALTER SCHEMA billing RENAME TO elsewhere", "attune")
    try:
        server.reload()
        assert paid(server)
    finally:
        away.psql("ALTER SCHEMA elsewhere RENAME TO billing", "attune")
    away.stop()
    server.reload()
    assert paid(server)


@pytest.mark.allowed_log(*AWAY)
def test_what_is_known_outlives_a_reload_and_more_room(site, away):
    server = make_node(site, away.conninfo("attune")).start()
    subscribe(server, "acme")
    away.stop()
    server.reload()
    assert paid(server)
    server.configure_site("BillingCacheOrgs 5000\n" + NODE)
    server.reload()
    assert paid(server)
    assert look(server, "globex")[:4] == (503, "unknown", "", "unverified")


def test_reloads_under_load_fail_nobody(site, cluster, database):
    server = make_node(site, cluster.conninfo(database)).start()
    orgs = [f"org{number}" for number in range(20)]
    for org in orgs:
        subscribe(server, org)
    with Load(server, orgs, PAID, threads=4) as load:
        for _ in range(3):
            server.reload()
    assert not load.wrong and load.count > 100
    print(f"{load.count} requests over 3 reloads")


def test_another_catalogue_recognises_what_was_bought_before(site, cluster, migrated_template):
    database = cluster.create_database(template=migrated_template)
    server = make_node(site, cluster.conninfo(database)).start()
    subscribe(server, "acme", price="price_of_tomorrow")
    assert look(server, "acme")[:4] == (402, "active", "", "plan")
    server.configure_site(NODE.replace("stripe price_founding_monthly", "stripe price_founding_monthly price_of_tomorrow"))
    server.reload()
    wait_for(lambda: paid(server), what="the new catalogue in the table")
    server.configure_site(NODE)
    server.reload()
    wait_for(lambda: look(server, "acme").plan == "", what="the old catalogue in the table")
    server.stop()
    cluster.drop_database(database)


def test_a_child_that_ends_costs_no_second_reading_of_everything(site, cluster, database):
    server = make_node(site, cluster.conninfo(database)).start()
    server.log.wait_for(READ)
    old = server.children()
    for pid in old:
        server.allow("exit signal")
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: server.children() and not set(server.children()) & set(old), what="new children")
    ages = [look(server, "acme").age]
    cluster.psql("INSERT INTO billing.org (org_id) VALUES ('late');"
                 "INSERT INTO billing.link (org_id, livemode, provider, status) VALUES ('late', false, 'stripe', 'canceled')",
                 database)
    wait_for(lambda: look(server, "late").status == "canceled", what="the feed of the new children")
    assert server.log.count(READ) == 1 and ages


def test_very_many_orgs_are_read_in_two_halves_that_leave_none_out(site, cluster, migrated_template):
    database = cluster.create_database(template=migrated_template)
    cluster.psql("INSERT INTO billing.org (org_id) SELECT 'org-' || n FROM generate_series(1, 60000) n;"
                 "INSERT INTO billing.link (org_id, livemode, provider, status)"
                 " SELECT 'org-' || n, mode, 'stripe', 'active' FROM generate_series(1, 60000) n, (VALUES (true), (false)) m (mode)"
                 " WHERE mode OR n % 3 = 0; ANALYZE billing.link", database)
    config = NODE + "BillingCacheOrgs 200000\nBillingMount metrics /metrics\n"
    server = make_node(site, cluster.conninfo(database), config).start()
    server.log.wait_for(READ)
    (entries,) = re.findall(r"^attune_billing_cache_entries (\d+)", server.get("/metrics").text, re.MULTILINE)
    assert int(entries) == 80000
    server.stop()
    cluster.drop_database(database)


# Stops


@pytest.mark.allowed_log(*AWAY)
def test_what_was_known_at_a_stop_is_known_at_the_next_start(site, away):
    server = make_node(site, away.conninfo("attune")).start()
    subscribe(server, "acme")
    subscribe(server, "globex", "past_due")
    server.stop()
    away.stop()
    position = server.log.position()
    server.start()
    assert paid(server) and look(server, "globex").status == "past_due"
    assert "ATB0225" in server.log.text(position)
    assert (server.root / STATE).stat().st_mode & 0o777 == 0o600


def test_changes_while_stopped_are_seen_after_the_start(site, away):
    server = make_node(site, away.conninfo("attune")).start()
    for org in ("stays", "changes", "goes"):
        subscribe(server, org)
    server.log.wait_for(READ)
    server.stop()
    away.psql("UPDATE billing.link SET status = 'canceled' WHERE org_id = 'changes';"
              "DELETE FROM billing.link WHERE org_id = 'goes'", "attune")
    position = server.log.position()
    server.start()
    wait_for(lambda: [look(server, org).status for org in ("stays", "changes", "goes")] == ["active", "canceled", "none"],
             what="what has changed")
    assert "ATB0225" in server.log.text(position) and not server.log.count(READ, position)


def test_a_database_that_was_started_anew_meanwhile_is_read_anew(site, away):
    """What the saved state says of the change feed may mean nothing there."""
    server = make_node(site, away.conninfo("attune")).start()
    subscribe(server, "acme")
    server.log.wait_for(READ)
    server.stop()
    away.stop()
    away.start()
    position = server.log.position()
    server.start().log.wait_for(READ, position)
    assert paid(server)


@pytest.mark.parametrize("damage", ["cut", "garbage", "other"])
@pytest.mark.allowed_log(*AWAY)
def test_a_saved_state_that_cannot_be_trusted_is_left_alone(site, away, damage):
    server = make_node(site, away.conninfo("attune")).start()
    subscribe(server, "acme")
    server.stop()
    path = server.root / STATE
    if damage == "cut":
        server.write(STATE, path.read_bytes()[:-40])
    elif damage == "garbage":
        server.write(STATE, b"\xff" * 500)
    else:
        server.values["DATABASE"] = away.conninfo("another")
        server.configure_site(NODE)
    away.stop()
    position = server.log.position()
    server.start()
    assert "ATB0226" in server.log.text(position)
    if damage != "cut":  # a damaged end is found at the end
        assert look(server, "acme")[:4] == (503, "unknown", "", "unverified")


def test_a_stop_leaves_no_connection_open(site, cluster, database):
    for _ in range(2):
        server = make_node(site, cluster.conninfo(database)).start()
        look(server, "acme")
        server.stop()
    wait_for(lambda: cluster.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'attune_billing'") == "0",
             what="all connections to be closed")
