# SPDX-License-Identifier: Apache-2.0
"""What may not be said to Checkout and portal, by whom, and from where."""
import json

import pytest
from harness import client
from harness.site import API, token
from shop_support import _module_shop, module_stripe, org, own_shop, problem, shop  # noqa: F401

ROUTES = ["/checkout-session", "/portal-session"]
PLAN = {"planKey": "founding_monthly"}


@pytest.fixture(autouse=True)
def nobody_is_asked(request):
    """Whatever is refused here costs no call of the provider."""
    if "shop" not in request.fixturenames or request.node.get_closest_marker("reaches_provider"):
        yield
        return
    shop = request.getfixturevalue("shop")
    since = shop.last_request()
    yield
    assert shop.requests(since) == []


def send(shop, path, body, org="refused", content_type="application/json", headers=None, **options):
    pairs = {**token(org_id=org, role="owner"), **(headers or {})}
    if content_type:
        pairs["Content-Type"] = content_type
    return shop.server.post(API + path, body=body, headers=pairs, **options)


@pytest.mark.bad_input
@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("body", [
    b"{", b"[]", b"null", b"1", b'"x"', b'{"planKey":}', b'{"planKey":"a"}x', b"\xff", b'{"planKey":"\xff"}', b"{}{}",
    b'{"planKey":"founding_monthly","planKey":"fleet_monthly"}', b"\0", b'{"a\\u0000b":1}', b"[" * 5000,
    b'{"a":' * 3000, b"\xef\xbb\xbf{}", b" ", b"planKey=founding_monthly"], ids=lambda body: repr(body[:30]))
def test_a_body_that_is_no_json_object(shop, path, body):
    problem(send(shop, path, body), 400, "invalid_json")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/x-www-form-urlencoded",
                                          "multipart/form-data", "application/jsonp", "text/json",
                                          "application/json+x"])
def test_another_content_type(shop, path, content_type):
    problem(send(shop, path, b"{}", content_type=content_type), 415, "unsupported_media_type")


def test_a_content_encoding(shop):
    problem(send(shop, "/checkout-session", b"{}", headers={"Content-Encoding": "gzip"}), 415,
            "unsupported_content_encoding")


@pytest.mark.reaches_provider
@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8",
                                          "application/json;charset=UTF-8", "application/json ;x=y"])
def test_the_content_type_of_json(shop, org, content_type):
    assert send(shop, "/checkout-session", json.dumps(PLAN), org, content_type).status == 200


@pytest.mark.bad_input
@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large(shop, path, chunked):
    body = b'{"planKey":"' + b"x" * 65536 + b'"}'
    reply = send(shop, path, [body[:40000], body[40000:]] if chunked else body, chunked=chunked)
    problem(reply, 413, "payload_too_large")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("member", [
    "org", "orgId", "org_id", "ORG-ID", "organisation", "organizationId", "tenant", "tenantId", "customer",
    "customerId", "customer_id", "stripeCustomerId", "stripe_customer", "subscription", "subscriptionId", "stripeSubscriptionId",
    "clientReferenceId", "client_reference_id", "account", "accountId", "providerCustomerId", "billingOrg"])
def test_nobody_says_on_whose_behalf(shop, path, member):
    """In the body, deep in the body, or in the query; before anything else is found wrong with it."""
    for body in ({member: "acme"}, {**PLAN, "x": [{"y": {member: None}}]}):
        problem(shop.post(path, body, "refused"), 400, "client_supplied_identifier")
    for query in (f"?{member}=acme", f"?a=b&{member}", f"?a=b;{member}=x", f"?{member}[]=x",
                  f"?%{ord(member[0]):02x}{member[1:]}=x"):
        problem(shop.post(path + query, {}, "refused"), 400, "client_supplied_identifier")
        reply = shop.server.get(API + "/summary" + query, headers=token(org_id="refused", role="owner"))
        problem(reply, 400, "client_supplied_identifier")


@pytest.mark.bad_input
def test_a_body_too_deep_to_be_looked_through(shop):
    body = {"x": 1}
    for _ in range(40):
        body = {"x": body}
    problem(shop.post("/checkout-session", body, "refused"), 400, "client_supplied_identifier")


@pytest.mark.parametrize("path, member", [("/checkout-session", "flow"), ("/checkout-session", "plan_key"),
                                          ("/checkout-session", "successUrl"), ("/checkout-session", "returnUrl"),
                                          ("/checkout-session", "price"), ("/checkout-session", ""),
                                          ("/portal-session", "planKey"), ("/portal-session", "return_url")])
def test_a_member_that_nobody_knows(shop, path, member):
    problem(shop.post(path, {member: "x"}, "refused"), 400, "unknown_member")


@pytest.mark.parametrize("plan", ["unknown", "", "Founding_monthly", 1, True, [], {}, "founding_monthly ", "x" * 5000])
def test_a_plan_that_is_not_sold(shop, plan):
    problem(shop.post("/checkout-session", {"planKey": plan}, "refused"), 400, "unknown_plan")


@pytest.mark.parametrize("body", [{}, {"planKey": None}])
def test_several_plans_and_none_named(shop, body):
    problem(shop.post("/checkout-session", body, "refused"), 400, "plan_required")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method(shop, path, method):
    reply = shop.server.request(method, API + path, headers=token(org_id="refused", role="owner"))
    assert reply.status == 405 and reply.header("allow") == "POST", reply
    assert method == "HEAD" or reply.json["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ROUTES)
def test_nobody_is_signed_in(shop, path):
    reply = shop.server.post(API + path, json=PLAN)
    assert reply.status == 401 and reply.header("www-authenticate"), reply
    for claims in ({}, {"org_id": ""}, {"org_id": "no spaces please"}, {"org_id": "x" * 65}):
        problem(shop.server.post(API + path, json={}, headers=token(role="owner", **claims)), 403, "no_org")


@pytest.mark.parametrize("path", ROUTES)
def test_whose_role_does_not_manage_billing(shop, path):
    for role in ("dispatcher", "", "Owner", "ownership", "dispatcher,driver"):
        problem(shop.post(path, {}, "refused", role=role), 403, "role_not_allowed")
    problem(shop.server.post(API + path, json={}, headers=token(org_id="refused")), 403, "role_not_allowed")


def test_roles_that_the_site_names(own_shop, org):
    shop = own_shop("BillingManageRoles treasurer\n")
    problem(shop.buy(org, role="owner"), 403, "role_not_allowed")
    assert shop.buy(org, role="treasurer").status == 200
    assert shop.summary(org, "owner")["actions"] == {"checkout": False, "portal": False}
    assert shop.summary(org, "owner")["pendingCheckout"] is None
    assert shop.summary(org, "treasurer")["actions"] == {"checkout": True, "portal": True}


def test_any_member_where_the_site_tells_no_roles(own_shop, org):
    shop = own_shop()
    text = (shop.server.root / "httpd.conf").read_text()
    shop.server.write("httpd.conf", text.replace('    BillingRole "%{reqenv:OIDC_CLAIM_role}"\n', ""))
    shop.server.reload()
    assert shop.server.post(API + "/checkout-session", json=PLAN, headers=token(org_id=org)).status == 200


# Other sites' pages


def cross(shop, org, headers, path="/checkout-session"):
    return shop.post(path, PLAN if path == ROUTES[0] else {}, org, headers=headers)


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("headers", [
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "unheard-of"},
    {"Origin": "https://evil.example.net"}, {"Origin": "null"}, {"Origin": ""}, {"Origin": "http://localhost.evil.net"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"}], ids=str)
def test_another_sites_page(shop, path, headers):
    problem(cross(shop, "refused", headers, path), 403, "cross_site")


@pytest.mark.reaches_provider
def test_the_sites_own_page_and_programs(shop, org):
    own = f"http://127.0.0.1:{shop.server.port}"
    for headers in ({}, {"Sec-Fetch-Site": "same-origin", "Origin": own}, {"Sec-Fetch-Site": "none"}, {"Origin": own}):
        assert cross(shop, org, headers).status == 200, headers


def test_a_get_is_answered_to_other_sites_pages_without_cors(shop):
    """The browser keeps the answer from them."""
    reply = shop.server.get(API + "/summary", headers={
        **token(org_id="refused", role="owner"), "Origin": "https://evil.example.net", "Sec-Fetch-Site": "cross-site"})
    assert reply.status == 200 and not reply.header("access-control-allow-origin")


APP = "https://app.example.com"


@pytest.fixture
def cors_shop(own_shop):
    return own_shop(f"BillingAllowOrigin {APP} https://other.example.com\n")


def test_cors_of_an_allowed_origin(cors_shop, org):
    for site in ("cross-site", "same-site"):
        reply = cross(cors_shop, org, {"Origin": APP, "Sec-Fetch-Site": site})
        assert reply.status == 200
        assert reply.header("access-control-allow-origin") == APP
        assert reply.header("access-control-allow-credentials") == "true"
        assert "Origin" in reply.header("vary")
    summary = cors_shop.server.get(API + "/summary", headers={**token(org_id=org, role="owner"), "Origin": APP})
    assert summary.header("access-control-allow-origin") == APP
    assert "ETag" in summary.header("access-control-expose-headers")


def test_cors_of_refusals(cors_shop, org):
    """A page has to be able to read why: our problems, the site's own sign-in, and what is not modified."""
    refused = problem(cors_shop.post("/checkout-session", {"planKey": "x"}, org, headers={"Origin": APP}), 400,
                      "unknown_plan")
    stranger = cors_shop.server.post(API + "/checkout-session", json=PLAN, headers={"Origin": APP})
    assert stranger.status == 401
    headers = {**token(org_id=org, role="owner"), "Origin": APP}
    etag = cors_shop.server.get(API + "/summary", headers=headers).header("etag")
    unchanged = cors_shop.server.get(API + "/summary", headers={**headers, "If-None-Match": etag})
    assert unchanged.status == 304
    for reply in (refused, stranger, unchanged):
        assert reply.header_all("access-control-allow-origin") == [APP], reply
        assert "Origin" in ",".join(reply.header_all("vary"))


def test_cors_of_an_origin_that_is_not_allowed(cors_shop, org):
    for origin in ("https://evil.example.net", "http://app.example.com", "https://app.example.com:8443", "null"):
        reply = problem(cross(cors_shop, org, {"Origin": origin, "Sec-Fetch-Site": "cross-site"}), 403, "cross_site")
        assert not reply.header("access-control-allow-origin")
        assert "Origin" in reply.header("vary")


def preflight(shop, origin, path="/checkout-session", **headers):
    return shop.server.request("OPTIONS", API + path, headers={
        "Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type",
        **headers})


def test_a_preflight_is_answered_without_credentials(cors_shop):
    """A browser sends none with it; the site's sign-in must not see it."""
    reply = preflight(cors_shop, APP)
    assert reply.status == 204 and reply.body == b"", reply
    assert reply.header_all("access-control-allow-origin") == [APP]
    assert reply.header("access-control-allow-credentials") == "true"
    assert "POST" in reply.header("access-control-allow-methods")
    assert "content-type" in reply.header("access-control-allow-headers").lower()
    assert reply.header_all("vary") == ["Origin"]


def test_a_preflight_of_others_is_not_granted(cors_shop):
    """mod_auth_openidc lets any through, other sign-ins none: either way it brings no permission."""
    refused = preflight(cors_shop, "https://evil.example.net")
    assert refused.status in (401, 405) and not refused.header("access-control-allow-origin")
    elsewhere = cors_shop.server.request("OPTIONS", "/dispatch/", headers={
        "Origin": APP, "Access-Control-Request-Method": "POST"})
    assert not elsewhere.header("access-control-allow-origin")


def test_a_preflight_without_allowed_origins(shop):
    reply = preflight(shop, APP)
    assert reply.status in (401, 405) and not reply.header("access-control-allow-origin")


@pytest.mark.bad_input
def test_a_request_that_breaks_off(shop):
    """Nothing is reserved for half a request."""
    head = (f"POST {API}/checkout-session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: {token(org_id='broken-off', role='owner')['Authorization']}\r\nContent-Length: 40\r\n\r\n")
    reply = client.raw(shop.server.port, head.encode() + b'{"planKey":', method="POST", end=True)
    assert reply is None or reply.status == 400
    assert shop.checkouts("broken-off") == []
