# SPDX-License-Identifier: Apache-2.0
"""The way to the provider's portal."""
import pytest
from harness.site import API, token
from shop_support import _module_shop, module_stripe, org, own_shop, problem, shop  # noqa: F401


@pytest.fixture
def customer(shop, org):
    """The org has one."""
    assert shop.buy(org).status == 200
    return shop.customers(org)[0]["id"]


def portal_calls(shop, since):
    return shop.requests(since, "POST", "/v1/billing_portal/sessions")


def test_without_a_customer_there_is_no_portal(shop, org):
    since = shop.last_request()
    problem(shop.portal(org), 409, "no_customer")
    assert shop.requests(since) == []
    assert shop.summary(org)["actions"]["portal"] is False


@pytest.mark.parametrize("body, flow", [({}, None), ({"flow": None}, None),
                                        ({"flow": "payment_method_update"}, {"type": "payment_method_update"})])
def test_the_portal_of_the_orgs_own_customer(shop, org, customer, body, flow):
    since = shop.last_request()
    reply = shop.post("/portal-session", body, org)
    assert reply.status == 200 and set(reply.json) == {"url"}
    assert reply.json["url"].startswith(shop.stripe.url)
    asked = portal_calls(shop, since)[0]["params"]
    assert asked.pop("flow_data", None) == flow
    assert asked == {"customer": customer, "return_url": "https://app.example.com/billing"}


def test_each_visit_gets_an_address_of_its_own(shop, org, customer):
    """They live for minutes, so none is kept."""
    assert shop.portal(org).json["url"] != shop.portal(org).json["url"]


@pytest.mark.parametrize("flow", ["subscription_cancel", "", 1, {}, ["payment_method_update"]])
def test_another_flow_is_refused(shop, org, flow):
    problem(shop.post("/portal-session", {"flow": flow}, org), 400, "unknown_flow")


def test_a_deleted_customer_is_no_customer_any_more(shop, org, customer):
    """In every child, and although the event never came."""
    shop.hold_webhooks()
    shop.stripe.post(f"customers/{customer}/delete")
    problem(shop.portal(org), 409, "no_customer")
    for _ in range(8):
        problem(shop.portal(org), 409, "no_customer")
        assert shop.summary(org)["actions"]["portal"] is False
    assert shop.sql(f"SELECT customer_id FROM billing.link WHERE org_id = '{org}'") == [[]]
    assert shop.buy(org).status == 200
    assert shop.portal(org).status == 200


def test_the_portals_customer_is_the_one_that_is_billed(shop, org, customer):
    """An org may have had several: what it pays for now is what it manages."""
    other = shop.stripe.api("POST", "customers", {"email": "old@example.org"}).body["id"]
    shop.stripe.post("subscriptions", price="price_founding_monthly", customer=other, metadata={"attune_org": org})
    assert shop.may_dispatch(org)
    since = shop.last_request()
    assert shop.portal(org).status == 200
    assert portal_calls(shop, since)[0]["params"]["customer"] == other


def test_what_the_provider_refuses_is_in_the_log(shop, org, customer):
    shop.fault("answer", "billing_portal", status=400, message="No configuration provided: save your portal settings")
    position = shop.server.log.position()
    shop.server.allow("ATB0231")
    problem(shop.portal(org), 502, "provider_refused")
    assert "No configuration provided: save your portal settings" in shop.server.log.lines(position, "error")[0]


@pytest.mark.parametrize("fault, seconds", [
    ({"kind": "answer", "status": 429, "retry_after": 7}, "7"), ({"kind": "answer", "status": 500}, None),
    ({"kind": "drop"}, None), ({"kind": "cut"}, None)], ids=["429", "500", "drop", "cut"])
def test_a_provider_that_cannot_be_asked(own_shop, org, fault, seconds):
    shop = own_shop()
    shop.buy(org)
    shop.fault(path="billing_portal", times=None, **fault)
    reply = problem(shop.portal(org), 503, "provider_unavailable")
    assert int(reply.header("retry-after")) >= 1
    assert seconds in (None, reply.header("retry-after"))
    shop.heal()
    assert shop.portal(org).status == 200


def test_a_time_out_of_the_provider(own_shop, org):
    shop = own_shop("BillingStripeTimeout 1s\n")
    shop.buy(org)
    shop.fault("timeout", "billing_portal", seconds=60, times=None)
    problem(shop.portal(org), 503, "provider_unavailable")


def test_only_those_who_manage_billing(shop, org, customer):
    for role, status in (("dispatcher", 403), ("owner", 200), ("admin", 200), ("driver, admin", 200), ("owners", 403)):
        reply = shop.portal(org, role=role)
        assert reply.status == status, (role, reply)
    assert shop.server.post(API + "/portal-session", json={}).status == 401
    nobody = shop.server.post(API + "/portal-session", json={}, headers=token(sub="x"))
    problem(nobody, 403, "no_org")
