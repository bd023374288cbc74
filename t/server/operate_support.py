# SPDX-License-Identifier: Apache-2.0
# What the operators' tests share: a simulated account, a database of the test's own, a site with the admin mount.
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.site import ALICE, CATALOGUE, WEBHOOK, WEBHOOK_SECRET, Person  # noqa: E402
from stripe_simulator.driver import Driver  # noqa: E402

ADMIN = "/operate"
PRICES = ("price_founding_monthly=2900:usd:month:Founding member", "price_fleet_monthly=9900:usd:month:Fleet")
SITE = CATALOGUE + f"""
BillingStripeAPIBase @STRIPE@
BillingStripeTimeout 3s
BillingMount admin {ADMIN}
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
</BillingFeature>
<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
"""


def start_account():
    """A simulated account that sells the catalogue."""
    return Driver.start(*(word for price in PRICES for word in ("--price", price)))


@pytest.fixture
def stripe():
    """An account of the test's own."""
    with start_account() as driver:
        yield driver
        assert driver.get("state")["bugs"] == []


@pytest.fixture
def fresh(cluster, migrated_template):
    """The name of a migrated database of the test's own: the simulator's ids are the same in every run."""
    name = cluster.create_database(template=migrated_template)
    yield name
    cluster.drop_database(name)


def start_node(site, stripe, cluster, database, config="", endpoint=True):
    """A site, as a Node, whose webhook endpoint the account knows."""
    node = Node(site(SITE + config, database=cluster.conninfo(database), values={"STRIPE": stripe.url}), cluster,
                database)
    if endpoint:
        stripe.post("webhooks", url=f"http://127.0.0.1:{node.server.port}{WEBHOOK}", secret=WEBHOOK_SECRET)
    return node


# `site` last, so that servers end before what they use.
@pytest.fixture
def operated(cluster, fresh, stripe, site):
    """operated(more configuration) -> a Node on the test's own account and database."""
    def make(config="", endpoint=True):
        return start_node(site, stripe, cluster, fresh, config, endpoint)
    return make


def owner(org):
    return Person(f"owner of {org}", org, "owner")


class Node:
    """A site as its operators see it."""

    def __init__(self, server, cluster, database):
        self.server = server
        self._cluster, self._database = cluster, database
        server.write("htdocs/dispatch/index.html", "the board")

    def sql(self, text):
        return self._cluster.psql(text, self._database)

    def value(self, text):
        return self._cluster.value(text, self._database)

    def call(self, method, path, body=None, person=ALICE, **headers):
        """A call at the admin mount. A POST always has a body."""
        body = {} if body is None and method == "POST" else body
        more = {"Content-Type": "application/json"} if body is not None else {}
        return self.server.request(method, ADMIN + path, headers={**self.server.who(person), **more, **headers},
                                   body=json.dumps(body).encode() if body is not None else None)

    def answer(self, method, path, body=None):
        reply = self.call(method, path, body)
        assert reply.status == 200, reply
        return reply.json

    def sweep(self):
        return self.answer("POST", "/sweep")

    def health(self):
        return self.answer("GET", "/health")

    def board(self, person=ALICE, times=6):
        """What the gated page answers, asked often enough to meet both children."""
        return {self.server.get("/dispatch/", headers=self.server.who(person)).status for _ in range(times)}


def subscribe(stripe, org="acme", price="price_founding_monthly", **more):
    """A subscription made in the Dashboard, which names its org."""
    metadata = {"attune_org": org, **more.pop("metadata", {})}
    return stripe.post("subscriptions", price=price, metadata=metadata, **more)


def lose_webhooks(stripe):
    return stripe.post("faults", on="webhook", kind="lose", times=None)["id"]


def lists_of_events(stripe):
    """The queries of all calls that listed events."""
    return [request for request in stripe.get("requests?path=/v1/events") if request["method"] == "GET"]
