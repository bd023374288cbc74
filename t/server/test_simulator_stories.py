# SPDX-License-Identifier: Apache-2.0
# The stories that the Stripe simulator tells: what happens in which order as its clock is turned.
import pytest
from simulator_support import (_driver, customer_of, error_of, receiver, session_of, sim, status_of,  # noqa: F401
                               subscription_of)
from stripe_simulator.driver import Driver
from stripe_simulator.errors import ControlError

DAY = 86400


def story(receiver):
    """Type and, where there is one, the status that the event tells."""
    return [(event["type"], event["data"]["object"].get("status")) for event in receiver.events]


def period_of(subscription):
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def renew(sim, subscription, beyond=3600):
    """Turns the clock to the end of the period, and `beyond` it: an hour later the renewal is charged."""
    now = sim.api("GET", f"subscriptions/{subscription['id']}").body
    sim.post("clock", set=period_of(now)[1] + beyond)


# Checkout


def test_a_paid_checkout(sim, receiver):
    session = session_of(sim, client_reference_id="org-1", metadata={"a": "1"},
                         subscription_data={"metadata": {"attune_org": "org-1"}})
    assert (session["status"], session["payment_status"], session["subscription"]) == ("open", "unpaid", None)
    sim.post(f"checkout/{session['id']}/pay", email="jo@example.org")
    assert receiver.types == [
        "customer.created", "payment_method.attached", "customer.subscription.created", "invoice.created",
        "invoice.finalized", "invoice_payment.paid", "invoice.paid", "invoice.payment_succeeded",
        "checkout.session.completed"]
    done = receiver.events[-1]["data"]["object"]
    assert (done["status"], done["payment_status"], done["client_reference_id"], done["url"]) == (
        "complete", "paid", "org-1", None)
    begun = receiver.events[2]["data"]["object"]
    assert (begun["status"], begun["metadata"], begun["customer"]) == ("active", {"attune_org": "org-1"},
                                                                       done["customer"])
    assert (done["subscription"], done["invoice"]) == (begun["id"], begun["latest_invoice"])
    start, end = period_of(begun)
    assert 28 * DAY <= end - start <= 31 * DAY


def test_a_declined_card_leaves_the_session_open_and_makes_no_subscription(sim, receiver):
    session = session_of(sim, customer=customer_of(sim)["id"])
    receiver.forget()
    assert sim.post(f"checkout/{session['id']}/decline")["status"] == "open"
    assert receiver.types == []
    assert sim.api("GET", "subscriptions", {"status": "all"}).body["data"] == []
    sim.post(f"checkout/{session['id']}/pay")
    assert receiver.types[-1] == "checkout.session.completed"
    with pytest.raises(ControlError, match="complete"):
        sim.post(f"checkout/{session['id']}/pay")


def test_incomplete_first(sim, receiver):
    """The older way: the same second tells of incomplete and of active."""
    sim.post("settings", incomplete_first=True)
    sim.post("clock", freeze=True)
    sim.post(f"checkout/{session_of(sim)['id']}/pay", email="jo@example.org")
    told = [event for event in receiver.events if event["type"].startswith("customer.subscription")]
    assert [(event["type"], event["data"]["object"]["status"]) for event in told] == [
        ("customer.subscription.created", "incomplete"), ("customer.subscription.updated", "active")]
    assert told[0]["created"] == told[1]["created"]
    assert told[1]["data"]["previous_attributes"] == {"status": "incomplete"}


def test_sessions_expire(sim, receiver):
    session = session_of(sim)
    sim.advance("24h")
    assert story(receiver) == [("checkout.session.expired", "expired")]
    assert sim.api("GET", f"checkout/sessions/{session['id']}").body["url"] is None
    assert "Only Checkout Sessions" in error_of(sim.api("POST", f"checkout/sessions/{session['id']}/expire"), 400)[
        "message"]


@pytest.mark.parametrize("outcome, status, paid", [("succeeded", "active", "paid"), ("failed", "past_due", "unpaid")])
def test_delayed_payments(sim, receiver, outcome, status, paid):
    session = session_of(sim)
    done = sim.post(f"checkout/{session['id']}/pay", email="jo@example.org", **{"async": True})
    assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
    assert status_of(sim, {"id": done["subscription"]}) == "active"
    receiver.forget()
    done = sim.post(f"checkout/{session['id']}/async", outcome=outcome)
    assert done["payment_status"] == paid
    assert receiver.types[-1] == f"checkout.session.async_payment_{outcome}"
    assert status_of(sim, {"id": done["subscription"]}) == status
    with pytest.raises(ControlError, match="no delayed payment"):
        sim.post(f"checkout/{session['id']}/async", outcome=outcome)


def test_delayed_payments_settle_by_the_clock(sim, receiver):
    session = session_of(sim, mode="payment", line_items=[{"price": "price_once", "quantity": 1}])
    sim.post(f"checkout/{session['id']}/pay", email="jo@example.org", card="000111111116")
    receiver.forget()
    sim.advance("4d")
    assert receiver.types == ["checkout.session.async_payment_failed"]


def test_trials_at_checkout(sim, receiver):
    session = session_of(sim, subscription_data={"trial_period_days": 14})
    assert session["payment_status"] == "no_payment_required"
    done = sim.post(f"checkout/{session['id']}/pay", email="jo@example.org", card="4000000000000341")
    assert status_of(sim, {"id": done["subscription"]}) == "trialing"
    receiver.forget()
    sim.advance("11d")
    assert receiver.types == ["customer.subscription.trial_will_end"]
    receiver.forget()
    sim.advance("3d")
    assert story(receiver)[0] == ("customer.subscription.updated", "active")
    assert receiver.events[0]["data"]["previous_attributes"]["status"] == "trialing"
    sim.advance("1h")
    assert status_of(sim, {"id": done["subscription"]}) == "past_due"


# Renewals


def test_a_renewal(sim, receiver):
    subscription = subscription_of(sim)
    receiver.forget()
    renew(sim, subscription)
    assert story(receiver) == [
        ("customer.subscription.updated", "active"), ("invoice.created", "draft"), ("invoice.finalized", "open"),
        ("invoice_payment.paid", "paid"), ("invoice.paid", "paid"), ("invoice.payment_succeeded", "paid")]
    turned = receiver.events[0]
    assert turned["created"] == period_of(subscription)[1]
    assert set(turned["data"]["previous_attributes"]) == {"items", "latest_invoice"}
    assert period_of(turned["data"]["object"])[0] == period_of(subscription)[1]
    assert receiver.events[2]["created"] == turned["created"] + 3600
    invoice = receiver.events[-1]["data"]["object"]
    assert (invoice["amount_paid"], invoice["billing_reason"]) == (2900, "subscription_cycle")
    assert invoice["parent"]["subscription_details"]["subscription"] == subscription["id"]


def test_months_keep_their_day():
    """31 January renews on 28 February and then on 31 March."""
    with Driver.start("--clock", "1801353600", "--freeze", "--price", "price_monthly=2900:usd:month:Member") as sim:
        subscription = subscription_of(sim)
        ends = []
        for _ in range(3):
            state = sim.api("GET", f"subscriptions/{subscription['id']}").body
            ends.append(period_of(state)[1])
            sim.post("clock", set=ends[-1])
        assert [(end - 1801353600) // DAY for end in ends] == [28, 59, 89]


@pytest.mark.parametrize("action, status, last", [
    ("cancel", "canceled", "customer.subscription.deleted"), ("unpaid", "unpaid", "customer.subscription.updated"),
    ("past_due", "past_due", "invoice.payment_failed")])
def test_failed_renewals(sim, receiver, action, status, last):
    sim.post("settings", final_action=action)
    subscription = subscription_of(sim)
    sim.post(f"subscriptions/{subscription['id']}/decline-card")
    receiver.forget()
    renew(sim, subscription)
    assert story(receiver)[-2:] == [("invoice.payment_failed", "open"), ("customer.subscription.updated", "past_due")]
    failed = receiver.events[-2]["data"]["object"]
    assert failed["next_payment_attempt"] == receiver.events[-2]["created"] + 3 * DAY
    assert failed["attempt_count"] == 1
    receiver.forget()
    sim.advance("15d")
    assert receiver.types.count("invoice.payment_failed") == 3
    assert receiver.types[-1] == last
    assert status_of(sim, subscription) == status
    if action == "cancel":
        assert receiver.events[-1]["data"]["object"]["cancellation_details"]["reason"] == "payment_failed"


def test_recovery_by_retry_and_by_paying(sim, receiver):
    first, second = subscription_of(sim), subscription_of(sim)
    for subscription in (first, second):
        sim.post(f"subscriptions/{subscription['id']}/fail-next-payment")
    renew(sim, second)
    assert [status_of(sim, entry) for entry in (first, second)] == ["past_due", "past_due"]
    invoice = sim.api("GET", f"subscriptions/{second['id']}").body["latest_invoice"]
    assert sim.api("POST", f"invoices/{invoice}/pay").body["status"] == "paid"
    assert [status_of(sim, entry) for entry in (first, second)] == ["past_due", "active"]
    sim.advance("3d")
    assert status_of(sim, first) == "active"


def test_an_unpaid_subscription_gathers_drafts_and_comes_back(sim):
    sim.post("settings", final_action="unpaid", retry_days=[])
    subscription = subscription_of(sim)
    sim.post(f"subscriptions/{subscription['id']}/fail-next-payment", times=9)
    renew(sim, subscription)
    assert status_of(sim, subscription) == "unpaid"
    renew(sim, subscription)
    state = sim.api("GET", f"subscriptions/{subscription['id']}", {"expand": ["latest_invoice"]}).body
    latest = state["latest_invoice"]
    assert (latest["status"], latest["auto_advance"]) == ("draft", False)
    sim.post(f"subscriptions/{subscription['id']}/fail-next-payment", times=0)
    sim.api("POST", f"invoices/{latest['id']}/pay")
    assert status_of(sim, subscription) == "active"


def test_an_unacknowledged_invoice_waits_up_to_three_days(sim, receiver):
    sim.post("settings", wait_for_invoice_created=True, webhook_retries=[])
    subscription = subscription_of(sim)
    sim.post("faults", on="webhook", kind="lose", types=["invoice.created"])
    renew(sim, subscription, 7200)
    invoice = sim.api("GET", f"subscriptions/{subscription['id']}").body["latest_invoice"]
    assert sim.api("GET", f"invoices/{invoice}").body["status"] == "draft"
    sim.advance("72h")
    assert sim.api("GET", f"invoices/{invoice}").body["status"] == "paid"


# Beginnings


def test_a_first_payment_that_fails(sim, receiver):
    customer = customer_of(sim)
    method = sim.api("POST", "payment_methods/pm_card_chargeCustomerFail/attach", {"customer": customer["id"]}).body
    params = {"customer": customer["id"], "items": [{"price": "price_monthly"}], "default_payment_method": method["id"]}
    subscription = sim.api("POST", "subscriptions", params).body
    assert subscription["status"] == "incomplete"
    refusal = error_of(sim.api("POST", "subscriptions", {**params, "payment_behavior": "error_if_incomplete"}), 402)
    assert (refusal["type"], refusal["code"], refusal["decline_code"]) == (
        "card_error", "card_declined", "generic_decline")
    sim.post("settle")
    receiver.forget()
    sim.advance("22h")
    assert receiver.types == []
    sim.advance("1h")
    assert receiver.types == ["customer.subscription.updated", "invoice.updated", "invoice.voided"]
    expired = receiver.events[0]["data"]
    assert expired["object"]["status"] == "incomplete_expired"
    assert expired["object"]["ended_at"] and expired["object"]["canceled_at"] is None


def test_without_a_payment_method(sim):
    customer = customer_of(sim)
    params = {"customer": customer["id"], "items": [{"price": "price_monthly"}]}
    assert "no attached payment source" in error_of(sim.api("POST", "subscriptions", params), 400)["message"]
    waiting = sim.api("POST", "subscriptions", {**params, "payment_behavior": "default_incomplete",
                                                "expand": ["latest_invoice.confirmation_secret"]}).body
    assert waiting["status"] == "incomplete"
    assert waiting["latest_invoice"]["confirmation_secret"]["client_secret"].startswith("pi_")
    paid = sim.api("POST", f"invoices/{waiting['latest_invoice']['id']}/pay", {"payment_method": "pm_card_visa"})
    assert paid.body["status"] == "paid"
    assert status_of(sim, waiting) == "active"
    declined = sim.api("POST", "payment_methods/pm_card_chargeDeclined/attach", {"customer": customer["id"]})
    assert error_of(declined, 402)["code"] == "card_declined"


@pytest.mark.parametrize("behavior, status, last", [
    ("cancel", "canceled", "customer.subscription.deleted"), ("pause", "paused", "customer.subscription.paused")])
def test_trials_without_a_payment_method(sim, receiver, behavior, status, last):
    customer = customer_of(sim)
    subscription = sim.api("POST", "subscriptions", {
        "customer": customer["id"], "items": [{"price": "price_monthly"}], "trial_period_days": 7,
        "trial_settings": {"end_behavior": {"missing_payment_method": behavior}}}).body
    sim.advance("7d")
    assert receiver.types[-1] == last
    assert status_of(sim, subscription) == status
    if status == "paused":
        assert receiver.events[-1]["data"]["object"]["status_details"]["paused"]["subscription"]["type"] == (
            "trial_end_without_payment_method")


# Changes and ends


def test_the_portals_end_of_period_has_two_styles(sim, receiver):
    flexible, classic = subscription_of(sim), subscription_of(sim, billing_mode="classic")
    for subscription, flag in ((flexible, False), (classic, True)):
        receiver.forget()
        planned = sim.post(f"subscriptions/{subscription['id']}/cancel-at-period-end")
        assert planned["cancel_at_period_end"] is flag
        assert planned["cancel_at"] == period_of(subscription)[1]
        told = receiver.events[-1]["data"]
        assert told["object"]["cancellation_details"]["reason"] == "cancellation_requested"
        assert told["previous_attributes"]["cancel_at"] is None
        assert told["previous_attributes"]["cancellation_details"] == {"reason": None}
    kept = sim.post(f"subscriptions/{flexible['id']}/take-back-cancellation")
    assert (kept["cancel_at"], kept["canceled_at"], kept["cancellation_details"]["reason"]) == (None, None, None)
    sim.post(f"subscriptions/{flexible['id']}/cancel-at-period-end")
    receiver.forget()
    renew(sim, classic)
    assert story(receiver) == [("customer.subscription.deleted", "canceled")] * 2
    for event in receiver.events:
        ended = event["data"]["object"]
        assert ended["ended_at"] == ended["cancel_at"] > ended["canceled_at"]


def test_pause_and_resume(sim, receiver):
    subscription = subscription_of(sim)
    receiver.forget()
    paused = sim.api("POST", f"subscriptions/{subscription['id']}/pause").body
    sim.post("settle")
    assert (paused["status"], paused["status_details"]["paused"]["type"]) == ("paused", "subscription")
    assert story(receiver) == [("customer.subscription.updated", "paused"), ("customer.subscription.paused", "paused")]
    assert "previous_attributes" not in receiver.events[-1]["data"]
    sim.advance("60d")
    assert len(receiver.events) == 2
    resumed = sim.api("POST", f"subscriptions/{subscription['id']}/resume").body
    sim.post("settle")
    assert resumed["status"] == "active"
    assert receiver.types[-1] == "customer.subscription.resumed"
    assert period_of(resumed)[0] >= period_of(subscription)[0] + 60 * DAY
    assert sim.api("POST", f"subscriptions/{subscription['id']}/resume").status == 400


def test_pausing_collection_keeps_the_status(sim, receiver):
    subscription = subscription_of(sim)
    receiver.forget()
    sim.api("POST", f"subscriptions/{subscription['id']}", {"pause_collection": {"behavior": "void"}})
    sim.post("settle")
    assert story(receiver) == [("customer.subscription.updated", "active")]
    renew(sim, subscription)
    assert receiver.types[-1] == "invoice.voided"
    sim.api("POST", f"subscriptions/{subscription['id']}", {"pause_collection": ""})
    assert sim.api("GET", f"subscriptions/{subscription['id']}").body["pause_collection"] is None


def test_another_price(sim, receiver):
    subscription = subscription_of(sim)
    receiver.forget()
    changed = sim.post(f"subscriptions/{subscription['id']}/change-price", price="price_bigger")
    assert changed["items"]["data"][0]["price"]["id"] == "price_bigger"
    previous = receiver.events[-1]["data"]["previous_attributes"]
    assert previous["items"]["data"][0]["price"]["id"] == "price_monthly"
    renew(sim, subscription)
    invoice = receiver.events[-1]["data"]["object"]
    amounts = sorted(line["amount"] for line in invoice["lines"]["data"])
    assert len(amounts) == 3 and amounts[0] < 0
    assert 5900 + 2900 <= invoice["amount_paid"] <= 5900 + 3000
    yearly = sim.post(f"subscriptions/{subscription['id']}/change-price", price="price_yearly")
    start, end = period_of(yearly)
    assert end - start >= 365 * DAY


def test_an_ended_subscription_stays_as_it_is(sim):
    subscription = subscription_of(sim)
    path = f"subscriptions/{subscription['id']}"
    assert sim.api("DELETE", path, {"cancellation_details": {"comment": "bye"}}).body["status"] == "canceled"
    assert sim.api("DELETE", path).status == 404
    assert error_of(sim.api("POST", path, {"cancel_at_period_end": True}), 400)["code"] == (
        "invalid_canceled_subscription_fields")
    assert sim.api("POST", path, {"metadata": {"a": "1"}}).body["metadata"] == {"a": "1"}
    sim.advance("70d")
    assert status_of(sim, subscription) == "canceled"


def test_a_status_from_the_future(sim, receiver):
    subscription = subscription_of(sim)
    sim.post(f"subscriptions/{subscription['id']}/status", status="hibernating")
    assert story(receiver)[-1] == ("customer.subscription.updated", "hibernating")


# Invoices and links


def test_a_one_off_invoice(sim, receiver):
    customer = customer_of(sim)
    invoice = sim.api("POST", "invoices", {"customer": customer["id"], "collection_method": "send_invoice",
                                           "days_until_due": 30, "currency": "eur", "metadata": {"job": "7"}}).body
    assert (invoice["status"], invoice["parent"], invoice["billing_reason"]) == ("draft", None, "manual")
    path = f"invoices/{invoice['id']}"
    item = sim.api("POST", "invoiceitems", {"customer": customer["id"], "invoice": invoice["id"], "amount": 1500,
                                            "description": "Work"}).body
    assert sim.api("POST", "invoiceitems", {"customer": customer["id"], "invoice": invoice["id"], "amount": 1,
                                            "currency": "usd"}).status == 400
    assert sim.api("GET", path).body["amount_due"] == 1500
    assert sim.api("DELETE", f"invoiceitems/{item['id']}").body["deleted"] is True
    assert sim.api("GET", path).body["amount_due"] == 0
    sim.api("POST", "invoiceitems", {"customer": customer["id"], "invoice": invoice["id"], "amount": 900})
    sim.post("settle")
    receiver.forget()
    assert sim.api("POST", f"{path}/void").status == 400
    opened = sim.api("POST", f"{path}/finalize").body
    assert (opened["status"], opened["number"], opened["amount_due"]) == (
        "open", f"{customer['invoice_prefix']}-0001", 900)
    assert sim.api("POST", f"{path}/finalize").status == 400
    assert sim.api("DELETE", path).status == 400
    assert sim.api("POST", f"{path}/send").status == 200
    sim.advance("30d")
    assert sim.api("POST", f"{path}/pay", {"paid_out_of_band": True}).body["status"] == "paid"
    sim.post("settle")
    assert receiver.types == ["invoice.finalized", "invoice.sent", "invoice.overdue", "invoice.paid"]
    assert "already paid" in error_of(sim.api("POST", f"{path}/pay"), 400)["message"]


def test_ends_of_an_invoice(sim, receiver):
    customer = customer_of(sim)
    for call, status in (("void", "void"), ("mark_uncollectible", "uncollectible")):
        invoice = sim.api("POST", "invoices", {"customer": customer["id"]}).body["id"]
        sim.api("POST", "invoiceitems", {"customer": customer["id"], "invoice": invoice, "amount": 5})
        sim.api("POST", f"invoices/{invoice}/finalize")
        ended = sim.api("POST", f"invoices/{invoice}/{call}").body
        assert ended["status"] == status
    assert sim.api("POST", f"invoices/{invoice}/pay", {"payment_method": "pm_card_visa"}).body["status"] == "paid"
    draft = sim.api("POST", "invoices", {"customer": customer["id"]}).body["id"]
    assert sim.api("DELETE", f"invoices/{draft}").body["deleted"] is True
    assert sim.api("GET", f"invoices/{draft}").status == 404


def test_payment_links(sim, receiver):
    link = sim.api("POST", "payment_links", {
        "line_items": [{"price": "price_once", "quantity": 2}], "metadata": {"invoice": "inv-1"},
        "restrictions": {"completed_sessions": {"limit": 1}}}).body
    session = sim.post(f"payment_links/{link['id']}/pay", client_reference_id="anyone")
    assert (session["mode"], session["payment_link"], session["metadata"], session["client_reference_id"]) == (
        "payment", link["id"], {"invoice": "inv-1"}, "anyone")
    assert receiver.types[-1] == "checkout.session.completed"
    assert receiver.events[-1]["data"]["object"]["amount_total"] == 3000
    assert sim.api("GET", f"payment_links/{link['id']}").body["active"] is False
    with pytest.raises(ControlError, match="inactive"):
        sim.post(f"payment_links/{link['id']}/pay")
    again = sim.api("POST", f"payment_links/{link['id']}", {"active": True, "restrictions": ""}).body
    assert (again["active"], again["restrictions"]) == (True, None)


def test_the_dashboard_makes_subscriptions_with_and_without_metadata(sim, receiver):
    subscription_of(sim, metadata={"attune_org": "org-9"}, email="nine@example.org")
    begun = next(event for event in receiver.events if event["type"] == "customer.subscription.created")
    assert begun["data"]["object"]["metadata"] == {"attune_org": "org-9"}
    assert begun["request"] == {"id": None, "idempotency_key": None}
    assert subscription_of(sim)["metadata"] == {}


def test_the_clock_never_runs_backwards(sim):
    now = sim.get("clock")["now"]
    with pytest.raises(ControlError, match="backwards"):
        sim.post("clock", set=now - 10)
    with pytest.raises(ControlError, match="duration"):
        sim.advance("soon")
