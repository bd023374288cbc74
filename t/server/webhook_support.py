# SPDX-License-Identifier: Apache-2.0
"""What tests of the webhook share: a server whose provider is never asked, orgs and subscribers of their own, and how to tell
that an event was kept without effect."""
import itertools

import pytest

from harness import stripe_events
from harness.ledger import Ledger
from harness.site import API, CATALOGUE, token
from harness.stripe_events import new_id, now
from harness.stripe_sign import encode

SHAPES = pytest.mark.parametrize("legacy", [False, True], ids=["current", "legacy"])
PLAIN = {"without": ["BillingStripeSecretKey"]}


@pytest.fixture(scope="module")
def server(database, cluster, module_site):
    return module_site(CATALOGUE, database=cluster.conninfo(database), **PLAIN)


@pytest.fixture
def ledger(cluster, database):
    return Ledger(cluster, database)


_orgs = itertools.count(1)


@pytest.fixture
def org():
    """A new one for each test."""
    return f"org{next(_orgs)}"


def outcome(server, event):
    reply = server.deliver(event)
    assert reply.status == 200, reply
    assert reply.header("content-type") == "application/json"
    assert reply.json["received"] is True and set(reply.json) == {"received", "outcome"}
    return reply.json["outcome"]


def summary(server, org):
    reply = server.get(API + "/summary", headers=token(org_id=org, role="owner"))
    assert reply.status == 200, reply
    return reply.json


class Subscriber:
    """An org's subscription at Stripe, and events of it; each event is a second younger than the one before."""

    def __init__(self, org, legacy=False, **fields):
        self.org, self.legacy = org, legacy
        self.id, self.customer = new_id("sub"), new_id("cus")
        self.started = now() - 1000
        self.at = self.started
        self.fields = {"sub": self.id, "customer": self.customer, "org": org, "started": self.started, **fields}

    def tick(self, created):
        self.at = self.at + 1 if created is None else created
        return self.at

    def event(self, kind="updated", created=None, **fields):
        return stripe_events.subscription_event(kind, created=self.tick(created), legacy=self.legacy,
                                                **{**self.fields, **fields})

    def invoice(self, kind, created=None, **fields):
        return stripe_events.invoice_event(kind, created=self.tick(created), legacy=self.legacy,
                                           **{"sub": self.id, "customer": self.customer, "org": self.org, **fields})


# Events without effect


def is_dead(server, ledger, event, words):
    before = [ledger.rows(table) for table in ("org", "customer", "subscription", "link", "checkout")]
    position = server.log.position()
    assert outcome(server, event) == "dead"
    kept = ledger.event(event)
    assert kept["outcome"] == "dead" and words in kept["error"] and kept["shown_status"] is None
    assert ledger.body(event) == encode(event)
    assert [ledger.rows(table) for table in ("org", "customer", "subscription", "link", "checkout")] == before
    lines = [line for line in server.log.lines(position) if "[client " in line and "ATB" in line]
    assert len(lines) == 1 and f"ATB0403: event {event['id']}" in lines[0] and words in lines[0]
    assert outcome(server, event) == "duplicate"


def is_ignored(server, ledger, event, words):
    before = [ledger.rows(table) for table in ("org", "subscription", "link", "checkout")]
    assert outcome(server, event) == "ignored"
    kept = ledger.event(event)
    assert kept["outcome"] == "ignored" and words in kept["error"] and kept["shown_status"] is None
    assert kept["type"] == event["type"]
    assert ledger.body(event) == encode(event)
    assert [ledger.rows(table) for table in ("org", "subscription", "link", "checkout")] == before
    assert outcome(server, event) == "duplicate"
