# SPDX-License-Identifier: Apache-2.0
"""What the module says to Stripe, judged by the typings of Stripe's official SDK and beside what that SDK says."""
import json
import pathlib
import re
import subprocess
from urllib.parse import parse_qsl, quote

import pytest
from harness.sdk import client_folder, node
from harness.workspace import TOP
from shop_support import new_org, own_shop  # noqa: F401

VERSION = "2026-10-28.endive"
TYPES = {
    ("POST", r"/v1/customers"): "Stripe.CustomerCreateParams",
    ("GET", r"/v1/customers"): "Stripe.CustomerListParams",
    ("POST", r"/v1/checkout/sessions"): "Stripe.Checkout.SessionCreateParams",
    ("GET", r"/v1/checkout/sessions"): "Stripe.Checkout.SessionListParams",
    ("GET", r"/v1/checkout/sessions/\w+"): "Stripe.Checkout.SessionRetrieveParams",
    ("POST", r"/v1/checkout/sessions/\w+/expire"): "Stripe.Checkout.SessionExpireParams",
    ("POST", r"/v1/billing_portal/sessions"): "Stripe.BillingPortal.SessionCreateParams",
    ("GET", r"/v1/subscriptions/\w+"): "Stripe.SubscriptionRetrieveParams",
}
RECORDED = TOP.parent / "shared" / "fixtures" / "wire-stripe-node-23.1.0.json"


@pytest.fixture
def requests(own_shop):
    """All that is ever said while orgs buy, change their mind, lose answers, come back and manage what they have."""
    shop = own_shop()
    org, unlucky = new_org(), new_org()
    shop.buy(org)
    shop.buy(org, "fleet_monthly")
    shop.hold_webhooks()
    shop.pay(shop.open_session(org))
    shop.age(org, "1 minute")
    shop.summary(org)
    shop.portal(org)
    shop.post("/portal-session", {"flow": "payment_method_update"}, org)
    shop.fault("answer", "/v1/customers", status=500, after=True, should_retry=False)
    shop.buy(unlucky)
    shop.age(unlucky, "23 hours")
    shop.buy(unlucky)
    made = shop.requests()
    assert {request["status"] for request in made} <= {200, 500}
    return made


def type_of(request):
    found = [kind for (method, path), kind in TYPES.items()
             if method == request["method"] and re.fullmatch(path, request["path"])]
    assert len(found) == 1, f"{request['method']} {request['path']} is judged by nobody"
    return found[0]


def test_stripes_typings_find_nothing_wrong(requests, scratch, tmp_path):
    folder = client_folder(scratch)
    lines = ["import Stripe from 'stripe';"]
    for number, request in enumerate(requests):
        lines.append(f"export const said{number}: {type_of(request)} = {json.dumps(request['params'])};")
    assert set(TYPES.values()) == {type_of(request) for request in requests}
    said = "\n".join(lines)
    (tmp_path / "node_modules").symlink_to(pathlib.Path(folder) / "node_modules")
    tsc = [node(folder), str(pathlib.Path(folder) / "node_modules/typescript/bin/tsc"), "--noEmit", "--strict",
           "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022", "--skipLibCheck", "--types", "node"]

    def judge(text):
        (tmp_path / "said.ts").write_text(text)
        return subprocess.run([*tsc, "said.ts"], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert judge(said) == ""
    # The judge is awake: this parameter was removed from the API, and that one is no number.
    assert "payment_method_types" in judge(said.replace('"mode": "subscription"',
                                                        '"mode": "subscription", "payment_method_types": ["card"]'))
    assert "TS2322" in judge(said.replace('"quantity": 1', '"quantity": "1"'))


def encoded(pairs):
    """As Stripe's SDKs write a form."""
    return "&".join(f"{quote(name, safe='[]')}={quote(value, safe='')}" for name, value in pairs)


def test_the_wire_is_that_of_the_official_sdk(requests):
    for request in requests:
        text = request["body"] if request["method"] == "POST" else request["query"]
        assert text == encoded(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))), text
        headers = {name.lower(): value for name, value in request["headers"].items()}
        assert headers["stripe-version"] == request["version"] == VERSION
        assert headers["accept"] == "application/json"
        assert headers["user-agent"].startswith("mod_attune_billing/")
        assert ("idempotency-key" in headers) == (request["method"] == "POST")
        if request["method"] == "POST":
            assert headers["content-type"] == "application/x-www-form-urlencoded"


def test_recorded_calls_of_the_official_sdk_read_the_same():
    if not RECORDED.exists():
        print("no recorded calls are here: nothing to compare with")
        return
    for call in json.loads(RECORDED.read_text()):
        text = call["body"] if call["method"] == "POST" else call["url"].partition("?")[2]
        assert text == encoded(parse_qsl(text, keep_blank_values=True)), text
        assert call["headers"]["stripe-version"] == VERSION
        assert ("idempotency-key" in call["headers"]) == (call["method"] == "POST")
        assert call["headers"]["accept"] == "application/json"


def test_what_a_session_is_asked_for_with(requests):
    """Word for word; session metadata does not reach the subscription by itself, so both have it."""
    first = next(request for request in requests
                 if (request["method"], request["path"]) == ("POST", "/v1/checkout/sessions"))
    params = dict(first["params"])
    org = params["client_reference_id"]
    metadata = params.pop("metadata")
    assert set(metadata) == {"attune_org", "attune_install"} and metadata["attune_org"] == org
    assert 0 < params.pop("expires_at") - first["at"] <= 24 * 3600
    assert re.fullmatch(r"cus_\w+", params.pop("customer"))
    assert params == {
        "mode": "subscription", "client_reference_id": org,
        "line_items": [{"price": "price_founding_monthly", "quantity": 1}],
        "success_url": "https://app.example.com/billing?checkout=success&session_id={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://app.example.com/billing?checkout=cancelled",
        "subscription_data": {"metadata": metadata}}


def test_no_two_requests_share_a_key_but_retries(requests):
    said = {}
    for request in requests:
        key = request["idempotency_key"]
        if key:
            assert len(key) <= 255
            assert said.setdefault(key, (request["path"], request["body"])) == (request["path"], request["body"])
