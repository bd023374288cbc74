# SPDX-License-Identifier: Apache-2.0
"""Explain: the gate's own decision with each step, for every reason; where its inputs came from; where its policy stands."""
import time

import pytest

from harness import stripe_events
from harness.site import CATALOGUE
from harness.waiting import wait_for
from report_support import CLEAN, call, person

SITE = CATALOGUE + """
BillingMount admin /operate
BillingKillSwitch @ROOT@/run/off
BillingNewOrgsSince 2020-01-01
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
    BillingRoles owner dispatcher
    BillingAppTypes trucking
    BillingUses trucking.maxLocations
    BillingExcept DELETE
    BillingPastDue grace=7d
</BillingFeature>
<BillingFeature trucking.routing>
    BillingEnforce new-orgs percent=40
</BillingFeature>
<BillingFeature trucking.reports>
    BillingEnforce off
</BillingFeature>
<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
"""
D, ROUTING = "trucking.dispatch", "trucking.routing"


@pytest.fixture(scope="module")
def server(module_site, cluster, database):
    cluster.psql(CLEAN, database)
    made = module_site(SITE, database=cluster.conninfo(database))
    made.write("htdocs/dispatch/list.html", "the list")
    now = int(time.time())
    for org, status in (("acme", "active"), ("late", "past_due"), ("later", "past_due"), ("gone", "canceled")):
        event = stripe_events.subscription_event("created", sub=f"sub_{org}", customer=f"cus_{org}", org=org,
                                                 status=status, created=now - (30 * 86400 if org == "later" else 60))
        assert made.deliver(event).status == 200
    return made


def explain(server, feature=D, **query):
    text = "&".join(f"{name}={value}" for name, value in {"feature": feature, **query}.items())
    reply = call(server, "GET", "/explain?" + text)
    assert reply.status == 200, reply
    return reply.json


def owner(server, org, feature=D, **more):
    return explain(server, feature, org=org, role="owner", appType="trucking", **more)


def last(answer):
    """The rule that decided."""
    return [step["rule"] for step in answer["steps"] if step["about"] == "decision" and step["matched"]][-1]


@pytest.mark.parametrize("query, allowed, reason, rule", [
    ({}, False, "no_org", "no_org"),
    ({"org": "acme", "role": "owner", "appType": "baking"}, False, "app_type", "app_type"),
    ({"org": "acme", "appType": "trucking", "role": "driver"}, False, "role", "role"),
    ({"org": "acme", "appType": "trucking", "role": "driver,%20owner"}, True, "plan", "subscription"),
    ({"org": "acme", "appType": "trucking", "role": "owner", "usage": "5"}, False, "limit", "limit"),
    ({"org": "acme", "appType": "trucking", "role": "owner", "usage": "4"}, True, "plan", "subscription"),
    ({"org": "late", "appType": "trucking", "role": "owner"}, True, "grace", "subscription"),
    ({"org": "gone", "appType": "trucking", "role": "owner"}, False, "canceled", "subscription"),
    ({"org": "new", "appType": "trucking", "role": "owner"}, False, "no_subscription", "subscription"),
    ({"org": "acme", "feature": ROUTING}, True, "plan", "subscription"),
    ({"org": "acme", "feature": "trucking.reports"}, True, "mode_off", "off"),
    ({"org": "new", "method": "DELETE"}, True, "method", "method"),
])
def test_every_reason(server, query, allowed, reason, rule):
    answer = explain(server, **query)
    assert (answer["decision"]["allowed"], answer["decision"]["reason"]) == (allowed, reason)
    assert last(answer) == rule


def test_past_due_beyond_its_grace(server, cluster, database):
    cluster.psql("update billing.link set past_due_since = now() - interval '8 days' where org_id = 'later'", database)
    wait_for(lambda: owner(server, "later")["decision"]["reason"] == "past_due", what="the change feed")
    answer = owner(server, "later")
    facts = {step["rule"]: step["facts"] for step in answer["steps"]}["subscription"]
    assert facts["status"] == "past_due" and facts["pastDue"] == "grace" and facts["graceUntil"] < "2999"
    assert answer["unblock"] == {"payment": True, "override": True}


def test_it_is_the_gates_own_decision(server):
    for org, status in (("acme", 200), ("gone", 402), ("new", 402), ("late", 200)):
        answer = owner(server, org)["decision"]["allowed"]
        assert answer == (status == 200)
    # The site tells no app type, so the org record's counts, and there is none.
    assert server.get("/dispatch/list.html", headers=person("acme")).status == 403
    assert explain(server, org="acme", role="owner")["decision"]["reason"] == "app_type"
    call(server, "PUT", "/orgs/acme", {"appType": "trucking"})
    assert server.get("/dispatch/list.html", headers=person("acme")).status == 200
    answer = explain(server, org="acme", role="owner")
    assert answer["decision"]["allowed"] and answer["inputs"]["appType"] == {"value": "trucking", "source": "org_record"}


def test_the_override_that_counted(server):
    call(server, "POST", "/orgs/granted/overrides",
         {"feature": D, "allow": True, "expiresAt": "2999-01-01", "note": "a pilot"})
    answer = owner(server, "granted")
    assert answer["decision"] == {"allowed": True, "reason": "override", "enforcement": "enforce", "wouldDeny": False}
    assert answer["override"]["note"] == "a pilot" and answer["override"]["author"] == "alice"
    assert answer["override"]["source"] == "override" and answer["override"]["expiresAt"] == "2999-01-01T00:00:00Z"
    call(server, "PUT", "/orgs/refused", {"features": {D: False}})
    answer = owner(server, "refused")
    assert not answer["decision"]["allowed"] and answer["override"]["source"] == "config"
    assert answer["unblock"] == {"removeOverride": True}
    assert owner(server, "acme")["override"] is None


def test_where_the_inputs_came_from(server):
    answer = owner(server, "acme", usage=2, location="depot")
    inputs = answer["inputs"]
    assert inputs["state"]["source"] == "shared_memory" and inputs["state"]["version"] >= 1
    assert 0 <= inputs["state"]["age"] < 60
    assert inputs["role"] == {"value": "owner", "source": "query"}
    assert inputs["usage"] == {"value": "2", "source": "query"} and inputs["location"]["value"] == "depot"
    assert inputs["method"] == {"value": "GET", "source": "default"}
    assert inputs["createdAt"] == {"value": None, "source": None}
    assert owner(server, "never_asked_for")["inputs"]["state"]["source"] == "database"
    assert explain(server)["inputs"]["state"] is None


def test_where_it_stands_in_the_configuration(server):
    where = owner(server, "acme")["configuration"]
    path = str(server.root / "httpd.conf")
    lines = (server.root / "httpd.conf").read_text().splitlines()
    assert where["feature"]["file"] == path and "<BillingFeature trucking.dispatch>" in lines[where["feature"]["line"] - 1]
    assert "<BillingPlan founding_monthly>" in lines[where["plan"]["line"] - 1]
    (gate,) = where["gates"]
    assert gate["file"] == path and "BillingRequireFeature trucking.dispatch" in lines[gate["line"] - 1]
    assert owner(server, "new")["configuration"]["plan"] is None


def test_who_is_new_and_who_is_in(server):
    answer = explain(server, ROUTING, org="new")
    assert answer["decision"] == {"allowed": True, "reason": "no_subscription", "enforcement": "new-orgs",
                                  "wouldDeny": True}
    assert [step["rule"] for step in answer["steps"] if step["about"] == "enforcement"] == [
        "kill_switch", "monitor", "old_org"]
    assert answer["unblock"] == {"plan": ["fleet_monthly"], "override": True}
    seen = set()
    for number in range(12):
        call(server, "PUT", f"/orgs/fresh{number}", {"createdAt": "2026-01-01"})
        answer = explain(server, ROUTING, org=f"fresh{number}")
        outside = answer["percent"]["bucket"] >= 40
        assert answer["percent"]["percent"] == 40 and answer["decision"]["wouldDeny"] == outside
        assert answer["steps"][-1] == {"rule": "percent", "about": "enforcement", "matched": outside,
                                       "facts": answer["percent"]}
        seen.add(outside)
    assert seen == {True, False}


def test_the_kill_switch(server):
    assert owner(server, "gone")["killSwitch"]["on"] is False
    server.write("run/off", "")
    try:
        wait_for(lambda: owner(server, "gone")["killSwitch"]["on"], what="the kill switch")
        answer = owner(server, "gone")
        assert answer["decision"]["allowed"] and answer["decision"]["wouldDeny"]
        assert answer["steps"][-1]["rule"] == "kill_switch" and answer["steps"][-1]["matched"]
    finally:
        (server.root / "run/off").unlink()
    wait_for(lambda: all(not owner(server, "gone")["killSwitch"]["on"] for _ in range(8)), what="it to be off again")


@pytest.mark.allowed_log("ATB0202", "ATB0205", "AH00629", "AH00633", "AH00636")
def test_without_a_state(site, cluster, database):
    strict = SITE.replace("    BillingEnforce enforce\n", "    BillingEnforce enforce\n    BillingStale max=1h then=deny\n")
    cluster.stop()
    try:
        server = site(strict, database=cluster.conninfo(database))
        answer = owner(server, "unheard_of")
        assert answer["decision"]["reason"] == "unverified" and not answer["decision"]["allowed"]
        assert answer["inputs"]["state"] is None and answer["unblock"] == {"retry": True}
        facts = {step["rule"]: step["facts"] for step in answer["steps"]}["unverified"]
        assert facts == {"age": None, "max": 3600, "then": "deny"}
    finally:
        cluster.start()


@pytest.mark.bad_input
@pytest.mark.parametrize("query", ["", "org=acme", f"feature={D}&org=a%20b", f"feature={D}&usage=-1", f"feature={D}&usage=x",
                                   f"feature={D}&method=NONESUCH", f"feature={D}&appType=a,b", f"feature={D}&x=1",
                                   f"feature={D}&role=%ff", f"feature={D}&role=" + "x" * 1025,
                                   f"feature={D}&location=" + "x" * 257])
def test_a_bad_query_is_refused(server, query):
    assert call(server, "GET", "/explain?" + query).json["code"] == "invalid_query"


def test_unknown_features_and_strangers(server):
    assert call(server, "GET", "/explain?feature=a.b").json["code"] == "unknown_feature"
    assert server.get(f"/operate/explain?feature={D}").status == 401
