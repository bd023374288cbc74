# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL that is steadily slow, or far away: each answer late by the same time. Below the bound everything works, only
later; above it the database is as good as away, and no answer waits for it longer than the bound."""
import pytest

from fault_support import BOUND, away, cold, make_server, over, watched
from harness.relay import Relay
from harness.site import API, token
from harness.waiting import wait_for
from metrics_support import Difference
from node_support import AWAY, own_cluster
from shop_support import new_org, open_shop, problem, start_stripe

pytestmark = pytest.mark.timeout(240)

# Seconds for each direction. A gate waits half a second for an org that it does not know, a route three; a statement takes
# two rounds where it has no plan yet, and connecting three or four.
BELOW = 0.04
ABOVE_THE_GATES = 0.3
ABOVE_ALL = 2.0

# Events of one org that come at once are in each other's way, and the longer for each round that they take.
APART = ("busy", "busier", "busiest")
ROUTES = ("summary", "checkout", "portal")


@pytest.fixture(scope="module")
def lone(scratch, workspace):
    with own_cluster(scratch, workspace) as made:
        yield made


@pytest.fixture(scope="module")
def relay(lone):
    with Relay(lone.port) as made:
        yield made


def through(relay, lone):
    """The conninfo of the slow way."""
    return lone.conninfo("attune").replace(f"port={lone.port}", f"port={relay.port}")


@pytest.fixture(scope="module")
def server(module_site, lone, relay):
    return make_server(module_site, through(relay, lone))


@pytest.fixture(autouse=True)
def fast_again(relay):
    yield
    relay.delay = 0


def test_slow_below_the_bound(server, relay):
    """Slow is not away: each event is taken, and, once there are connections enough, each org that nobody had heard of is
    looked up."""
    position = server.log.position()
    with watched(server, APART) as askers:
        relay.delay = BELOW
        askers.forget()
        askers.answered(10)
        wait_for(lambda: {found.reason for found in askers.cold.replies[-10:]} == {"no_subscription"}, 60, "orgs to be found")
        assert set(askers.events()) == {200}
        relay.delay = 0
        over(server)
    assert relay.held and "ATB0202" not in server.log.text(position)


def test_slow_above_what_a_gate_waits(server, relay):
    """Gates do not wait for what they do not know; events are taken."""
    with watched(server, APART) as askers:
        relay.delay = ABOVE_THE_GATES
        askers.forget()
        askers.stay()
        wait_for(lambda: 200 in askers.events(), what="an event to be taken")
        assert "unverified" in {found.reason for found in askers.cold.replies}
        assert {found.code for found in askers.cold.replies} <= {402, 503}
        assert {found.code for found in askers.cold_allowed.replies} <= {200, 402}
        relay.delay = 0
        over(server)


@pytest.mark.parametrize("path, code", [("/dispatch/", 503), ("/routing/", 200), ("/routing/index.html", 200)])
def test_a_request_waits_once(server, relay, path, code):
    """However many places httpd looks in for what it serves: one statement is sent for an org that is not known."""
    relay.delay = ABOVE_THE_GATES
    difference = Difference(server)
    assert cold(server, path)().code == code
    ends = difference.of("database_statements_total")
    assert ends.get(("timeout",), 0) + ends.get(("no_connection",), 0) == 1, ends
    relay.delay = 0
    over(server)


def test_slow_above_the_bound(server, relay):
    with watched(server, APART) as askers:
        relay.delay = ABOVE_ALL
        wait_for(lambda: away(server), 60, what="the database to be given up")
        askers.stay()
        assert away(server)
        relay.delay = 0
        over(server)


def routes(shop, org):
    """What an owner's front end asks."""
    return {"summary": shop.server.get(f"{API}/summary", headers=token(org_id=org, role="owner"), timeout=BOUND),
            "checkout": shop.buy(org, timeout=BOUND), "portal": shop.portal(org, timeout=BOUND)}


def test_the_routes_of_a_front_end(site, lone, relay):
    """Each in its time, for an org that is known and for one that is not."""
    with start_stripe() as stripe:
        shop = open_shop(site, lone, "attune", stripe, f"DBDParams \"{through(relay, lone)}\"\n")
        shop.server.allow(*AWAY)
        known = new_org()
        assert shop.buy(known).status == 200 and shop.summary(known)["pendingCheckout"]
        relay.delay = BELOW
        assert {name: reply.status for name, reply in routes(shop, known).items()} == dict.fromkeys(ROUTES, 200)
        assert {name: reply.status for name, reply in routes(shop, new_org()).items()} == dict.fromkeys(ROUTES, 200)
        relay.delay = ABOVE_ALL
        for org in (known, new_org()):
            replies = routes(shop, org)
            if org == known:
                assert replies.pop("summary").status == 200, "what is known is shown"
            for reply in replies.values():
                assert int(problem(reply, 503, "state_unavailable").header("retry-after")) >= 1
        relay.delay = 0
        wait_for(lambda: {reply.status for reply in routes(shop, known).values()} == {200}, what="the database to be back")
