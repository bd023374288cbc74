# SPDX-License-Identifier: Apache-2.0
"""Buying, against the Stripe simulator: one customer, one session, one subscription, whatever happens."""
import concurrent.futures

import pytest

from harness.site import ALICE, API, BOB, CATALOGUE, WEBHOOK, WEBHOOK_SECRET
from stripe_simulator.driver import Driver

GATED = CATALOGUE + """
BillingStripeAPIBase @STRIPE@
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
</BillingFeature>
<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
"""


@pytest.fixture
def stripe():
    with Driver.start("--price", "price_founding_monthly=2900:usd:month:Founding member",
                      "--price", "price_fleet_monthly=9900:usd:month:Fleet") as driver:
        yield driver


@pytest.fixture
def shop(site, cluster, database, stripe):
    server = site(GATED, database=cluster.conninfo(database), values={"STRIPE": stripe.url})
    server.write("htdocs/dispatch/index.html", "the board")
    stripe.post("webhooks", url=f"http://127.0.0.1:{server.port}{WEBHOOK}", secret=WEBHOOK_SECRET)
    yield server
    cluster.psql("delete from billing.event; delete from billing.checkout; delete from billing.link;"
                 " delete from billing.subscription; delete from billing.customer", database)


def buy(server, person=ALICE, plan="founding_monthly", **more):
    return server.post(API + "/checkout-session", headers={**server.who(person), "Content-Type": "application/json"},
                       body=b'{"planKey":"%s"}' % plan.encode(), **more)


def session_of(reply):
    return reply.json["url"].split("/")[-1].split("?")[0].split("#")[0]


def test_a_person_buys_and_the_gate_opens(shop, stripe):
    first = buy(shop)
    assert first.status == 200, first
    assert set(first.json) == {"url", "planKey", "expiresAt"}
    assert buy(shop).json == first.json
    summary = shop.get(API + "/summary", headers=shop.who(ALICE)).json
    assert summary["pendingCheckout"]["url"] == first.json["url"]
    assert shop.get(API + "/summary", headers=shop.who(BOB)).json["pendingCheckout"] is None
    sessions = stripe.get("state/checkout.session")["checkout.session"]
    assert len(sessions) == 1
    stripe.post(f"checkout/{list(sessions)[0]}/pay")
    assert shop.get("/dispatch/", headers=shop.who(ALICE)).text == "the board"
    assert buy(shop).json["code"] == "already_subscribed"
    portal = shop.post(API + "/portal-session", headers={**shop.who(ALICE), "Content-Type": "application/json"}, body=b"{}")
    assert portal.status == 200 and portal.json["url"].startswith(stripe.url), portal
    assert len(stripe.get("state/customer")["customer"]) == 1


def test_double_checkout(shop, stripe):
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda _: buy(shop), range(12)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.json["url"] for reply in replies}) == 1
    assert len(stripe.get("state/checkout.session")["checkout.session"]) == 1
    assert len(stripe.get("state/customer")["customer"]) == 1


def test_another_plan_expires_the_open_session_first(shop, stripe):
    first = buy(shop)
    second = buy(shop, plan="fleet_monthly")
    assert second.status == 200 and second.json["url"] != first.json["url"]
    states = sorted(session["status"] for session in stripe.get("state/checkout.session")["checkout.session"].values())
    assert states == ["expired", "open"]
