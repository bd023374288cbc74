# SPDX-License-Identifier: Apache-2.0
"""GET /summary: how things stand for the caller's org, in words that stay."""
import datetime
import json

import pytest

from gate_support import ENDED, NOBODY_PAID, OVERDUE, PAYER, feature, populate, signed, subscribe
from harness import stripe_events
from harness.site import API, CATALOGUE, token

SUMMARY = API + "/summary"
DAY = 86400

CONFIG = (CATALOGUE + feature("trucking.dispatch", "BillingEnforce enforce", "BillingRoles owner dispatcher")
          + feature("trucking.reports", "BillingEnforce monitor") + feature("trucking.routing", "BillingEnforce new-orgs")
          + feature("trucking.free", "BillingEnforce off")
          + feature("trucking.writing", "BillingEnforce enforce", "BillingExcept GET DELETE"))


@pytest.fixture(scope="module")
def server(cluster, database, module_site):
    return populate(module_site(CONFIG, database=cluster.conninfo(database)))


def summary(server, headers):
    answer = server.get(SUMMARY, headers=headers)
    assert answer.status == 200
    assert answer.header("content-type") == "application/json"
    assert answer.header_all("cache-control") == ["private, no-cache"]
    return answer.json


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()


def test_its_members(server):
    body = summary(server, signed(PAYER))
    assert set(body) == {"org", "subscription", "features", "limits", "actions", "pendingCheckout", "livemode", "asOf", "stale"}
    assert body["org"] == {"id": "payer", "createdAt": None}
    assert set(body["subscription"]) == {"status", "planKey", "planName", "currentPeriodEnd", "cancelAt", "pastDueSince",
                                         "graceUntil"}
    assert body["subscription"]["status"] == "active"
    assert body["subscription"]["planKey"] == "founding_monthly"
    assert body["subscription"]["planName"] == "Founding member"
    assert moment(body["subscription"]["currentPeriodEnd"]) > stripe_events.now() + 29 * DAY
    assert body["limits"] == {"trucking.maxLocations": 5}
    assert body["pendingCheckout"] is None
    assert (body["livemode"], body["stale"]) == (False, False)
    assert abs(moment(body["asOf"]) - stripe_events.now()) < 60


def test_its_decisions(server):
    features = summary(server, signed(PAYER))["features"]
    assert features == {
        "trucking.dispatch": {"allowed": True, "reason": "plan", "enforcement": "enforce", "wouldDeny": False},
        "trucking.reports": {"allowed": True, "reason": "plan", "enforcement": "monitor", "wouldDeny": False},
        "trucking.routing": {"allowed": True, "reason": "plan", "enforcement": "new-orgs", "wouldDeny": True},
        "trucking.free": {"allowed": True, "reason": "mode_off", "enforcement": "off", "wouldDeny": False},
        # Not about the method with which the question happens to come.
        "trucking.writing": {"allowed": False, "reason": "plan", "enforcement": "enforce", "wouldDeny": False},
    }
    denied = summary(server, token(sub="d", org_id="payer", role="driver"))["features"]["trucking.dispatch"]
    assert denied == {"allowed": False, "reason": "role", "enforcement": "enforce", "wouldDeny": False}


@pytest.mark.parametrize("who, status, reason", [(ENDED, "canceled", "canceled"), (NOBODY_PAID, "none", "no_subscription")])
def test_orgs_that_do_not_pay(server, who, status, reason):
    body = summary(server, signed(who))
    assert body["subscription"]["status"] == status
    assert body["features"]["trucking.dispatch"] == {"allowed": False, "reason": reason, "enforcement": "enforce", "wouldDeny": False}
    assert body["features"]["trucking.reports"] == {"allowed": True, "reason": reason, "enforcement": "monitor", "wouldDeny": True}
    assert body["subscription"]["graceUntil"] is None


def test_grace_has_an_end(server):
    body = summary(server, signed(OVERDUE))
    assert body["subscription"]["status"] == "past_due"
    since, until = (moment(body["subscription"][name]) for name in ("pastDueSince", "graceUntil"))
    assert until - since == 7 * DAY
    assert body["features"]["trucking.dispatch"]["reason"] == "grace"


def test_an_end_that_is_planned_is_told(server):
    end = stripe_events.now() + 5 * DAY
    subscribe(server, "leaving", cancel_at=end)
    assert moment(summary(server, token(sub="l", org_id="leaving", role="owner"))["subscription"]["cancelAt"]) == end


def test_unlimited_is_null(server):
    subscribe(server, "fleet", price="price_fleet_monthly")
    body = summary(server, token(sub="f", org_id="fleet", role="owner"))
    assert body["subscription"]["planKey"] == "fleet_monthly"
    assert body["limits"] == {"trucking.maxLocations": None}


@pytest.mark.parametrize("who, role, checkout, portal", [
    ("payer", "owner", False, True), ("payer", "admin", False, True), ("payer", "driver, admin", False, True),
    ("payer", "dispatcher", False, False), ("payer", "", False, False), ("ended", "owner", True, True),
    ("nothing", "owner", True, False), ("nothing", "dispatcher", False, False)])
def test_who_may_act(server, who, role, checkout, portal):
    assert summary(server, token(sub="x", org_id=who, role=role))["actions"] == {"checkout": checkout, "portal": portal}


def test_no_provider_id_is_told(server):
    for who in (PAYER, ENDED, OVERDUE):
        text = json.dumps(summary(server, signed(who)))
        for prefix in ("sub_", "cus_", "price_", "evt_", "in_", "prod_"):
            assert prefix not in text


def test_what_has_not_changed_is_not_sent_again(server):
    first = server.get(SUMMARY, headers=signed(PAYER))
    for etag in (first.header("etag"), f'"x", {first.header("etag")}', f'W/{first.header("etag")}', "*"):
        again = server.get(SUMMARY, headers={**signed(PAYER), "If-None-Match": etag})
        assert (again.status, again.body) == (304, b"")
        assert again.header("etag") == first.header("etag")
        assert again.header_all("cache-control") == ["private, no-cache"]
    for headers in (signed(ENDED), token(sub="d", org_id="payer", role="driver")):
        other = server.get(SUMMARY, headers={**headers, "If-None-Match": first.header("etag")})
        assert other.status == 200
    subscribe(server, "changing")
    who = token(sub="c", org_id="changing", role="owner")
    before = server.get(SUMMARY, headers=who).header("etag")
    event = stripe_events.subscription_event("deleted", sub="sub_changing", customer="cus_changing", org="changing",
                                             created=stripe_events.now() + 1)
    assert server.deliver(event).json["outcome"] == "applied"
    after = server.get(SUMMARY, headers={**who, "If-None-Match": before})
    assert after.json["subscription"]["status"] == "canceled"


def test_head(server):
    get = server.get(SUMMARY, headers=signed(PAYER))
    head = server.request("HEAD", SUMMARY, headers=signed(PAYER))
    assert (head.status, head.body) == (200, b"")
    assert head.header("etag") == get.header("etag")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "MADEUP"])
def test_other_methods(server, method):
    answer = server.request(method, SUMMARY, headers=signed(PAYER))
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.header("allow") == "GET, HEAD"
    assert answer.header("content-type") == "application/problem+json"


def test_who_asks(server):
    assert server.get(SUMMARY).status == 401
    nobody = server.get(SUMMARY, headers=token(sub="one without an org"))
    assert (nobody.status, nobody.json["code"]) == (403, "no_org")
    assert nobody.header_all("cache-control") == ["private, no-store"]


def test_when_an_org_was_made(cluster, database, site):
    config = CONFIG + '<Location "/">\n    BillingOrgCreated "%{reqenv:OIDC_CLAIM_created}"\n</Location>\n'
    server = site(config + "BillingNewOrgsSince 2026-01-01\n", database=cluster.conninfo(database))
    body = summary(server, token(sub="n", org_id="newcomer", role="owner", created="2026-06-01"))
    assert body["org"] == {"id": "newcomer", "createdAt": "2026-06-01T00:00:00Z"}
    assert body["features"]["trucking.routing"]["allowed"] is False


def test_without_a_database_an_unknown_org_cannot_be_told(cluster, database, site):
    server = site(CONFIG, database=cluster.conninfo(database).replace("dbname=", "dbname=no_such_"))
    server.allow("AH00629", "AH00632", "AH00633", "AH00636", "ATB0202")
    answer = server.get(SUMMARY, headers=signed(PAYER))
    assert (answer.status, answer.json["code"]) == (503, "state_unavailable")
    assert int(answer.header("retry-after")) > 0
