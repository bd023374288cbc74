# SPDX-License-Identifier: Apache-2.0
"""The description of the routes is served, and every route's real answers and errors are as it says."""
import json

import jsonschema
import pytest
from openapi_support import DOCUMENT, Judge, validator
from operate_support import ADMIN, SITE
from shop_support import start_stripe

from harness import stripe_events
from harness.ports import reserve_port
from harness.site import ALICE, API, BOB, CAROL, WEBHOOK, WEBHOOK_SECRET, Person

DESCRIPTION = API + "/openapi.json"
CONFIG = SITE + f"""
BillingMount ofrep /ofrep
BillingMount page /billing
<BillingFeature trucking.routing>
    BillingUses trucking.maxLocations
</BillingFeature>
<BillingFeature trucking.old>
    BillingEnforce new-orgs
</BillingFeature>
<BillingFeature trucking.some>
    BillingEnforce enforce percent=0
    BillingRoles owner
    BillingAppTypes web
</BillingFeature>
<BillingFeature trucking.off>
    BillingEnforce off
</BillingFeature>
BillingNewOrgsSince 2026-12-01
<Location "/watched">
    BillingRequireFeature trucking.old
</Location>
<Location "{DESCRIPTION}">
    AuthType None
    Require all granted
</Location>
"""
NOBODY = None
STRANGER = Person("erin", "", "owner")


class Described:
    """A site whose every answer is held against the description."""

    def __init__(self, server, stripe, judge):
        self.server, self.stripe, self.judge = server, stripe, judge

    def call(self, mount, method, path, status, body=None, person=ALICE, code=None, kind="application/json", **headers):
        if body is not None:
            headers["Content-Type"] = kind
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = self.server.who(person) if person else {}
        reply = self.server.request(method, mount + path, headers={**signed, **headers}, body=body)
        return self.judge.hold(method, path, reply, status, code)

    def api(self, *arguments, **more):
        return self.call(API, *arguments, **more)

    def admin(self, *arguments, **more):
        return self.call(ADMIN, *arguments, **more)

    def page(self, *arguments, **more):
        return self.call("/billing", "GET", "/status.json", *arguments, **more)

    def ofrep(self, path, status, body=b"{}", **more):
        return self.call("/ofrep", "POST", path, status, body, **more)

    def deliver(self, event, status=200, **more):
        return self.judge.hold("POST", "/webhook", self.server.deliver(event, **more), status)


@pytest.fixture(scope="module")
def described(module_site, cluster, database):
    with start_stripe() as stripe:
        server = module_site(CONFIG, database=cluster.conninfo(database), values={"STRIPE": stripe.url})
        stripe.post("webhooks", url=f"http://127.0.0.1:{server.port}{WEBHOOK}", secret=WEBHOOK_SECRET)
        made = Described(server, stripe, Judge())
        subscribed(made, ALICE.org)
        yield made


def subscribed(described, org, **more):
    event = stripe_events.subscription_event("created", sub=f"sub_{org}", customer=f"cus_{org}", org=org, status="active",
                                             **more)
    described.deliver(event)
    return event


def test_the_description_is_for_everybody_and_has_an_etag(described):
    reply = described.api("GET", "/openapi.json", 200, person=NOBODY)
    assert reply.json == DOCUMENT
    again = {"If-None-Match": reply.header("ETag")}
    assert described.api("GET", "/openapi.json", 304, person=NOBODY, **again).body == b""
    assert described.server.request("HEAD", DESCRIPTION).header("Content-Length") == str(len(reply.body))


def test_every_schema_is_one():
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_example_is_one():
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for example in schema.get("examples", []):
            validator({"$ref": f"#/components/schemas/{name}"}).validate(example)


def test_the_judge_sees_what_is_wrong():
    reference = {"$ref": "#/components/schemas/PortalSession"}
    for wrong in ({}, {"url": 1}, {"url": "https://x", "more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            validator(reference).validate(wrong)


def test_summary_and_features(described):
    for person in (ALICE, BOB, CAROL):
        reply = described.api("GET", "/summary", 200, person=person)
    described.api("GET", "/summary", 304, person=CAROL, **{"If-None-Match": reply.header("ETag")})
    described.api("GET", "/summary?customer=1", 400, code="client_supplied_identifier")
    described.api("GET", "/summary", 403, person=STRANGER, code="no_org")
    reply = described.api("GET", "/features/trucking.routing?usage=1&location=reno", 200)
    assert "limit" in reply.json
    described.api("GET", "/features/trucking.routing?usage=1&location=reno", 304, **{"If-None-Match": reply.header("ETag")})
    for query, code in (("usage=-1", "invalid_usage"), ("location=", "invalid_location"), ("x=1", "unknown_member")):
        described.api("GET", f"/features/trucking.dispatch?{query}", 400, code=code)
    described.api("GET", "/features/no.such", 404, code="unknown_feature")
    described.api("GET", "/features/trucking.dispatch", 403, person=STRANGER)


def test_the_status_pages_json(described):
    reply = described.page(200)
    assert reply.json["kind"] == "active" and reply.json["features"]
    described.page(304, **{"If-None-Match": reply.header("ETag")})
    assert described.page(200, person=CAROL).json["kind"] == "none"
    described.page(403, person=STRANGER, code="no_org")


def test_buying_and_the_portal(described):
    dora, eve = Person("dora", "hooli", "owner"), Person("eve", "pied", "owner")
    described.api("POST", "/checkout-session", 400, {}, code="plan_required")
    described.api("POST", "/checkout-session", 200, {"planKey": "fleet_monthly"}, person=dora)
    assert described.api("GET", "/summary", 200, person=dora).json["pendingCheckout"]
    described.api("POST", "/portal-session", 200, {}, person=dora)
    described.api("POST", "/portal-session", 200, {"flow": "payment_method_update"}, person=dora)
    described.api("POST", "/portal-session", 409, {}, person=eve, code="no_customer")
    described.api("POST", "/portal-session", 400, {"flow": "x"}, person=dora, code="unknown_flow")
    subscribed(described, "stark")
    described.api("POST", "/checkout-session", 409, {"planKey": "fleet_monthly"}, person=Person("tony", "stark", "owner"),
                  code="already_subscribed")
    for path in ("/checkout-session", "/portal-session"):
        described.api("POST", path, 400, b"{", code="invalid_json")
        described.api("POST", path, 400, {"x": 1}, code="unknown_member")
        described.api("POST", path, 400, {"orgId": "x"}, code="client_supplied_identifier")
        described.api("POST", path, 403, {}, person=BOB, code="role_not_allowed")
        described.api("POST", path, 403, {}, code="cross_site", **{"Sec-Fetch-Site": "cross-site"})
        described.api("POST", path, 415, b"{}", kind="text/plain", code="unsupported_media_type")
        described.api("POST", path, 415, b"{}", code="unsupported_content_encoding", **{"Content-Encoding": "gzip"})


@pytest.mark.allowed_log("ATB0411")
def test_bodies_that_are_too_large(described):
    for path in ("/checkout-session", "/portal-session"):
        described.api("POST", path, 413, b" " * 70000, code="payload_too_large")


@pytest.mark.allowed_log("ATB0401", "ATB0404", "ATB0405")
def test_the_webhook(described):
    event = stripe_events.subscription_event("created", sub="sub_w", customer="cus_w", org="wayne", status="active")
    assert described.deliver(event).json["outcome"] == "applied"
    assert described.deliver(event).json["outcome"] == "duplicate"
    assert described.deliver(event, 400, secret="whsec_other").json["code"] == "invalid_signature"
    live = {**stripe_events.subscription_event("created", org="wayne"), "livemode": True}
    assert described.deliver(live, 400).json["code"] == "livemode_mismatch"


def test_ofrep(described):
    reply = described.ofrep("/v1/evaluate/flags", 200)
    described.ofrep("/v1/evaluate/flags", 304, **{"If-None-Match": reply.header("ETag")})
    for key in ("trucking.dispatch", "trucking.routing", "trucking.maxLocations"):
        described.ofrep(f"/v1/evaluate/flags/{key}", 200)
    described.ofrep("/v1/evaluate/flags/no.such", 404, code="FLAG_NOT_FOUND")
    for path in ("/v1/evaluate/flags", "/v1/evaluate/flags/trucking.dispatch"):
        described.ofrep(path, 400, b"{", code="INVALID_CONTEXT")
        described.ofrep(path, 403, person=STRANGER, code="no_org")
        described.ofrep(path, 415, code="unsupported_content_encoding", **{"Content-Encoding": "gzip"})


def test_the_org_record(described):
    subscribed(described, "umbrella")
    described.admin("GET", "/orgs/umbrella", 200)
    described.admin("PUT", "/orgs/umbrella", 200, {"features": {"trucking.dispatch": True}, "limits": {"trucking.maxLocations": None},
                                                   "appType": "web", "createdAt": "2026-01-02"})
    described.admin("POST", "/orgs/umbrella/overrides", 200, {"feature": "trucking.routing", "allow": False, "note": "why"})
    made = described.admin("POST", "/orgs/umbrella/overrides", 200, {"limit": "trucking.maxLocations", "value": 7,
                                                                     "expiresAt": "2999-01-01"}).json
    dated = [override["id"] for override in made["overrides"] if override["expiresAt"]]
    described.admin("DELETE", f"/orgs/umbrella/overrides/{dated[0]}", 200)
    described.admin("DELETE", f"/orgs/umbrella/overrides/{dated[0]}", 404, code="unknown_override")
    described.admin("GET", "/orgs/nobody", 404, code="unknown_org")
    described.admin("GET", "/orgs/a%20b", 400, code="invalid_org")
    described.admin("PUT", "/orgs/umbrella", 400, {"appType": 1}, code="invalid_member")
    described.admin("PUT", "/orgs/umbrella", 403, {}, code="cross_site", **{"Sec-Fetch-Site": "cross-site"})


def test_events(described):
    event = subscribed(described, "cyberdyne")
    described.deliver(stripe_events.event("charge.refunded", {"id": "ch_1", "object": "charge"}))
    described.admin("GET", "/events", 200)
    assert described.admin("GET", "/events?limit=1", 200).json["next"]
    described.admin("GET", "/events?limit=x", 400, code="invalid_query")
    assert described.admin("GET", f"/events/{event['id']}", 200).json["body"]
    described.admin("GET", "/events/evt_none", 404, code="unknown_event")
    described.admin("POST", f"/events/{event['id']}/replay", 200, {})
    described.admin("POST", "/events/evt_none/replay", 404, {}, code="unknown_event")
    described.admin("POST", "/events/replay", 200, {"outcome": "ignored"})
    described.admin("POST", "/events/replay", 400, {"outcome": "x"}, code="invalid_member")


def test_the_orgs(described):
    subscribed(described, "oscorp")
    described.admin("GET", "/orgs?prefix=osc&status=active", 200)
    assert described.admin("GET", "/orgs?limit=1", 200).json["next"]
    described.admin("GET", "/orgs?status=x", 400, code="invalid_query")
    described.admin("GET", "/org-counts", 200)


def test_explaining(described):
    subscribed(described, "aperture")
    described.admin("POST", "/orgs/aperture/overrides", 200, {"feature": "trucking.reports", "allow": True, "note": "why"})
    described.admin("PUT", "/orgs/aperture", 200, {"createdAt": "2026-01-02", "appType": "web"})
    for query in ("feature=trucking.dispatch&org=acme", "feature=trucking.dispatch", "feature=trucking.reports&org=aperture",
                  "feature=trucking.routing&org=aperture&usage=3&role=owner&appType=web&location=reno&method=POST",
                  "feature=trucking.old&org=aperture", "feature=trucking.some&org=aperture", "feature=trucking.off"):
        reply = described.admin("GET", f"/explain?{query}", 200)
    assert [step["rule"] for step in reply.json["steps"]] == ["off"]
    described.admin("GET", "/explain?org=acme&feature=no.such", 404, code="unknown_feature")


def test_rolling_out(described):
    person = Person("peter", "massive", "owner")
    described.server.get("/watched/", headers=described.server.who(person))
    report = described.admin("GET", "/shadow", 200).json
    (row,) = [row for row in report["rows"] if row["org"] == "massive"]
    (total,) = [total for total in report["totals"] if total["feature"] == row["feature"]]
    assert row["reason"] in [reason["reason"] for reason in total["reasons"]]
    asked = {"feature": row["feature"], "days": 30, "note": "a while"}
    assert described.admin("POST", "/grandfather", 200, {**asked, "dryRun": True}).json["orgs"]
    batch = described.admin("POST", "/grandfather", 200, asked).json["batch"]
    assert described.admin("POST", "/grandfather", 200, asked).json["skipped"]
    assert described.admin("GET", "/grandfather", 200).json["batches"]
    described.admin("DELETE", f"/grandfather/{batch}", 200)
    described.admin("DELETE", "/grandfather/999", 404, code="unknown_batch")


def test_work(described):
    described.admin("GET", "/health", 200)
    described.admin("POST", "/sweep", 200, {})
    assert described.admin("GET", "/health", 200).json["lastSweep"]
    described.admin("POST", "/sweep", 415, b"{}", kind="text/plain")
    described.admin("POST", "/verify", 400, {"repair": 1}, code="invalid_member")


@pytest.mark.allowed_log("ATB0621")
def test_verify(described):
    subscribed(described, "tyrell")
    assert described.admin("POST", "/verify", 200, {}).json["drift"]
    assert described.admin("GET", "/health", 200).json["lastVerify"]["drift"]


@pytest.mark.allowed_log("ATB")
@pytest.mark.parametrize("status, answered, code", [(400, 502, "provider_refused"), (500, 503, "provider_unavailable")])
def test_a_provider_that_fails(described, status, answered, code):
    person = Person("max", f"org-{status}", "owner")
    described.stripe.post("faults", on="api", kind="answer", status=status, path="", times=None)
    try:
        described.api("POST", "/checkout-session", answered, {"planKey": "fleet_monthly"}, person=person, code=code)
    finally:
        described.stripe.delete("faults")


@pytest.mark.allowed_log("ATB", "AH0")
def test_without_a_database_and_without_a_sign_in(site):
    """A site that signs nobody in, then one that cannot ask its database."""
    nowhere = f"host=127.0.0.1 port={reserve_port()} dbname=none user=none"
    judge = Judge()
    for sign_in, person, status, code in ((None, NOBODY, 401, "not_signed_in"), ("token", ALICE, 503, None)):
        server = site(CONFIG, database=nowhere, sign_in=sign_in, values={"STRIPE": "http://127.0.0.1:9"})
        there = Described(server, None, judge)
        there.api("GET", "/summary", status, person=person, code=code)
        if not person:
            there.page(status, person=person, code=code)
        there.api("POST", "/checkout-session", status, {"planKey": "fleet_monthly"}, person=person, code=code)
        there.api("POST", "/portal-session", status, {}, person=person, code=code)
        for path in ("/orgs", "/org-counts", "/orgs/acme", "/events", "/events/evt_1", "/health"):
            there.admin("GET", path, status, person=person, code=code)
        there.admin("PUT", "/orgs/acme", status, {"appType": "web"}, person=person, code=code)
        there.admin("POST", "/orgs/acme/overrides", status, {"feature": "a", "allow": True}, person=person, code=code)
        there.admin("DELETE", "/orgs/acme/overrides/1", status, person=person, code=code)
        there.admin("POST", "/events/evt_1/replay", status, {}, person=person, code=code)
        there.admin("POST", "/events/replay", status, {"outcome": "dead"}, person=person, code=code)
        there.admin("POST", "/sweep", status, {}, person=person, code=code)
        there.admin("POST", "/verify", status, {}, person=person, code=code)
        if not person:
            there.api("GET", "/features/trucking.dispatch", status, person=person, code=code)
            there.ofrep("/v1/evaluate/flags", status, person=person, code=code)
            there.ofrep("/v1/evaluate/flags/trucking.dispatch", status, person=person, code=code)


def test_no_such_route_and_no_such_method(described):
    responses = DOCUMENT["components"]["responses"]
    for method, path, status, name in (("GET", "/nothing", 404, "NotFound"), ("DELETE", "/summary", 405, "MethodNotAllowed")):
        reply = described.server.request(method, API + path, headers=described.server.who(ALICE))
        assert reply.status == status
        described.judge.hold_response(responses[name], reply)


def test_every_operation_was_seen_to_succeed(described):
    """Of the whole file; alone it fails."""
    succeeded = {(method, path) for method, path, status in described.judge.seen if status == 200}
    wanted = {(method, path) for path in DOCUMENT["paths"] if not path.startswith("/ofrep/")
              for method in ("GET", "PUT", "POST", "DELETE") if has_operation(method, path)}
    assert succeeded == wanted


def has_operation(method, path):
    item = DOCUMENT["paths"][path]
    item = DOCUMENT["components"]["pathItems"][item["$ref"].rsplit("/", 1)[1]] if "$ref" in item else item
    return method.lower() in item
