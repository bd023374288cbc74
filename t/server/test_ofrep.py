# SPDX-License-Identifier: Apache-2.0
"""OFREP: single and bulk evaluation, ETags over the whole context, errors that clients understand, pinned identity."""
import json

import pytest

from harness import stripe_events
from harness.site import ALICE, BOB, CAROL, CATALOGUE, DAVE

SITE = CATALOGUE + """
BillingMount ofrep /ofrep
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
    BillingRoles owner
    BillingUses trucking.maxLocations
</BillingFeature>
"""
BULK = "/ofrep/v1/evaluate/flags"


@pytest.fixture(scope="module")
def server(module_site, cluster, database):
    made = module_site(SITE, database=cluster.conninfo(database))
    event = stripe_events.subscription_event("created", sub="sub_1", customer="cus_1", org="acme", status="active")
    assert made.deliver(event).json["outcome"] == "applied"
    return made


def ask(server, person, key=None, body=b"{}", **headers):
    path = BULK + (f"/{key}" if key else "")
    return server.post(path, headers={**server.who(person), "Content-Type": "application/json; charset=utf-8", **headers},
                       body=body)


def test_a_feature_is_a_boolean_flag(server):
    reply = ask(server, ALICE, "trucking.dispatch")
    assert reply.status == 200, reply
    assert reply.json == {"key": "trucking.dispatch", "value": True, "variant": "on", "reason": "TARGETING_MATCH",
                          "metadata": {"reason": "plan", "enforcement": "enforce", "wouldDeny": False,
                                       "planKey": "founding_monthly", "limit": 5}}
    assert ask(server, BOB, "trucking.dispatch").json["metadata"]["reason"] == "role"
    assert ask(server, CAROL, "trucking.dispatch").json["value"] is False


def test_a_limit_is_a_number(server):
    assert ask(server, ALICE, "trucking.maxLocations").json["value"] == 5
    assert ask(server, CAROL, "trucking.maxLocations").json["errorCode"] == "FLAG_NOT_FOUND"


def test_usage_narrows_and_identity_does_not_move(server):
    body = {"context": {"targetingKey": "acme", "org": "acme", "role": "owner", "usage": 5}}
    assert ask(server, ALICE, "trucking.dispatch", json.dumps(body).encode()).json["metadata"]["reason"] == "limit"
    assert ask(server, CAROL, "trucking.dispatch", json.dumps(body).encode()).json["metadata"]["reason"] == "no_subscription"
    assert ask(server, BOB, "trucking.dispatch", json.dumps(body).encode()).json["metadata"]["reason"] == "role"


def test_bulk_has_all_flags_in_order_and_an_etag_over_the_whole_context(server):
    reply = ask(server, ALICE)
    keys = [flag["key"] for flag in reply.json["flags"]]
    assert keys == sorted(keys) and {"trucking.dispatch", "trucking.maxLocations"} <= set(keys)
    etag = reply.header("ETag")
    again = ask(server, ALICE, **{"If-None-Match": etag})
    assert again.status == 304 and again.body == b"" and again.header("ETag") == etag
    assert ask(server, ALICE, **{"If-None-Match": f'"other", W/{etag}'}).status == 304
    assert ask(server, BOB, **{"If-None-Match": etag}).status == 200
    there = ask(server, ALICE, body=b'{"context":{"location":"reno"}}', **{"If-None-Match": etag})
    assert there.status == 200 and there.json == reply.json and there.header("ETag") != etag
    assert reply.header("Cache-Control") == "private, no-cache"


def test_an_etag_holds_until_the_flags_say_something_else(server):
    """It is made of what they say, not of the state's version: an event that changes nothing costs no client anything."""
    def told(**fields):
        event = stripe_events.subscription_event(sub="sub_dave", customer="cus_dave", org=DAVE.org, **fields)
        assert server.deliver(event).json["outcome"] == "applied"
        reply = ask(server, DAVE, **{"If-None-Match": seen["etag"]})
        seen["etag"] = reply.header("ETag")
        return reply.status

    now, seen = stripe_events.now(), {"etag": '"none"'}
    assert told(created=now - 50) == 200
    assert told(created=now - 40, period_end=now + 90 * 86400) == 304
    assert told(created=now - 30, status="past_due") == 200
    assert told(created=now - 20, status="active") == 200
    assert told(created=now - 10, status="canceled") == 200
    assert ask(server, DAVE, **{"If-None-Match": seen["etag"]}).status == 304


@pytest.mark.allowed_log("ATB0202", "ATB0203", "AH006")
def test_a_plan_that_is_gone_from_the_configuration_is_another_answer(site, cluster, database):
    """While the database is away the state still names it, and every flag decides as before."""
    config = "BillingMount ofrep /ofrep\n<BillingFeature trucking.routing>\n    BillingEnforce off\n</BillingFeature>\n"
    plan = "<BillingPlan leaving>\n    BillingPrice stripe price_leaving\n    BillingGrant trucking.routing\n</BillingPlan>\n"
    server = site(config + plan, database=cluster.conninfo(database))
    event = stripe_events.subscription_event("created", sub="sub_leaving", customer="cus_leaving", org=CAROL.org,
                                             price="price_leaving")
    assert server.deliver(event).json["outcome"] == "applied"
    (before,) = ask(server, CAROL).json["flags"]
    etag = ask(server, CAROL).header("ETag")
    server.configure_site(config)
    cluster.freeze()
    try:
        server.reload()
        now = ask(server, CAROL, **{"If-None-Match": etag})
        assert before["metadata"].pop("planKey") == "leaving"
        assert now.status == 200 and now.json["flags"] == [before]
    finally:
        cluster.thaw()


def test_a_key_of_a_feature_and_a_limit_is_one_flag(site, cluster, database):
    server = site(SITE + """
<BillingPlan twice>
    BillingPrice stripe price_twice
    BillingGrant trucking.seats
    BillingLimit trucking.seats 3
</BillingPlan>
""", database=cluster.conninfo(database))
    event = stripe_events.subscription_event("created", sub="sub_twice", customer="cus_twice", org=ALICE.org, price="price_twice")
    assert server.deliver(event).json["outcome"] == "applied"
    (flag,) = [flag for flag in ask(server, ALICE).json["flags"] if flag["key"] == "trucking.seats"]
    assert flag == ask(server, ALICE, "trucking.seats").json and flag["value"] is True


@pytest.mark.bad_input
@pytest.mark.parametrize("body", [b"{", b"[]", b'{"context":5}', b'{"context":{"usage":-1}}', b'{"context":{"usage":"1"}}',
                                  b'{"context":{"location":1}}', b'{"context":{"location":"' + b"x" * 129 + b'"}}', b"\xff"])
def test_a_bad_context_has_both_members_that_clients_need(server, body):
    reply = ask(server, ALICE, "trucking.dispatch", body)
    assert reply.status == 400
    assert reply.json["key"] == "trucking.dispatch" and reply.json["errorCode"] == "INVALID_CONTEXT"


def test_an_empty_body_is_an_empty_context(server):
    assert ask(server, ALICE, body=b"").status == 200


def test_unknown_flags_methods_and_strangers(server):
    reply = ask(server, ALICE, "no.such")
    assert reply.status == 404 and reply.json["key"] == "no.such" and reply.json["errorCode"] == "FLAG_NOT_FOUND"
    assert server.get(BULK, headers=server.who(ALICE)).header("Allow") == "POST"
    assert server.post(BULK, body=b"{}", headers={"Content-Type": "application/json"}).status == 401
