# SPDX-License-Identifier: Apache-2.0
"""Thousands of events of hundreds of organisations, doubled, shuffled, late, cut short, lost, many within one second, while
httpd's children are killed, PostgreSQL is restarted and crashes, and the provider fails now and then. In the end the
database and every child's gates say what the provider says; nothing was lost, nothing applied twice.

ATTUNE_CHAOS_EVENTS: about how many events (10000). ATTUNE_CHAOS_SEED: another story (1)."""
import collections
import os
import random
import signal
import threading
import time

import pytest

from chaos_story import (PRICES, STORY_DAYS, DAY, Postman, Story, expected_links, expected_subscriptions, handled,
                         read_rows)
from harness import client
from harness.site import PASSWORD
from harness.waiting import wait_for
from node_support import AWAY, NODE, make_node, own_cluster, seen
from stripe_simulator.driver import Driver

EVENTS = int(os.environ.get("ATTUNE_CHAOS_EVENTS", "10000"))
SEED = os.environ.get("ATTUNE_CHAOS_SEED", "1")
EVENTS_PER_ORG = 19
WAVES = 8
LOST, LATE, CUT = 0.04, 0.10, 0.01
KILL_EVERY, CRASH_EVERY = 900, 5000  # answers

pytestmark = pytest.mark.timeout(max(300, EVENTS // 20))

SITE = NODE.replace("BillingStale max=24h then=deny", "BillingStale max=24h then=deny\n    BillingPastDue deny") + """
BillingStripeAPIBase @STRIPE@
BillingStripeTimeout 3s
BillingSweep off
BillingMount admin /operate
LogFormat "%{pid}P %{X-Connection}i" child
CustomLog "@ROOT@/child.log" child
<Location "/operate">
    AuthType Basic
    AuthName "operators"
    AuthBasicProvider file
    AuthUserFile "@ROOT@/people"
    Require valid-user
</Location>
"""

# Witnesses: which transaction wrote which event, and which version of which link.
WITNESSES = """
CREATE SCHEMA witness;
CREATE TABLE witness.event (xid xid8 DEFAULT pg_current_xact_id(), event_id text);
CREATE TABLE witness.link (xid xid8 DEFAULT pg_current_xact_id(), org_id text, version bigint);
CREATE FUNCTION witness.event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO witness.event (event_id) VALUES (NEW.event_id); RETURN NULL; END $$;
CREATE FUNCTION witness.link() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO witness.link (org_id, version) VALUES (NEW.org_id, NEW.version); RETURN NULL; END $$;
CREATE TRIGGER witness AFTER INSERT ON billing.event FOR EACH ROW EXECUTE FUNCTION witness.event();
CREATE TRIGGER witness AFTER INSERT OR UPDATE ON billing.link FOR EACH ROW EXECUTE FUNCTION witness.link();
"""


@pytest.fixture
def durable(scratch, workspace):
    """With fsync: what was acknowledged must survive a crash."""
    with own_cluster(scratch, workspace, durable=True) as made:
        made.psql(WITNESSES, "attune")
        yield made


@pytest.fixture
def stripe():
    began = int(time.time()) - (STORY_DAYS + 1) * DAY
    prices = [word for price in PRICES for word in ("--price", f"{price}=2900:usd:week:{price}")]
    with Driver.start(*prices, "--clock", str(began), "--freeze", "--seed", SEED) as driver:
        yield driver
        assert driver.get("state")["bugs"] == []


class Saboteur:
    """Kills a child of httpd every so many answers, and now and then takes PostgreSQL down, in order or not."""

    def __init__(self, server, cluster, postman):
        self._server, self._cluster, self._postman = server, cluster, postman
        self._random = random.Random(f"saboteur {SEED}")
        self._over = threading.Event()
        self.done = collections.Counter()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        next_kill, next_crash = KILL_EVERY, CRASH_EVERY
        while not self._over.wait(0.01):
            if self._postman.taken >= next_kill:
                next_kill += KILL_EVERY
                self._kill_child()
            if self._postman.taken >= next_crash:
                next_crash += CRASH_EVERY
                self._crash_database()

    def _kill_child(self):
        children = self._server.children()
        if children:
            os.kill(self._random.choice(children), signal.SIGKILL)
            self.done["children killed"] += 1

    def _crash_database(self):
        how = ("restarted", "crashed", "killed")[self.done["database down"] % 3]
        if how == "killed":
            self._cluster.kill()
            self._cluster.start()
        else:
            self._cluster.restart(fast=how == "restarted")
        self.done["database down"] += 1

    def stop(self):
        self._over.set()
        self._thread.join()


class Run:
    """The story and all that is done to it."""

    def __init__(self, server, cluster, stripe):
        self.server, self.cluster, self.stripe = server, cluster, stripe
        self.postman = Postman(server.port, SEED)
        self.saboteur = Saboteur(server, cluster, self.postman)
        self._random = random.Random(f"run {SEED}")
        self.made, self.lost = [], []

    def play(self):
        try:
            self._play()
            self.postman.wait()
        finally:
            self.saboteur.stop()
            self.postman.close()

    def _play(self):
        story = Story(self.stripe, SEED, EVENTS // EVENTS_PER_ORG)
        late = []
        self.stripe.post("faults", on="webhook", kind="lose", times=None)  # ours is the only postman
        for _ in range(WAVES):
            self.stripe.post("faults", on="api", kind="answer", status=self._random.choice([429, 500, 503]),
                             times=40, path="subscriptions")
            events = story.wave(WAVES)
            self.made += events
            now, late = self._sort(events, late)
            self.postman.post(now)
        self.stripe.delete("faults")
        self.postman.post(late)

    def _sort(self, events, late_before):
        now, late = list(late_before), []
        for event in events:
            dice = self._random.random()
            if dice < LOST:
                self.lost.append(event)
            elif dice < LOST + LATE:
                late.append(event)
            else:
                now.append(event)
        self.postman.cut(event for event in events if self._random.random() < CUT)
        return now, late

    def sweep(self):
        """By hand, until there is nothing left to find. What it found."""
        found = collections.Counter()
        while True:
            reply = self.server.post("/operate/sweep", headers={**client.basic("alice", PASSWORD),
                                                                "Content-Type": "application/json"}, body=b"{}", timeout=60)
            assert reply.status == 200, reply
            report = reply.json
            for name in ("found", "applied", "stale", "ignored", "dead", "failed", "doubts", "settled"):
                found[name] += report[name]
            if report["end"] == "complete" and not report["found"] and report["settled"] == report["doubts"]:
                return dict(found)


def check_witnesses(cluster):
    """Every event has been written once, and every version of a link by one transaction that also wrote one event."""
    assert cluster.psql("SELECT event_id FROM witness.event GROUP BY 1 HAVING count(*) > 1", "attune") == []
    assert cluster.psql("SELECT org_id, version FROM witness.link GROUP BY 1, 2 HAVING count(*) > 1", "attune") == []
    assert cluster.psql("SELECT xid FROM witness.link GROUP BY 1 HAVING count(*) > 1", "attune") == []
    assert cluster.psql("SELECT l.xid FROM witness.link l LEFT JOIN witness.event e ON e.xid = l.xid"
                        " GROUP BY 1 HAVING count(e.event_id) <> 1", "attune") == []
    assert cluster.psql("SELECT l.org_id FROM billing.link l JOIN witness.link w ON w.org_id = l.org_id"
                        " GROUP BY 1 HAVING count(*) <> max(l.version) OR max(w.version) <> max(l.version)", "attune") == []


def check_events(run):
    stored = {row["event_id"]: row for row in read_rows(
        run.cluster, "attune", "SELECT json_build_object('event_id', event_id, 'outcome', outcome, 'type', type,"
        " 'error', error) FROM billing.event")}
    lost = {event["id"] for event in run.lost}
    needed = {event["id"] for event in run.made if handled(event) or event["id"] not in lost}
    assert run.postman.delivered == {event["id"] for event in run.made} - lost
    assert set(stored) >= needed, f"{len(needed - set(stored))} events lost"
    assert set(stored) <= {event["id"] for event in run.made}
    assert [row for row in stored.values() if row["outcome"] == "dead"] == []


def check_rows(run, subscriptions, links):
    """Row by row against the oracle."""
    stored = {row.pop("subscription_id"): row for row in read_rows(
        run.cluster, "attune", "SELECT json_build_object('subscription_id', subscription_id, 'org_id', org_id,"
        " 'customer_id', customer_id, 'raw_status', raw_status, 'status', status, 'ended', ended,"
        " 'created', extract(epoch FROM created)::bigint, 'period_end', extract(epoch FROM period_end)::bigint,"
        " 'cancel_at', extract(epoch FROM cancel_at)::bigint, 'price_ids', price_ids, 'unsettled', unsettled)"
        " FROM billing.subscription")}
    assert differences(stored, subscriptions) == []
    stored = {row.pop("org_id"): row for row in read_rows(
        run.cluster, "attune", "SELECT json_build_object('org_id', org_id, 'subscription_id', subscription_id,"
        " 'status', status, 'plan_key', plan_key, 'grace_over', grace_over, 'price_ids', price_ids,"
        " 'period_end', extract(epoch FROM period_end)::bigint, 'cancel_at', extract(epoch FROM cancel_at)::bigint,"
        " 'live_count', live_count, 'is_overdue', past_due_since IS NOT NULL) FROM billing.link")}
    assert differences(stored, links) == []


def check_customers(run, objects, subscriptions, links):
    """The customer to ask about is the chosen subscription's, and never one that was deleted."""
    for row in read_rows(run.cluster, "attune", "SELECT json_build_object('org_id', org_id, 'customer_id', customer_id)"
                                                " FROM billing.link"):
        chosen = subscriptions[links[row["org_id"]]["subscription_id"]]["customer_id"]
        if not objects["customer"][chosen].get("deleted"):
            assert row["customer_id"] == chosen, row
        elif row["customer_id"]:
            assert not objects["customer"][row["customer_id"]].get("deleted"), row


def differences(stored, expected):
    """What is not as it should be: key, name, value stored, value expected."""
    found = [(key, "row", stored.get(key), expected.get(key)) for key in set(stored) ^ set(expected)]
    for key in set(stored) & set(expected):
        found += [(key, name, stored[key].get(name), value) for name, value in expected[key].items()
                  if stored[key].get(name) != value]
    return found


def connection_to_each(server):
    """Children by process id, each with a kept connection that it answers on."""
    children = set(server.children())
    found = {}

    def gather():
        if not children <= set(found):
            mark = f"{len(gather.opened)}"
            connection = client.Connection(server.port)
            gather.opened.append(connection)
            connection.request("GET", "/free/", headers={"X-Connection": mark, "X-Org": "anyone"})
            line = wait_for(lambda: next((line for line in (server.root / "child.log").read_text().splitlines()
                                          if line.endswith(f" {mark}")), None), what="the access log")
            found[int(line.split()[0])] = connection
        return children <= set(found)
    gather.opened = []
    wait_for(gather, what="a connection to each child")
    return {pid: found[pid] for pid in children}


def check_gates(server, links):
    """Every child, every org."""
    wrong = []
    connections = connection_to_each(server)
    for pid, connection in connections.items():
        for org, link in links.items():
            found = seen(connection.request("GET", "/dispatch/", headers={"X-Org": org}))
            code = 200 if link["status"] == "active" else 402
            if (found.code, found.status, found.plan) != (code, link["status"], link["plan_key"]):
                wrong.append((pid, org, found, link))
    assert not wrong, f"{len(wrong)} of {len(connections) * len(links)}: {wrong[:5]}"
    return len(connections)


def test_the_end_is_what_the_provider_says_whatever_happens_on_the_way(site, durable, stripe):
    server = make_node(site, durable.conninfo("attune"), SITE, values={"STRIPE": stripe.url})
    server.allow(*AWAY, "exit signal", "ATB0231", "ATB0211", "AH00052", "ATB0204")
    server.start()
    began = time.monotonic()
    run = Run(server, durable, stripe)
    run.play()
    took = time.monotonic() - began
    print(f"seed {SEED}: {len(run.made)} events, {len(run.lost)} of them lost; {run.postman.taken} deliveries taken in"
          f" {took:.0f} s: {dict(run.postman.outcomes)}; not taken at first: {dict(run.postman.refused)};"
          f" {dict(run.saboteur.done)}")
    check_witnesses(durable)
    stripe.advance("1m", step=False)
    print(f"the sweep: {run.sweep()}")
    objects = stripe.get("state")["objects"]
    subscriptions = expected_subscriptions(objects)
    links = expected_links(subscriptions)
    check_events(run)
    check_rows(run, subscriptions, links)
    check_customers(run, objects, subscriptions, links)
    position = int(durable.value("SELECT pg_snapshot_xmin(pg_current_snapshot())", "attune"))
    assert position
    wait_for(lambda: look_status(server, links), what="the change feed")
    children = check_gates(server, links)
    print(f"{len(links)} orgs, {len(subscriptions)} subscriptions, statuses"
          f" {dict(collections.Counter(link['status'] for link in links.values()))}; {children} children agree;"
          f" {time.monotonic() - began:.0f} s in all")


def look_status(server, links):
    org, link = next(iter(links.items()))
    return seen(server.get("/dispatch/", headers={"X-Org": org})).status == link["status"]
