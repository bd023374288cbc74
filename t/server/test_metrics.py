# SPDX-License-Identifier: Apache-2.0
"""What is counted reaches Prometheus and mod_status: each request once, from all children, over reloads, and whatever the
database does."""
import pathlib
import re

import pytest

from gate_support import ENDED, NOBODY_PAID, PAYER, gate, populate, signed
from harness import stripe_events
from harness.site import ALICE, API, WEBHOOK, token
from harness.waiting import wait_for
from metrics_support import METRICS, Difference, promtool, samples, scrape, value
from operate_support import ADMIN, SITE, start_account, subscribe

CONF = pathlib.Path(__file__).resolve().parents[2] / "conf"

CONFIG = SITE + """
BillingMount metrics /metrics
BillingSweep off
<Location "/metrics">
    AuthType None
    Require ip 127.0.0.1
</Location>
<Location "/metrics/closed">
    Require all denied
</Location>
<Location "/server-status">
    AuthType None
    Require all granted
    SetHandler server-status
</Location>
<BillingFeature trucking.reports>
    BillingEnforce monitor
</BillingFeature>
<Location "/paid">
    BillingRequireFeature trucking.dispatch
    Options +Indexes +Includes
    DirectoryIndex index.html
</Location>
<Location "/watched">
    BillingRequireFeature trucking.reports
</Location>
<Location "/both">
    BillingRequireFeature trucking.reports trucking.dispatch
</Location>
<Location "/counted">
    BillingRequireLimit trucking.maxLocations "SELECT CASE WHEN %s = 'payer' THEN 4 ELSE 0 END" methods=GET
</Location>
ErrorDocument 402 /paid/sorry.html
"""


LIVE_ONLY = """
<VirtualHost *:@PORT@>
    @DIRECTIVES@
    <Location "/metrics">
        AuthType None
        Require all granted
    </Location>
</VirtualHost>
"""


def owner_of(org):
    return token(org_id=org, role="owner", sub="someone")


@pytest.fixture(scope="module")
def stripe():
    with start_account() as driver:
        yield driver


@pytest.fixture(scope="module")
def server(cluster, database, module_site, stripe):
    made = module_site(CONFIG, database=cluster.conninfo(database), values={"STRIPE": stripe.url},
                       modules=["status", "autoindex"])
    for path in ("paid/sorry.html", "watched/page.html", "both/page.html", "counted/page.html", "paid/list/a.html",
                 "paid/list/b.html"):
        made.write(f"htdocs/{path}", "something")
    return populate(made)


def test_promtool_finds_nothing_and_every_documented_metric_is_there(server):
    answer = server.get(METRICS)
    assert answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.header_all("cache-control") == ["no-store"]
    assert promtool("check", "metrics", text=answer.text) == (0, "")
    documented = re.findall(r"^\| `(\w+)` \| (\w+) \|", (CONF / "METRICS.md").read_text(), re.M)
    assert re.findall(r"^# TYPE (\w+) (\w+)$", answer.text, re.M) == documented
    assert len(re.findall(r"^# HELP \w+ \S", answer.text, re.M)) == len(documented)
    head = server.request("HEAD", METRICS)
    assert head.status == 200 and head.text == ""


@pytest.mark.allowed_log("AH01630")
def test_the_mount_is_the_site_s_to_open(server):
    assert server.post(METRICS, body="").status == 405
    assert server.get(METRICS + "/more").json["code"] == "not_found"
    assert server.get(METRICS + "/closed", headers=server.who(ALICE)).status == 403
    assert server.get(METRICS + "x").status in (401, 404)


def test_each_request_counts_once_for_each_feature(server):
    """Whatever else httpd looks up or serves in its course: an index, a listing, an ErrorDocument that is gated too."""
    seen = Difference(server)
    for _ in range(3):
        assert server.get("/paid/page.html", headers=signed(PAYER)).status == 200
    assert server.get("/paid/", headers=signed(PAYER)).status == 200
    assert "a.html" in server.get("/paid/list/", headers=signed(PAYER)).text
    for path in ("/paid/page.html", "/paid/", "/paid/list/"):
        assert server.get(path, headers=signed(ENDED)).status == 402
    for person, times in ((NOBODY_PAID, 2), (PAYER, 1)):
        for _ in range(times):
            assert server.get("/watched/page.html", headers=signed(person)).status == 200
    assert server.get("/both/page.html", headers=signed(ENDED)).status == 402
    assert seen.of("decisions_total") == {
        ("trucking.dispatch", "allow"): 5, ("trucking.dispatch", "deny"): 4,
        ("trucking.reports", "allow"): 1, ("trucking.reports", "would_deny"): 3}
    assert seen.of("decision_reasons_total") == {
        ("trucking.dispatch", "plan", "allow"): 5, ("trucking.dispatch", "canceled", "deny"): 4,
        ("trucking.reports", "plan", "allow"): 1, ("trucking.reports", "canceled", "would_deny"): 1,
        ("trucking.reports", "no_subscription", "would_deny"): 2}


def test_ungated_requests_and_routes_are_no_decisions(server):
    seen = Difference(server)
    assert server.get("/free/index.html", headers=signed(ENDED)).status == 200
    assert server.get(API + "/features/trucking.dispatch", headers=signed(ENDED)).status == 200
    assert seen.of("decisions_total") == {}


def test_limits_are_counted_by_their_name(server):
    seen = Difference(server)
    assert server.get("/counted/page.html", headers=signed(PAYER)).status == 200
    assert seen.of("limit_decisions_total") == {("trucking.maxLocations", "allow"): 1}


def test_lookups_tell_hits_from_misses(server):
    """An org that nobody has asked for yet is a miss, then, in whichever child, a hit."""
    seen = Difference(server)
    for _ in range(4):
        server.get("/paid/page.html", headers=owner_of("never-seen-before"))
    assert seen.of("state_lookups_total") == {("miss",): 1, ("hit",): 3}


@pytest.mark.allowed_log("ATB0401", "ATB0403", "ATB0404", "ATB0405", "ATB0411")
def test_webhooks_are_counted_by_outcome_and_their_lag_is_measured(server):
    now = stripe_events.now()
    sub = {"sub": "sub_m", "customer": "cus_m", "org": "measured"}
    created = stripe_events.subscription_event("created", created=now - 40, **sub)
    seen = Difference(server)
    for event, outcome in ((created, "applied"), (created, "duplicate"),
                           (stripe_events.subscription_event("updated", created=now - 100, **sub), "stale"),
                           (stripe_events.subscription_event("created", customer="cus_unknown", created=now), "dead"),
                           (stripe_events.event("charge.refunded", {"id": "ch_1", "object": "charge"}), "ignored")):
        assert server.deliver(event).json["outcome"] == outcome
    assert server.deliver(created, secret="whsec_wrong").status == 400
    assert server.deliver({**created, "id": "evt_live", "livemode": True}).status == 400
    assert server.deliver({"id": "evt_none"}).status == 400
    assert server.post(WEBHOOK, body=b"x" * (1024 * 1024 + 1)).status == 413
    assert seen.of("webhook_events_total") == {
        ("test", outcome): 1 for outcome in ("applied", "duplicate", "stale", "dead", "ignored", "invalid_signature",
                                             "livemode_mismatch", "invalid_event", "unreadable")}
    lag = seen.of("webhook_lag_seconds_bucket")
    assert seen.of("webhook_lag_seconds_count") == {("test",): 4}
    assert lag[("60", "test")] == lag[("300", "test")] - 1 == 3
    assert 140 <= seen.of("webhook_lag_seconds_sum")[("test",)] < 180
    wait_for(lambda: value(server, "dead_events", mode="test") == 1, 30, "the dead event among the gauges")
    assert value(server, "last_event_timestamp_seconds", mode="test") >= now
    assert value(server, "dead_events", mode="live") is None, "no server here is of live mode"


def test_events_that_the_sweep_had_to_fetch(server, stripe):
    """The account knows no endpoint of this server."""
    def sweep():
        answer = server.post(ADMIN + "/sweep", json={}, headers=server.who(ALICE))
        assert answer.status == 200, answer
        return answer.json

    sweep()
    seen = Difference(server)
    subscribe(stripe, org="swept")
    found = sweep()
    assert found["found"] == 3
    assert seen.of("sweep_events_total") == {("test", outcome): found[outcome] for outcome in ("applied", "stale", "ignored")
                                             if found[outcome]}
    assert seen.of("webhook_events_total") == {}
    assert seen.of("provider_calls_total")[("events_list", "ok")] >= 1


def test_calls_of_the_provider_and_their_times(server, stripe):
    seen = Difference(server)
    assert server.post(API + "/checkout-session", json={"planKey": "founding_monthly"},
                       headers=owner_of("buyer")).status == 200
    calls = seen.of("provider_calls_total")
    assert calls[("customer_create", "ok")] == calls[("checkout_create", "ok")] == 1
    times = seen.of("provider_call_duration_seconds_count")
    assert times == {(operation,): sum(count for (of, _), count in calls.items() if of == operation)
                     for operation, _ in calls}
    assert seen.of("provider_call_duration_seconds_sum")[("checkout_create",)] > 0


def test_statements_their_waits_and_a_database_that_hangs(server, cluster):
    """A scrape does not ask it."""
    seen = Difference(server)
    assert server.deliver(stripe_events.subscription_event("created", sub="sub_d", customer="cus_d", org="d")).status == 200
    assert seen.of("database_statements_total")[("answered",)] >= 2
    counts = seen.of("database_statement_duration_seconds_count"), seen.of("database_wait_seconds_count")
    assert counts[0][()] >= 2 and counts[1][()] >= counts[0][()]
    server.allow("ATB0202")
    cluster.freeze()
    try:
        asked = Difference(server)
        server.get("/paid/page.html", headers=owner_of("nobody-knows"))
        assert asked.of("state_lookups_total") == {("unknown",): 1}
        assert asked.of("decision_reasons_total") == {("trucking.dispatch", "unverified", "allow"): 1}
        failures = asked.of("database_statements_total")
        assert failures.get(("timeout",), 0) + failures.get(("no_connection",), 0) >= 1
    finally:
        cluster.thaw()
    wait_for(lambda: server.get(API + "/summary", headers=owner_of("back")).status == 200, 30,
             "the database back in use")


def test_a_reload_keeps_what_was_counted_and_new_features_come_in(server):
    before = samples(scrape(server))
    assert server.get("/paid/page.html", headers=signed(PAYER)).status == 200
    server.configure_site(CONFIG.replace("trucking.reports", "trucking.renamed"))
    server.reload()
    text = scrape(server)
    after = samples(text)
    key = "attune_billing_decisions_total", (("feature", "trucking.dispatch"), ("result", "allow"))
    assert after[key] == before[key] + 1
    assert after["attune_billing_decisions_total", (("feature", "trucking.renamed"), ("result", "deny"))] == 0
    old = "attune_billing_decisions_total", (("feature", "trucking.reports"), ("result", "would_deny"))
    assert after[old] == before[old] > 0
    assert promtool("check", "metrics", text=text) == (0, "")
    assert server.get("/paid/page.html", headers=signed(PAYER)).status == 200
    assert samples(scrape(server))[key] == before[key] + 2
    server.configure_site(CONFIG)
    server.reload()


def test_features_beyond_the_room_share_a_name(server):
    many = "".join(f"<BillingFeature many.{number}>\nBillingEnforce monitor\n</BillingFeature>\n" for number in range(260))
    server.configure_site(CONFIG + many + gate("/late", key="many.259"))
    server.reload()
    server.write("htdocs/late/page.html", "something")
    seen = Difference(server)
    assert server.get("/late/page.html", headers=signed(PAYER)).status == 200
    assert server.get("/paid/page.html", headers=signed(PAYER)).status == 200
    assert seen.of("decisions_total") == {("*", "would_deny"): 1, ("trucking.dispatch", "allow"): 1}
    assert value(server, "decisions_total", feature="many.200", result="deny") == 0
    assert promtool("check", "metrics", text=scrape(server)) == (0, "")
    server.configure_site(CONFIG)
    server.reload()


@pytest.mark.allowed_log("ATB0405")
def test_mod_status_has_a_section_for_people_and_one_for_programs(server):
    assert server.get("/paid/page.html", headers=signed(ENDED)).status == 402
    assert server.deliver(stripe_events.subscription_event("created", livemode=True)).status == 400
    assert server.post(API + "/checkout-session", json={"planKey": "founding_monthly"},
                       headers=owner_of("looked-at")).status == 200
    page = server.get("/server-status").text
    section = page[page.index("<h2>Billing (mod_attune_billing)</h2>"):]
    assert re.search(r"<dt>Feature trucking\.dispatch: \d+ allowed, \d+ denied, 0 would have been denied</dt>", section)
    numbers = dict(re.findall(r"^Billing(\w+): (-?\d+)$", server.get("/server-status?auto").text, re.M))
    wanted = samples(scrape(server))

    def counted(name, **labels):
        return int(wanted["attune_billing_" + name, tuple(sorted(labels.items()))])

    assert int(numbers["DecisionsDenied"]) == sum(
        count for (name, labels), count in wanted.items()
        if name == "attune_billing_decisions_total" and ("result", "deny") in labels) > 0
    assert int(numbers["StateMisses"]) == counted("state_lookups_total", result="miss")
    assert int(numbers["CacheEntries"]) == counted("cache_entries") > 0
    assert int(numbers["WebhookTestLivemodeMismatch"]) == counted("webhook_events_total", mode="test",
                                                                  outcome="livemode_mismatch") > 0
    assert int(numbers["ProviderCalls"]) > int(numbers["ProviderFailures"]) == 0
    assert numbers["KillSwitch"] == "0" and int(numbers["StateAge"]) >= 0
    assert "WebhookLiveApplied" not in numbers


def test_the_example_alerts_fire_by_their_own_cause_and_are_quiet_else():
    assert promtool("check", "rules", CONF / "alerts.yml")[0] == 0
    status, said = promtool("test", "rules", pathlib.Path(__file__).with_name("alerts_test.yml"))
    assert status == 0, said


def test_a_mode_that_no_server_has_is_not_spoken_of(cluster, database, site):
    """The main server has neither key nor mount, so it is of test mode by default alone; it hands no secret down."""
    live = LIVE_ONLY.replace("@DIRECTIVES@", "BillingMode live\nBillingMount metrics /metrics")
    server = site(live, database=cluster.conninfo(database),
                  without=("BillingStripeSecretKey", "BillingStripeWebhookSecret", "BillingMount"))
    modes = {dict(labels)["mode"] for _, labels in samples(scrape(server)) if "mode" in dict(labels)}
    assert modes == {"live"}
