# SPDX-License-Identifier: Apache-2.0
"""Grandfathering: shown first, written for exactly the orgs that used the feature, undone as one."""
import pytest

from harness.waiting import wait_for
from report_support import CLEAN, ENFORCE, MONITOR, call, documents, use

D = "trucking.dispatch"


@pytest.fixture
def server(site, cluster, database):
    cluster.psql(CLEAN, database)
    return documents(site(MONITOR, database=cluster.conninfo(database)))


@pytest.fixture
def strict(site, server, cluster, database):
    """Another node of the same site, which enforces."""
    return documents(site(ENFORCE, database=cluster.conninfo(database)))


def names(answer, member="orgs"):
    return [each["org"] for each in answer[member]]


def ask(server, **more):
    reply = call(server, "POST", "/grandfather", {"feature": D, "days": 30, **more})
    assert reply.status == 200, reply
    return reply.json


def overrides(cluster, database):
    return cluster.psql("select org_id, source, kind, key, batch_id is not null from billing.override order by 1",
                        database)


def test_shown_written_and_undone(server, strict, cluster, database):
    for org in ("globex", "initech"):
        assert use(server, org, times=2) == [200, 200]
    assert use(strict, "globex") == [402]
    use(server, "umbrella", role="driver")  # a grant would not help
    dry = ask(server, dryRun=True)
    assert names(dry) == ["globex", "initech"] and dry["batch"] is None and dry["count"] == 2
    assert dry["orgs"][0]["requests"] == 2
    assert overrides(cluster, database) == []
    done = ask(strict, expiresAt="2999-01-01", note="before we charge")
    assert names(done) == ["globex", "initech"] and done["batch"] and done["skippedCount"] == 0
    assert [use(strict, org, times=12) for org in ("globex", "initech")] == [[200] * 12] * 2
    assert use(strict, "umbrella") == [402]
    assert overrides(cluster, database) == [[org, "grandfather", "grant", D, "t"] for org in ("globex", "initech")]
    (listed,) = call(server, "GET", "/grandfather").json["batches"]
    assert listed["batch"] == done["batch"] and listed["author"] == "alice" and listed["count"] == 2
    assert listed["expiresAt"] == "2999-01-01T00:00:00Z" and listed["undoneAt"] is None
    undone = call(strict, "DELETE", f"/grandfather/{done['batch']}").json
    assert undone["removed"] == ["globex", "initech"] and undone["undoneBy"] == "alice"
    assert [use(strict, org, times=12) for org in ("globex", "initech")] == [[402] * 12] * 2
    assert overrides(cluster, database) == []


def test_another_node_learns_of_both(server, strict):
    use(server, "globex")
    assert use(strict, "globex") == [402]
    done = ask(server)
    wait_for(lambda: use(strict, "globex") == [200], what="the change feed")
    call(server, "DELETE", f"/grandfather/{done['batch']}")
    wait_for(lambda: use(strict, "globex") == [402], what="the change feed")


def test_who_has_a_grant_or_a_refusal_is_skipped_and_kept(server, cluster, database):
    for org in ("globex", "initech", "umbrella"):
        use(server, org)
    call(server, "POST", "/orgs/globex/overrides", {"feature": D, "allow": True, "note": "a pilot"})
    call(server, "PUT", "/orgs/initech", {"features": {D: False}})
    done = ask(server)
    assert names(done) == ["umbrella"]
    assert [(each["org"], each["why"]) for each in done["skipped"]] == [("globex", "granted"), ("initech", "refused")]
    again = ask(server)
    assert names(again) == [] and again["batch"] is None and again["skippedCount"] == 3
    undone = call(server, "DELETE", f"/grandfather/{done['batch']}").json
    assert undone["removed"] == ["umbrella"]
    assert [row[:3] for row in overrides(cluster, database)] == [["globex", "override", "grant"],
                                                                 ["initech", "config", "refuse"]]


def test_a_batch_is_undone_once_and_no_other_with_it(server, cluster, database):
    use(server, "globex")
    first = ask(server)
    use(server, "initech")
    second = ask(server)
    assert names(second) == ["initech"]
    assert call(server, "DELETE", f"/grandfather/{first['batch']}").json["removed"] == ["globex"]
    assert call(server, "DELETE", f"/grandfather/{first['batch']}").json["removed"] == []
    assert [row[0] for row in overrides(cluster, database)] == ["initech"]
    assert cluster.psql("select action, actor from billing.audit order by audit_id", database) == [
        ["grandfather", "alice"], ["grandfather", "alice"], ["undo_grandfather", "alice"]]


def test_only_use_within_the_days_counts(server, cluster, database):
    for org in ("globex", "initech"):
        use(server, org)
    ask(server, dryRun=True)
    cluster.psql("update billing.shadow set day = day - 40, first_seen = first_seen - interval '40 days',"
                 " last_seen = last_seen - interval '40 days' where org_id = 'initech'", database)
    assert names(ask(server, dryRun=True)) == ["globex"]
    assert names(ask(server, days=41, dryRun=True)) == ["globex", "initech"]


def test_many_orgs_at_once(server, strict, cluster, database):
    cluster.psql("insert into billing.shadow select false, 'trucking.dispatch', 'org' || n, 'plan',"
                 " current_date, 1, now(), now() from generate_series(1, 3000) n", database)
    done = ask(strict)
    assert done["count"] == 3000 and len(done["orgs"]) == 3000
    assert [use(strict, f"org{number}") for number in (1, 501, 1500, 3000)] == [[200]] * 4
    assert call(strict, "DELETE", f"/grandfather/{done['batch']}").json["removedCount"] == 3000
    assert [use(strict, f"org{number}") for number in (1, 501, 1500, 3000)] == [[402]] * 4


@pytest.mark.bad_input
@pytest.mark.parametrize("body", [
    {}, [], {"feature": D}, {"feature": "a.b", "days": 1}, {"feature": D, "days": 0}, {"feature": D, "days": 3651},
    {"feature": D, "days": "1"}, {"feature": D, "days": 1.5}, {"feature": D, "days": 1, "expiresAt": "2001-01-01"},
    {"feature": D, "days": 1, "expiresAt": 5}, {"feature": D, "days": 1, "note": 5},
    {"feature": D, "days": 1, "note": "x" * 1001}, {"feature": D, "days": 1, "dryRun": "yes"},
    {"feature": D, "days": 1, "orgs": []}])
def test_a_bad_body_is_refused(server, body):
    assert call(server, "POST", "/grandfather", body).status == 400


def test_only_operators_and_only_batches_that_are(server):
    assert call(server, "DELETE", "/grandfather/12345").json["code"] == "unknown_batch"
    assert call(server, "DELETE", "/grandfather/x").json["code"] == "unknown_batch"
    assert call(server, "POST", "/grandfather", {}, **{"Sec-Fetch-Site": "cross-site"}).json["code"] == "cross_site"
    assert call(server, "DELETE", "/grandfather/1", **{"Sec-Fetch-Site": "cross-site"}).json["code"] == "cross_site"
    assert server.get("/operate/grandfather").status == 401
