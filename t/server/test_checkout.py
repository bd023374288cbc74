# SPDX-License-Identifier: Apache-2.0
"""Buying, against the Stripe simulator: one customer, one session that can be paid, one subscription."""
import pytest
from shop_support import _module_shop, module_stripe, new_org, org, own_shop, problem, shop  # noqa: F401


def one_of_each(shop, org):
    assert len(shop.customers(org)) == 1
    return shop.open_session(org)


def test_a_person_buys_and_the_gate_opens(shop, org):
    first = shop.buy(org)
    assert first.status == 200, first
    assert set(first.json) == {"url", "planKey", "expiresAt"}
    assert first.header("cache-control") == "private, no-store"
    assert first.json["planKey"] == "founding_monthly"
    session = one_of_each(shop, org)
    assert first.json["url"] == session["url"]
    assert shop.summary(org)["pendingCheckout"] == {"url": first.json["url"], "expiresAt": first.json["expiresAt"]}
    assert shop.summary(org, role="dispatcher")["pendingCheckout"] is None
    assert shop.summary(org)["actions"] == {"checkout": True, "portal": True}
    assert not shop.may_dispatch(org)
    shop.pay(session)
    assert shop.may_dispatch(org)
    problem(shop.buy(org), 409, "already_subscribed")
    summary = shop.summary(org)
    assert summary["subscription"]["status"] == "active" and summary["pendingCheckout"] is None
    assert summary["actions"] == {"checkout": False, "portal": True}
    assert len(shop.customers(org)) == len(shop.subscriptions(org)) == 1


def test_the_first_purchase_costs_two_calls_of_the_provider(shop, org):
    since = shop.last_request()
    assert shop.buy(org).status == 200
    assert [(call["method"], call["path"]) for call in shop.requests(since)] == [
        ("POST", "/v1/customers"), ("POST", "/v1/checkout/sessions")]


def test_double_checkout_double_click(shop, org):
    """The losing click finds the winner's key in use, waits, and gets the same."""
    shop.fault("delay", "/v1/checkout/sessions$", seconds=1.0)
    replies = shop.buy_at_once(org, ["founding_monthly"] * 2)
    assert [reply.status for reply in replies] == [200, 200], replies
    assert replies[0].json == replies[1].json
    one_of_each(shop, org)


def test_double_checkout_many_at_once(shop, org):
    """More than the provider is asked at a time: some are told to come back, nobody gets another session."""
    replies = shop.buy_at_once(org, ["founding_monthly"] * 12)
    assert {reply.status for reply in replies} <= {200, 503}
    assert 200 in {reply.status for reply in replies}
    assert all(reply.header("retry-after") for reply in replies if reply.status == 503)
    assert len({reply.json["url"] for reply in replies if reply.status == 200}) == 1
    assert shop.buy_patiently(org).json["url"] == one_of_each(shop, org)["url"]


def test_double_checkout_two_tabs(shop, org):
    first, second = shop.buy(org), shop.buy(org)
    assert first.json == second.json
    session = one_of_each(shop, org)
    shop.pay(session)
    with pytest.raises(Exception, match="complete"):  # the other tab shows the same session
        shop.pay(session)
    assert len(shop.subscriptions(org)) == 1


def test_double_checkout_second_session_minutes_later(shop, org):
    first = shop.buy(org)
    shop.age(org, "3 minutes")
    assert shop.buy(org).json["url"] == first.json["url"]
    one_of_each(shop, org)


def test_double_checkout_during_the_webhook_window(shop, org):
    """Paid, and not a word of it has come yet."""
    shop.buy(org)
    shop.hold_webhooks()
    shop.age(org, "1 minute")
    shop.pay(shop.open_session(org))
    problem(shop.buy(org), 409, "already_subscribed")
    assert len(shop.sessions(org)) == 1
    assert shop.may_dispatch(org)
    shop.release_webhooks()
    assert shop.checkouts(org) == ["complete"]
    assert len(shop.subscriptions(org)) == 1


def test_double_checkout_while_the_paid_subscription_cannot_be_fetched(shop, org):
    """The session is known to be paid, what was bought is not: nothing more is sold."""
    shop.buy(org)
    shop.hold_webhooks()
    shop.age(org, "1 minute")
    shop.pay(shop.open_session(org))
    shop.fault("answer", "/v1/subscriptions/", status=500, times=None)
    problem(shop.buy(org), 409, "already_subscribed")
    assert shop.checkouts(org) == ["pending"]
    assert shop.summary(org)["pendingCheckout"] is None
    problem(shop.buy(org), 409, "already_subscribed")
    assert len(shop.sessions(org)) == 1
    shop.heal()
    shop.age(org, "1 minute")
    problem(shop.buy(org), 409, "already_subscribed")
    assert shop.checkouts(org) == ["complete"] and shop.may_dispatch(org)


def test_double_checkout_when_the_completed_event_comes_alone(shop, org):
    """checkout.session.completed first, and the provider does not answer what was bought."""
    shop.buy(org)
    shop.stripe.post("faults", on="webhook", kind="hold", times=None, types=["customer.subscription.created"])
    shop.stripe.post("faults", on="webhook", kind="lose", times=None,
                     types=["invoice.paid", "invoice.payment_succeeded"])
    shop.fault("answer", "/v1/subscriptions/", status=500, times=None)
    shop.pay(shop.open_session(org))
    assert shop.checkouts(org) == ["pending"]
    problem(shop.buy(org), 409, "already_subscribed")
    assert len(shop.sessions(org)) == 1


def test_double_checkout_paid_long_ago_and_never_heard_of(shop, org):
    """The webhook endpoint was down for a day: our row is past its time, the money is taken."""
    shop.buy(org)
    shop.hold_webhooks()
    shop.pay(shop.open_session(org))
    shop.age(org, "25 hours")
    problem(shop.buy(org), 409, "already_subscribed")
    assert len(shop.sessions(org)) == 1
    assert shop.may_dispatch(org)


def test_double_checkout_another_subscription_meanwhile(shop, org):
    """Sold by telephone while a session is open: that session would sell a second one."""
    shop.buy(org)
    shop.stripe.post("subscriptions", price="price_founding_monthly", customer=shop.customers(org)[0]["id"])
    assert shop.may_dispatch(org)
    problem(shop.buy(org), 409, "already_subscribed")
    assert shop.sessions(org, "open") == []


def test_another_plan_expires_the_open_session_first(shop, org):
    first, since = shop.buy(org), shop.last_request()
    second = shop.buy(org, "fleet_monthly")
    assert second.status == 200 and second.json["url"] != first.json["url"]
    assert second.json["planKey"] == "fleet_monthly"
    assert [call["path"].rsplit("/", 1)[-1] for call in shop.requests(since, "POST")] == ["expire", "sessions"]
    assert one_of_each(shop, org)["url"] == second.json["url"]
    assert shop.sessions(org, "expired")[0]["url"] is None


def test_another_plan_finds_the_first_one_paid(shop, org):
    shop.buy(org)
    shop.hold_webhooks()
    shop.pay(shop.open_session(org))
    problem(shop.buy(org, "fleet_monthly"), 409, "already_subscribed")
    assert len(shop.sessions(org)) == len(shop.subscriptions(org)) == 1
    assert shop.summary(org)["subscription"]["planKey"] == "founding_monthly"


def test_two_plans_at_once_from_two_people(shop, org):
    """Whoever comes last wins; there is never a second session to pay."""
    replies = shop.buy_at_once(org, ["founding_monthly", "fleet_monthly"] * 2)
    assert {reply.status for reply in replies} <= {200, 503}, replies
    session = one_of_each(shop, org)
    assert session["url"] in {reply.json.get("url") for reply in replies}
    asked = shop.buy_patiently(org, "fleet_monthly")
    assert asked.json["url"] == one_of_each(shop, org)["url"]


def test_a_session_that_the_dashboard_expired_is_replaced(shop, org):
    first = shop.buy(org)
    shop.hold_webhooks()
    shop.stripe.post(f"checkout/{shop.open_session(org)['id']}/expire")
    shop.age(org, "1 minute")
    second = shop.buy(org)
    assert second.status == 200 and second.json["url"] != first.json["url"]
    assert one_of_each(shop, org)["url"] == second.json["url"]


def test_a_session_past_its_time_is_replaced(shop, org):
    """By our clock alone: at the provider it is still open, and has to end first."""
    first = shop.buy(org)
    shop.age(org, "24 hours")
    second = shop.buy(org)
    assert second.status == 200 and second.json["url"] != first.json["url"]
    one_of_each(shop, org)


def test_more_than_ten_sessions_an_hour_are_too_many(shop, org):
    plans = ["founding_monthly", "fleet_monthly"]
    for number in range(10):
        assert shop.buy(org, plans[number % 2]).status == 200
    since = shop.last_request()
    refused = problem(shop.buy(org, plans[0]), 429, "too_many_checkouts")
    assert 3000 < int(refused.header("retry-after")) <= 3600
    assert shop.requests(since) == []
    # What is open stays open, and is what the same request gets.
    assert shop.buy(org, plans[1]).json["url"] == one_of_each(shop, org)["url"]
    assert shop.buy(new_org()).status == 200
    shop.age(org, "61 minutes")
    assert shop.buy(org, plans[0]).status == 200


@pytest.mark.parametrize("state", ["trialing", "past_due", "unpaid", "paused", "incomplete"])
def test_no_second_subscription_beside_one_that_is_not_over(shop, org, state):
    shop.buy(org)
    shop.pay(shop.open_session(org))
    subscription = shop.subscriptions(org)[0]
    told = {**subscription, "status": state}
    now = shop.stripe.get("clock")["now"]
    shop.stripe.post("events", type="customer.subscription.updated", object=told, created=now + 1)
    assert shop.sql(f"SELECT raw_status FROM billing.subscription WHERE org_id = '{org}'") == [[state]]
    problem(shop.buy(org), 409, "already_subscribed")


def test_after_the_end_of_a_subscription_another_may_be_bought_by_the_same_customer(shop, org):
    shop.buy(org)
    shop.pay(shop.open_session(org))
    shop.stripe.api("DELETE", f"subscriptions/{shop.subscriptions(org)[0]['id']}")
    shop.stripe.post("settle")
    assert not shop.may_dispatch(org)
    assert shop.summary(org)["actions"] == {"checkout": True, "portal": True}
    assert shop.buy(org).status == 200
    shop.pay(one_of_each(shop, org))
    assert shop.may_dispatch(org)
    assert len({subscription["customer"] for subscription in shop.subscriptions(org)}) == 1


def test_the_only_plan_need_not_be_named(own_shop, org):
    shop = own_shop()
    problem(shop.post("/checkout-session", {}, org), 400, "plan_required")
    text = (shop.server.root / "httpd.conf").read_text()
    shop.server.write("httpd.conf", text.replace("stripe price_fleet_monthly", "stripe:live price_fleet_monthly"))
    shop.server.reload()
    reply = shop.post("/checkout-session", {}, org)
    assert reply.status == 200 and reply.json["planKey"] == "founding_monthly"
    # The other plan has no price in this mode.
    problem(shop.buy(org, "fleet_monthly"), 400, "unknown_plan")


def test_orgs_do_not_share_anything(shop):
    one, other = new_org(), new_org()
    urls = {shop.buy(one).json["url"], shop.buy(other).json["url"]}
    assert len(urls) == 2
    assert {shop.customers(one)[0]["id"]} & {shop.customers(other)[0]["id"]} == set()
    shop.pay(shop.open_session(one))
    assert shop.may_dispatch(one) and not shop.may_dispatch(other)
