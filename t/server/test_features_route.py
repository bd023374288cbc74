# SPDX-License-Identifier: Apache-2.0
"""GET /features/{key}: one decision for a front end."""
import pytest

from gate_support import ENDED, PAYER, feature, signed, stop, subscribe
from harness.site import API, CATALOGUE, Person, token

CONFIG = CATALOGUE + feature("trucking.locations", "BillingEnforce enforce", "BillingUses trucking.maxLocations") + feature(
    "trucking.dispatch", "BillingEnforce enforce", "BillingRoles owner") + feature(
    "trucking.routing", "BillingEnforce monitor", "BillingUses trucking.maxLocations") + """
<BillingPlan small>
    BillingPrice stripe price_small
    BillingGrant trucking.locations trucking.dispatch
    BillingLimit trucking.maxLocations 3
</BillingPlan>
<BillingPlan endless>
    BillingPrice stripe price_endless
    BillingGrant trucking.locations
    BillingLimit trucking.maxLocations unlimited
</BillingPlan>
"""
SMALL = Person("sam", "f-small", "owner")
ENDLESS = Person("eli", "f-endless", "owner")
NO_LIMIT = Person("nil", "f-nolimit", "owner")
DISPATCHER = Person("dan", "f-small", "dispatcher")


@pytest.fixture(scope="module")
def server(cluster, database, module_site):
    made = module_site(CONFIG, database=cluster.conninfo(database))
    subscribe(made, SMALL.org, price="price_small")
    subscribe(made, ENDLESS.org, price="price_endless")
    subscribe(made, ENDED.org, "canceled")
    yield made
    stop(made)


def ask(server, key, person=SMALL, query="", **options):
    return server.get(f"{API}/features/{key}{query}", headers={**signed(person), **options.pop("headers", {})}, **options)


def test_a_decision_as_in_the_summary_and_its_limit(server):
    answer = ask(server, "trucking.locations")
    assert answer.status == 200
    assert answer.header("content-type") == "application/json"
    assert answer.json == {"allowed": True, "reason": "plan", "enforcement": "enforce", "wouldDeny": False, "limit": 3}
    summary = server.get(API + "/summary", headers=signed(SMALL)).json["features"]
    for key, shown in summary.items():
        one = ask(server, key).json
        one.pop("limit", None)
        assert one == shown


@pytest.mark.parametrize("person, key, limit", [
    (SMALL, "trucking.locations", 3), (ENDLESS, "trucking.locations", None), (SMALL, "trucking.dispatch", "absent"),
    (NO_LIMIT, "trucking.locations", "absent"), (ENDED, "trucking.locations", 5),  # the plan that the org had
])
def test_the_limit_is_a_number_or_null_or_not_there(server, person, key, limit):
    assert ask(server, key, person).json.get("limit", "absent") == limit


@pytest.mark.parametrize("person, usage, expected", [
    (SMALL, "0", (True, "plan", False)), (SMALL, "2", (True, "plan", False)), (SMALL, "3", (False, "limit", False)),
    (SMALL, "9223372036854775807", (False, "limit", False)), (ENDLESS, "1000000", (True, "plan", False)),
    (ENDED, "0", (False, "canceled", False)), (NO_LIMIT, "0", (False, "no_subscription", False)),
])
def test_usage_is_held_against_the_limit(server, person, usage, expected):
    found = ask(server, "trucking.locations", person, f"?usage={usage}").json
    assert (found["allowed"], found["reason"], found["wouldDeny"]) == expected


def test_who_asks_counts(server):
    assert ask(server, "trucking.dispatch", SMALL).json["allowed"] is True
    assert ask(server, "trucking.dispatch", DISPATCHER).json == {
        "allowed": False, "reason": "role", "enforcement": "enforce", "wouldDeny": False}
    assert ask(server, "trucking.routing", ENDED).json == {
        "allowed": True, "reason": "canceled", "enforcement": "monitor", "wouldDeny": True, "limit": 5}


@pytest.mark.bad_input
@pytest.mark.parametrize("query, code", [
    ("?usage=", "invalid_usage"), ("?usage=-1", "invalid_usage"), ("?usage=1.5", "invalid_usage"),
    ("?usage=9223372036854775808", "invalid_usage"), ("?usage=1e3", "invalid_usage"), ("?usage", "invalid_usage"),
    ("?usage=0x10", "invalid_usage"), ("?usage=%201", "invalid_usage"), ("?usage=+1", "invalid_usage"),
    ("?usage=1&usage=2", "unknown_member"), ("?Usage=1", "unknown_member"), ("?usage=1&x=2", "unknown_member"),
    ("?=1", "unknown_member"), ("?role=owner", "unknown_member"), ("?usage=%zz", "unknown_member"),
    ("?usage=1%00", "unknown_member"), ("?location=", "invalid_location"), ("?location=%0a", "invalid_location"),
    ("?location=" + "x" * 257, "invalid_location"),
    ("?org=acme", "client_supplied_identifier"), ("?usage=1&orgId=acme", "client_supplied_identifier"),
    ("?customer=cus_1", "client_supplied_identifier"), ("?%6frg=acme", "client_supplied_identifier"),
    ("?org[]=acme", "client_supplied_identifier"),
])
def test_what_a_query_may_not_say(server, query, code):
    answer = ask(server, "trucking.locations", query=query)
    assert (answer.status, answer.json["code"]) == (400, code)
    assert answer.header("content-type") == "application/problem+json"


@pytest.mark.parametrize("query", ["?location=depot-7", "?location=" + "x" * 256, "?usage=1&location=a%20b", "?", "?&",
                                   "?location=Z%C3%BCrich"])
def test_what_a_query_may_say(server, query):
    assert ask(server, "trucking.locations", query=query).status == 200


@pytest.mark.bad_input
@pytest.mark.parametrize("key", ["trucking.nothing", "Trucking.dispatch", "trucking.dispatch%00", "x" * 4000, "%20",
                                 "trucking.dispatch.", "..%2f"])
def test_a_key_that_is_none(server, key):
    answer = ask(server, key)
    assert answer.status == 404
    if answer.header("content-type") == "application/problem+json":
        assert answer.json["code"] in ("unknown_feature", "not_found")


@pytest.mark.parametrize("path, status", [("features", 404), ("features/", 404), ("features/trucking.dispatch/x", 404),
                                          ("features/trucking.dispatch/", 404)])
def test_other_paths_are_no_routes(server, path, status):
    assert server.get(f"{API}/{path}", headers=signed(SMALL)).status == status


def test_other_methods(server):
    answer = server.post(f"{API}/features/trucking.dispatch", headers=signed(SMALL), json={})
    assert (answer.status, answer.header("allow")) == (405, "GET, HEAD")
    head = server.request("HEAD", f"{API}/features/trucking.dispatch", headers=signed(SMALL))
    assert (head.status, head.body) == (200, b"")


def test_an_etag_spares_the_body(server):
    answer = ask(server, "trucking.locations")
    tag = answer.header("etag")
    assert answer.header("cache-control") == "private, no-cache"
    again = ask(server, "trucking.locations", headers={"If-None-Match": tag})
    assert (again.status, again.body, again.header("etag")) == (304, b"", tag)
    assert again.header("cache-control") == "private, no-cache"
    changed = ask(server, "trucking.locations", query="?usage=3", headers={"If-None-Match": tag})
    assert (changed.status, changed.json["reason"]) == (200, "limit")


@pytest.mark.allowed_log("oidc_oauth")
def test_strangers_and_those_without_an_org(server):
    assert server.get(API + "/features/trucking.dispatch").status == 401
    nobody = server.get(API + "/features/trucking.dispatch", headers=token(sub="nobody"))
    assert (nobody.status, nobody.json["code"]) == (403, "no_org")
    # Whether a key exists is for members to know.
    assert server.get(API + "/features/trucking.nothing").status == 401
    assert server.get(API + "/features/trucking.nothing", headers=token(sub="nobody")).status == 403
