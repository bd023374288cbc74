# SPDX-License-Identifier: Apache-2.0
"""What tests of a database at fault share: a site under load from all sides, and what must hold while the fault is on.
ATTUNE_FAULT_SECONDS: how long each fault lasts at least."""
import contextlib
import os
import threading
import time

from harness import stripe_events
from harness.waiting import wait_for
from metrics_support import METRICS, Difference
from node_support import AWAY, NODE, Load, look, make_node, subscribe

SECONDS = float(os.environ.get("ATTUNE_FAULT_SECONDS", "1"))
ANSWERS = 3  # that everybody has while a fault is on
# Nobody is kept for longer than 3 s by the database. What goes wrong goes on for ever, or until the server itself gives
# up (15 s): a limit in between tells them apart on a busy machine, too.
BOUND = 10
PAID = (200, "active", "founding_monthly", "plan")
ORGS = [f"org{number}" for number in range(40)]

SITE = NODE + f"""
BillingMount metrics {METRICS}
<BillingFeature trucking.routing>
    BillingEnforce enforce
    BillingStale max=24h then=allow
</BillingFeature>
<Location "/routing">
    BillingRequireFeature trucking.routing
</Location>
"""


def make_server(site, conninfo):
    """A node with a lot of orgs that pay. Its provider is never asked: the time that takes is another bound."""
    made = make_node(site, conninfo, SITE, without=["BillingStripeSecretKey"])
    made.write("htdocs/routing/index.html", "the routes")
    made.allow(*AWAY)
    made.start()
    for org in ORGS:
        subscribe(made, org)
    return made


class Asker:
    """One who keeps asking something that may need the database, and notes what was answered and how long it took."""

    def __init__(self, ask):
        self._ask = ask
        self._over = threading.Event()
        self.is_waiting = False
        self.replies = []
        self.longest = 0.0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._over.is_set():
            began = time.monotonic()
            self.is_waiting = True
            reply = self._ask()
            self.is_waiting = False
            self.longest = max(self.longest, time.monotonic() - began)
            self.replies.append(reply)
            self._over.wait(0.02)

    def stop(self):
        self._over.set()
        self._thread.join()


def webhook(server, org="busy"):
    return lambda: server.deliver(stripe_events.subscription_event("updated", org=org, sub=f"sub_{org}",
                                                                   customer=f"cus_{org}")).status


def cold(server, path):
    """Always another org, that nobody has heard of."""
    return lambda: look(server, f"cold{time.monotonic_ns()}", path)


class Askers:
    """Everybody at once: routes, gates about orgs that are not known, and a page without a gate."""

    def __init__(self, server, orgs):
        self.webhook = [Asker(webhook(server, org)) for org in orgs]
        self.cold = Asker(cold(server, "/dispatch/"))
        self.cold_allowed = Asker(cold(server, "/routing/"))
        self.free = Asker(lambda: server.get("/free/").status)
        self.all = [*self.webhook, self.cold, self.cold_allowed, self.free]

    def events(self):
        """The status that each event was answered with since `forget`."""
        return sum((each.replies for each in self.webhook), [])

    def forget(self):
        """Begins anew with what was answered; what was asked before is answered first."""
        self.answered(1)
        for each in self.all:
            each.replies = []

    def answered(self, times=ANSWERS, of=None):
        """Waits until each has been answered so many times more, which nobody is if a fault keeps them."""
        of = self.all if of is None else of
        before = [len(each.replies) for each in of]
        wait_for(lambda: all(len(each.replies) >= count + times for each, count in zip(of, before)), 120,
                 lambda: f"answers: {[len(each.replies) - count for each, count in zip(of, before)]} of {times}")

    def stay(self):
        """A fault lasts for as long as it shall, and until everybody has been answered in it."""
        until = time.monotonic() + SECONDS
        self.answered()
        wait_for(lambda: time.monotonic() > until, SECONDS + 60, "the fault to have lasted")

    def stop(self):
        for each in self.all:
            each.stop()

    def judge(self):
        for each in self.all:
            assert each.longest < BOUND
        assert set(self.free.replies) == {200}
        assert set(self.events()) <= {200, 503}


@contextlib.contextmanager
def watched(server, orgs=("busy", "busy", "busy")):
    """Load on the gates, on routes and on a page without a gate, while a fault is on. `orgs`: whose events come."""
    with Load(server, ORGS, PAID, threads=5) as load:
        askers = Askers(server, orgs)
        try:
            askers.answered(1)
            yield askers
        finally:
            askers.stop()
    assert not load.wrong, f"{len(load.wrong)} of {load.count} decisions about known orgs: {load.wrong[:5]}"
    print(f"{load.count} decisions about known orgs, none wrong; events: {askers.events().count(200)} of"
          f" {len(askers.events())} taken; the longest: {[round(each.longest, 2) for each in askers.all]} s")
    askers.judge()


def over(server):
    """All children work again, by themselves."""
    def all_well():
        return ([webhook(server)() for _ in range(12)] == [200] * 12
                and all(cold(server, "/dispatch/")().reason == "no_subscription" for _ in range(12)))
    wait_for(all_well, 60, what="everything to work again")


def away(server):
    """Nothing works that needs the database, and nobody waits for it any more: no statement is sent that has no answer."""
    difference = Difference(server)
    for _ in range(20):
        found = webhook(server)(), cold(server, "/dispatch/")()[:4], cold(server, "/routing/")()[:4]
        if found != (503, (503, "unknown", "", "unverified"), (200, "unknown", "", "unverified")):
            return False
    ends = difference.of("database_statements_total")
    return ("timeout",) not in ends and ends[("no_connection",)] >= 60


def suffer(server, begin, end):
    """A fault for a while, and what must hold meanwhile."""
    with watched(server) as askers:
        begin()
        wait_for(lambda: away(server), 60, what="the fault to show, and nobody to wait")
        askers.stay()
        assert away(server)
        end()
        over(server)
