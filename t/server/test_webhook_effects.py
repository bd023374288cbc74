# SPDX-License-Identifier: Apache-2.0
"""What each event does, in both shapes of Stripe's API, seen in the rows that it leaves. The provider is never asked
here: what it would say is in test_webhook_doubt.py."""
import itertools

import pytest

from harness import stripe_events
from harness.ledger import Ledger
from harness.site import API, CATALOGUE, token
from harness.stripe_events import MONTH, new_id, now
from harness.stripe_sign import encode
from harness.waiting import wait_for

pytestmark = pytest.mark.allowed_log("ATB0403")  # dead events are told as errors

SHAPES = pytest.mark.parametrize("legacy", [False, True], ids=["current", "legacy"])
PLAIN = {"without": ["BillingStripeSecretKey"]}


@pytest.fixture(scope="module")
def server(database, cluster, module_site):
    return module_site(CATALOGUE, database=cluster.conninfo(database), **PLAIN)


@pytest.fixture
def ledger(cluster, database):
    return Ledger(cluster, database)


_orgs = itertools.count(1)


@pytest.fixture
def org():
    """A new one for each test."""
    return f"org{next(_orgs)}"


def outcome(server, event):
    reply = server.deliver(event)
    assert reply.status == 200, reply
    assert reply.header("content-type") == "application/json"
    assert reply.json["received"] is True and set(reply.json) == {"received", "outcome"}
    return reply.json["outcome"]


def summary(server, org):
    reply = server.get(API + "/summary", headers=token(org_id=org, role="owner"))
    assert reply.status == 200, reply
    return reply.json


class Subscriber:
    """An org's subscription at Stripe, and events of it; each event is a second younger than the one before."""

    def __init__(self, org, legacy=False, **fields):
        self.org, self.legacy = org, legacy
        self.id, self.customer = new_id("sub"), new_id("cus")
        self.started = now() - 1000
        self.at = self.started
        self.fields = {"sub": self.id, "customer": self.customer, "org": org, "started": self.started, **fields}

    def tick(self, created):
        self.at = self.at + 1 if created is None else created
        return self.at

    def event(self, kind="updated", created=None, **fields):
        return stripe_events.subscription_event(kind, created=self.tick(created), legacy=self.legacy,
                                                **{**self.fields, **fields})

    def invoice(self, kind, created=None, **fields):
        return stripe_events.invoice_event(kind, created=self.tick(created), legacy=self.legacy,
                                           **{"sub": self.id, "customer": self.customer, "org": self.org, **fields})


# Subscriptions


STATUSES = {"trialing": ("active", False, False), "active": ("active", False, False), "past_due": ("past_due", False, False),
            "unpaid": ("past_due", False, True), "canceled": ("canceled", True, False), "paused": ("canceled", False, False),
            "incomplete_expired": ("canceled", True, False), "incomplete": ("none", False, False)}


@SHAPES
@pytest.mark.parametrize("raw", STATUSES)
def test_every_status(server, ledger, org, raw, legacy):
    status, ended, grace_over = STATUSES[raw]
    one = Subscriber(org, legacy)
    event = one.event("updated", status=raw)
    assert outcome(server, event) == "applied"
    row = ledger.subscription(one.id)
    assert (row["raw_status"], row["status"], row["base_status"], row["ended"]) == (raw, status, status, ended)
    assert row["grace_over"] is grace_over
    link = ledger.link(org)
    assert (link["status"], link["subscription_id"], link["customer_id"]) == (status, one.id, one.customer)
    assert (link["live_count"], link["grace_over"], link["version"]) == (0 if ended else 1, grace_over, 1)
    assert summary(server, org)["subscription"]["status"] == status


@SHAPES
def test_all_that_a_subscription_says_is_kept(server, ledger, org, legacy):
    one = Subscriber(org, legacy)
    end = one.started + MONTH
    event = one.event("created", status="active", period_end=end, cancel_at=end + 5)
    assert outcome(server, event) == "applied"
    assert ledger.row("org", org_id=org)["created_at"] is None  # first sight does not set it
    assert ledger.customer(one.customer)["org_id"] == org
    row = ledger.subscription(one.id)
    assert {name: row[name] for name in ("provider", "livemode", "org_id", "customer_id", "created", "period_end",
                                         "cancel_at", "price_ids", "watermark", "watermark_event", "signal",
                                         "past_due_since", "unsettled")} == {
        "provider": "stripe", "livemode": False, "org_id": org, "customer_id": one.customer, "created": one.started,
        "period_end": end, "cancel_at": end + 5, "price_ids": ["price_founding_monthly"], "watermark": event["created"],
        "watermark_event": event["id"], "signal": None, "past_due_since": None, "unsettled": False}
    link = ledger.link(org)
    assert {name: link[name] for name in ("provider", "plan_key", "price_ids", "period_end", "cancel_at", "past_due_since")} == {
        "provider": "stripe", "plan_key": "founding_monthly", "price_ids": ["price_founding_monthly"], "period_end": end,
        "cancel_at": end + 5, "past_due_since": None}
    kept = ledger.event(event)
    assert {name: kept[name] for name in ("provider", "type", "api_version", "created", "livemode", "org_id", "customer_id",
                                          "subscription_id", "shown_status", "outcome", "error")} == {
        "provider": "stripe", "type": "customer.subscription.created", "api_version": event["api_version"],
        "created": event["created"], "livemode": False, "org_id": org, "customer_id": one.customer,
        "subscription_id": one.id, "shown_status": "active", "outcome": "applied", "error": None}
    assert ledger.body(event) == encode(event)
    told = summary(server, org)["subscription"]
    assert (told["planKey"], told["planName"]) == ("founding_monthly", "Founding member")
    assert told["currentPeriodEnd"] and told["cancelAt"]


@SHAPES
def test_cancel_at_period_end_is_an_end_that_is_planned(server, ledger, org, legacy):
    one = Subscriber(org, legacy)
    end = one.started + MONTH
    outcome(server, one.event(status="active", period_end=end, cancel_at_period_end=True))
    assert ledger.link(org)["cancel_at"] == end
    outcome(server, one.event(status="active", period_end=end, cancel_at_period_end=False))
    assert ledger.link(org)["cancel_at"] is None


@SHAPES
def test_a_life(server, ledger, org, legacy):
    one = Subscriber(org, legacy)
    told = []
    for kind, status in [("created", "incomplete"), ("updated", "active"), ("updated", "past_due"), ("updated", "active"),
                         ("paused", "paused"), ("resumed", "active"), ("updated", "unpaid"), ("deleted", "canceled")]:
        assert outcome(server, one.event(kind, status=status)) == "applied"
        told.append(ledger.link(org)["status"])
    assert told == ["none", "active", "past_due", "active", "canceled", "active", "past_due", "canceled"]
    assert ledger.link(org)["version"] == len(told)
    assert ledger.count("event", f"org_id = '{org}' and outcome = 'applied'") == len(told)


def test_deleted_is_an_end_whatever_status_it_carries(server, ledger, org):
    one = Subscriber(org)
    outcome(server, one.event(status="active"))
    assert outcome(server, one.event("deleted", status="active")) == "applied"
    assert (ledger.subscription(one.id)["raw_status"], ledger.link(org)["status"]) == ("canceled", "canceled")


def test_past_due_since(server, ledger, org):
    """The earliest past_due after the last that was not, by the provider's clock, in whatever order they come."""
    one = Subscriber(org)
    at = one.started
    for created, status in [(10, "active"), (40, "past_due"), (20, "past_due"), (30, "past_due"), (25, "active"), (60, "past_due"),
                            (35, "past_due")]:
        outcome(server, one.event(created=at + created, status=status))
    assert ledger.link(org)["past_due_since"] == at + 30
    outcome(server, one.event(created=at + 32, status="active"))
    assert ledger.link(org)["past_due_since"] == at + 35
    outcome(server, one.event(created=at + 70, status="active"))
    assert ledger.link(org)["past_due_since"] is None


# Orgs


def test_customer_known_without_metadata(server, ledger, org):
    """Made in the Dashboard by somebody who knows nothing of metadata: our customer row is enough."""
    first = Subscriber(org)
    outcome(server, first.event("created", status="active"))
    second = Subscriber(None, customer=first.customer)
    assert outcome(server, second.event("created", status="active", started=first.started + 1)) == "applied"
    assert ledger.subscription(second.id)["org_id"] == org
    assert (ledger.link(org)["subscription_id"], ledger.link(org)["live_count"]) == (second.id, 2)


def test_subscription_known_without_customer(server, ledger, org):
    one = Subscriber(org)
    outcome(server, one.event("created", status="active"))
    event = one.event("updated", status="past_due", org=None)
    event["data"]["object"]["customer"] = None
    assert outcome(server, event) == "applied"
    assert ledger.link(org)["status"] == "past_due"


def test_expanded_objects(server, ledger, org):
    one = Subscriber(org)
    event = one.event("created", status="active")
    event["data"]["object"]["customer"] = {"id": one.customer, "object": "customer"}
    assert outcome(server, event) == "applied"
    assert ledger.customer(one.customer)["org_id"] == org


def is_dead(server, ledger, event, words):
    before = [ledger.rows(table) for table in ("org", "customer", "subscription", "link", "checkout")]
    position = server.log.position()
    assert outcome(server, event) == "dead"
    kept = ledger.event(event)
    assert kept["outcome"] == "dead" and words in kept["error"] and kept["shown_status"] is None
    assert ledger.body(event) == encode(event)
    assert [ledger.rows(table) for table in ("org", "customer", "subscription", "link", "checkout")] == before
    lines = [line for line in server.log.lines(position) if "[client " in line and "ATB" in line]
    assert len(lines) == 1 and f"ATB0403: event {event['id']}" in lines[0] and words in lines[0]
    assert outcome(server, event) == "duplicate"


def test_dead_unknown_customer_without_org(server, ledger):
    is_dead(server, ledger, stripe_events.subscription_event("created", status="active"), "names no org")


@pytest.mark.parametrize("name", ["has blank", "ümlaut", "x" * 65, "a/b", "a'b", "<b>", " "])
def test_dead_org_that_is_no_id(server, ledger, name):
    is_dead(server, ledger, stripe_events.subscription_event("created", status="active", org=name), "no valid org id")


@pytest.mark.parametrize("name", ["x" * 64, "A-z_0.9:b"])
def test_org_ids_at_the_edge(server, ledger, name):
    assert outcome(server, stripe_events.subscription_event("created", status="active", org=name)) == "applied"
    assert ledger.link(name)["status"] == "active"


def test_dead_customer_of_another_org(server, ledger, org):
    one = Subscriber(org)
    outcome(server, one.event("created", status="active"))
    is_dead(server, ledger, stripe_events.subscription_event("created", customer=one.customer, org=org + "x"), "different orgs")


def test_dead_subscription_of_another_org(server, ledger, org):
    one = Subscriber(org)
    outcome(server, one.event("created", status="active"))
    is_dead(server, ledger, one.event(customer=new_id("cus"), org=org + "x"), "different orgs")


def test_dead_invoice_that_joins_two_orgs(server, ledger, org):
    one, other = Subscriber(org), Subscriber(org + "x")
    outcome(server, one.event("created", status="active"))
    outcome(server, other.event("created", status="active"))
    is_dead(server, ledger, one.invoice("paid", customer=other.customer), "different orgs")


def test_dead_checkout_of_another_org(server, ledger, org):
    one = Subscriber(org)
    outcome(server, one.event("created", status="active"))
    session = new_id("cs_test")
    ledger.reserve_checkout(org + "x", session)
    is_dead(server, ledger, stripe_events.checkout_event(session=session, customer=one.customer), "different orgs")


@SHAPES
@pytest.mark.parametrize("status", ["hibernating", "ACTIVE", "", "x" * 300, 7, None])
def test_dead_unknown_status_leaves_the_row(server, ledger, org, status, legacy):
    one = Subscriber(org, legacy)
    outcome(server, one.event("created", status="active"))
    is_dead(server, ledger, one.event(status=status), "status")


BROKEN = {
    "no object": (lambda event: event["data"].pop("object"), "data.object"),
    "object is text": (lambda event: event["data"].update(object="sub_1"), "data.object"),
    "no data": (lambda event: event.pop("data"), "data.object"),
    "no id": (lambda event: event["data"]["object"].pop("id"), "no id"),
    "id too long": (lambda event: event["data"]["object"].update(id="sub_" + "x" * 252), "id is empty, longer"),
    "id is a number": (lambda event: event["data"]["object"].update(id=1), "id is not text"),
    "customer is a number": (lambda event: event["data"]["object"].update(customer=1), "customer is not text"),
    "customer without id": (lambda event: event["data"]["object"].update(customer={"object": "customer"}), "without an id"),
    "customer too long": (lambda event: event["data"]["object"].update(customer="c" * 256), "customer is empty, longer"),
    "customer with a NUL": (lambda event: event["data"]["object"].update(customer="cus_\0"), "control characters"),
    "created is text": (lambda event: event["data"]["object"].update(created="today"), "created is not a time"),
    "price is a number": (lambda event: event["data"]["object"]["items"]["data"][0].update(price=1), "price is not text"),
    "too many items": (lambda event: event["data"]["object"]["items"].update(
        data=event["data"]["object"]["items"]["data"] * 101), "more than 100 items"),
    "cancel_at is text": (lambda event: event["data"]["object"].update(cancel_at="never"), "cancel_at is not a time"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.bad_input
def test_dead_what_no_code_can_read(server, ledger, org, kind):
    change, words = BROKEN[kind]
    event = Subscriber(org).event("created", status="active")
    change(event)
    is_dead(server, ledger, event, words)


# Events without effect


def is_ignored(server, ledger, event, words):
    before = [ledger.rows(table) for table in ("org", "subscription", "link", "checkout")]
    assert outcome(server, event) == "ignored"
    kept = ledger.event(event)
    assert kept["outcome"] == "ignored" and words in kept["error"] and kept["shown_status"] is None
    assert kept["type"] == event["type"]
    assert ledger.body(event) == encode(event)
    assert [ledger.rows(table) for table in ("org", "subscription", "link", "checkout")] == before
    assert outcome(server, event) == "duplicate"


@SHAPES
@pytest.mark.parametrize("kind", ["charge.succeeded", "customer.subscription.trial_will_end", "customer.updated",
                                  "invoice.upcoming", "a.type.nobody.knows.yet"])
def test_ignored_other_types(server, ledger, kind, legacy):
    is_ignored(server, ledger, stripe_events.event(kind, {"object": "thing", "customer": new_id("cus")}, legacy=legacy),
               "no effect")


@pytest.mark.parametrize("kind", ["v1.customer.subscription.updated", "v1.invoice.paid", "v2.core.account.created"])
def test_ignored_thin(server, ledger, kind):
    event = stripe_events.thin_event(kind)
    is_ignored(server, ledger, event, "thin")
    assert ledger.event(event)["created"] > now() - 100


@SHAPES
@pytest.mark.parametrize("livemode", [False, True])
def test_ignored_connected_account(server, ledger, org, livemode, legacy):
    """A platform's endpoint is sent events of both modes."""
    is_ignored(server, ledger, stripe_events.subscription_event("created", org=org, account="acct_1", livemode=livemode,
                                                                legacy=legacy), "connected account")


@SHAPES
def test_ignored_other_installation(server, ledger, org, legacy):
    mine = ledger.value("select install_id from billing.installation")
    one = Subscriber(org, legacy, installation="somebody-else")
    is_ignored(server, ledger, one.event("created", status="active"), "another installation")
    is_ignored(server, ledger, one.invoice("paid", installation="somebody-else"), "another installation")
    is_ignored(server, ledger, stripe_events.customer_deleted(one.customer, installation="somebody-else", legacy=legacy),
               "another installation")
    assert ledger.customer(one.customer) is None
    one.fields["installation"] = mine
    assert outcome(server, one.event("updated", status="active")) == "applied"
    is_ignored(server, ledger, one.event("deleted", installation="somebody-else"), "another installation")
    assert outcome(server, one.invoice("payment_failed", installation=mine)) == "applied"
    assert ledger.link(org)["status"] == "past_due"


def test_the_configured_installation(site, cluster, database, ledger, org):
    server = site(CATALOGUE + "BillingInstallId blue\n", database=cluster.conninfo(database), **PLAIN)
    one = Subscriber(org)
    assert outcome(server, one.event(status="active", installation="green")) == "ignored"
    assert outcome(server, one.event(status="active", installation=ledger.value("select install_id from billing.installation"))) == "ignored"
    assert outcome(server, one.event(status="active", installation="blue")) == "applied"
    assert outcome(server, one.event(status="active")) == "applied"


def test_the_metadata_key_of_the_site(site, cluster, database, ledger, org):
    server = site(CATALOGUE + "BillingStripeOrgMetadata tenant\n", database=cluster.conninfo(database), **PLAIN)
    one = Subscriber(None)
    event = one.event("created", status="active")
    event["data"]["object"]["metadata"] = {"tenant": org, "attune_org": "not-" + org}
    assert outcome(server, event) == "applied"
    assert ledger.link(org)["status"] == "active"


# Payments


@SHAPES
def test_a_payment_fails_and_is_made_good(server, ledger, org, legacy):
    one = Subscriber(org, legacy)
    outcome(server, one.event("created", status="active"))
    failed = one.invoice("payment_failed")
    assert outcome(server, failed) == "applied"
    row, link = ledger.subscription(one.id), ledger.link(org)
    assert (row["raw_status"], row["base_status"], row["status"], row["signal"], row["signal_at"], row["unsettled"]) == (
        "active", "active", "past_due", "failed", failed["created"], True)
    assert (link["status"], link["past_due_since"]) == ("past_due", failed["created"])
    assert ledger.event(failed)["shown_status"] == "past_due"
    paid = one.invoice("paid")
    assert outcome(server, paid) == "applied"
    row, link = ledger.subscription(one.id), ledger.link(org)
    assert (row["status"], row["signal"], row["unsettled"]) == ("active", "paid", True)
    assert (link["status"], link["past_due_since"]) == ("active", None)
    assert outcome(server, one.event(status="active")) == "applied"
    assert ledger.subscription(one.id)["unsettled"] is False


@SHAPES
@pytest.mark.parametrize("kind", ["paid", "payment_succeeded"])
def test_past_due_is_paid(server, ledger, org, kind, legacy):
    one = Subscriber(org, legacy)
    outcome(server, one.event("created", status="past_due"))
    assert outcome(server, one.invoice(kind)) == "applied"
    assert ledger.link(org)["status"] == "active"


@pytest.mark.parametrize("status", ["trialing", "unpaid", "paused", "incomplete"])
def test_a_payment_signal_bends_nothing_else(server, ledger, org, status):
    one = Subscriber(org)
    outcome(server, one.event("created", status=status))
    before = ledger.link(org)["status"]
    outcome(server, one.invoice("paid"))
    expected = "active" if status == "unpaid" else before
    assert ledger.link(org)["status"] == expected
    assert ledger.subscription(one.id)["raw_status"] == status


@SHAPES
@pytest.mark.parametrize("kind", ["paid", "payment_succeeded", "payment_failed"])
def test_ignored_payment_of_nobody(server, ledger, kind, legacy):
    """They often come first; the subscription's own events tell more."""
    event = stripe_events.invoice_event(kind, sub=new_id("sub"), org="nobody", legacy=legacy)
    is_ignored(server, ledger, event, "nobody knows")


@SHAPES
def test_ignored_payment_of_a_subscription_to_come(server, ledger, org, legacy):
    one, other = Subscriber(org, legacy), Subscriber(org, legacy)
    outcome(server, one.event("created", status="active"))
    event = other.invoice("payment_failed", customer=one.customer)
    is_ignored(server, ledger, event, "not known yet")
    assert ledger.event(event)["org_id"] == org


@SHAPES
def test_ignored_payment_without_subscription(server, ledger, org, legacy):
    is_ignored(server, ledger, stripe_events.invoice_event("paid", customer=new_id("cus"), org=org, legacy=legacy),
               "no subscription")


@SHAPES
def test_ignored_payment_of_nothing(server, ledger, org, legacy):
    """The invoice that begins a trial is paid at once, and proves no payment."""
    one = Subscriber(org, legacy)
    outcome(server, one.event("created", status="past_due"))
    is_ignored(server, ledger, one.invoice("paid", amount=0), "for nothing")
    assert ledger.link(org)["status"] == "past_due"


# Checkout


@SHAPES
@pytest.mark.parametrize("kind, payment_status, state", [
    ("completed", "paid", "complete"), ("completed", "no_payment_required", "complete"), ("completed", "unpaid", "pending"),
    ("async_payment_succeeded", "paid", "complete"), ("async_payment_failed", "unpaid", "failed"), ("expired", "unpaid", "expired")])
def test_a_session_of_ours(server, ledger, org, kind, payment_status, state, legacy):
    session, customer = new_id("cs_test"), new_id("cus")
    ledger.reserve_checkout(org, session)
    event = stripe_events.checkout_event(kind, session=session, customer=customer, payment_status=payment_status,
                                         client_reference=org, legacy=legacy)
    assert outcome(server, event) == "applied"
    assert ledger.row("checkout", session_id=session)["state"] == state
    known = kind != "expired"
    assert (ledger.customer(customer) or {}).get("org_id") == (org if known else None)
    assert (ledger.link(org)["customer_id"], ledger.link(org)["status"]) == (customer if known else None, "none")
    assert (ledger.event(event)["outcome"], ledger.event(event)["org_id"]) == ("applied", org)


def test_a_subscription_without_metadata_after_its_session(server, ledger, org):
    session, one = new_id("cs_test"), Subscriber(None)
    ledger.reserve_checkout(org, session)
    outcome(server, stripe_events.checkout_event(session=session, sub=one.id, customer=one.customer))
    assert outcome(server, one.event("created", status="active")) == "applied"
    assert ledger.link(org)["status"] == "active"


@SHAPES
@pytest.mark.parametrize("kind", ["completed", "async_payment_succeeded", "async_payment_failed", "expired"])
def test_ignored_session_of_somebody_else(server, ledger, org, kind, legacy):
    """Anyone may put a client_reference_id on a payment link; metadata of a session is no proof either."""
    outcome(server, Subscriber(org).event("created", status="active"))
    event = stripe_events.checkout_event(kind, sub=new_id("sub"), org=org, client_reference=org, legacy=legacy)
    is_ignored(server, ledger, event, "none of ours")
    assert ledger.customer(event["data"]["object"]["customer"]) is None


@pytest.mark.parametrize("mode", ["payment", "setup"])
def test_ignored_session_that_sells_no_subscription(server, ledger, org, mode):
    is_ignored(server, ledger, stripe_events.checkout_event(mode=mode, org=org), "does not sell a subscription")


@pytest.mark.parametrize("first, then, state", [
    (("async_payment_succeeded", "paid"), ("completed", "unpaid"), "complete"),
    (("async_payment_failed", "unpaid"), ("completed", "unpaid"), "failed"),
    (("completed", "paid"), ("expired", "unpaid"), "complete"),
    (("expired", "unpaid"), ("completed", "paid"), "complete")])
def test_order_a_session_only_goes_forward(server, ledger, org, first, then, state):
    session = new_id("cs_test")
    ledger.reserve_checkout(org, session)
    for kind, payment_status in (first, then):
        outcome(server, stripe_events.checkout_event(kind, session=session, payment_status=payment_status))
    assert ledger.row("checkout", session_id=session)["state"] == state


def test_dead_session_with_an_unknown_payment_status(server, ledger, org):
    session = new_id("cs_test")
    ledger.reserve_checkout(org, session)
    is_dead(server, ledger, stripe_events.checkout_event(session=session, payment_status="bartered"), "payment_status")


# Customers


@SHAPES
def test_customer_deleted(server, ledger, org, legacy):
    one = Subscriber(org, legacy)
    outcome(server, one.event("created", status="active"))
    event = stripe_events.customer_deleted(one.customer, created=one.at + 1, legacy=legacy)
    assert outcome(server, event) == "applied"
    assert ledger.customer(one.customer)["deleted_at"] == event["created"]
    assert (ledger.link(org)["customer_id"], ledger.link(org)["subscription_id"]) == (None, one.id)
    assert ledger.event(event)["org_id"] == org
    assert outcome(server, one.event("deleted")) == "applied"
    assert (ledger.link(org)["customer_id"], ledger.link(org)["status"]) == (None, "canceled")
    again = stripe_events.customer_deleted(one.customer, legacy=legacy)
    assert outcome(server, again) == "applied"
    assert ledger.customer(one.customer)["deleted_at"] == event["created"]


def test_customer_deleted_before_anything_is_known_of_it(server, ledger, org):
    one = Subscriber(org)
    first = stripe_events.customer_deleted(one.customer)
    assert outcome(server, first) == "ignored"
    assert ledger.customer(one.customer)["org_id"] is None
    # Stripe may tell one fact in two events.
    assert outcome(server, stripe_events.customer_deleted(one.customer)) == "ignored"
    assert outcome(server, first) == "duplicate"
    assert outcome(server, one.event("created", status="active")) == "applied"
    assert (ledger.customer(one.customer)["org_id"], ledger.link(org)["customer_id"]) == (org, None)
    assert ledger.customer(one.customer)["deleted_at"] is not None
    assert outcome(server, stripe_events.customer_deleted(one.customer)) == "applied"


def test_a_new_customer_after_the_old_was_deleted(server, ledger, org):
    old, new = Subscriber(org), Subscriber(org)
    outcome(server, old.event("created", status="active"))
    outcome(server, old.event("deleted"))
    outcome(server, stripe_events.customer_deleted(old.customer))
    outcome(server, new.event("created", status="active"))
    assert (ledger.link(org)["customer_id"], ledger.link(org)["subscription_id"]) == (new.customer, new.id)


# Several subscriptions


def test_the_end_of_an_old_subscription_never_touches_a_newer_one(server, ledger, org):
    old, new = Subscriber(org), Subscriber(org)
    new.fields["started"] = old.started + 10
    outcome(server, old.event("created", status="active"))
    outcome(server, new.event("created", status="active", price="price_fleet_monthly"))
    assert ledger.link(org)["live_count"] == 2
    outcome(server, old.event("deleted"))
    link = ledger.link(org)
    assert (link["subscription_id"], link["status"], link["plan_key"], link["live_count"]) == (new.id, "active", "fleet_monthly", 1)
    assert summary(server, org)["subscription"]["planKey"] == "fleet_monthly"


def test_live_before_ended_then_newest_then_greatest_id(server, ledger, org):
    first, second = Subscriber(org), Subscriber(org)
    second.fields["started"] = first.started
    outcome(server, second.event("created", status="active"))
    outcome(server, first.event("created", status="past_due"))
    assert ledger.link(org)["subscription_id"] == max(first.id, second.id)
    young = Subscriber(org, started=first.started + 5)
    outcome(server, young.event("created", status="active"))
    assert ledger.link(org)["subscription_id"] == young.id
    outcome(server, young.event("deleted"))
    assert ledger.link(org)["subscription_id"] == max(first.id, second.id)


# Plans


def test_price_that_nobody_knows(server, ledger, org):
    position = server.log.position()
    one = Subscriber(org, price="price_forgotten")
    assert outcome(server, one.event("created", status="active")) == "applied"
    assert (ledger.link(org)["plan_key"], ledger.link(org)["status"]) == (None, "active")
    assert ledger.link(org)["price_ids"] == ["price_forgotten"]
    told = summary(server, org)
    assert told["subscription"]["planKey"] is None
    assert {feature["reason"] for feature in told["features"].values()} == {"plan"}
    lines = [line for line in server.log.lines(position, level="warn") if "ATB0212" in line]
    assert len(lines) == 1 and one.id in lines[0] and org in lines[0] and "price_forgotten" in lines[0]


def test_several_plans_in_one_subscription(server, ledger, org):
    """The first in the catalogue, whatever Stripe's order."""
    one = Subscriber(org, price=["price_other", "price_fleet_monthly", "price_founding_monthly"])
    outcome(server, one.event("created", status="active"))
    assert ledger.link(org)["plan_key"] == "founding_monthly"
    assert ledger.link(org)["price_ids"] == ["price_other", "price_fleet_monthly", "price_founding_monthly"]


def test_big_more_than_ten_items(server, ledger, org):
    one = Subscriber(org, price=[f"price_addon_{number}" for number in range(24)] + ["price_fleet_monthly"])
    assert outcome(server, one.event("created", status="active")) == "applied"
    assert (ledger.link(org)["plan_key"], len(ledger.link(org)["price_ids"])) == ("fleet_monthly", 25)


def test_odd_price_ids_survive(server, ledger, org):
    """Ids of old plans were chosen by people."""
    prices = ['gold "plan"', "a,b", "back\\slash", "{curly}", "NULL", "ünïcode", "it's"]
    one = Subscriber(org, price=prices)
    outcome(server, one.event("created", status="active"))
    outcome(server, one.event("updated", status="past_due", price=prices[::-1]))
    assert ledger.link(org)["price_ids"] == prices[::-1]
    assert outcome(server, one.invoice("paid")) == "applied"
    assert ledger.subscription(one.id)["price_ids"] == prices[::-1]


def test_a_plan_added_later_is_recognised_without_new_events(site, cluster, database, ledger, org):
    late = """
<BillingPlan late>
    BillingPlanName "Late"
    BillingPrice    stripe price_late
    BillingGrant    trucking.dispatch
</BillingPlan>
"""
    server = site(CATALOGUE, database=cluster.conninfo(database), start=False, **PLAIN)
    text = (server.root / "httpd.conf").read_text()
    server.start()
    outcome(server, Subscriber(org, price="price_late").event("created", status="active"))
    assert summary(server, org)["subscription"]["planKey"] is None
    server.write("httpd.conf", text + late)
    server.reload()
    wait_for(lambda: summary(server, org)["subscription"]["planKey"] == "late", what="the plan to be recognised")
    assert summary(server, org)["features"]["trucking.dispatch"]["allowed"] is True
    events = ledger.count("event", f"org_id = '{org}'")
    assert events == 1


def test_two_modes_are_two_worlds(site, cluster, database, ledger, org):
    test_server = site(CATALOGUE, database=cluster.conninfo(database), **PLAIN)
    live_server = site(CATALOGUE + "BillingMode live\n", database=cluster.conninfo(database), **PLAIN)
    one = Subscriber(org)
    outcome(test_server, one.event("created", status="active"))
    assert outcome(live_server, Subscriber(org, livemode=True).event("created", status="past_due")) == "applied"
    assert (ledger.link(org)["status"], ledger.link(org, livemode=True)["status"]) == ("active", "past_due")
    assert summary(test_server, org)["subscription"]["status"] == "active"
    assert summary(live_server, org)["subscription"]["status"] == "past_due"
