# SPDX-License-Identifier: Apache-2.0
"""Once an event is answered, every child of this node knows of it; and whoever signs as Stripe does is believed."""
import re

import pytest

from harness import client, stripe_events, stripe_sign
from harness.ledger import Ledger
from harness.site import API, CATALOGUE, OLD_WEBHOOK_SECRET, WEBHOOK, WEBHOOK_SECRET, token
from harness.stripe_events import new_id, now
from harness.waiting import wait_for

GATED = CATALOGUE + """
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
</BillingFeature>
<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
"""
# Four children from the start; the log tells which of them has answered.
SEVERAL = GATED + """
StartServers 4
MinSpareThreads 32
KeepAliveTimeout 60
MaxKeepAliveRequests 0
LogFormat "%P %{X-Ask}i" asked
CustomLog "@ROOT@/asked.log" asked
"""
PLAIN = {"without": ["BillingStripeSecretKey"]}


def snapshot(org, sub, status, at):
    return stripe_events.subscription_event("updated", org=org, sub=sub, customer=f"cus_{sub}", status=status,
                                            created=now() - 1000 + at, started=now() - 2000)


def who(org):
    return token(org_id=org, role="owner")


@pytest.fixture(scope="module")
def server(database, cluster, module_site):
    made = module_site(SEVERAL, database=cluster.conninfo(database), modules=["log_config"], **PLAIN)
    made.write("htdocs/dispatch/index.html", "the board")
    return made


class Askers:
    """Connections that stay open, so many that every child has one at least."""

    def __init__(self, server):
        self._server = server
        self._connections = []
        self._number = 0
        wait_for(self._reach_more, what="connections to every child")

    def _reach_more(self):
        self._connections += [client.Connection(self._server.port) for _ in range(4)]
        return self.ask("/data.json", "nobody")[1] >= set(self._server.children())

    def ask(self, path, org):
        """Every reply, and which of the children gave one."""
        replies, names = [], set()
        for connection in self._connections:
            self._number += 1
            name = f"ask{id(self)}-{self._number}"
            names.add(name)
            replies.append(connection.request("GET", path, headers={**who(org), "X-Ask": name}))

        def told():
            lines = [line.split() for line in (self._server.root / "asked.log").read_text().splitlines()]
            found = {name: int(pid) for pid, name in lines if name in names}
            return len(found) == len(names) and set(found.values())
        return replies, wait_for(told, what="the log of what was asked")

    def close(self):
        for connection in self._connections:
            connection.close()


@pytest.fixture
def askers(server):
    made = Askers(server)
    yield made
    made.close()


def test_visible_in_every_child_at_once(server, askers):
    org, sub = new_id("org"), new_id("sub")
    words = ["active", "paused", "trialing", "unpaid", "active", "paused", "active", "canceled"]
    for at, word in enumerate(words):
        expected = 200 if word in ("active", "trialing") else 402
        assert server.deliver(snapshot(org, sub, word, at)).json["outcome"] == "applied"
        replies, pids = askers.ask("/dispatch/", org)
        assert [reply.status for reply in replies] == [expected] * len(replies), word
        assert pids >= set(server.children()) and len(pids) >= 4


def test_visible_in_every_summary_at_once(server, askers):
    org, sub = new_id("org"), new_id("sub")
    for at, (word, shown) in enumerate([("active", "active"), ("past_due", "past_due"), ("paused", "canceled")]):
        assert server.deliver(snapshot(org, sub, word, at)).json["outcome"] == "applied"
        replies, _ = askers.ask(API + "/summary", org)
        assert {reply.json["subscription"]["status"] for reply in replies} == {shown}


def test_an_unknown_org_that_was_asked_for_before_is_known_at_once(server, askers):
    """Its absence was remembered everywhere."""
    org = new_id("org")
    replies, _ = askers.ask("/dispatch/", org)
    assert {reply.status for reply in replies} == {402}
    server.deliver(snapshot(org, new_id("sub"), "active", 0))
    replies, _ = askers.ask("/dispatch/", org)
    assert {reply.status for reply in replies} == {200}


def test_a_duplicate_shows_what_another_has_written(site, server, cluster, database):
    """Whoever wrote it may have been killed before he could tell; then the provider sends it again."""
    other = site(GATED + "BillingCacheRefresh 1h\n", database=cluster.conninfo(database), **PLAIN)
    other.write("htdocs/dispatch/index.html", "the board")
    org, sub = new_id("org"), new_id("sub")
    other.deliver(snapshot(org, sub, "active", 0))
    assert other.get("/dispatch/", headers=who(org)).status == 200
    event = snapshot(org, sub, "paused", 1)
    assert server.deliver(event).json["outcome"] == "applied"
    assert other.get("/dispatch/", headers=who(org)).status == 200
    assert other.deliver(event).json["outcome"] == "duplicate"
    for _ in range(8):
        assert other.get("/dispatch/", headers=who(org)).status == 402
    assert Ledger(cluster, database).link(org)["version"] == 2


def test_visible_in_another_node_within_the_refresh(site, server, cluster, database):
    other = site(GATED + "BillingCacheRefresh 100ms\n", database=cluster.conninfo(database), **PLAIN)
    other.write("htdocs/dispatch/index.html", "the board")
    org, sub = new_id("org"), new_id("sub")
    server.deliver(snapshot(org, sub, "active", 0))
    assert other.get("/dispatch/", headers=who(org)).status == 200
    server.deliver(snapshot(org, sub, "paused", 1))
    wait_for(lambda: other.get("/dispatch/", headers=who(org)).status == 402, what="the other node to know")


# Signers


@pytest.mark.parametrize("signer", ["harness", "sdk"])
@pytest.mark.parametrize("secret", [WEBHOOK_SECRET, OLD_WEBHOOK_SECRET], ids=["new secret", "old secret"])
@pytest.mark.parametrize("legacy", [False, True], ids=["current", "legacy"])
def test_secrets_two_are_valid_while_one_is_replaced(server, official_sdk, signer, secret, legacy):
    event = stripe_events.subscription_event("created", org=new_id("org"), status="active", legacy=legacy)
    event["data"]["object"]["description"] = "Füße & 🚚 \u2028"
    body = stripe_sign.encode(event)
    header = official_sdk.sign(body, secret) if signer == "sdk" else stripe_sign.signature_header(body, secret)
    reply = server.post(WEBHOOK, headers={"Stripe-Signature": header}, body=body)
    assert (reply.status, reply.json) == (200, {"received": True, "outcome": "applied"})


def test_secrets_one_header_with_two(server, official_sdk):
    body = stripe_sign.encode(stripe_events.subscription_event("created", org=new_id("org"), status="active"))
    one, other = (official_sdk.sign(body, secret, timestamp=now()) for secret in ("whsec_rolled", WEBHOOK_SECRET))
    rolled = ",".join([one, other.split(",", 1)[1]])
    assert official_sdk.verify(body, rolled, WEBHOOK_SECRET) is None
    assert server.post(WEBHOOK, headers={"Stripe-Signature": rolled}, body=body).status == 200


def test_secrets_none_valid(server, official_sdk):
    body = stripe_sign.encode(stripe_events.subscription_event("created", org=new_id("org"), status="active"))
    header = official_sdk.sign(body, "whsec_removed")
    assert official_sdk.verify(body, header, WEBHOOK_SECRET)
    reply = server.post(WEBHOOK, headers={"Stripe-Signature": header}, body=body)
    assert (reply.status, reply.json["code"]) == (400, "invalid_signature")


def test_secrets_change_with_a_reload(site, cluster, database):
    server = site(CATALOGUE, database=cluster.conninfo(database), **PLAIN)
    events = [stripe_events.subscription_event("created", org=new_id("org"), status="active") for _ in range(3)]
    assert server.deliver(events[0], secret=OLD_WEBHOOK_SECRET).status == 200
    server.write("webhook.secret.old", "whsec_newest\n")
    server.reload()
    assert server.deliver(events[1], secret=OLD_WEBHOOK_SECRET).status == 400
    assert server.deliver(events[1], secret="whsec_newest").status == 200
    assert server.deliver(events[2], secret=WEBHOOK_SECRET).status == 200


def test_secrets_are_never_logged(server):
    body = stripe_sign.encode(stripe_events.subscription_event("created", org=new_id("org"), status="active"))
    header = stripe_sign.signature_header(body, "whsec_wrong")
    server.post(WEBHOOK, headers={"Stripe-Signature": header}, body=body)
    text = server.log.text()
    assert "whsec_" not in text
    assert not re.search(r"v1=[0-9a-f]{8}", text)
