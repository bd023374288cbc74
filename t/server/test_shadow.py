# SPDX-License-Identifier: Apache-2.0
"""The shadow report: every request that would have been denied, once, whoever served it and whatever went wrong."""
import concurrent.futures
import csv
import io

import pytest

from harness import stripe_events
from harness.waiting import wait_for
from report_support import CLEAN, MONITOR, call, counts, documents, person, rows, use

D, R = "trucking.dispatch", "trucking.reports"


@pytest.fixture(autouse=True)
def _clean(cluster, database):
    cluster.psql(CLEAN, database)


@pytest.fixture
def server(site, cluster, database):
    return documents(site(MONITOR, database=cluster.conninfo(database)))


def crowd(jobs, threads=16):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda job: job(), jobs))


def stored(cluster, database):
    return int(cluster.value("select coalesce(sum(requests), 0) from billing.shadow", database))


def test_counts_are_exact_over_children_and_threads(server):
    orgs = [f"org{number % 10}" for number in range(400)]
    assert set(sum(crowd([lambda org=org: use(server, org) for org in orgs]), [])) == {200}
    assert counts(server) == {(f"org{number}", D, "no_subscription"): 40 for number in range(10)}


def test_a_row_says_what_would_unblock_it(server):
    use(server, "globex", times=3)
    use(server, "globex", role="driver")
    created = stripe_events.subscription_event("created", sub="sub_1", customer="cus_1", org="acme", status="canceled")
    assert server.deliver(created).status == 200
    use(server, "acme")
    found = rows(server)
    row = found["globex", D, "no_subscription"]
    assert row["requests"] == 3 and row["enforcement"] == "monitor" and row["planKey"] is None
    assert row["unblock"] == {"plan": ["founding_monthly", "fleet_monthly"], "override": True}
    assert row["firstSeen"] <= row["lastSeen"]
    assert found["globex", D, "role"]["unblock"] == {"role": ["owner", "dispatcher"]}
    assert found["acme", D, "canceled"]["status"] == "canceled"
    assert found["acme", D, "canceled"]["planKey"] == "founding_monthly"
    assert len(found) == 3


def test_totals_by_feature_and_the_filters(server, cluster, database):
    use(server, "globex", times=2)
    use(server, "initech")
    use(server, "globex", "/reports/list.html")
    report = call(server, "GET", "/shadow").json
    for total, (feature, requests, orgs) in zip(report["totals"], [(D, 3, 2), (R, 1, 1)], strict=True):
        times = {key: total[key] for key in ("firstSeen", "lastSeen")}
        counted = {"requests": requests, "orgs": orgs, **times}
        assert total == {"feature": feature, "enforcement": "monitor", **counted,
                         "reasons": [{"reason": "no_subscription", **counted}]} and all(times.values())
    assert report["dropped"] == 0 and report["next"] is None
    assert set(counts(server, f"?feature={R}")) == {("globex", R, "no_subscription")}
    cluster.psql("update billing.shadow set day = day - 10 where org_id = 'initech'", database)
    assert ("initech", D, "no_subscription") in counts(server)
    assert ("initech", D, "no_subscription") not in counts(server, "?since=" + day(cluster, database, 9))
    assert ("initech", D, "no_subscription") in counts(server, "?since=" + day(cluster, database, 10))


def day(cluster, database, ago):
    return cluster.value(f"select (now() at time zone 'UTC')::date - {ago}", database)


def test_pages(server):
    for number in range(5):
        use(server, f"org{number}")
    seen, after = [], ""
    for _ in range(3):
        page = call(server, "GET", f"/shadow?limit=2{after}").json
        seen += [row["org"] for row in page["rows"]]
        after = f"&after={page['next']}"
    assert seen == [f"org{number}" for number in range(5)] and page["next"] is None


def test_once_for_a_request_whatever_it_is_led_through(site, cluster, database):
    config = MONITOR + """
        RewriteEngine On
        <Location "/moved">
            RewriteEngine On
            RewriteRule ^ /dispatch/list.html [L]
            BillingRequireFeature trucking.dispatch
        </Location>
        <Location "/free">
            RewriteEngine On
            RewriteRule ^ /dispatch/list.html [L]
        </Location>
        DirectoryIndex index.html
        ErrorDocument 404 /dispatch/list.html
    """
    server = documents(site(config, database=cluster.conninfo(database), modules=["rewrite"]))
    for path in ("/moved", "/free", "/dispatch/", "/dispatch/none.html"):
        server.get(path, headers=person("globex"))
    assert counts(server) == {("globex", D, "no_subscription"): 4}


def test_allowed_and_enforced_requests_are_not_counted(site, server, cluster, database):
    enforced = MONITOR.replace("BillingEnforce monitor", "BillingEnforce enforce", 1)
    server.configure(server_config(server, enforced))
    server.reload()
    assert use(server, "globex") == [402]
    created = stripe_events.subscription_event("created", sub="sub_2", customer="cus_2", org="acme", status="active")
    assert server.deliver(created).status == 200
    assert use(server, "acme", "/reports/list.html") == [200]
    assert counts(server) == {}


def server_config(server, text):
    """The server's configuration with another site's part."""
    from harness.site import BILLING, TOKEN_SIGN_IN, _identity
    return TOKEN_SIGN_IN + BILLING + _identity(server.sign_in) + text


def test_an_enforced_denial_is_counted_under_the_kill_switch(site, cluster, database):
    config = MONITOR.replace("BillingEnforce monitor", "BillingEnforce enforce") + "BillingKillSwitch @ROOT@/run/off\n"
    server = documents(site(config, database=cluster.conninfo(database)))
    assert use(server, "globex") == [402]
    server.write("run/off", "")
    wait_for(lambda: use(server, "globex") == [200], what="the kill switch")
    assert counts(server)["globex", D, "no_subscription"] >= 1


def test_the_watchdog_writes_without_being_asked(server, cluster, database):
    use(server, "globex", times=7)
    wait_for(lambda: stored(cluster, database) == 7, what="the flush")


def test_two_nodes_add_up(server, site, cluster, database):
    other = documents(site(MONITOR, database=cluster.conninfo(database)))
    crowd([lambda node=node: use(node, "globex", times=5) for node in (server, other) * 10])
    call(other, "GET", "/shadow")
    assert counts(server) == {("globex", D, "no_subscription"): 100}
    # Both write the same rows at the same time.
    crowd([lambda node=node: (use(node, "globex"), call(node, "GET", "/shadow")) for node in (server, other) * 20])
    call(other, "GET", "/shadow")
    assert counts(server) == {("globex", D, "no_subscription"): 140}


@pytest.mark.allowed_log("ATB0202", "ATB0205")
def test_nothing_is_lost_while_the_database_is_away(server, cluster, database):
    use(server, "globex", times=3)
    assert counts(server) == {("globex", D, "no_subscription"): 3}
    cluster.stop()
    try:
        assert use(server, "globex", times=20) == [200] * 20
        assert call(server, "GET", "/shadow").json["code"] == "database_unavailable"
        assert use(server, "globex", times=20) == [200] * 20
    finally:
        cluster.start()
    # Each child finds out for itself.
    wait_for(lambda: all(call(server, "GET", "/shadow").status == 200 for _ in range(12)), what="every child to be back")
    assert counts(server) == {("globex", D, "no_subscription"): 43}


def test_a_batch_that_was_written_is_not_written_again(server, cluster, database):
    """Its answer was lost, so it is sent a second time."""
    use(server, "globex", times=3)
    assert counts(server) == {("globex", D, "no_subscription"): 3}
    cluster.psql("update billing.shadow_source set batch = batch + 1", database)
    use(server, "globex", times=5)
    assert counts(server) == {("globex", D, "no_subscription"): 3}
    use(server, "globex", times=2)
    assert counts(server) == {("globex", D, "no_subscription"): 5}


def test_nothing_is_lost_or_doubled_over_reloads_under_load(server):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        requests = [pool.submit(use, server, "globex", times=25) for _ in range(16)]
        for _ in range(2):
            server.reload()
        served = sum((request.result() for request in requests), [])
    assert set(served) == {200}
    assert counts(server) == {("globex", D, "no_subscription"): len(served)}


def test_what_was_counted_is_written_when_the_server_stops(server, cluster, database):
    crowd([lambda: use(server, "globex", times=5) for _ in range(8)])
    server.stop()
    assert stored(cluster, database) == 40


def test_csv(server, cluster, database):
    use(server, "-globex")
    use(server, "initech", role="driver")
    reply = call(server, "GET", "/shadow?format=csv")
    assert reply.header("content-type") == "text/csv; charset=utf-8; header=present"
    assert "attachment" in reply.header("content-disposition")
    assert reply.body.count(b"\r\n") == 3
    lines = list(csv.DictReader(io.StringIO(reply.text)))
    assert [line["org"] for line in lines] == ["'-globex", "initech"]
    assert lines[0]["requests"] == "1" and lines[0]["enforcement"] == "monitor" and lines[0]["planKey"] == ""
    assert lines[0]["unblock"] == "plan:founding_monthly|fleet_monthly override"
    assert lines[1]["unblock"] == "role:owner|dispatcher"
    first = call(server, "GET", "/shadow?format=csv&limit=1")
    link = first.header("link")
    assert link.endswith('; rel="next"')
    second = call(server, "GET", "/shadow" + link[1:link.index(">")])
    assert [line["org"] for line in csv.DictReader(io.StringIO(second.text))] == ["initech"]
    assert second.header("link") is None
    assert call(server, "HEAD", "/shadow?format=csv").body == b""
    ever = call(server, "GET", "/shadow?format=csv&limit=1&since=1970-01-01").header("link")
    assert call(server, "GET", "/shadow" + ever[1:ever.index(">")]).text == second.text


@pytest.mark.bad_input
@pytest.mark.parametrize("query", ["format=xml", "since=yesterday", "feature=a%20b", "limit=0", "limit=10001", "limit=x",
                                   "after=x", "after=a/b", "after=a/b/c", "org=globex", "feature=a&feature=b", "x"])
def test_a_bad_query_is_refused(server, query):
    assert call(server, "GET", "/shadow?" + query).json["code"] == "invalid_query"


def test_only_signed_in_operators(server):
    assert server.get("/operate/shadow").status == 401
    assert call(server, "POST", "/shadow", {}).status == 405
