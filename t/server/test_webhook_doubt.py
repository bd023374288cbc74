# SPDX-License-Identifier: Apache-2.0
"""What only the provider can settle: events of one second, payments, sessions, subscriptions not heard of before. It is asked
once, outside of any lock, within a bounded time; without an answer a rule decides and the row is marked. Events are made
here, answers by the simulator."""
import concurrent.futures

import pytest
from shop_support import GATED, start_stripe

from harness import client, stripe_events, stripe_sign
from harness.ledger import Ledger
from harness.site import WEBHOOK, WEBHOOK_SECRET, token
from harness.stripe_events import new_id, now
from harness.waiting import wait_for

BOUND = 10  # seconds until a client here gives up; a webhook takes about 3 at most


@pytest.fixture(scope="module")
def stripe():
    with start_stripe() as driver:
        yield driver


def make_server(site, database, cluster, stripe):
    made = site(GATED, database=cluster.conninfo(database), values={"STRIPE": stripe.url})
    made.write("htdocs/dispatch/index.html", "the board")
    return made


@pytest.fixture(scope="module")
def server(database, cluster, stripe, module_site):
    return make_server(module_site, database, cluster, stripe)


@pytest.fixture
def doubter(database, cluster, stripe, site):
    """A server of the test's own, for one whose provider fails: a few failures in a row, and each of its children leaves the
    provider alone for a while, whatever test comes next."""
    return make_server(site, database, cluster, stripe)


@pytest.fixture(autouse=True)
def healed(stripe):
    yield
    stripe.delete("faults")


@pytest.fixture
def ledger(cluster, database):
    return Ledger(cluster, database)


class Subscription:
    """At the simulator, where no event of it is told."""

    def __init__(self, stripe, org=None, at=-100):
        self._stripe = stripe
        made = stripe.post("subscriptions", price="price_founding_monthly", metadata={"attune_org": org} if org else {})
        self.id, self.customer, self.org = made["id"], made["customer"], org
        self.began = now() + at

    def turns(self, status):
        """What the provider would say from now on."""
        self._stripe.post(f"subscriptions/{self.id}/status", status=status)
        return self

    def event(self, status, at=0, **more):
        return stripe_events.subscription_event(**{"sub": self.id, "customer": self.customer, "org": self.org, "status": status,
                                                   "created": self.began + at, **more})

    def invoice(self, kind, at=0, **more):
        return stripe_events.invoice_event(kind, **{"sub": self.id, "customer": self.customer, "org": self.org,
                                                    "created": self.began + at, **more})

    def asked(self):
        """How often the provider was asked about it."""
        return len([request for request in self._stripe.get(f"requests?path=subscriptions/{self.id}") if request["method"] == "GET"])


def outcome(server, event):
    reply = server.deliver(event)
    assert reply.status == 200, reply
    return reply.json["outcome"]


def deliver_late(server, event):
    """From a connection that gives up after BOUND."""
    body = stripe_sign.encode(event)
    return client.request(server.port, "POST", WEBHOOK, headers=stripe_sign.headers(body, WEBHOOK_SECRET), body=body, timeout=BOUND)


# With an answer


@pytest.mark.parametrize("first, second", [("active", "past_due"), ("past_due", "active")])
@pytest.mark.parametrize("truth", ["active", "past_due"])
def test_order_the_same_second_is_settled_by_the_provider(server, stripe, ledger, first, second, truth):
    one = Subscription(stripe, new_id("org")).turns(truth)
    assert outcome(server, one.event(first)) == "applied"
    assert one.asked() == 0
    assert outcome(server, one.event(second)) == "applied"
    assert one.asked() == 1
    row = ledger.subscription(one.id)
    assert (row["raw_status"], row["status"], row["unsettled"], row["watermark_event"]) == (truth, truth, False, "")
    assert row["watermark"] >= now() - 50, "the watermark is the answer's Date"
    assert outcome(server, one.event("unpaid", at=1)) == "stale"
    assert ledger.link(one.org)["status"] == truth


def test_order_an_end_needs_no_answer(server, stripe, ledger):
    one = Subscription(stripe, new_id("org"))
    outcome(server, one.event("active"))
    assert outcome(server, one.event("canceled", kind="deleted")) == "applied"
    assert (ledger.link(one.org)["status"], one.asked()) == ("canceled", 0)
    assert outcome(server, one.event("active")) == "stale"
    assert outcome(server, one.invoice("paid", at=5)) == "stale"
    assert one.asked() == 0


def test_order_an_answer_that_ended_stays(server, stripe, ledger):
    one = Subscription(stripe, new_id("org")).turns("canceled")
    outcome(server, one.event("active"))
    assert outcome(server, one.event("past_due")) == "applied"
    assert ledger.link(one.org)["status"] == "canceled"
    one.turns("active")
    assert outcome(server, one.event("active", at=500)) == "stale"


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("kind, truth, shown", [("payment_failed", "active", "active"), ("payment_failed", "past_due", "past_due"),
                                                ("payment_failed", "unpaid", "past_due"), ("paid", "active", "active"),
                                                ("paid", "past_due", "past_due")])
def test_a_payment_makes_us_ask(server, stripe, ledger, kind, truth, shown, legacy):
    one = Subscription(stripe, new_id("org")).turns(truth)
    outcome(server, one.event("active"))
    event = one.invoice(kind, at=5, legacy=legacy)
    assert outcome(server, event) == "applied"
    row = ledger.subscription(one.id)
    assert (row["raw_status"], row["status"], row["unsettled"], row["signal"]) == (truth, shown, False, None)
    assert ledger.event(event)["shown_status"] == shown
    assert (ledger.link(one.org)["past_due_since"] is None) is (shown == "active")
    assert outcome(server, event) == "duplicate"
    assert one.asked() == 1


def test_past_due_since_counts_from_the_payment_that_failed(server, stripe, ledger):
    one = Subscription(stripe, new_id("org")).turns("past_due")
    outcome(server, one.event("active"))
    failed = one.invoice("payment_failed", at=5)
    outcome(server, failed)
    assert ledger.link(one.org)["past_due_since"] == failed["created"]
    one.turns("active")
    assert outcome(server, one.invoice("paid", at=10)) == "stale", "the answer is younger, and knew of it"
    assert outcome(server, one.invoice("paid", created=now())) == "applied"
    assert ledger.link(one.org)["past_due_since"] is None


@pytest.mark.parametrize("make", ["paid", "payment_failed"])
def test_a_payment_that_comes_before_its_subscription(server, stripe, ledger, make):
    one = Subscription(stripe, new_id("org"))
    assert outcome(server, one.invoice(make)) == "applied"
    assert (ledger.link(one.org)["status"], ledger.subscription(one.id)["org_id"]) == ("active", one.org)
    assert outcome(server, one.event("incomplete", kind="created")) == "stale"
    assert ledger.link(one.org)["status"] == "active"


def test_a_payment_of_somebody_who_is_none_of_ours(server, stripe, ledger):
    """Other things are sold through the same account."""
    one = Subscription(stripe)
    event = one.invoice("paid")
    assert outcome(server, event) == "ignored"
    assert "nobody knows" in ledger.event(event)["error"]
    assert ledger.subscription(one.id) is None


@pytest.mark.parametrize("kind, payment_status", [("completed", "paid"), ("completed", "no_payment_required"),
                                                  ("async_payment_succeeded", "paid")])
def test_return_a_session_of_ours_brings_its_subscription(server, stripe, ledger, kind, payment_status):
    """The person is sent back as soon as this is answered, and expects to be let in."""
    org, session = new_id("org"), new_id("cs_test")
    one = Subscription(stripe)
    ledger.reserve_checkout(org, session)
    event = stripe_events.checkout_event(kind, session=session, sub=one.id, customer=one.customer, payment_status=payment_status)
    assert outcome(server, event) == "applied"
    assert (ledger.link(org)["status"], ledger.link(org)["plan_key"], ledger.link(org)["customer_id"]) == (
        "active", "founding_monthly", one.customer)
    assert ledger.event(event)["shown_status"] == "active"
    assert server.get("/dispatch/", headers=token(org_id=org, role="owner")).text == "the board"
    assert ledger.row("checkout", session_id=session)["state"] == "complete"


def test_an_answer_about_another_customer_is_none(server, stripe, ledger):
    """The event says it is the customer of one org, the provider that it is another's."""
    one, other = Subscription(stripe, new_id("org")), Subscription(stripe, new_id("org"))
    outcome(server, other.event("active"))
    event = one.invoice("paid", customer=other.customer)
    assert outcome(server, event) == "ignored"
    assert ledger.subscription(one.id) is None and ledger.link(one.org) is None


def test_ten_events_of_one_second_at_once(server, stripe, ledger):
    one = Subscription(stripe, new_id("org")).turns("past_due")
    events = [one.event(status) for status in ["active", "past_due"] * 5]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(lambda event: outcome(server, event), events))
    assert set(outcomes) <= {"applied", "stale"}
    row = ledger.subscription(one.id)
    assert (row["raw_status"], row["unsettled"]) == ("past_due", False)
    assert 1 <= one.asked() <= 10
    assert ledger.count("event", f"org_id = '{one.org}'") == 10


# Without


FAULTS = {"error": {"kind": "answer", "status": 500, "times": None}, "unknown": {"kind": "answer", "status": 404, "times": None},
          "busy": {"kind": "answer", "status": 429, "times": None}, "refused": {"kind": "answer", "status": 401, "times": None},
          "dropped": {"kind": "drop", "times": None}, "garbage": {"kind": "garbage", "times": None}, "cut": {"kind": "cut", "times": None}}


@pytest.mark.allowed_log("ATB0231")
@pytest.mark.parametrize("fault", FAULTS)
def test_order_the_same_second_without_an_answer(doubter, stripe, ledger, fault):
    one = Subscription(stripe, new_id("org"))
    outcome(doubter, one.event("active", id=f"evt_b_{one.id}"))
    stripe.post("faults", on="api", path=one.id, **FAULTS[fault])
    assert outcome(doubter, one.event("past_due", id=f"evt_a_{one.id}")) == "stale"
    row = ledger.subscription(one.id)
    assert (row["raw_status"], row["status"], row["unsettled"]) == ("active", "active", True)
    assert one.asked() > 0
    assert outcome(doubter, one.event("past_due", id=f"evt_c_{one.id}")) == "applied"
    assert (ledger.link(one.org)["status"], ledger.subscription(one.id)["unsettled"]) == ("past_due", True)


@pytest.mark.allowed_log("ATB0231")
def test_a_payment_without_an_answer(doubter, stripe, ledger):
    one = Subscription(stripe, new_id("org"))
    outcome(doubter, one.event("active"))
    stripe.post("faults", on="api", path=one.id, kind="drop", times=None)
    assert outcome(doubter, one.invoice("payment_failed", at=1)) == "applied"
    assert (ledger.link(one.org)["status"], ledger.subscription(one.id)["unsettled"]) == ("past_due", True)
    assert outcome(doubter, one.invoice("paid", at=2)) == "applied"
    assert (ledger.link(one.org)["status"], ledger.subscription(one.id)["unsettled"]) == ("active", True)


@pytest.mark.allowed_log("ATB0231")
@pytest.mark.timeout(60)
def test_a_provider_that_hangs_holds_up_nobody_else(doubter, stripe, ledger):
    """No lock is held while it is asked: another event of the same subscription is written meanwhile, and what was decided
    before is decided again, without asking twice."""
    one, other = Subscription(stripe, new_id("org")), Subscription(stripe, new_id("org"))
    outcome(doubter, one.event("active"))
    stripe.post("faults", on="api", path=one.id, kind="timeout", seconds=20, times=None)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        told = pool.submit(deliver_late, doubter, one.event("past_due"))
        wait_for(one.asked, what="the provider to be asked")
        assert outcome(doubter, one.event("unpaid", at=1)) == "applied"
        assert outcome(doubter, other.event("active")) == "applied"
        assert doubter.get("/dispatch/", headers=token(org_id=other.org, role="owner")).status == 200
        assert not told.done()
        assert (told.result().status, told.result().json["outcome"]) == (200, "stale")
    assert ledger.subscription(one.id)["raw_status"] == "unpaid"
    assert ledger.link(one.org)["version"] == 3


@pytest.mark.allowed_log("ATB0231")
def test_return_a_session_of_ours_without_an_answer(doubter, stripe, ledger):
    """It is kept, with its customer; the subscription comes with its own events."""
    org, session = new_id("org"), new_id("cs_test")
    one = Subscription(stripe)
    ledger.reserve_checkout(org, session)
    stripe.post("faults", on="api", path=one.id, kind="drop", times=None)
    assert outcome(doubter, stripe_events.checkout_event(session=session, sub=one.id, customer=one.customer)) == "applied"
    assert (ledger.link(org)["status"], ledger.link(org)["customer_id"]) == ("none", one.customer)
    assert outcome(doubter, one.event("active")) == "applied"
    assert ledger.link(org)["status"] == "active"
