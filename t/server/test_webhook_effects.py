# SPDX-License-Identifier: Apache-2.0
"""What each event does, in both shapes of Stripe's API, seen in the rows that it leaves. The provider is never asked
here: what it would say is in test_webhook_doubt.py."""
import pytest
from webhook_support import PLAIN, SHAPES, Subscriber, is_ignored, ledger, org, outcome, server, summary  # noqa: F401

from harness import stripe_events
from harness.site import CATALOGUE
from harness.stripe_events import MONTH, new_id
from harness.stripe_sign import encode
from harness.waiting import wait_for

pytestmark = pytest.mark.allowed_log("ATB0403")  # dead events are told as errors


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
