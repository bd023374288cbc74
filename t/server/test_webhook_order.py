# SPDX-License-Identifier: Apache-2.0
"""Events come twice, late, in any order, at once and within one second. The end is always the same, and known: the sequences
that went wrong elsewhere stand here by name, and random ones are held against an oracle. The provider is never asked."""
import concurrent.futures
import itertools
import random
import threading

import pytest

from harness import client, stripe_events, stripe_sign
from harness.ledger import Ledger
from harness.site import API, CATALOGUE, WEBHOOK, WEBHOOK_SECRET, token
from harness.stripe_events import now

STARTED = now() - 10000


@pytest.fixture(scope="module")
def server(database, cluster, module_site):
    return module_site(CATALOGUE, database=cluster.conninfo(database), without=["BillingStripeSecretKey"])


@pytest.fixture
def ledger(cluster, database):
    return Ledger(cluster, database)


_runs = itertools.count(1)


@pytest.fixture
def run():
    return new_run()


def new_run():
    """Tells the ids of one run from another's, without changing how they sort."""
    return f"{next(_runs):06d}"


class Subscription:
    """Events of one subscription; `at` is seconds after it began, `name` sorts as the event's id does."""

    def __init__(self, run, name="a", started=0, price="price_founding_monthly"):
        self.run, self.name = run, name
        self.org, self.id, self.customer = f"org_{run}", f"sub_{run}_{name}", f"cus_{run}"
        self.started, self.price = STARTED + started, price

    def snapshot(self, status, at, name, kind=None):
        kind = kind or ("deleted" if status == "canceled" else "updated")
        return stripe_events.subscription_event(
            kind, id=f"evt_{self.run}_{name}", created=STARTED + at, sub=self.id, customer=self.customer, org=self.org,
            status=status, started=self.started, price=self.price)

    def signal(self, kind, at, name):
        return stripe_events.invoice_event(kind, id=f"evt_{self.run}_{name}", created=STARTED + at, sub=self.id,
                                           customer=self.customer, org=self.org)


def send(server, *events):
    """The outcomes."""
    outcomes = []
    with client.Connection(server.port) as connection:
        for event in events:
            reply = server.deliver(event, connection=connection)
            assert reply.status == 200, reply
            outcomes.append(reply.json["outcome"])
    return outcomes


def at_once(server, events, connections):
    """Delivers from so many threads, which begin at the same moment. The replies. A connection for each event: httpd may
    close idle ones when it is busy, and nobody could tell whether an event was on its way then."""
    queue = list(enumerate(events))
    start = threading.Barrier(connections)

    def worker():
        replies = []
        start.wait()
        while queue:
            try:
                number, event = queue.pop()
            except IndexError:
                break
            replies.append((number, server.deliver(event)))
        return replies

    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        lists = [pool.submit(worker) for _ in range(connections)]
        return [reply for _, reply in sorted((pair for each in lists for pair in each.result()), key=lambda pair: pair[0])]


def status(ledger, run):
    return ledger.link(f"org_{run}")["status"]


# Order


def test_order_updated_active_then_created_incomplete(server, ledger, run):
    """cashier#1760, pay#282: the late `created` took the status back to incomplete for ever."""
    one = Subscription(run)
    assert send(server, one.snapshot("active", 2, "b"), one.snapshot("incomplete", 1, "a", kind="created")) == ["applied", "stale"]
    assert (status(ledger, run), ledger.subscription(one.id)["raw_status"]) == ("active", "active")


def test_order_deleted_then_late_updated_active(server, ledger, run):
    """A stale `active` after the end opened the gate again, for free."""
    one = Subscription(run)
    assert send(server, one.snapshot("active", 1, "a"), one.snapshot("canceled", 3, "c"), one.snapshot("active", 2, "b")) == [
        "applied", "applied", "stale"]
    assert status(ledger, run) == "canceled"


@pytest.mark.parametrize("end", ["canceled", "incomplete_expired"])
def test_order_an_ended_subscription_never_comes_back(server, ledger, run, end):
    """Not even by an event that is newer."""
    one = Subscription(run)
    assert send(server, one.snapshot(end, 1, "a", kind="updated"), one.snapshot("active", 2, "b"), one.signal("paid", 3, "c"),
                one.signal("payment_failed", 4, "d")) == ["applied", "stale", "stale", "stale"]
    assert status(ledger, run) == "canceled"
    assert ledger.subscription(one.id)["unsettled"] is False


def test_order_a_late_end_wins(server, ledger, run):
    """An end with an older second than what is known is an end nevertheless."""
    one = Subscription(run)
    assert send(server, one.snapshot("active", 5, "b"), one.snapshot("canceled", 4, "a")) == ["applied", "applied"]
    assert status(ledger, run) == "canceled"


def test_order_late_past_due_locks_nobody_out(server, ledger, run):
    one = Subscription(run)
    assert send(server, one.snapshot("active", 3, "b"), one.snapshot("past_due", 2, "a")) == ["applied", "stale"]
    assert status(ledger, run) == "active"


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("first, second, shown", [("incomplete", "active", "active"), ("active", "past_due", "past_due"),
                                                  ("past_due", "active", "active"), ("canceled", "active", "canceled"),
                                                  ("active", "canceled", "canceled")])
def test_order_two_events_in_the_same_second(server, ledger, run, first, second, shown, turned):
    """sync-engine#268, anarlog#7222. Without an answer: the end wins, then the greater id, and the row is in doubt."""
    one = Subscription(run)
    events = [one.snapshot(first, 1, "a"), one.snapshot(second, 1, "b")]
    outcomes = send(server, *(reversed(events) if turned else events))
    assert outcomes[0] == "applied" and set(outcomes) <= {"applied", "stale"}
    assert status(ledger, run) == shown
    assert ledger.subscription(one.id)["unsettled"] is (shown != "canceled")
    assert send(server, one.snapshot("active", 2, "c")) == (["stale"] if shown == "canceled" else ["applied"])
    assert ledger.subscription(one.id)["unsettled"] is False


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_order_payment_signals_between_events(server, ledger, run, order):
    one = Subscription(run)
    send(server, one.snapshot("active", 1, "a"))
    events = [one.signal("payment_failed", 2, "b"), one.snapshot("past_due", 3, "c"), one.signal("paid", 4, "d")]
    send(server, *(events[number] for number in order))
    row = ledger.subscription(one.id)
    assert (row["raw_status"], row["status"], row["unsettled"]) == ("past_due", "active", True)


def test_order_the_end_of_the_old_after_the_start_of_the_new(server, ledger, run):
    old, new = Subscription(run, "a"), Subscription(run, "b", started=10)
    for events in itertools.permutations([old.snapshot("active", 1, "a"), old.snapshot("canceled", 12, "b"), new.snapshot("active", 11, "c")]):
        send(server, *events)
        assert ledger.link(old.org)["status"] == "active" or len(events) < 3
    assert ledger.link(old.org)["subscription_id"] == new.id


# Replay


def test_replay_the_same_event(server, ledger, run):
    one = Subscription(run)
    event = one.snapshot("active", 1, "a")
    assert send(server, event) == ["applied"]
    before = ledger.row("link", org_id=one.org), ledger.event(event)
    assert send(server, event, event) == ["duplicate", "duplicate"]
    assert (ledger.row("link", org_id=one.org), ledger.event(event)) == before


def test_replay_with_another_body(server, ledger, run):
    """The id is what counts: what was first kept stays."""
    one = Subscription(run)
    event = one.snapshot("active", 1, "a")
    send(server, event)
    assert send(server, one.snapshot("past_due", 5, "a")) == ["duplicate"]
    assert status(ledger, run) == "active"
    assert ledger.body(event) == stripe_sign.encode(event)


def test_replay_a_day_later(server, ledger, run):
    """Ids are remembered as long as events are, not for the minutes of somebody's cache."""
    one = Subscription(run)
    event = one.snapshot("active", 1, "a")
    send(server, event)
    ledger.sql(f"update billing.event set received_at = received_at - interval '30 days' where event_id = '{event['id']}'")
    assert send(server, event) == ["duplicate"]


def test_replay_resend_after_commit_but_before_the_answer(server, ledger, run):
    """The provider hangs up before it is answered, and sends again."""
    one = Subscription(run)
    event = one.snapshot("active", 1, "a")
    body = stripe_sign.encode(event)
    headers = stripe_sign.headers(body, WEBHOOK_SECRET)
    head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    with client.open_socket(server.port) as connection:
        connection.sendall(head.encode() + body)
    replies = at_once(server, [event] * 3, 3)
    assert {reply.status for reply in replies} == {200}
    assert ledger.count("event", f"event_id = '{event['id']}'") == 1
    assert (ledger.link(one.org)["version"], status(ledger, run)) == (1, "active")


@pytest.mark.parametrize("make", ["applied", "ignored", "dead", "deleted"])
def test_replay_in_parallel(server, ledger, run, make):
    """One event over sixteen connections, and so in several children, at once: one of them writes it."""
    server.allow("ATB0403")
    one = Subscription(run)
    event = {"applied": one.snapshot("active", 1, "a"), "ignored": stripe_events.event("charge.succeeded", {"object": "charge"}),
             "dead": one.snapshot("frozen", 1, "a"),
             "deleted": stripe_events.customer_deleted(one.customer)}[make]
    outcome = {"deleted": "ignored"}.get(make, make)
    replies = at_once(server, [event] * 16, 16)
    outcomes = sorted(reply.json["outcome"] for reply in replies)
    assert outcomes == sorted([outcome] + ["duplicate"] * 15)
    assert ledger.count("event", f"event_id = '{event['id']}'") == 1
    if make == "applied":
        assert ledger.link(one.org)["version"] == 1


def test_two_hundred_events_of_one_org_at_once(server, ledger, run):
    """Each write asks for the link as it was read, so all but one of those that read the same have to do it again."""
    one, two = Subscription(run, "a"), Subscription(run, "b", started=1)
    words = ["active", "past_due", "trialing", "unpaid", "paused"]
    events = [each.snapshot(words[number % 5], number, f"{each.name}{number:03d}") for each in (one, two) for number in range(100)]
    random.Random(3).shuffle(events)
    server.allow("ATB0211", "ATB0402")
    left, outcomes = events, []
    while left:  # what was overtaken for too long is sent again, as the provider does
        replies = at_once(server, left, 32)
        outcomes += [reply.json["outcome"] for reply in replies if reply.status == 200]
        assert {reply.status for reply in replies} <= {200, 503}
        left = [event for event, reply in zip(left, replies) if reply.status == 503]
    assert set(outcomes) <= {"applied", "stale"} and len(outcomes) == 200
    for each in (one, two):
        row = ledger.subscription(each.id)
        assert (row["raw_status"], row["watermark_event"]) == ("paused", f"evt_{run}_{each.name}099")
    link = ledger.link(one.org)
    assert (link["version"], link["subscription_id"], link["status"], link["live_count"]) == (200, two.id, "canceled", 2)
    assert ledger.count("event", f"org_id = '{one.org}'") == 200
    told = server.get(API + "/summary", headers=token(org_id=one.org, role="owner")).json
    assert told["subscription"]["status"] == "canceled"


def test_two_orgs_that_claim_one_customer_at_once(server, ledger):
    """One of them gets it, whoever is first; nothing of the other is written but its event, which is dead."""
    server.allow("ATB0403")
    for _ in range(12):
        run = new_run()
        left, right = Subscription(run, "a"), Subscription(run, "b")
        right.org += "x"
        replies = at_once(server, [left.snapshot("active", 1, "a"), right.snapshot("active", 1, "b")], 2)
        assert sorted(reply.json["outcome"] for reply in replies) == ["applied", "dead"]
        winner, loser = (left, right) if replies[0].json["outcome"] == "applied" else (right, left)
        assert ledger.customer(left.customer)["org_id"] == winner.org
        assert ledger.link(winner.org)["status"] == "active"
        assert sorted(row["org_id"] or "" for row in ledger.rows("event", f"event_id like 'evt_{run}%'")) == ["", winner.org]
        assert ledger.link(loser.org) is None and ledger.subscription(loser.id) is None


def test_two_orgs_that_claim_one_subscription_at_once(server, ledger):
    server.allow("ATB0403")
    for _ in range(12):
        run = new_run()
        left, right = Subscription(run), Subscription(run)
        right.org += "x"
        replies = at_once(server, [left.snapshot("active", 1, "a"), right.snapshot("active", 1, "b")], 2)
        assert sorted(reply.json["outcome"] for reply in replies) == ["applied", "dead"]
        winner, loser = (left, right) if replies[0].json["outcome"] == "applied" else (right, left)
        assert ledger.subscription(left.id)["org_id"] == winner.org
        assert ledger.link(loser.org) is None


def test_order_two_late_events_at_once_both_count(server, ledger):
    """Neither changes what is shown, and each alone would leave, or set, another past_due_since."""
    for _ in range(40):
        run = new_run()
        one = Subscription(run)
        send(server, one.snapshot("past_due", 20, "c"))
        replies = at_once(server, [one.snapshot("active", 10, "b"), one.snapshot("past_due", 5, "a")], 2)
        assert [reply.json["outcome"] for reply in replies] == ["stale", "stale"]
        assert ledger.link(one.org)["past_due_since"] == STARTED + 20


# Every order, by chance


class Case:
    """A small set of events of one or two subscriptions, with ties and ends, as plain data: (subscription, kind, status or
    signal, second, name)."""

    STATUSES = ["active", "active", "past_due", "past_due", "trialing", "unpaid", "paused", "incomplete", "canceled"]

    def __init__(self, seed):
        choose = random.Random(seed)
        self.choose = choose
        self.starts = {name: choose.randrange(3) for name in "ab"[:choose.choice([1, 1, 2])]}
        self.events = []
        for number in range(choose.randrange(3, 7)):
            name = f"{number}{choose.randrange(1000):03d}"
            subscription = choose.choice(list(self.starts))
            if choose.random() < 0.3:
                self.events.append((subscription, "signal", choose.choice(["paid", "payment_failed"]), choose.randrange(5), name))
            else:
                self.events.append((subscription, "snapshot", choose.choice(self.STATUSES), choose.randrange(5), name))
        choose.shuffle(self.events)
        for subscription in self.starts:
            if not any(event[:2] == (subscription, "snapshot") for event in self.events):
                self.events.append((subscription, "snapshot", "active", 0, f"9{subscription}"))

    def order(self):
        """All events, some of them twice. A signal that comes before anything else of its subscription is lost, as the
        contract says, so it never does here."""
        events = self.events + self.choose.choices(self.events, k=len(self.events))
        self.choose.shuffle(events)
        known, held, order = set(), [], []
        for event in events:
            if event[1] == "signal" and event[0] not in known:
                held.append(event)
                continue
            order.append(event)
            if event[0] not in known:
                known.add(event[0])
                order += [late for late in held if late[0] == event[0]]
        return order

    def build(self, order, run):
        subscriptions = {name: Subscription(run, name, started) for name, started in self.starts.items()}
        return [getattr(subscriptions[name], kind)(what, at, event) for name, kind, what, at, event in order]

    # What is to come of it

    def expected(self):
        rows = {name: self._row(name) for name in self.starts}
        best = max(rows, key=lambda name: (not rows[name]["ended"], self.starts[name], name))
        return {"rows": rows, "link": {"subscription": best, "status": rows[best]["status"], "since": rows[best]["since"],
                                       "live": sum(not row["ended"] for row in rows.values())}}

    def _row(self, name):
        shown = {"trialing": "active", "unpaid": "past_due", "paused": "canceled", "incomplete": "none"}
        mine = [event for event in self.events if event[0] == name]
        snapshots = [(what == "canceled", at, event, what) for _, kind, what, at, event in mine if kind == "snapshot"]
        signals = [(at, event, what) for _, kind, what, at, event in mine if kind == "signal"]
        ended, at, event, raw = max(snapshots)
        status = shown.get(raw, raw)
        newest = max(signals) if signals else None
        if newest and not ended and newest[:2] > (at, event):
            status = {("active", "payment_failed"): "past_due", ("past_due", "paid"): "active"}.get((status, newest[2]), status)
        ties = [each for each in snapshots if each[1] == at]
        unsettled = not ended and (len(ties) > 1 or bool(newest and newest[0] >= at))
        since = None
        if status == "past_due":
            entries = [(second, name_, shown.get(what, what) == "past_due") for _, second, name_, what in snapshots]
            entries += [(second, name_, what == "payment_failed") for second, name_, what in signals]
            last = max((entry[:2] for entry in entries if not entry[2]), default=(-1, ""))
            since = STARTED + min(entry[0] for entry in entries if entry[2] and entry[:2] > last)
        return {"raw": raw, "ended": ended, "status": status, "event": event, "unsettled": unsettled, "since": since}


def found(ledger, case, run):
    rows = {}
    for name in case.starts:
        row = ledger.subscription(f"sub_{run}_{name}")
        rows[name] = {"raw": row["raw_status"], "ended": row["ended"], "status": row["status"], "since": row["past_due_since"],
                      "event": row["watermark_event"].split("_")[-1], "unsettled": row["unsettled"]}
    link = ledger.link(f"org_{run}")
    return {"rows": rows, "link": {"subscription": link["subscription_id"].split("_")[-1], "status": link["status"],
                                   "since": link["past_due_since"], "live": link["live_count"]}}


@pytest.mark.parametrize("seed", range(25))
def test_every_order_of_the_same_events_gives_the_same(server, ledger, seed):
    case = Case(seed)
    for _ in range(3):
        run, order = new_run(), case.order()
        outcomes = send(server, *case.build(order, run))
        assert outcomes.count("duplicate") == len(order) - len(case.events)
        assert found(ledger, case, run) == case.expected(), order


@pytest.mark.parametrize("seed", range(100, 115))
def test_the_same_events_at_once_give_the_same(server, ledger, seed):
    """As above, from eight connections: whatever the database makes of it is one of the orders."""
    case = Case(seed)
    for _ in range(3):
        run, order = new_run(), case.order()
        first = {}
        for event in order:
            if event[1] == "snapshot":
                first.setdefault(event[0], event)
        send(server, *case.build(list(first.values()), run))
        replies = at_once(server, case.build(order, run), 8)
        assert {reply.status for reply in replies} == {200}
        assert found(ledger, case, run) == case.expected(), order
