# SPDX-License-Identifier: Apache-2.0
"""The official OpenFeature providers understand what we answer, and the protocol's own schema agrees."""
import json
import subprocess

import jsonschema
import pytest
from harness.clients import clients, node_of  # noqa: F401

from harness import stripe_events
from harness.site import ALICE, BOB, CAROL, CATALOGUE, Person

SITE = CATALOGUE + """
BillingMount ofrep /ofrep
BillingCacheRefresh 200ms
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
    BillingRoles owner
</BillingFeature>
<BillingFeature trucking.reports>
    BillingEnforce enforce
</BillingFeature>
"""
BULK = "/ofrep/v1/evaluate/flags"
FRANK = Person("frank", "vandelay", "owner")


@pytest.fixture(scope="module")
def server(module_site, cluster, database):
    made = module_site(SITE, database=cluster.conninfo(database))
    subscribe(made, "acme")
    return made


def subscribe(server, org):
    event = stripe_events.subscription_event("created", sub=f"sub_{org}", customer=f"cus_{org}", org=org, status="active")
    assert server.deliver(event).json["outcome"] == "applied"


class Client:
    """A node program that answers a line with a line."""

    def __init__(self, folder, program, *arguments):
        self._process = subprocess.Popen([node_of(folder), str(folder / "ofrep" / program), *arguments], cwd=folder, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **question):
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


def bearer(server, person):
    return server.who(person)["Authorization"]


def web(clients, server, person):
    return Client(clients, "web.mjs", f"http://127.0.0.1:{server.port}", bearer(server, person))


def test_the_web_provider_polls_and_learns_of_a_purchase(clients, server):
    with web(clients, server, FRANK) as client:
        flag = client.ask(do="boolean", key="trucking.dispatch")
        assert (flag["value"], flag["reason"], flag["variant"]) == (False, "TARGETING_MATCH", "off")
        assert client.ask(do="number", key="trucking.maxLocations")["errorCode"] == "FLAG_NOT_FOUND"
        polls = client.ask(do="unchanged")["calls"]
        assert polls[0]["status"] == 200 and polls[-1]["status"] == 304
        assert polls[-1]["ifNoneMatch"]
        subscribe(server, FRANK.org)
        assert "trucking.dispatch" in client.ask(do="changed", key="trucking.dispatch")["flags"]
        assert client.ask(do="boolean", key="trucking.dispatch")["value"] is True
        assert client.ask(do="number", key="trucking.maxLocations")["value"] == 5
        assert client.ask(do="boolean", key="trucking.maxLocations")["errorCode"] == "TYPE_MISMATCH"


def test_another_role_or_location_is_asked_anew(clients, server):
    """The provider keeps its ETag when only these change."""
    with web(clients, server, ALICE) as client:
        assert client.ask(do="boolean", key="trucking.dispatch")["value"] is True
        moved = client.ask(do="context", context={"location": "reno"}, authorization=bearer(server, ALICE))["calls"]
        assert [call["status"] for call in moved if call["context"].get("location") == "reno"][0] == 200
        client.ask(do="context", context={"role": "dispatcher"}, authorization=bearer(server, BOB))
        flag = client.ask(do="boolean", key="trucking.dispatch")
        assert (flag["value"], flag["flagMetadata"]["reason"]) == (False, "role")


@pytest.mark.allowed_log("oidc_oauth_validate_jwt_access_token")
def test_the_server_provider_asks_for_one_flag(clients, server):
    base = f"http://127.0.0.1:{server.port}"
    with Client(clients, "server.mjs", base, bearer(server, ALICE)) as client:
        assert client.ask(do="boolean", key="trucking.dispatch")["value"] is True
        assert client.ask(do="number", key="trucking.maxLocations")["value"] == 5
        assert client.ask(do="boolean", key="no.such")["errorCode"] == "FLAG_NOT_FOUND"
    with Client(clients, "server.mjs", base, "Bearer none") as client:
        flag = client.ask(do="boolean", key="trucking.dispatch")
        assert (flag["value"], flag["errorCode"]) == (False, "GENERAL")


# What OFREP 0.3.0 demands of answers, with its two documented mistakes put right: a flag without a value is said to lack
# it rather than matched by anything, and the kinds of values are alternatives that may overlap (an integer is a number).
FLAG = {
    "type": "object",
    "required": ["key"],
    "properties": {
        "key": {"type": "string"},
        "reason": {"enum": ["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"]},
        "variant": {"type": "string"},
        "metadata": {"type": "object", "additionalProperties": {"type": ["boolean", "string", "number"]}},
    },
    "anyOf": [{"required": ["value"], "properties": {"value": {"type": kind}}}
              for kind in ("boolean", "string", "integer", "number", "object")] + [{"not": {"required": ["value"]}}],
}
FAILURE = {
    "type": "object",
    "required": ["key", "errorCode"],
    "properties": {
        "key": {"type": "string"},
        "errorCode": {"enum": ["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL"]},
        "errorDetails": {"type": "string"},
    },
}
NOT_FOUND = {**FAILURE, "properties": {**FAILURE["properties"], "errorCode": {"const": "FLAG_NOT_FOUND"}}}
BULK_ANSWER = {"type": "object", "required": ["flags"],
               "properties": {"flags": {"type": "array", "items": {"anyOf": [FLAG, FAILURE]}}, "metadata": {"type": "object"}}}


def hold(schema, answer):
    jsonschema.Draft202012Validator(schema).validate(answer)


def test_the_protocols_schema_holds_our_answers(server):
    def ask(path="", body=b"{}", person=ALICE):
        return server.post(BULK + path, headers={**server.who(person), "Content-Type": "application/json"}, body=body)

    for person in (ALICE, BOB, CAROL):
        hold(BULK_ANSWER, ask(person=person).json)
        hold(FLAG, ask("/trucking.dispatch", person=person).json)
    hold(FLAG, ask("/trucking.maxLocations").json)
    hold(NOT_FOUND, ask("/no.such").json)
    hold(FAILURE, ask("/trucking.dispatch", b"{").json)
    hold(FAILURE, ask("", b"[]").json)


def test_the_protocols_schema_refuses_what_is_wrong():
    for schema, wrong in ((FLAG, {"value": True}), (FLAG, {"key": "a", "value": None}), (FLAG, {"key": "a", "reason": "NO"}),
                          (FAILURE, {"errorCode": "GENERAL"}), (FAILURE, {"key": "a", "errorCode": "FLAG_NOT_FOUND"})):
        with pytest.raises(jsonschema.ValidationError):
            hold(schema, wrong)
