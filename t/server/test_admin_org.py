# SPDX-License-Identifier: Apache-2.0
"""Operators change an org: its record, its customerConfig, its dated overrides."""
import json

import pytest

from harness.site import ALICE, API, BOB, CAROL, CATALOGUE

SITE = CATALOGUE + """
BillingMount admin /operate
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
    BillingUses trucking.maxLocations
</BillingFeature>
<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
"""


@pytest.fixture
def server(site, cluster, database):
    made = site(SITE, database=cluster.conninfo(database))
    made.write("htdocs/dispatch/index.html", "the board")
    yield made
    cluster.psql("delete from billing.override; delete from billing.audit; delete from billing.link", database)


def call(server, method, path, body=None, person=ALICE, **headers):
    more = {"Content-Type": "application/json"} if body is not None else {}
    return server.request(method, "/operate" + path, headers={**server.who(person), **more, **headers},
                          body=json.dumps(body).encode() if body is not None else None)


def board(server, person=CAROL):
    return server.get("/dispatch/", headers=server.who(person)).status


def test_a_grant_opens_the_gate_in_every_child_at_once_and_taking_it_away_closes_it(server):
    assert board(server) == 402
    reply = call(server, "PUT", "/orgs/globex", {"features": {"trucking.dispatch": True}})
    assert reply.status == 200, reply
    assert reply.json["features"] == {"trucking.dispatch": True}
    assert reply.json["effective"]["features"]["trucking.dispatch"] == {"plan": False, "override": True}
    assert [board(server) for _ in range(12)] == [200] * 12
    assert call(server, "PUT", "/orgs/globex", {"features": {}}).json["features"] == {}
    assert [board(server) for _ in range(12)] == [402] * 12


def test_what_is_not_named_stays(server):
    whole = {"features": {"trucking.reports": False}, "limits": {"trucking.maxLocations": 3}, "appType": "trucking",
             "createdAt": "2026-12-01T00:00:00Z"}
    first = call(server, "PUT", "/orgs/globex", whole).json
    assert {key: first[key] for key in whole} == whole
    second = call(server, "PUT", "/orgs/globex", {"limits": {"trucking.maxLocations": None}}).json
    assert second["features"] == whole["features"] and second["createdAt"] == whole["createdAt"]
    assert second["limits"] == {"trucking.maxLocations": None}
    third = call(server, "PUT", "/orgs/globex", {"createdAt": None, "appType": None}).json
    assert third["createdAt"] is None and third["appType"] is None
    assert call(server, "GET", "/orgs/globex").json == third
    summary = server.get(API + "/summary", headers=server.who(CAROL)).json
    assert summary["limits"] == {"trucking.maxLocations": None}


def test_a_dated_override_comes_before_the_config_and_is_audited(server, cluster, database):
    call(server, "PUT", "/orgs/globex", {"features": {"trucking.dispatch": False}})
    assert board(server) == 403
    reply = call(server, "POST", "/orgs/globex/overrides",
                 {"feature": "trucking.dispatch", "allow": True, "expiresAt": "2999-01-01", "note": "a pilot"})
    assert reply.status == 200, reply
    (dated,) = [each for each in reply.json["overrides"] if each["source"] == "override"]
    assert dated["author"] == "alice" and dated["note"] == "a pilot" and dated["inForce"]
    assert board(server) == 200
    assert call(server, "DELETE", f"/orgs/globex/overrides/{dated['id']}").status == 200
    assert board(server) == 403
    assert call(server, "DELETE", f"/orgs/globex/overrides/{dated['id']}").json["code"] == "unknown_override"
    rows = cluster.psql("select actor, action, org_id from billing.audit order by audit_id", database)
    assert rows[:3] == [["alice", "configure", "globex"], ["alice", "override", "globex"],
                        ["alice", "remove_override", "globex"]]


def test_however_often_one_is_overridden_the_others_hold(server, cluster, database):
    """Each hides the one before it; none of them may push a refusal out of what the gate is told."""
    call(server, "PUT", "/orgs/globex", {"features": {"trucking.dispatch": False}})
    for number in range(70):
        more = {"expiresAt": f"{2990 + number % 3}-01-01"} if number % 2 else {}
        reply = call(server, "POST", "/orgs/globex/overrides", {"limit": "trucking.maxLocations", "value": number, **more})
        assert reply.json["effective"]["limits"]["trucking.maxLocations"]["override"] == number
    assert len(reply.json["overrides"]) == 71 and board(server) == 403
    assert reply.json["effective"]["features"]["trucking.dispatch"]["override"] is False


def test_an_org_has_room_for_so_many_overrides(server, cluster, database):
    call(server, "PUT", "/orgs/globex", {"features": {"trucking.dispatch": False}})

    def add(key, **more):
        reply = call(server, "POST", "/orgs/globex/overrides", {"feature": key, "allow": True, **more})
        return reply.status, reply.json.get("detail")

    for number in range(63):
        assert add(f"feature.{number}", expiresAt="2090-01-01") == (200, None)
    assert add("feature.63") == (400, "An org has at most 64 overrides.")
    assert add("feature.7", expiresAt="2080-01-01")[0] == 400
    assert add("feature.7")[0] == 200 and board(server) == 403


@pytest.mark.bad_input
@pytest.mark.parametrize("body", [
    [], "x", {"feature": 1}, {"features": []}, {"features": {"a": 1}}, {"features": {"a b": True}}, {"limits": {"a": -1}},
    {"limits": {"a": 2000000001}}, {"limits": {"a": 1.5}}, {"limits": {"a": "1"}}, {"createdAt": "yesterday"},
    {"createdAt": 5}, {"appType": "a,b"}, {"appType": 5}, {"unknown": 1}])
def test_a_bad_config_is_refused_and_changes_nothing(server, body):
    assert call(server, "PUT", "/orgs/globex", body).status == 400
    assert call(server, "GET", "/orgs/globex").json.get("features", {}) == {}


@pytest.mark.bad_input
@pytest.mark.parametrize("body", [
    {}, {"feature": "a"}, {"feature": "a", "limit": "b", "allow": True, "value": 1}, {"feature": "a", "allow": 1},
    {"feature": "a", "allow": True, "value": 3}, {"limit": "a"}, {"limit": "a", "value": -2}, {"limit": "a", "value": "1"},
    {"feature": "a", "allow": True, "expiresAt": "2001-01-01"}, {"feature": "a", "allow": True, "note": "x" * 1001}])
def test_a_bad_override_is_refused(server, body):
    assert call(server, "POST", "/orgs/globex/overrides", body).status == 400


def test_only_signed_in_operators_and_their_own_pages(server):
    assert call(server, "PUT", "/orgs/globex", {}, **{"Sec-Fetch-Site": "cross-site"}).json["code"] == "cross_site"
    assert call(server, "GET", "/orgs/a%20b").status == 400
    assert call(server, "GET", "/orgs/never_seen").json["code"] == "unknown_org"
    assert call(server, "POST", "/orgs/globex", {}).status == 405
    assert server.get("/operate/orgs/globex").status == 401
