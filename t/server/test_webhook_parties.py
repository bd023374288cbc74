# SPDX-License-Identifier: Apache-2.0
"""Whose an event is: customers, sessions and metadata that name an org, those that contradict each other, and events that
are nobody's here. All of them are kept."""
import pytest
from webhook_support import PLAIN, SHAPES, Subscriber, is_dead, is_ignored, ledger, org, outcome, server  # noqa: F401

from harness import stripe_events
from harness.site import CATALOGUE
from harness.stripe_events import new_id, now

pytestmark = pytest.mark.allowed_log("ATB0403")  # dead events are told as errors


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
