# SPDX-License-Identifier: Apache-2.0
"""A provider that is down, slow or busy: buying waits for better times, everything else goes on."""
import concurrent.futures
import os
import subprocess

import pytest
from harness.httpd import binary, sanitizer_environment
from harness.site import API, OLD_WEBHOOK_SECRET, STRIPE_KEY, WEBHOOK_SECRET, token
from harness.waiting import wait_for
from shop_support import new_org, org, own_shop, problem, start_stripe  # noqa: F401

# What mod_dbd says for itself where a child starts without a database.
MOD_DBD = ("AH00629", "AH00633", "AH00636")

CALLS = 16
# No other process to fall back on.
ONE_CHILD = """
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8
"""


def refused(reply):
    return int(problem(reply, 503, "provider_unavailable").header("retry-after"))


@pytest.mark.parametrize("fault", [
    {"kind": "timeout", "seconds": 60}, {"kind": "slow", "seconds": 60}, {"kind": "delay", "seconds": 6},
    {"kind": "drop"}, {"kind": "cut"}, {"kind": "garbage"}, {"kind": "answer", "status": 500},
    {"kind": "answer", "status": 503}, {"kind": "answer", "status": 429}],
    ids=lambda fault: f"{fault['kind']}{fault.get('status', '')}")
def test_a_provider_that_fails_in_every_way(own_shop, org, fault):
    shop = own_shop("BillingStripeTimeout 2s\n")
    shop.fault(times=None, **fault)
    assert refused(shop.buy(org, timeout=20)) >= 1
    assert shop.summary(org)["pendingCheckout"] is None
    shop.heal()
    assert shop.buy_patiently(org).status == 200
    assert len(shop.customers(org)) == 1 and len(shop.sessions(org, "open")) == 1


def test_a_provider_that_is_not_there(own_shop, org):
    shop = own_shop()
    port = shop.stripe.port
    shop.stripe.stop()
    assert refused(shop.buy(org)) >= 1
    assert shop.summary(org)["subscription"]["status"] == "none"
    with start_stripe("--port", str(port)) as shop.stripe:
        assert shop.buy_patiently(org).status == 200
        shop.open_session(org)


def test_how_long_the_provider_wants_to_be_left_alone_is_passed_on(own_shop, org):
    shop = own_shop()
    shop.fault("answer", "/v1/customers", status=429, retry_after=17)
    assert refused(shop.buy(org)) == 17


def test_an_open_session_is_given_out_while_the_provider_is_down(own_shop, org):
    """It is the same one, so nobody has to be asked."""
    shop = own_shop("BillingStripeTimeout 1s\n")
    first = shop.buy(org)
    shop.age(org, "1 minute")
    shop.fault("timeout", seconds=60, times=None)
    assert shop.buy(org).json["url"] == first.json["url"]
    # Another plan's session cannot be: the first would have to end.
    assert refused(shop.buy(org, "fleet_monthly")) >= 1
    shop.heal()
    assert shop.open_session(org)["url"] == first.json["url"]


def test_other_routes_and_gates_go_on_while_calls_hang(own_shop):
    """Threads wait for the provider, but never all of them."""
    shop = own_shop("BillingStripeTimeout 30s\n" + ONE_CHILD)
    member = new_org()
    shop.buy(member)
    shop.pay(shop.open_session(member))
    shop.fault("timeout", seconds=60, times=None)
    with concurrent.futures.ThreadPoolExecutor(CALLS) as pool:
        hanging = [pool.submit(shop.buy, new_org(), timeout=100) for _ in range(CALLS)]
        wait_for(lambda: len(shop.requests(0, "POST", "/v1/customers")) > 6, what="calls to hang")
        for _ in range(40):
            assert shop.may_dispatch(member)
            assert shop.summary(member)["subscription"]["status"] == "active"
            assert shop.server.get("/data.json", headers=token(org_id=member)).status == 200
            problem(shop.buy(member), 409, "already_subscribed")
        assert not all(future.done() for future in hanging)
        shop.heal()
        for future in hanging:
            assert future.result().status in (200, 503), future.result()


def test_a_provider_that_keeps_failing_is_left_alone(own_shop):
    """By each process for itself, and longer with every failed try; then it is found to be back."""
    shop = own_shop()
    shop.fault("answer", status=500, times=None)

    def silent():
        since = shop.last_request()
        replies = [shop.buy(new_org()) for _ in range(6)]
        return all(refused(reply) for reply in replies) and not shop.requests(since)
    wait_for(silent, what="the provider to be left alone")
    shop.heal()
    org = new_org()
    assert shop.buy_patiently(org).status == 200
    shop.open_session(org)


def test_the_database_is_away(own_shop, cluster, org):
    """Nothing can be reserved, so nothing is sold."""
    shop = own_shop()
    shop.buy(org)
    shop.stripe.post("settle")
    shop.server.allow("ATB0202", *MOD_DBD)
    since = shop.last_request()
    cluster.stop()
    try:
        for path in ("/checkout-session", "/portal-session"):
            reply = shop.post(path, {"planKey": "fleet_monthly"} if path == "/checkout-session" else {}, org)
            assert int(problem(reply, 503, "state_unavailable").header("retry-after")) >= 1
        assert shop.requests(since) == []
    finally:
        cluster.start()
    assert shop.buy_patiently(org).status == 200
    # Each child finds out for itself that it is back.
    wait_for(lambda: shop.portal(org).status == 200, what="the portal")


def test_the_database_goes_while_the_provider_answers(own_shop, cluster, org):
    """Made there and not written here: no url is given out, and the next call finds it."""
    shop = own_shop()
    shop.server.allow("ATB0202", "ATB0402", *MOD_DBD)
    shop.fault("delay", "/v1/checkout/sessions$", seconds=2.0)
    since = shop.last_request()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        lost = pool.submit(shop.buy, org)
        wait_for(lambda: shop.requests(since, "POST", "/v1/checkout/sessions$"), what="the session to be asked for")
        cluster.stop()
        try:
            problem(lost.result(), 503, "state_unavailable")
        finally:
            cluster.start()
    assert shop.checkouts(org) == ["reserved"]
    reply = shop.buy_patiently(org)
    assert reply.json["url"] == shop.open_session(org)["url"]


def test_nothing_secret_is_logged(own_shop, org):
    """At the highest level, through success and failure, and in what httpd says of its configuration."""
    shop = own_shop("LogLevel attune_billing:trace8\nBillingStripeTimeout 2s\n")
    shop.buy(org)
    shop.portal(org)
    shop.pay(shop.open_session(org))
    for fault in ({"kind": "answer", "status": 401}, {"kind": "answer", "status": 400, "message": f"bad {STRIPE_KEY}"},
                  {"kind": "answer", "status": 500}, {"kind": "drop"}, {"kind": "cut"}, {"kind": "garbage"}):
        shop.fault(**fault)
        shop.buy(new_org())
    shop.server.allow("ATB0231", "ATB0241")
    dump = subprocess.run([binary(), "-t", "-DDUMP_CONFIG", "-DDUMP_RUN_CFG", "-DDUMP_VHOSTS", "-f",
                           str(shop.server.root / "httpd.conf")], capture_output=True, text=True, check=True,
                          env={**os.environ, **sanitizer_environment()})
    said = shop.server.log.text() + dump.stdout + dump.stderr
    for secret in (STRIPE_KEY, WEBHOOK_SECRET, OLD_WEBHOOK_SECRET):
        assert secret not in said
    assert "attune_billing" in said
