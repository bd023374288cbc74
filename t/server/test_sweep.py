# SPDX-License-Identifier: Apache-2.0
"""The sweep: what no webhook brought is fetched, what is in doubt is settled, by one node of all, and nothing else
suffers from a provider that is slow or away."""
import concurrent.futures
import re

import pytest

from harness.site import ALICE, API
from harness.waiting import wait_for
from operate_support import fresh, lists_of_events, lose_webhooks, operated, stripe, subscribe  # noqa: F401

SWEPT = r"ATB0601: sweep of test mode"


def report_counts(report, *names):
    return [report[name] for name in names]


# Lost webhooks


def test_events_that_no_webhook_brought_are_fetched_and_applied(operated, stripe):
    node = operated()
    lose_webhooks(stripe)
    subscription = subscribe(stripe)
    assert node.board() == {402}
    first = node.sweep()
    assert first["end"] == "complete" and first["livemode"] is False
    assert report_counts(first, "found", "dead", "failed") == [3, 0, 0] and first["applied"] >= 1
    assert node.board() == {200}
    second = node.sweep()
    assert second["listed"] > 0 and report_counts(second, "found", "applied", "stale") == [0, 0, 0]
    stripe.post(f"subscriptions/{subscription['id']}/cancel")
    assert node.sweep()["applied"] >= 1
    assert node.board() == {402}


def test_the_sweep_runs_by_itself(operated, stripe):
    node = operated("BillingSweep 1s\n")
    lose_webhooks(stripe)
    subscribe(stripe)
    node.server.log.wait_for(SWEPT + r": \d+ events listed, 3 that no webhook had brought")
    assert node.board() == {200}


def test_off_means_off(operated, stripe):
    node = operated("BillingSweep off\nBillingCacheRefresh 50ms\n", endpoint=False)
    subscribe(stripe)
    # Retention shares the sweep's thread: once it has its row, a sweep would have had one too.
    wait_for(lambda: node.sql("select 1 from billing.lease where name = 'retention'"), 30, "the first look")
    assert node.sql("select 1 from billing.lease where name = 'sweep'") == []
    assert lists_of_events(stripe) == []


def test_a_later_sweep_goes_on_from_where_the_last_one_ended(operated, stripe):
    node = operated()
    subscribe(stripe)
    node.sweep()
    stripe.advance("5d")
    node.sweep()
    recent = [entry["params"] for entry in lists_of_events(stripe) if "delivery_success" not in entry["params"]]
    assert "created" not in recent[0]
    now = stripe.get("clock")["now"]
    assert now - 5 * 86400 - 3700 <= recent[1]["created"]["gte"] <= now - 5 * 86400 - 3500


def test_events_come_oldest_first_span_by_span_where_there_are_many(operated, stripe):
    node = operated(endpoint=False)
    now = stripe.get("clock")["now"]
    for batch in range(12):
        stripe.post("events", type="customer.deleted", object={"id": f"cus_{batch}", "object": "customer"}, times=100,
                    created=now - 86400 * (12 - batch))
    report = node.sweep()
    assert report["end"] == "complete"
    assert report_counts(report, "found", "ignored", "failed") == [1200, 1200, 0]
    assert node.value("select count(*) from billing.event") == "1200"
    assert any("lte" in entry["params"].get("created", {}) for entry in lists_of_events(stripe))
    disorder = """select count(*) from (select created, lag(created) over (order by received_at) as before
                  from billing.event) e where created < before"""
    assert node.value(disorder) == "0"


def test_events_of_another_installation_on_the_account_change_nothing(operated, stripe):
    node = operated("BillingInstallId ours\n", endpoint=False)
    theirs = subscribe(stripe, metadata={"attune_install": "theirs"})
    report = node.sweep()
    assert report["applied"] == 0 and report["dead"] == 0 and report["ignored"] >= 1
    assert node.board() == {402}
    assert node.value(f"""select distinct error from billing.event where body like '%{theirs["id"]}%'
                          and type like 'customer.subscription.%'""") == "belongs to another installation"
    subscribe(stripe, metadata={"attune_install": "ours"})
    assert node.sweep()["applied"] >= 1
    assert node.board() == {200}


@pytest.mark.allowed_log("ATB0604")
def test_events_of_the_other_mode_are_counted_and_not_kept(operated, stripe):
    node = operated(endpoint=False)
    subscription = subscribe(stripe)
    stripe.post("events", type="customer.subscription.updated", ref=subscription["id"], livemode=True)
    report = node.sweep()
    assert report["otherMode"] >= 1 and report["end"] == "complete"
    assert node.value("select count(*) from billing.event where livemode") == "0"
    assert node.server.log.count("ATB0604: the provider listed") == 1


@pytest.mark.allowed_log("ATB0603")
def test_dead_events_are_told_once_for_all_of_them(operated, stripe):
    node = operated(endpoint=False)
    stripe.post("subscriptions", price="price_founding_monthly")
    stripe.post("subscriptions", price="price_founding_monthly")
    assert node.sweep()["dead"] == 2
    assert node.server.log.count("ATB0603: 2 events of test mode cannot be applied") == 1
    assert node.health()["deadEvents"] == 2


# Doubts


def test_a_same_second_doubt_is_settled(operated, stripe):
    node = operated()
    subscription = subscribe(stripe)
    assert node.board() == {200}
    stripe.post("clock", freeze=True)
    stripe.post("faults", on="api", kind="answer", status=429, path="/v1/subscriptions", times=None)
    stripe.post(f"subscriptions/{subscription['id']}/touch")
    stripe.post(f"subscriptions/{subscription['id']}/status", status="past_due")
    stripe.post(f"subscriptions/{subscription['id']}/status", status="active")
    assert node.health()["unsettledSubscriptions"] == 1
    stripe.delete("faults")
    stripe.post("clock", freeze=False)
    report = node.sweep()
    assert report_counts(report, "doubts", "settled") == [1, 1]
    assert node.health()["unsettledSubscriptions"] == 0
    assert node.board() == {200}
    assert node.value("select status from billing.link where org_id = 'acme'") == "active"


def test_one_odd_subscription_does_not_keep_the_others_in_doubt(operated, stripe):
    node = operated()
    names = [subscribe(stripe, org)["id"] for org in ("acme", "globex", "initech")]
    node.sql("update billing.subscription set unsettled = true")
    odd = min(names)
    stripe.post("faults", on="api", kind="garbage", path=f"/v1/subscriptions/{odd}", times=None)
    report = node.sweep()
    assert report["end"] == "complete" and report_counts(report, "doubts", "settled") == [3, 2]
    assert node.sql("select subscription_id from billing.subscription where unsettled") == [[odd]]


# Checkouts


def open_checkout(node, stripe):
    reply = node.server.post(API + "/checkout-session", json={"planKey": "founding_monthly"},
                             headers=node.server.who(ALICE))
    assert reply.status == 200, reply
    return next(iter(stripe.get("state/checkout.session")["checkout.session"]))


def test_checkouts_whose_time_is_over_are_settled(operated, stripe):
    node = operated()
    session = open_checkout(node, stripe)
    stripe.post(f"checkout/{session}/pay")
    assert node.board() == {200}
    # As if nothing had ever been told of it, and the events were too old to be listed.
    node.sql("""update billing.checkout set state = 'open', expires_at = now() - interval '1 minute';
                delete from billing.subscription; update billing.link set subscription_id = null, status = 'none',
                live_count = 0, version = version + 1, changed = pg_current_xact_id()""")
    wait_for(lambda: node.board() == {402}, 20, "the change feed")
    report = node.sweep()
    assert report["checkouts"] == 1
    assert node.sql("select state from billing.checkout") == [["complete"]]
    assert node.board() == {200}


def test_a_reservation_that_never_came_to_a_session_ends(operated, stripe):
    node = operated()
    node.sql("""insert into billing.org (org_id) values ('acme'), ('globex');
                insert into billing.checkout (org_id, livemode, provider, plan_key, price_id, return_url, expires_at)
                values ('acme', false, 'stripe', 'founding_monthly', 'price_x', '-', now() - interval '1 minute'),
                       ('globex', false, 'stripe', 'founding_monthly', 'price_x', '-', now() + interval '1 hour')""")
    assert node.sweep()["checkouts"] == 1
    assert node.sql("select org_id, state from billing.checkout order by 1") == [["acme", "expired"],
                                                                               ["globex", "reserved"]]


# One node of all


def test_one_of_two_nodes_sweeps(operated, stripe):
    one, other = operated(endpoint=False), operated(endpoint=False)
    stripe.post("faults", on="api", kind="delay", path="/v1/events", seconds=2, times=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sweeping = pool.submit(one.sweep)
        wait_for(lambda: one.sql("select 1 from billing.lease where name = 'sweep' and holder is not null"), 10,
                 "the lease")
        busy = other.call("POST", "/sweep")
        assert (busy.status, busy.json["code"]) == (409, "sweep_running")
        assert sweeping.result()["end"] == "complete"
    assert other.sweep()["end"] == "complete"


def test_two_nodes_share_one_interval(operated, stripe):
    nodes = [operated("BillingSweep 1s\n", endpoint=False) for _ in range(2)]

    wait_for(lambda: sum(node.server.log.count(SWEPT) for node in nodes) >= 5, 30, "five sweeps")
    stamps = sorted(match for node in nodes
                    for match in re.findall(r"^\[\w+ \w+ \d+ (\d+:\d+:\d+\.\d+) .*" + SWEPT, node.server.log.text(), re.M))
    moments = [sum(float(part) * unit for part, unit in zip(stamp.split(":"), (3600, 60, 1))) for stamp in stamps]
    # Due again a second, less a tenth, after the last one ended, whoever did it.
    assert all(later - earlier > 0.85 for earlier, later in zip(moments, moments[1:])), stamps


def test_a_node_that_died_sweeping_is_replaced(operated, stripe):
    node = operated(endpoint=False)
    node.sql("insert into billing.lease values ('sweep', 'dead:1:x', now() + interval '1 hour', now())")
    assert node.call("POST", "/sweep").status == 409
    node.sql("update billing.lease set until = now() - interval '1 second'")
    assert node.sweep()["end"] == "complete"
    assert node.value("select count(*) from billing.lease where name = 'sweep' and holder is null") == "1"


def test_who_lost_the_lease_cannot_move_the_position_back(operated, stripe):
    node = operated()
    subscribe(stripe)
    node.sweep()
    node.sql("update billing.sweep set fetched_until = now() + interval '1 day'")
    before = node.value("select fetched_until from billing.sweep")
    node.sweep()
    assert node.value("select fetched_until from billing.sweep") == before


# A provider that is slow or away


@pytest.mark.allowed_log("ATB0231")
def test_a_provider_that_does_not_answer_costs_a_bound_and_nothing_else(operated, stripe):
    node = operated("BillingSweep 1s\nBillingCacheRefresh 50ms\n")
    subscribe(stripe)
    assert node.board() == {200}
    stripe.post("faults", on="api", kind="timeout", seconds=60, times=None)
    wait_for(lambda: node.sql("select 1 from billing.lease where name = 'sweep' and holder is not null"), 20,
             "a sweep to hang")
    # The change feed goes on, gates too.
    node.sql("""update billing.link set status = 'canceled', version = version + 1, changed = pg_current_xact_id()""")
    wait_for(lambda: node.board() == {402}, 10, "the change feed")
    node.server.log.wait_for("ATB0602: the sweep of test mode ended early")
    assert node.health()["lastSweep"]["end"] == "provider_unavailable"
    stripe.delete("faults")


@pytest.mark.allowed_log("ATB0231")
def test_a_server_stops_while_its_sweep_hangs(operated, stripe):
    node = operated("BillingSweep 1s\n", endpoint=False)
    stripe.post("faults", on="api", kind="timeout", seconds=60, times=None)
    wait_for(lambda: node.sql("select 1 from billing.lease where name = 'sweep' and holder is not null"), 20,
             "a sweep to hang")
    children = node.server.children()
    node.server.stop()
    assert children and not node.server.is_running()
    assert node.server.log.count(r"still did not exit|AH00045|AH00046") == 0
    stripe.delete("faults")


@pytest.mark.allowed_log("ATB0231")
def test_what_a_failing_provider_left_undone_is_done_the_next_time(operated, stripe):
    node = operated(endpoint=False)
    subscribe(stripe)
    fault = stripe.post("faults", on="api", kind="answer", status=500, should_retry=False, path="/v1/events", times=None)
    report = node.sweep()
    assert report["end"] == "provider_unavailable" and report["found"] == 0
    stripe.delete(f"faults/{fault['id']}")
    assert node.sweep()["found"] == 3


@pytest.mark.allowed_log("ATB0202", "ATB0204", "ATB0211")
def test_a_database_that_goes_away_ends_the_sweep_and_loses_nothing(operated, stripe, cluster):
    node = operated("BillingSweep 1s\n", endpoint=False)
    node.server.log.wait_for(SWEPT)
    cluster.stop()
    subscribe(stripe)
    cluster.start()
    wait_for(lambda: node.board() == {200}, 60, "the sweep to find it")


# Retention


def event_statistic(node, name):
    return node.value(f"select {name} from pg_stat_user_tables where relid = 'billing.event'::regclass")


def test_old_events_are_deleted_in_small_steps_and_what_stays_is_not_read(operated, stripe):
    node = operated("BillingSweep 1s\nBillingEventRetention 30d\n", endpoint=False)
    node.sql("""create table step (events bigint);
                grant insert on step to public;
                create function step_note() returns trigger language plpgsql as $$ begin
                    insert into step select count(*) from gone having count(*) > 0; return null; end $$;
                create trigger step after delete on billing.event referencing old table as gone
                    for each statement execute function step_note();
                insert into billing.event (provider, event_id, type, created, livemode, outcome, body, received_at)
                select 'stripe', 'evt_' || n, 'x', now() - interval '90 days', n % 24 = 0, 'ignored', repeat('x', 1000),
                       now() - case when n % 12 = 0 then interval '31 days' else interval '29 days' end
                from generate_series(1, 30000) n;
                analyze billing.event""")
    scans = event_statistic(node, "seq_scan")
    node.sql("""insert into billing.lease values ('retention', null, now(), now())
                on conflict (name) do update set due = now()""")
    node.server.log.wait_for("ATB0607: 2500 events deleted")
    assert node.sql("select events from step order by 1 desc") == [["1000"], ["1000"], ["250"], ["250"]]
    wait_for(lambda: event_statistic(node, "n_tup_del") == "2500", 30, "PostgreSQL's statistics to be told")
    assert event_statistic(node, "seq_scan") == scans
    assert node.sql("select received_at > now() - interval '30 days', count(*) from billing.event group by 1") == [["t", "27500"]]
