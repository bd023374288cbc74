# SPDX-License-Identifier: Apache-2.0
"""Operators list events, replay them once their cause is gone, and see how the installation is doing."""
import concurrent.futures
import json
import time

import pytest

from harness import client, stripe_events, stripe_sign
from harness.ports import reserve_port
from harness.site import API, WEBHOOK
from harness.waiting import wait_for
from operate_support import SITE, Node, fresh, operated, owner, stripe, subscribe  # noqa: F401

DEAD = "ATB0403"  # the webhook tells of a dead event as an error


@pytest.fixture
def node(cluster, fresh, site):
    """No account can be asked: its address leads nowhere."""
    return Node(site(SITE, database=cluster.conninfo(fresh), values={"STRIPE": f"http://127.0.0.1:{reserve_port()}"}),
                cluster, fresh)


def deliver(node, event, outcome):
    reply = node.server.deliver(event)
    assert (reply.status, reply.json["outcome"]) == (200, outcome), reply
    return event["id"]


def nameless(customer, **more):
    """A subscription's event that names no org, of a customer nobody knows."""
    return stripe_events.subscription_event("created", customer=customer, **more)


def make_customer(node, customer, org="acme"):
    node.sql(f"""insert into billing.org (org_id) values ('{org}') on conflict do nothing;
                 insert into billing.customer (provider, livemode, customer_id, org_id)
                 values ('stripe', false, '{customer}', '{org}')""")


# Lists


@pytest.mark.allowed_log(DEAD)
def test_a_list_goes_from_the_newest_page_by_page_and_can_be_narrowed(node):
    now = stripe_events.now()
    sub = {"sub": "sub_1", "customer": "cus_1", "org": "acme"}
    sent = [deliver(node, stripe_events.subscription_event("created", created=now - 100, **sub), "applied"),
            deliver(node, stripe_events.subscription_event("updated", created=now - 50, **sub), "applied"),
            deliver(node, stripe_events.subscription_event("updated", created=now - 200, **sub), "stale"),
            deliver(node, nameless("cus_2"), "dead"),
            deliver(node, stripe_events.event("charge.refunded", {"id": "ch_1", "object": "charge"}), "ignored")]
    whole = node.answer("GET", "/events")
    assert [event["id"] for event in whole["events"]] == sent[::-1]
    assert whole["livemode"] is False and whole["next"] is None
    assert set(whole["events"][0]) == {"id", "type", "apiVersion", "org", "customer", "subscription", "outcome", "error",
                                       "createdAt", "receivedAt"}
    pages, cursor = [], None
    while True:
        page = node.answer("GET", "/events?limit=2" + (f"&before={cursor}" if cursor else ""))
        pages += [event["id"] for event in page["events"]]
        cursor = page["next"]
        if not cursor:
            break
    assert pages == sent[::-1]
    for query, expected in [("outcome=dead", [sent[3]]), ("outcome=applied", [sent[1], sent[0]]),
                            ("type=charge.refunded", [sent[4]]), ("org=acme", [sent[2], sent[1], sent[0]]),
                            ("org=acme&outcome=stale&type=customer.subscription.updated", [sent[2]]),
                            ("org=globex", [])]:
        assert [event["id"] for event in node.answer("GET", f"/events?{query}")["events"]] == expected, query
    dead = node.answer("GET", "/events?outcome=dead")["events"][0]
    assert dead["error"] == "an unknown customer's subscription that names no org" and dead["org"] is None


def test_what_is_rare_is_found_page_by_page_in_bounded_looks(node):
    node.sql("""insert into billing.event (provider, event_id, type, created, livemode, outcome, body, received_at)
                select 'stripe', 'evt_' || n, case when n in (1, 30000) then 'rare' else 'usual' end, now(), n = 7,
                       case when n in (1, 30000) then 'stale' else 'ignored' end, '{}',
                       now() - interval '1 day' + n * interval '1 second' from generate_series(1, 45000) n""")
    for query in ("type=rare", "outcome=stale"):
        found, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            page = node.answer("GET", f"/events?{query}" + (f"&before={cursor}" if cursor else ""))
            found += [event["id"] for event in page["events"]]
            cursor, pages = page["next"], pages + 1
        assert (found, pages) == (["evt_30000", "evt_1"], 3), query
    assert node.health()["lastEvent"]["id"] == "evt_45000"


def test_one_event_shows_its_body_as_it_came_and_a_list_none(node):
    event = nameless("cus_1", org="acme")
    deliver(node, event, "applied")
    one = node.answer("GET", f"/events/{event['id']}")
    assert one["body"].encode() == stripe_sign.encode(event)
    assert one["outcome"] == "applied" and one["org"] == "acme" and one["livemode"] is False
    assert "body" not in node.answer("GET", "/events")["events"][0]
    for unknown in ("evt_none", "%FF"):
        for method, path in (("GET", ""), ("POST", "/replay")):
            missing = node.call(method, f"/events/{unknown}{path}")
            assert (missing.status, missing.json["code"]) == (404, "unknown_event"), unknown


@pytest.mark.parametrize("query", ["outcome=gone", "outcome=duplicate", "limit=0", "limit=201", "limit=x", "limit=",
                                   "before=1", "before=-evt", "before=x-evt", "org=%00", "org=a%20b", "org", "other=1",
                                   "type=a&type=b", "type=%zz", "type=%ff", "type=%C0%BC", "before=1-%FF", "before=%201-evt",
                                   "before=9223372036854775807-evt", "before=99999999999999999999-evt"])
def test_bad_queries_are_refused(module_node, query):
    reply = module_node.call("GET", f"/events?{query}")
    if query == "limit=":
        assert reply.status == 200
    else:
        assert (reply.status, reply.json["code"]) == (400, "invalid_query"), reply


@pytest.fixture(scope="module")
def module_node(cluster, database, module_site):
    return Node(module_site(SITE, database=cluster.conninfo(database),
                            values={"STRIPE": f"http://127.0.0.1:{reserve_port()}"}), cluster, database)


# Who may


ROUTES = [("GET", "/events"), ("GET", "/events/evt_1"), ("POST", "/events/evt_1/replay"), ("POST", "/events/replay"),
          ("POST", "/sweep"), ("POST", "/verify"), ("GET", "/health")]


@pytest.mark.parametrize("method, path", ROUTES)
def test_every_route_wants_somebody_signed_in(module_node, method, path):
    reply = module_node.server.request(method, "/operate" + path)
    assert reply.status == 401


@pytest.mark.parametrize("method, path", [route for route in ROUTES if route[0] == "POST"])
def test_other_sites_pages_change_nothing(module_node, method, path):
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        reply = module_node.call(method, path, {}, **headers)
        assert (reply.status, reply.json["code"]) == (403, "cross_site")


@pytest.fixture(scope="module")
def careless(module_site, cluster, database):
    return module_site('BillingMount admin /operate\n<Location "/operate">\nRequire all granted\n</Location>\n',
                       database=cluster.conninfo(database), sign_in=None)


@pytest.mark.parametrize("method, path", ROUTES)
def test_a_site_that_forgot_to_ask_who_it_is_opens_nothing(careless, method, path):
    for headers in ({}, client.basic("root", "x")):
        reply = careless.request(method, "/operate" + path, headers={**headers, "Content-Type": "application/json"})
        assert (reply.status, reply.json["code"]) == (401, "not_signed_in")


def test_wrong_methods_and_paths_are_named(module_node):
    wrong = module_node.call("DELETE", "/events/evt_1")
    assert wrong.status == 405 and wrong.header("allow") == "GET, HEAD"
    assert module_node.call("GET", "/sweep").header("allow") == "POST"
    assert module_node.call("GET", "/events/evt_1/more").status == 404
    assert module_node.call("POST", "/events/evt_1/replay", {"org": "acme"}).json["code"] == "unknown_member"


# Replay


@pytest.mark.allowed_log(DEAD)
def test_a_dead_event_is_applied_once_its_cause_is_gone_and_only_once(node):
    event = nameless("cus_1", sub="sub_1")
    deliver(node, event, "dead")
    received = node.value("select received_at from billing.event")
    again = node.answer("POST", f"/events/{event['id']}/replay")
    assert (again["outcome"], again["error"]) == ("dead", "an unknown customer's subscription that names no org")
    assert node.board() == {402}
    make_customer(node, "cus_1")
    assert node.answer("POST", f"/events/{event['id']}/replay") == {
        "livemode": False, "id": event["id"], "outcome": "applied", "error": None}
    assert node.board() == {200}
    one = node.answer("GET", f"/events/{event['id']}")
    assert (one["outcome"], one["error"], one["org"]) == ("applied", None, "acme")
    assert node.value("select received_at from billing.event") == received
    version = node.value("select version from billing.link")
    assert node.answer("POST", f"/events/{event['id']}/replay")["outcome"] == "duplicate"
    assert deliver(node, event, "duplicate")
    assert node.value("select version from billing.link") == version


@pytest.mark.allowed_log(DEAD)
def test_a_replayed_event_takes_its_place_in_time(node):
    now = stripe_events.now()
    late = nameless("cus_1", sub="sub_1", created=now - 100, status="past_due")
    deliver(node, late, "dead")
    make_customer(node, "cus_1")
    deliver(node, stripe_events.subscription_event("updated", customer="cus_1", sub="sub_1", created=now - 50,
                                                   status="past_due"), "applied")
    assert node.answer("POST", f"/events/{late['id']}/replay")["outcome"] == "stale"
    assert node.value("select extract(epoch from past_due_since)::bigint from billing.subscription") == str(now - 100)


@pytest.mark.allowed_log(DEAD)
def test_all_dead_events_are_replayed_oldest_first_and_at_once_is_not_twice(node):
    now = stripe_events.now()
    for number in range(120):
        deliver(node, nameless(f"cus_{number % 4}", sub=f"sub_{number % 4}", created=now - 1000 + number), "dead")
    assert node.health()["deadEvents"] == 120
    for number in range(3):
        make_customer(node, f"cus_{number}", f"org{number}")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: node.answer("POST", "/events/replay", {"outcome": "dead"}), range(2)))
    assert all(report["complete"] and report["next"] is None for report in reports)
    assert sum(report["applied"] + report["stale"] for report in reports) == 90
    assert node.sql("select outcome, count(*) from billing.event where outcome in ('dead', 'applied', 'stale')"
                    " group by outcome = 'dead', outcome having outcome = 'dead'") == [["dead", "30"]]
    assert node.board(owner("org1")) == {200} and node.board(owner("org3")) == {402}
    assert node.answer("POST", "/events/replay", {"outcome": "dead"})["dead"] == 30


def test_an_event_of_another_installation_is_taken_over_once_the_id_says_so(site, cluster, fresh):
    values = {"STRIPE": f"http://127.0.0.1:{reserve_port()}"}
    node = Node(site(SITE + "BillingInstallId here\n", database=cluster.conninfo(fresh), values=values), cluster, fresh)
    event = stripe_events.subscription_event("created", org="acme", installation="there")
    deliver(node, event, "ignored")
    assert node.answer("POST", f"/events/{event['id']}/replay")["error"] == "belongs to another installation"
    assert node.board() == {402}
    text = (node.server.root / "httpd.conf").read_text().replace("BillingInstallId here", "BillingInstallId there")
    node.server.write("httpd.conf", text)
    node.server.reload()
    assert node.answer("POST", "/events/replay", {"outcome": "ignored"})["applied"] == 1
    assert node.board() == {200}


@pytest.mark.allowed_log(DEAD, "ATB0202")
def test_a_replay_without_a_database_changes_nothing(node, cluster):
    event = nameless("cus_1")
    deliver(node, event, "dead")
    make_customer(node, "cus_1")
    cluster.stop()
    try:
        reply = node.call("POST", f"/events/{event['id']}/replay")
        assert (reply.status, reply.json["code"]) == (503, "database_unavailable") and reply.header("retry-after")
        health = node.call("GET", "/health")
        assert health.status == 503 and "stateAgeSeconds" in health.json
    finally:
        cluster.start()
    wait_for(lambda: node.call("POST", f"/events/{event['id']}/replay").status == 200, 30, "the database")
    assert node.board() == {200}


@pytest.mark.parametrize("body", [{}, {"outcome": "applied"}, {"outcome": 1}, {"outcome": "dead", "after": "x"},
                                  {"outcome": "dead", "after": 5}, {"outcome": "dead", "limit": 5}])
def test_bad_replays_are_refused(module_node, body):
    reply = module_node.call("POST", "/events/replay", body)
    assert reply.status == 400 and reply.json["code"] in ("invalid_member", "unknown_member")


# Health


@pytest.mark.allowed_log(DEAD)
def test_health_tells_what_waits_for_an_operator(node):
    empty = node.health()
    assert empty["lastEvent"] is None and empty["lastSweep"] is None and empty["deadEvents"] == 0
    now = stripe_events.now()
    deliver(node, nameless("cus_9", created=now - 30), "dead")
    for number in (1, 2):
        deliver(node, stripe_events.subscription_event("created", sub=f"sub_{number}", customer="cus_1", org="acme",
                                                       created=now - 20), "applied")
    newest = deliver(node, stripe_events.subscription_event("updated", sub="sub_1", customer="cus_1", org="acme",
                                                            created=now - 20), "applied")
    wait_for(lambda: node.health()["stateAgeSeconds"] in range(0, 3), 20, "the change feed")
    health = node.health()
    assert health["deadEvents"] == 1 and health["unsettledSubscriptions"] == 1
    assert health["orgsWithSeveralSubscriptions"] == {"count": 1, "orgs": ["acme"]}
    assert health["lastEvent"]["id"] == newest and 19 <= health["lastEvent"]["lagSeconds"] <= 40
    assert health["schemaVersion"] >= 1 and health["livemode"] is False
    assert health["livemodeMismatches"] == {"count": 0, "lastAt": None, "lastEvent": None}


# Modes


LIVE = """
Listen 127.0.0.1:@LIVE@
<VirtualHost 127.0.0.1:@LIVE@>
    BillingMode live
    BillingStripeSecretKey file:@ROOT@/live.key
    BillingStripeWebhookSecret file:@ROOT@/live.secret
</VirtualHost>
"""


@pytest.fixture
def both(cluster, fresh, stripe, site):
    """A site in test mode with a virtual host in live mode: (test node, port of the live one)."""
    port = reserve_port()
    server = site(SITE.replace("BillingStripeAPIBase", "BillingMode test\nBillingStripeAPIBase") + LIVE, start=False,
                  database=cluster.conninfo(fresh), values={"STRIPE": stripe.url, "LIVE": port})
    server.write("live.key", "sk_live_harness\n")
    server.write("live.secret", "whsec_live\n")
    server.start()
    return Node(server, cluster, fresh), port


@pytest.mark.allowed_log("ATB0405")
def test_two_modes_on_two_virtual_hosts_do_not_mix(both):
    node, live = both

    def at_live(method, path, **options):
        return client.request(live, method, path, headers={**node.server.who(owner("acme"))}, **options)

    def to_live(event):
        return stripe_sign.deliver(live, WEBHOOK, event, "whsec_live")
    sub = {"sub": "sub_1", "customer": "cus_1", "org": "acme"}
    deliver(node, stripe_events.subscription_event("created", **sub), "applied")
    assert node.board() == {200}
    assert at_live("GET", "/dispatch/").status == 402
    assert to_live(stripe_events.subscription_event("created", livemode=True, **sub)).json["outcome"] == "applied"
    assert at_live("GET", "/dispatch/").status == 200
    ended = stripe_events.subscription_event("deleted", created=stripe_events.now() + 5, **sub)
    wrong = to_live(ended)
    assert (wrong.status, wrong.json["code"]) == (400, "livemode_mismatch")
    also = node.server.deliver(stripe_events.subscription_event("deleted", livemode=True, **sub))
    assert (also.status, also.json["code"]) == (400, "livemode_mismatch")
    assert at_live("GET", "/dispatch/").status == 200 and node.board() == {200}
    deliver(node, ended, "applied")
    assert at_live("GET", "/dispatch/").status == 200 and node.board() == {402}

    health = at_live("GET", "/operate/health").json
    assert health["livemode"] is True
    assert (health["livemodeMismatches"]["count"], health["livemodeMismatches"]["lastEvent"]) == (1, ended["id"])
    assert node.health()["livemodeMismatches"]["count"] == 1
    listed = at_live("GET", "/operate/events").json
    assert listed["livemode"] is True and len(listed["events"]) == 1
    assert at_live("GET", f"/operate/events/{ended['id']}").status == 404
    assert node.server.log.count("ATB0405: event .* is of test mode, this server of live mode: the endpoint") == 1


@pytest.mark.allowed_log("ATB0231")
def test_each_mode_is_swept_by_its_own_key(both, stripe):
    """The simulated account refuses live keys as an account of the other mode would."""
    node, live = both
    subscribe(stripe)
    assert node.sweep()["applied"] >= 1
    reply = client.request(live, "POST", "/operate/sweep", json={}, headers=node.server.who(owner("acme")))
    assert (reply.json["end"], reply.json["livemode"]) == ("provider_unavailable", True)
    assert node.sql("select livemode, fetched_until is null from billing.sweep order by 1") == [["f", "f"], ["t", "t"]]
    assert "sk_live" not in node.server.log.text() + reply.text


@pytest.mark.allowed_log("ATB0231", "ATB0241")
def test_a_price_of_the_other_mode_is_told_with_the_remedy(operated, stripe):
    node = operated("<BillingPlan odd>\nBillingPrice stripe price_live\n</BillingPlan>\n")
    stripe.post("live_ids", ids=["price_live"])
    reply = node.server.post(API + "/checkout-session", json={"planKey": "odd"}, headers=node.server.who(owner("acme")))
    assert (reply.status, reply.json["code"]) == (502, "provider_refused")
    assert "price_live" not in reply.text
    line = node.server.log.wait_for("ATB0241: .*")[0]
    for word in ("plan odd", "price_live", "BillingPrice in <BillingPlan odd>", "account and mode (test)"):
        assert word in line
    assert node.sql("select state from billing.checkout") == [["failed"]]
