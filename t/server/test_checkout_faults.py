# SPDX-License-Identifier: Apache-2.0
"""Buying while calls are lost, processes die and keys are forgotten: what was begun is found again."""
import concurrent.futures
import os
import signal
import time

import pytest
from harness.site import STRIPE_KEY
from harness.waiting import wait_for
from shop_support import open_shop, org, own_shop, problem  # noqa: F401

CUSTOMERS, SESSIONS = "/v1/customers$", "/v1/checkout/sessions$"


@pytest.fixture
def shop(own_shop):
    """Its provider fails often: patience with it is part of these tests, being left alone by it is not."""
    return own_shop()


def one_of_each(shop, org):
    assert len(shop.customers(org)) == 1, shop.customers(org)
    return shop.open_session(org)


def keys(shop, path):
    return [call["idempotency_key"] for call in shop.requests(0, "POST", path)]


def gave_up(shop, org, **options):
    reply = shop.buy(org, **options)
    assert int(problem(reply, 503, "provider_unavailable").header("retry-after")) >= 1


@pytest.mark.parametrize("path", [CUSTOMERS, SESSIONS])
@pytest.mark.parametrize("fault", [
    {"kind": "drop", "after": True}, {"kind": "cut"}, {"kind": "garbage", "after": True},
    {"kind": "answer", "status": 500, "after": True}, {"kind": "answer", "status": 503},
    {"kind": "answer", "status": 409}], ids=lambda fault: "-".join(map(str, fault.values())))
def test_duplicate_customer_a_lost_answer_is_asked_for_again(shop, org, path, fault):
    """Made or not, answered badly or not at all: by retries within the request, or by the next request."""
    shop.fault(path=path, **fault)
    shop.buy_patiently(org)
    one_of_each(shop, org)
    assert len(set(keys(shop, path))) == 1 and keys(shop, path)[0]


@pytest.mark.parametrize("path", [CUSTOMERS, SESSIONS])
def test_duplicate_customer_made_and_timed_out(own_shop, org, path):
    shop = own_shop("BillingStripeTimeout 1s\n")
    shop.fault("timeout", path, after=True)
    gave_up(shop, org)
    assert len(shop.customers(org)) == 1
    shop.heal()
    assert shop.buy(org).status == 200
    one_of_each(shop, org)
    assert len(set(keys(shop, path))) == 1


def test_duplicate_customer_two_first_calls_at_once(shop, org):
    """In different processes, which know nothing of each other."""
    shop.fault("delay", CUSTOMERS, seconds=0.6)
    shop.fault("delay", SESSIONS, seconds=0.6)
    replies = shop.buy_at_once(org, ["founding_monthly"] * 4)
    assert {reply.status for reply in replies} <= {200, 503}
    assert shop.buy_patiently(org).json["url"] == one_of_each(shop, org)["url"]


def kill_children(shop):
    """As the kernel does where memory runs out; the parent starts others."""
    old = shop.server.children()
    shop.server.allow("exit signal Killed")
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: shop.server.children() and not set(shop.server.children()) & set(old), what="new children")


@pytest.mark.parametrize("path, kind", [(CUSTOMERS, "customer"), (SESSIONS, "checkout.session")])
def test_duplicate_customer_a_child_dies_between_the_provider_and_our_write(shop, org, path, kind):
    shop.fault("timeout", path, after=True)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        lost = pool.submit(shop.buy, org)
        wait_for(lambda: shop.stripe.get(f"state/{kind}").get(kind), what=f"a {kind} at the provider")
        kill_children(shop)
        with pytest.raises(OSError):
            lost.result()
    shop.heal()
    assert shop.checkouts(org) == ["reserved"]
    assert shop.buy_patiently(org).status == 200
    one_of_each(shop, org)


def lose(shop, org, path):
    """A call that is carried out and never answered, however often."""
    shop.fault("drop", path, after=True, times=None)
    gave_up(shop, org)
    shop.heal()


@pytest.mark.parametrize("hours", [23, 23.25])
@pytest.mark.parametrize("path", [CUSTOMERS, SESSIONS])
def test_duplicate_customer_after_the_provider_has_forgotten_the_key(shop, org, path, hours):
    """A key that lives for a day is no use after a day: the provider's lists are asked first."""
    lose(shop, org, path)
    customer = shop.customers(org)[0]["id"]
    shop.age(org, f"{hours} hours")
    since = shop.last_request()
    assert shop.buy(org).status == 200
    assert one_of_each(shop, org)["customer"] == customer
    assert shop.requests(since)[0]["method"] == "GET"
    shop.pay(shop.open_session(org))
    assert shop.may_dispatch(org) and len(shop.subscriptions(org)) == 1


def test_duplicate_customer_a_day_later(own_shop, org):
    """The reservation is over, too, and what the key stood for only the list tells."""
    day = 25 * 3600
    shop = own_shop(stripe=("--clock", str(int(time.time()) - day)))
    lose(shop, org, CUSTOMERS)
    shop.age(org, "25 hours")
    shop.stripe.advance("25h")
    since = shop.last_request()
    assert shop.buy(org).status == 200
    assert shop.requests(since)[0]["method"] == "GET"
    one_of_each(shop, org)


def test_duplicate_customer_nothing_was_made_before_the_key_was_forgotten(shop, org):
    shop.fault("drop", CUSTOMERS, times=None)
    gave_up(shop, org)
    shop.heal()
    shop.age(org, "23 hours")
    assert shop.buy(org).status == 200
    one_of_each(shop, org)
    assert len(set(keys(shop, CUSTOMERS))) == 2


def test_a_failure_that_the_provider_remembers_is_left_behind(shop, org):
    """Stripe keeps a 500 with its key for a day, too."""
    shop.fault("answer", SESSIONS, status=500, remember=True)
    gave_up(shop, org)
    gave_up(shop, org)
    shop.sql(f"UPDATE billing.checkout SET reserved_at = reserved_at - interval '3 minutes' WHERE org_id = '{org}'")
    assert shop.buy_patiently(org).status == 200
    one_of_each(shop, org)


def test_a_session_whose_reservation_was_taken_away_is_ended(shop, org):
    """Slow, until somebody else has begun anew: what comes then is one too many."""
    shop.fault("delay", SESSIONS, seconds=1.5)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(shop.buy, org)
        wait_for(lambda: keys(shop, SESSIONS), what="the session to be asked for")
        shop.sql(f"UPDATE billing.checkout SET state = 'expired' WHERE org_id = '{org}'")
        assert slow.result().json["url"] == shop.open_session(org)["url"]
    assert len(shop.sessions(org, "expired")) == 1
    assert shop.checkouts(org) == ["expired", "open"]


def reconfigure(shop, old, new):
    text = (shop.server.root / "httpd.conf").read_text()
    assert old in text
    shop.server.write("httpd.conf", text.replace(old, new))
    shop.server.reload()


@pytest.mark.parametrize("old, new", [
    ("https://app.example.com/billing", "https://new.example.com/home"),
    ("BillingMount api", "BillingStripeOrgMetadata tenant\nBillingMount api"),
    ("BillingMount api", "BillingInstallId another\nBillingMount api"),
    ("price_founding_monthly", "price_new")],
    ids=["return", "metadata", "installation", "price"])
def test_another_configuration_while_a_call_is_lost(shop, org, old, new):
    """The words of a reservation stay; where they cannot, what was made with them is ended first."""
    shop.stripe.post("prices", price="price_new=3900:usd:month:Founding member")
    lose(shop, org, SESSIONS)
    reconfigure(shop, old, new)
    assert shop.buy_patiently(org).status == 200
    sessions = shop.stripe.get("state/checkout.session")["checkout.session"].values()
    assert len([session for session in sessions if session["status"] == "open"]) == 1, sessions


def test_another_return_url_counts_for_the_next_session(shop, org):
    first = shop.buy(org)
    assert shop.open_session(org)["success_url"].startswith("https://app.example.com/billing?checkout=success")
    reconfigure(shop, "https://app.example.com/billing", "https://new.example.com/home")
    second = shop.buy(org)
    assert second.json["url"] != first.json["url"]
    session = one_of_each(shop, org)
    assert session["success_url"] == "https://new.example.com/home?checkout=success&session_id={CHECKOUT_SESSION_ID}"
    assert session["cancel_url"] == "https://new.example.com/home?checkout=cancelled"


def test_another_account_knows_neither_customer_nor_session(shop, org):
    """As after a change of the key: nothing of the old account stands in the way."""
    first = shop.buy(org)
    shop.stripe.post("reset")
    for price in ("price_founding_monthly=2900:usd:month", "price_fleet_monthly=9900:usd:month"):
        shop.stripe.post("prices", price=price)
    shop.age(org, "1 minute")
    second = shop.buy(org)
    assert second.status == 200, second
    assert shop.checkouts(org)[-1] == "open"
    one_of_each(shop, org)
    assert first.json["url"] != second.json["url"]


@pytest.mark.parametrize("told", [True, False], ids=["event", "no-event"])
@pytest.mark.parametrize("open_session", [True, False], ids=["open", "none"])
def test_a_customer_that_was_deleted_is_replaced(shop, org, told, open_session):
    shop.buy(org)
    if not open_session:
        shop.stripe.post(f"checkout/{shop.open_session(org)['id']}/expire")
    old = shop.customers(org)[0]["id"]
    if not told:
        shop.hold_webhooks()
    shop.stripe.post(f"customers/{old}/delete")
    shop.age(org, "1 minute")
    if told or not open_session:
        assert shop.buy(org).status == 200
        session = shop.open_session(org)
        assert session["customer"] != old
        assert [customer["id"] for customer in shop.customers(org)] == [session["customer"]]
        shop.pay(session)
        if told:
            assert shop.may_dispatch(org)
    assert len(shop.sessions(org, "open")) <= 1


@pytest.mark.parametrize("path", [CUSTOMERS, SESSIONS])
def test_a_key_that_brings_back_a_deleted_customer_is_not_believed(shop, org, path):
    lose(shop, org, path)
    shop.stripe.post(f"customers/{shop.customers(org)[0]['id']}/delete")
    assert shop.portal(org).json["code"] == "no_customer"
    assert shop.buy(org).status == 200
    assert len(shop.customers(org)) == 1
    assert shop.checkouts(org)[-1] == "open"
    assert shop.portal(org).status == 200


@pytest.mark.parametrize("kind", ["unknown", "live", "once"])
def test_mode_a_price_that_cannot_be_sold_is_the_operators_business(shop, org, kind):
    if kind == "live":
        shop.stripe.post("live_ids", ids=["price_of_live_mode"])
    shop.stripe.post("prices", price="price_once=1500:usd:once:Setup")
    price = {"unknown": "price_nobody_knows", "live": "price_of_live_mode", "once": "price_once"}[kind]
    reconfigure(shop, "price_founding_monthly", price)
    shop.server.allow("ATB0241")
    for _ in range(12):
        problem(shop.buy(org), 502, "provider_refused")
    line = shop.server.log.lines(level="error")[-1]
    for word in ("ATB0241", "plan founding_monthly", price, "BillingPrice", "<BillingPlan founding_monthly>", "test"):
        assert word in line, line
    # Nothing was sold, so nothing counts against the hourly cap once it is put right.
    reconfigure(shop, price, "price_founding_monthly")
    assert shop.buy(org).status == 200
    one_of_each(shop, org)


def test_mode_a_key_that_is_not_valid(shop, org):
    shop.server.write("stripe.key", "sk_test_!\n")
    shop.server.reload()
    shop.server.allow("ATB0231")
    problem(shop.buy(org), 502, "provider_refused")
    assert "the secret key is not valid" in shop.server.log.lines(level="error")[-1]
    shop.server.write("stripe.key", STRIPE_KEY + "\n")
    shop.server.reload()
    assert shop.buy(org).status == 200


def test_mode_two_installations_on_one_account(own_shop, site, cluster, migrated_template, org):
    """Same org id, one Stripe account, two databases: neither takes the other's customer, session or subscription."""
    shop = own_shop()
    database = cluster.create_database(template=migrated_template)
    cluster.psql("UPDATE billing.installation SET install_id = 'the-other'", database)
    neighbour = open_shop(site, cluster, database, shop.stripe)
    assert shop.buy(org).status == neighbour.buy(org).status == 200
    assert len(shop.customers(org)) == len({session["customer"] for session in shop.sessions(org, "open")}) == 2
    shop.pay(next(session for session in shop.sessions(org) if session["metadata"]["attune_install"] != "the-other"))
    assert shop.may_dispatch(org) and not neighbour.may_dispatch(org)
    problem(shop.buy(org), 409, "already_subscribed")
    assert neighbour.buy(org).status == 200
    neighbour.server.stop()
    cluster.drop_database(database)


def test_nothing_is_sold_without_a_key_or_a_return_url(own_shop, org):
    shop = own_shop()
    reconfigure(shop, "BillingReturnURL           https://app.example.com/billing\n", "")
    shop.server.allow("ATB0242", "ATB0243")
    problem(shop.buy(org), 502, "provider_refused")
    problem(shop.portal(org), 502, "provider_refused")
    assert shop.server.log.count("ATB0242: nothing can be sold: BillingReturnURL is not set") == 1
    assert shop.server.log.count("ATB0243: there is no portal: BillingReturnURL is not set") == 1
    assert shop.requests() == []
