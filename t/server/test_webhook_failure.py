# SPDX-License-Identifier: Apache-2.0
"""2xx only after commit, and all or nothing: with a database that refuses, hangs, goes and comes back, and children that
are killed while they write."""
import concurrent.futures
import contextlib
import http.client
import os
import random
import signal
import threading

import pytest

from harness import client, stripe_events, stripe_sign
from harness.cluster import Cluster, migrate
from harness.ledger import Ledger
from harness.site import API, CATALOGUE, WEBHOOK, WEBHOOK_SECRET, token
from harness.stripe_events import new_id, now
from harness.waiting import wait_for

# The last three are mod_dbd's: a child that starts while the database is away cannot fill mod_dbd's own pool.
pytestmark = pytest.mark.allowed_log("ATB0402", "ATB0202", "ATB0204", "AH00629", "AH00633", "AH00636")

BOUND = 10  # seconds until a client here gives up; the server promises about 3

GATED = CATALOGUE + """
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
</BillingFeature>
<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
"""


@pytest.fixture(scope="module")
def server(database, cluster, module_site):
    made = module_site(GATED, database=cluster.conninfo(database), without=["BillingStripeSecretKey"])
    made.write("htdocs/dispatch/index.html", "the board")
    return made


@pytest.fixture
def ledger(cluster, database):
    return Ledger(cluster, database)


@pytest.fixture(scope="module")
def known(server):
    """An org that has paid, and is known to the gate."""
    org = new_id("org")
    deliver(server, snapshot(org, new_id("sub"), "active"))
    assert gate(server, org).status == 200
    return org


def snapshot(org, sub, status, at=0, **more):
    return stripe_events.subscription_event("updated", org=org, sub=sub, customer=f"cus_{sub}", status=status,
                                            created=now() - 1000 + at, started=now() - 2000, **more)


def deliver(server, event):
    reply = server.deliver(event)
    assert reply.status == 200, reply
    return reply.json["outcome"]


def try_deliver(server, event):
    """As the provider sees it: a status, or nothing."""
    body = stripe_sign.encode(event)
    try:
        return client.request(server.port, "POST", WEBHOOK, headers=stripe_sign.headers(body, WEBHOOK_SECRET), body=body,
                              timeout=BOUND).status
    except (OSError, http.client.HTTPException):
        return None


def gate(server, org):
    return client.request(server.port, "GET", "/dispatch/", headers=token(org_id=org, role="owner"), timeout=BOUND)


def summary(server, org):
    return client.request(server.port, "GET", API + "/summary", headers=token(org_id=org, role="owner"), timeout=BOUND)


def is_refused(reply):
    assert reply.status == 503 and reply.json["code"] == "database_unavailable", reply
    assert int(reply.header("retry-after")) > 0
    assert reply.header("content-type") == "application/problem+json"


def comes_back(server, event, outcome="applied"):
    """The provider sends again until it is told 2xx; nobody has to restart anything."""
    last = []

    def accepted():
        last[:] = [server.deliver(event)]
        return last[0].status == 200
    wait_for(accepted, what=lambda: f"2xx, last was {last}")
    assert last[0].json["outcome"] == outcome


def recovered(server):
    """Each child finds out for itself, within a second, that the database is back: waits until all of them have."""
    def all_accept():
        return all(server.deliver(stripe_events.event("a.probe", {"object": "probe"})).status == 200 for _ in range(16))
    wait_for(all_accept, what="every child to use the database again")


def nothing_of(ledger, event, org):
    assert ledger.event(event) is None
    assert ledger.link(org) is None
    assert ledger.row("org", org_id=org) is None
    assert ledger.count("subscription", f"org_id = '{org}'") == 0
    assert ledger.count("customer", f"org_id = '{org}'") == 0


# All or nothing


@pytest.fixture
def refusing(ledger):
    """refusing(table, …): the database raises when a row of that table is written, at once or at the commit."""
    made = []

    def refuse(table, deferred=False):
        constraint = "CONSTRAINT" if deferred else ""
        later = "DEFERRABLE INITIALLY DEFERRED" if deferred else ""
        ledger.sql("CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                   " $$BEGIN RAISE EXCEPTION 'refused by a test'; END$$;"
                   f"CREATE {constraint} TRIGGER refuse AFTER INSERT ON billing.{table} {later} FOR EACH ROW EXECUTE FUNCTION refuse()")
        made.append(table)

    def allow():
        while made:
            ledger.sql(f"DROP TRIGGER refuse ON billing.{made.pop()}")

    refuse.allow = allow
    yield refuse
    allow()


@pytest.mark.parametrize("deferred", [False, True], ids=["at once", "at commit"])
@pytest.mark.parametrize("table", ["event", "org", "customer", "subscription", "link"])
def test_all_or_nothing(server, ledger, refusing, table, deferred):
    org = new_id("org")
    event = snapshot(org, new_id("sub"), "active")
    refusing(table, deferred)
    is_refused(server.deliver(event))
    nothing_of(ledger, event, org)
    assert gate(server, org).status == 402
    refusing.allow()
    assert deliver(server, event) == "applied"
    assert gate(server, org).status == 200


def test_all_or_nothing_of_a_change(server, ledger, refusing):
    """What was there before stays as it was, in shared memory too."""
    org, sub = new_id("org"), new_id("sub")
    deliver(server, snapshot(org, sub, "active"))
    before = ledger.link(org), ledger.subscription(sub)
    refusing("event", deferred=True)
    event = snapshot(org, sub, "canceled", at=1)
    is_refused(server.deliver(event))
    assert (ledger.link(org), ledger.subscription(sub)) == before
    assert gate(server, org).status == 200
    refusing.allow()
    assert deliver(server, event) == "applied"
    assert gate(server, org).status == 402


@pytest.mark.parametrize("make", ["ignored", "dead", "buried"])
def test_an_event_without_effect_is_kept_or_refused(server, ledger, refusing, make):
    server.allow("ATB0403")
    event = {"ignored": stripe_events.event("charge.succeeded", {"object": "charge"}),
             "dead": stripe_events.subscription_event("created", status="active"),
             "buried": stripe_events.customer_deleted(new_id("cus"))}[make]
    customers = ledger.count("customer")
    refusing("event", deferred=True)
    is_refused(server.deliver(event))
    assert ledger.event(event) is None and ledger.count("customer") == customers
    refusing.allow()
    assert deliver(server, event) == {"buried": "ignored"}.get(make, make)


# A database that is away


def test_stopped_and_back(server, cluster, ledger, known):
    children = set(server.children())
    org = new_id("org")
    event = snapshot(org, new_id("sub"), "active")
    cluster.stop()
    try:
        for _ in range(3):
            is_refused(server.deliver(event))
        assert gate(server, known).status == 200
        assert summary(server, known).status == 200
        is_refused(server.deliver(stripe_events.subscription_event("updated", installation="another")))
    finally:
        cluster.start()
    comes_back(server, event)
    recovered(server)
    assert gate(server, org).status == 200
    assert deliver(server, event) == "duplicate"
    assert children <= set(server.children()), "nobody had to be restarted"


@pytest.fixture
def durable(scratch, workspace):
    """A cluster that keeps what it has committed, whatever happens. The others of a run do not bother."""
    made = Cluster(scratch, durable=True).start()
    name = made.create_database()
    migrate(workspace, made.conninfo(name))
    yield made, name
    made.remove()


def test_crashed_and_back(site, durable):
    """As if the power went, while events come in."""
    cluster, database = durable
    server = site(GATED, database=cluster.conninfo(database), without=["BillingStripeSecretKey"])
    ledger = Ledger(cluster, database)
    events = [snapshot(new_id("org"), new_id("sub"), "active") for _ in range(60)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        told = [pool.submit(try_deliver, server, event) for event in events]
        wait_for(lambda: sum(future.done() for future in told) >= 10, what="some events to be delivered")
        cluster.kill()
        cluster.start()
    accepted = {event["id"] for event, future in zip(events, told) if future.result() == 200}
    stored = {row[0] for row in ledger.sql("select event_id from billing.event")}
    assert accepted <= stored, "told 2xx and lost"
    for event in events:
        comes_back(server, event, "duplicate" if event["id"] in stored else "applied")
    assert (ledger.count("event"), ledger.count("link"), ledger.count("link", "version = 1")) == (60, 60, 60)


def test_terminated_backends_cost_nothing(server, ledger):
    recovered(server)
    org, sub = new_id("org"), new_id("sub")
    for at in range(12):
        ledger.sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'attune_billing'")
        assert deliver(server, snapshot(org, sub, "active", at=at)) == "applied"
    assert ledger.link(org)["version"] == 12


@contextlib.contextmanager
def locked(ledger, sql):
    """Holds what the statement locks until the end, as somebody at a psql prompt would."""
    name = new_id("lock")

    def hold():
        # pg_sleep in slices, so that the end of the test is the end of the lock.
        ledger.sql(f"begin; set local application_name = '{name}'; {sql};"
                   "do $$ begin for i in 1..600 loop exit when exists (select from pg_stat_activity where"
                   f" application_name = '{name}_end'); perform pg_sleep(0.05), pg_stat_clear_snapshot(); end loop; end $$; commit")

    thread = threading.Thread(target=hold)
    thread.start()
    wait_for(lambda: ledger.value("select count(*) from pg_locks l join pg_stat_activity a using (pid)"
                                  f" where a.application_name = '{name}' and l.mode in ('RowExclusiveLock', 'RowShareLock', 'ExclusiveLock')"
                                  " and a.query like 'do %'") != "0", what="the lock")
    try:
        yield
    finally:
        ledger.sql(f"set application_name = '{name}_end'; select pg_sleep(0.2)")
        thread.join()


def test_terminated_in_the_middle_of_a_write(server, ledger):
    """The statement waits for a lock when its backend goes; it is sent again."""
    recovered(server)
    org, sub = new_id("org"), new_id("sub")
    deliver(server, snapshot(org, sub, "active"))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with locked(ledger, f"select from billing.link where org_id = '{org}' for update"):
            told = pool.submit(deliver, server, snapshot(org, sub, "past_due", at=1))
            waiting = "from pg_stat_activity where usename = 'attune_billing' and wait_event_type = 'Lock'"
            wait_for(lambda: ledger.value(f"select count(*) {waiting}") == "1", what="the write to wait")
            assert ledger.sql(f"select pg_terminate_backend(pid) {waiting}") == [["t"]]
        assert told.result() == "applied"
    assert (ledger.link(org)["version"], ledger.link(org)["status"]) == (2, "past_due")


@pytest.mark.timeout(60)
def test_a_row_locked_by_hand_harms_nobody_else(server, ledger, known):
    recovered(server)
    org, sub = new_id("org"), new_id("sub")
    deliver(server, snapshot(org, sub, "active"))
    event = snapshot(org, sub, "past_due", at=1)
    position = server.log.position()
    with locked(ledger, f"select from billing.link where org_id = '{org}' for update"):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            told = pool.submit(server.deliver, event)
            others = 0
            while not told.done():
                assert deliver(server, snapshot(new_id("org"), new_id("sub"), "active")) == "applied"
                assert gate(server, known).status == 200
                others += 1
            is_refused(told.result())
            assert others > 1
        assert deliver(server, snapshot(new_id("org"), new_id("sub"), "active")) == "applied"
    assert server.log.count("ATB0202", position) == 0, "a locked row is not a database that is away"
    comes_back(server, event)


@pytest.mark.timeout(90)
def test_frozen_and_thawed(server, cluster, ledger, known):
    """Connections are taken and never answered: everybody waits for a bounded time, and only who needs the database."""
    recovered(server)
    org = new_id("org")
    events = [snapshot(org, new_id("sub"), "active") for _ in range(12)]
    cluster.freeze()
    try:
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            told = [pool.submit(try_deliver, server, event) for event in events]
            while not all(future.done() for future in told):
                assert gate(server, known).text == "the board"
                assert summary(server, known).status == 200
                assert server.get("/data.json", headers=token(org_id=known)).status == 200
        assert [future.result() for future in told] == [503] * 12
        assert gate(server, known).text == "the board"
    finally:
        cluster.thaw()
    recovered(server)
    for event in events:
        # What was on its way when the server froze may have been written after all.
        assert deliver(server, event) in ("applied", "duplicate")
    assert ledger.link(org)["live_count"] == 12
    assert ledger.count("event", f"org_id = '{org}'") == 12
    assert summary(server, org).json["subscription"]["status"] == "active"


def test_out_of_connections_and_back(server, cluster, ledger, known):
    event = snapshot(new_id("org"), new_id("sub"), "active")
    cluster.psql("alter role attune_billing connection limit 0;"
                 "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'attune_billing'")
    try:
        is_refused(server.deliver(event))
        assert gate(server, known).status == 200
    finally:
        cluster.psql("alter role attune_billing connection limit -1")
    comes_back(server, event)


def test_read_only_and_back(server, cluster, ledger, database):
    """A standby that is not yet promoted, or a full disk: reads work, writes do not."""
    org = new_id("org")
    event = snapshot(org, new_id("sub"), "active")
    cluster.psql(f"alter database {database} set default_transaction_read_only = on;"
                 "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'attune_billing'")
    try:
        is_refused(server.deliver(event))
    finally:
        cluster.psql(f"alter database {database} set default_transaction_read_only = off;"
                     "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'attune_billing'")
    nothing_of(ledger, event, org)
    comes_back(server, event)


# Children that are killed


@pytest.mark.allowed_log("exit signal Killed", "AH00051", "AH00052")
def test_killed_children_lose_nothing_and_do_nothing_twice(server, ledger):
    recovered(server)
    words = ["active", "past_due", "trialing", "paused", "unpaid"]
    orgs = {new_id("org"): new_id("sub") for _ in range(24)}
    events = [snapshot(org, sub, words[at % 5], at=at) for org, sub in orgs.items() for at in range(10)]
    choose = random.Random(7)
    choose.shuffle(events)
    left, kills = list(events), 0
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        while left:
            told = [pool.submit(try_deliver, server, event) for event in left]
            if kills < 6:
                wait_for(lambda: sum(future.done() for future in told) >= min(20, len(told)), what="some answers")
                children = server.children()
                os.kill(choose.choice(children), signal.SIGKILL)
                kills += 1
            left = [event for event, future in zip(left, told) if future.result() != 200]
            if kills < 6 and not left:
                left = choose.sample(events, 60)  # the provider sends some again
    assert ledger.count("event", "event_id in (" + ", ".join(f"'{event['id']}'" for event in events) + ")") == len(events)
    for org, sub in orgs.items():
        link, row = ledger.link(org), ledger.subscription(sub)
        assert link["version"] == 10, "each event once"
        assert (row["raw_status"], link["status"]) == ("unpaid", "past_due")
        assert summary(server, org).json["subscription"]["status"] == "past_due"
