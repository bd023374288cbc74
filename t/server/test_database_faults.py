# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL stopped, killed, frozen, stuttering, out of connections, its backends ended: gates go on deciding rightly
about every org that is known, routes answer within their bound and then at once, no worker is tied down, and all of it is
over when the fault is. ATTUNE_FAULT_SECONDS: how long each fault lasts."""
import contextlib
import os
import threading
import time

import pytest

from harness import stripe_events
from harness.waiting import wait_for
from node_support import AWAY, NODE, Load, Session, look, make_node, own_cluster, subscribe

pytestmark = pytest.mark.timeout(240)

SECONDS = float(os.environ.get("ATTUNE_FAULT_SECONDS", "3"))
BOUND = 3 + 1     # of a route that needs the database, and what a busy machine adds
AT_ONCE = 1       # once it is known that the database is away
PAID = (200, "active", "founding_monthly", "plan")
ORGS = [f"org{number}" for number in range(40)]

SITE = NODE + """
<BillingFeature trucking.routing>
    BillingEnforce enforce
    BillingStale max=24h then=allow
</BillingFeature>
<Location "/routing">
    BillingRequireFeature trucking.routing
</Location>
"""


@pytest.fixture(scope="module")
def lone(scratch, workspace):
    with own_cluster(scratch, workspace) as made:
        yield made


@pytest.fixture(scope="module")
def server(module_site, lone):
    made = make_node(module_site, lone.conninfo("attune"), SITE)
    made.write("htdocs/routing/index.html", "the routes")
    made.allow(*AWAY)
    made.start()
    for org in ORGS:
        subscribe(made, org)
    return made


class Asker:
    """One who keeps asking something that may need the database, and notes how long each answer took."""

    def __init__(self, ask):
        self._ask = ask
        self._over = threading.Event()
        self.took = []
        self.replies = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._over.is_set():
            began = time.monotonic()
            reply = self._ask()
            self.took.append((began, time.monotonic() - began))
            self.replies.append(reply)
            self._over.wait(0.02)

    def stop(self):
        self._over.set()
        self._thread.join()

    def longest(self, since=0.0):
        return max(took for began, took in self.took if began >= since)


def webhook(server):
    return lambda: server.deliver(stripe_events.subscription_event("updated", org="busy", sub="sub_busy",
                                                                   customer="cus_busy")).status


def cold(server, path):
    """Always another org, that nobody has heard of."""
    return lambda: look(server, f"cold{time.monotonic_ns()}", path)


@contextlib.contextmanager
def watched(server):
    """Load on the gates, on routes and on a page without a gate, while a fault is on. Yields what is looked at after."""
    with Load(server, ORGS, PAID, threads=5) as load:
        askers = {"webhook": [Asker(webhook(server)) for _ in range(3)],
                  "cold": [Asker(cold(server, "/dispatch/"))],
                  "cold, allowed": [Asker(cold(server, "/routing/"))],
                  "free": [Asker(lambda: server.get("/free/").status)]}
        try:
            yield askers
        finally:
            for each in sum(askers.values(), []):
                each.stop()
    assert not load.wrong, f"{len(load.wrong)} of {load.count} decisions about known orgs: {load.wrong[:5]}"
    print(f"{load.count} decisions about known orgs, none wrong")


def judge(askers, since=0.0):
    for name, several in askers.items():
        longest = max(each.longest(since) for each in several)
        count = sum(len(each.took) for each in several)
        print(f"  {name}: {count} answers, the longest took {longest:.2f} s")
        assert longest < (AT_ONCE if name == "free" else BOUND), name
    assert set(askers["free"][0].replies) == {200}
    assert set(sum((each.replies for each in askers["webhook"]), [])) <= {200, 503}


def over(server):
    """All children work again, by themselves."""
    def all_well():
        return ([webhook(server)() for _ in range(12)] == [200] * 12
                and all(cold(server, "/dispatch/")().reason == "no_subscription" for _ in range(12)))
    wait_for(all_well, what="everything to work again")


def suffer(server, begin, end):
    """A fault for a while, and what must hold meanwhile. Nothing works without the database, and nothing waits for it."""
    with watched(server) as askers:
        time.sleep(0.3)
        begin()
        began = time.monotonic()
        wait_for(lambda: {webhook(server)() for _ in range(8)} == {503}, what="the fault to show")
        time.sleep(max(0.0, began + SECONDS - time.monotonic()))
        known = time.monotonic()
        for _ in range(20):
            assert webhook(server)() == 503
            found = cold(server, "/dispatch/")()
            assert found[:4] == (503, "unknown", "", "unverified")
            assert cold(server, "/routing/")()[:4] == (200, "unknown", "", "unverified")
        print(f"60 answers in {time.monotonic() - known:.2f} s while the database is known to be away")
        assert time.monotonic() - known < 20 * AT_ONCE
        end()
        over(server)
    judge(askers)


def test_stopped(server, lone):
    suffer(server, lone.stop, lone.start)


def test_killed(server, lone):
    suffer(server, lone.kill, lone.start)


def test_frozen(server, lone):
    suffer(server, lone.freeze, lone.thaw)


def test_restarted_again_and_again(server, lone):
    with watched(server) as askers:
        for fast in (True, False, True):
            lone.restart(fast)
            over(server)
    judge(askers)


def test_stuttering(server, lone):
    """Slow: it stands still for a moment again and again."""
    with watched(server) as askers:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            lone.freeze()
            time.sleep(0.3)
            lone.thaw()
            time.sleep(0.3)
        over(server)
    judge(askers)
    answers = sum((each.replies for each in askers["webhook"]), [])
    print(f"  {answers.count(200)} of {len(answers)} events taken meanwhile")
    assert answers.count(200) > len(answers) / 2


@pytest.mark.parametrize("most, share", [(1, 0.9), (4, 0.9), (100, 0.5)])
def test_backends_ended(server, lone, most, share):
    """Hardly an event is refused for it, since each is sent again on another connection; but all of them, those included
    that are just being opened, cannot end ten times a second without a trace."""
    with watched(server) as askers:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            lone.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'attune_billing'"
                      f" ORDER BY random() LIMIT {most}")
            time.sleep(0.1)
        over(server)
    judge(askers)
    answers = sum((each.replies for each in askers["webhook"]), [])
    print(f"  {answers.count(200)} of {len(answers)} events taken meanwhile")
    assert answers.count(200) >= share * len(answers)


def crowd(lone):
    """Takes every connection that is left; the superuser's three stay."""
    taken = []
    while True:
        session = Session(lone, "attune", conninfo=lone.conninfo("attune"))
        taken.append(session)
        if session.run("SELECT 1") != "1":
            return taken


def test_out_of_connections(server, lone):
    """With those that are open the site goes on; without any it waits for one at once."""
    taken = []
    with watched(server) as askers:
        taken = crowd(lone)
        time.sleep(SECONDS)
        lone.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'attune_billing'")
        taken += crowd(lone)
        time.sleep(SECONDS)
        for session in taken:
            session.close()
        over(server)
    judge(askers)


def test_a_row_that_is_locked_holds_up_nothing_else(server, lone):
    session = Session(lone, "attune")
    session.run("BEGIN")
    session.run("SELECT FROM billing.link WHERE org_id = 'busy' FOR UPDATE")
    try:
        position = server.log.position()
        with watched(server) as askers:
            time.sleep(SECONDS)
        judge(askers)
        assert set(sum((each.replies for each in askers["webhook"]), [])) <= {503}
        assert all(found.reason == "no_subscription" for each in askers["cold"] for found in each.replies)
        assert "ATB0202" not in server.log.text(position)
    finally:
        session.run("ROLLBACK")
        session.close()
    over(server)


def test_a_standby_is_no_database_until_it_is_promoted(server, lone):
    """What a fail-over looks like from here: a server that can be read and not written."""
    with watched(server) as askers:
        lone.psql("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()")
        wait_for(lambda: lone.value("SHOW default_transaction_read_only") == "on", what="the setting")
        began = time.monotonic()
        wait_for(lambda: {webhook(server)() for _ in range(8)} == {503}, what="the fault to show")
        time.sleep(max(0.0, began + SECONDS - time.monotonic()))
        lone.psql("SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only")
        lone.psql("SELECT pg_reload_conf()")
        over(server)
    judge(askers)


def test_nothing_is_left_behind(server, lone):
    """After all that: connections of a few idle ones for each child, and not one transaction open."""
    over(server)
    children = len(server.children())
    count = int(lone.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'attune_billing'"))
    assert count <= children * 16
    assert lone.value("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == "0"
