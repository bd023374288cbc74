# SPDX-License-Identifier: Apache-2.0
"""What tests of buying share: a site that sells, before the Stripe simulator, where each test has an org of its own."""
import concurrent.futures
import itertools
import time

import pytest
from harness.site import API, CATALOGUE, WEBHOOK, WEBHOOK_SECRET, token
from harness.waiting import wait_for
from stripe_simulator.driver import Driver

PRICES = ("price_founding_monthly=2900:usd:month:Founding member", "price_fleet_monthly=9900:usd:month:Fleet")

GATED = CATALOGUE + """
BillingStripeAPIBase @STRIPE@
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
</BillingFeature>
<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
"""

_orgs, _seeds = itertools.count(1), itertools.count(1)


def new_org():
    return f"org-{next(_orgs)}"


class Shop:
    """A site and the simulator behind it."""

    def __init__(self, server, stripe, cluster, database):
        self.server, self.stripe, self.cluster, self.database = server, stripe, cluster, database
        server.write("htdocs/dispatch/index.html", "the board")
        stripe.post("webhooks", url=f"http://127.0.0.1:{server.port}{WEBHOOK}", secret=WEBHOOK_SECRET)

    # What people do

    def post(self, path, body, org, role="owner", headers=None, **options):
        return self.server.post(API + path, json=body, headers={**token(org_id=org, role=role), **(headers or {})},
                                **options)

    def buy(self, org, plan="founding_monthly", **options):
        return self.post("/checkout-session", {"planKey": plan}, org, **options)

    def buy_at_once(self, org, plans):
        """Everybody clicks in the same moment."""
        with concurrent.futures.ThreadPoolExecutor(len(plans)) as pool:
            return list(pool.map(lambda plan: self.buy(org, plan), plans))

    def buy_patiently(self, org, plan="founding_monthly"):
        """As a client that obeys Retry-After."""
        def answered():
            reply = self.buy(org, plan)
            if reply.status != 503:
                return reply
            time.sleep(int(reply.header("retry-after")))
            return None
        return wait_for(answered, 60, "an answer other than 503")

    def portal(self, org, **options):
        return self.post("/portal-session", {}, org, **options)

    def summary(self, org, role="owner", **options):
        reply = self.server.get(API + "/summary", headers=token(org_id=org, role=role), **options)
        assert reply.status == 200, reply
        return reply.json

    def may_dispatch(self, org):
        reply = self.server.get("/dispatch/", headers=token(org_id=org, role="owner"))
        assert reply.status in (200, 402), reply
        return reply.status == 200

    def pay(self, session, **how):
        return self.stripe.post(f"checkout/{session['id']}/pay", **how)

    # What is at the provider

    def _made_for(self, kind, org):
        made = self.stripe.get(f"state/{kind}").get(kind, {}).values()
        return [thing for thing in made if thing.get("metadata", {}).get("attune_org") == org]

    def customers(self, org):
        return self._made_for("customer", org)

    def sessions(self, org, status=None):
        return [session for session in self._made_for("checkout.session", org) if status in (None, session["status"])]

    def open_session(self, org):
        """The one there is; never two."""
        found = self.sessions(org, "open")
        assert len(found) == 1, found
        return found[0]

    def subscriptions(self, org):
        return self._made_for("subscription", org)

    def requests(self, since=0, method=None, path=""):
        found = self.stripe.get(f"requests?since={since}&path={path}" + (f"&method={method}" if method else ""))
        return found

    def last_request(self):
        found = self.requests()
        return found[-1]["number"] if found else 0

    def fault(self, kind, path="", **more):
        """What the next call of the API suffers."""
        return self.stripe.post("faults", on="api", kind=kind, path=path, **more)["id"]

    def heal(self):
        self.stripe.delete("faults")

    def hold_webhooks(self):
        self.stripe.post("faults", on="webhook", kind="hold", times=None)

    def release_webhooks(self):
        self.stripe.delete("faults")
        self.stripe.post("deliver")

    # What is in the database

    def sql(self, text):
        return self.cluster.psql(text, self.database)

    def checkouts(self, org):
        """The states of its rows, oldest first."""
        return [row[0] for row in
                self.sql(f"SELECT state FROM billing.checkout WHERE org_id = '{org}' ORDER BY checkout_id")]

    def age(self, org, duration):
        """Makes what is written of the org's checkouts and customers older."""
        self.sql(f"UPDATE billing.checkout SET reserved_at = reserved_at - interval '{duration}', expires_at ="
                 f" expires_at - interval '{duration}', checked_at = checked_at - interval '{duration}'"
                 f" WHERE org_id = '{org}';"
                 f"UPDATE billing.customer SET first_seen = first_seen - interval '{duration}' WHERE org_id = '{org}'")


def problem(reply, status, code):
    """It is this problem, and a good one."""
    assert reply.status == status, reply
    assert reply.header("content-type") == "application/problem+json"
    body = reply.json
    assert (body["status"], body["code"]) == (status, code), body
    assert body["type"].endswith(code) and body["title"] and body["detail"] and body["requestId"]
    assert "no-store" in reply.header("cache-control")
    return reply


def start_stripe(*arguments):
    """Its ids are its own: customers of two simulators may meet in one database."""
    prices = itertools.chain.from_iterable(("--price", price) for price in PRICES)
    return Driver.start("--seed", f"shop {next(_seeds)}", *arguments, *prices)


def open_shop(site, cluster, database, stripe, config="", **options):
    return Shop(site(GATED + config, database=cluster.conninfo(database), values={"STRIPE": stripe.url}, **options),
                stripe, cluster, database)


@pytest.fixture(scope="module")
def module_stripe():
    with start_stripe() as driver:
        yield driver


@pytest.fixture(scope="module")
def _module_shop(module_site, cluster, database, module_stripe):
    return open_shop(module_site, cluster, database, module_stripe)


@pytest.fixture
def shop(_module_shop):
    """Stands for the whole file: for tests that leave its clock alone, and the provider up."""
    yield _module_shop
    _module_shop.heal()
    _module_shop.stripe.post("deliver")
    assert _module_shop.stripe.get("state")["bugs"] == []


@pytest.fixture
def org():
    return new_org()


@pytest.fixture
def own_shop(site, cluster, database):
    """Of this test alone: it may break the provider and turn its clock. own_shop(config, stripe=(argument, …))."""
    drivers = []

    def make(config="", stripe=(), **options):
        drivers.append(start_stripe(*stripe))
        return open_shop(site, cluster, database, drivers[-1], config, **options)
    yield make
    for driver in drivers:
        driver.stop()
