# SPDX-License-Identifier: Apache-2.0
"""The module's own paths: they answer whatever else a virtual host does with its paths, nobody else answers there, and the
site's access control of a path is that of the route."""
import json

import pytest

from gate_support import ENDED, GATE, PAYER, POLICY, SECRET, gate, populate, signed, subscribe
from harness import client, stripe_events, stripe_sign
from harness.site import ALICE, API, WEBHOOK_SECRET
from harness.waiting import wait_for
from lenient_backend import LenientBackend

SUMMARY = API + "/summary"
SUMMARY_ONLY = "graceUntil"
WEBHOOK = API + "/webhook"


@pytest.fixture(scope="module")
def backend():
    made = LenientBackend()
    yield made
    made.close()


def is_summary(answer, org="payer"):
    return answer.status == 200 and answer.json["org"]["id"] == org


TAKERS = {
    "ProxyPass": 'ProxyPass "/" "http://@BACKEND@/"',
    "ProxyPass nocanon": 'ProxyPass "/" "http://@BACKEND@/" nocanon',
    "ProxyPass encoded": 'ProxyPass "/" "http://@BACKEND@/" mapping=encoded',
    "ProxyPass servlet": 'ProxyPass "/" "http://@BACKEND@/" mapping=servlet',
    "ProxyPassMatch": 'ProxyPassMatch "^/(.*)$" "http://@BACKEND@/$1"',
    "ProxyPass in Location": '<Location "/">\n    ProxyPass "http://@BACKEND@/"\n</Location>',
    "RewriteRule P": 'RewriteEngine On\nRewriteRule "^/(.*)$" "http://@BACKEND@/$1" [P]',
    "RewriteRule P in Location": '<Location "/">\n    RewriteEngine On\n    RewriteRule ".*" "http://@BACKEND@/x" [P]\n</Location>',
    "RewriteRule to a file": 'RewriteEngine On\nRewriteRule "^" "/index.html" [PT]',
    "RewriteRule to a file in Location": '<Location "/">\n    RewriteEngine On\n    RewriteRule "^" "/index.html"\n</Location>',
    "Alias": 'Alias "/api" "@DOCS@"',
    "ScriptAlias": 'ScriptAlias "/api" "@DOCS@"',
    "FallbackResource": "FallbackResource /index.html",
    "FallbackResource without a handler": 'FallbackResource /index.html\n<Location "/">\n    SetHandler None\n</Location>',
    "SetHandler": '<Location "/">\n    SetHandler server-status\n</Location>',
    "Action": 'Action seized /index.html virtual\n<Location "/">\n    SetHandler seized\n</Location>',
    "AddHandler": "AddHandler server-status .json",
    "a folder of that name": "",
    "DirectorySlash": "DirectorySlash On",
    "gate on all": gate("/"),
}


@pytest.fixture(scope="module", params=TAKERS)
def taken(request, cluster, database, module_site, backend):
    """A virtual host whose lines take every path, none of which excludes ours."""
    config = POLICY + TAKERS[request.param] + "\n"
    server = module_site(config, database=cluster.conninfo(database), values={"BACKEND": backend.address},
                         modules=["proxy_http", "rewrite", "actions", "cgid", "status"], start=False)
    server.write(f"htdocs{SUMMARY}", SECRET)
    server.write(f"htdocs{WEBHOOK}", SECRET)
    server.write(f"htdocs{API}/openapi.json", SECRET)
    server.start()
    subscribe(server, PAYER.org)
    subscribe(server, ENDED.org, "canceled")
    yield server
    server.stop()


def test_the_routes_answer_without_an_exclusion(taken):
    assert is_summary(taken.get(SUMMARY, headers=signed(PAYER)))
    assert is_summary(taken.get(SUMMARY, headers=signed(ENDED)), "ended")
    assert taken.get(API + "/nothing", headers=signed(PAYER)).json["code"] == "not_found"
    assert taken.get(API, headers=signed(PAYER)).json["code"] == "not_found"
    assert taken.get(API + "/", headers=signed(PAYER)).json["code"] == "not_found"
    assert SECRET not in taken.get(API + "/openapi.json", headers=signed(PAYER)).text
    event = stripe_events.subscription_event("updated", sub="sub_payer", customer="cus_payer", org="payer")
    assert taken.deliver(event).json["received"]
    assert taken.post(WEBHOOK, body="{}").json["code"] == "invalid_signature"


def test_the_site_s_own_access_control_is_the_route_s(taken):
    for path in (SUMMARY, API, API + "/nothing"):
        answer = taken.get(path)
        assert answer.status == 401
        assert answer.header("www-authenticate").startswith("Bearer")


# The same route, spelt otherwise

SPELLINGS = ["/api/v1/%62illing/summary", "/%61pi/v1/billing/summary", "//api/v1/billing/summary",
             "/api//v1///billing//summary", "/./api/v1/./billing/./summary", "/x/../api/v1/billing/summary",
             "/api/v1/x/../billing/summary", "/api/v1/billing/x/../summary", "/api/v1/%2e%2e/v1/billing/summary",
             "/api/v1/billing/%73ummary", "/%2e/api/v1/billing/summary", "/api/v1/billing/summary?x=1",
             "/api/v1/billing/summary#x", "/..%2fapi/v1/billing/summary", "/api%2fv1/billing/summary",
             "/api/v1/billing%2fsummary", "/api/v1/billing%252fsummary", "/api;x=1/v1/billing/summary",
             "/api/v1/billing;x/summary", "/api/v1/billing/summary;x=1", "/api/v1/..;/v1/billing/summary",
             "/API/v1/billing/summary", "/api/v1/billing/summary/", "/api/v1/billing/summary%00",
             "/api/v1/billing\\summary", "/api/v1/billing/%2e%2e/%2e%2e/v1/billing/summary", "/api/v1/billing/./summary",
             "/api/v1/billing/%ff", "/api/v1/billing%20/summary"]


# An invalid path, a script that is none, a token that is none, and rewriting that never comes to an end.
@pytest.mark.allowed_log("AH10244", "AH01264", "oidc_oauth", "AH00124")
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_has_other_access_control(taken, spelling):
    """Whoever answers: a stranger never gets at the route, and a member nobody else's answer."""
    for headers in ({}, client.bearer("nonsense")):
        stranger = client.raw(taken.port, _request(spelling, headers))
        assert stranger.status in (400, 401, 404)
        assert SUMMARY_ONLY not in stranger.text
    member = client.raw(taken.port, _request(spelling, signed(ENDED)))
    if SUMMARY_ONLY in member.text:
        assert is_summary(member, "ended")


def _request(path, headers, method="GET"):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}Connection: close\r\n\r\n".encode()


@pytest.mark.parametrize("target", ["http://localhost{}", "http://localhost:80{}", "HTTP://LOCALHOST{}", "http://other{}"])
def test_absolute_targets_are_the_same_path(taken, target):
    answer = client.raw(taken.port, _request(target.format(SUMMARY), signed(PAYER)))
    assert is_summary(answer)
    assert client.raw(taken.port, _request(target.format(SUMMARY), {})).status == 401


@pytest.mark.parametrize("mapping", ["", "mapping=encoded", "mapping=servlet"])
def test_a_route_s_path_is_decoded_whatever_the_proxy_wants(cluster, database, site, backend, mapping):
    config = POLICY + f'ProxyPass "/" "http://@BACKEND@/" {mapping}\nCustomLog "@ROOT@/paths" "%U"\n'
    server = site(config, database=cluster.conninfo(database), values={"BACKEND": backend.address}, modules=["proxy_http"])
    answer = server.get(API + "/orgs/acme%3Awest%20%25", headers=signed(PAYER))
    assert answer.json["code"] == "not_found"
    wait_for(lambda: f"{API}/orgs/acme:west %" in (server.root / "paths").read_text(), 10, "the decoded path in the log")


# Who may open a route


def test_no_handler_name_opens_a_route(cluster, database, site):
    config = POLICY + """
<Directory "@DOCS@">
    AllowOverride All
</Directory>
<Location "/open">
    AuthType None
    Require all granted
    SetHandler attune-billing
</Location>
"""
    server = site(config, database=cluster.conninfo(database), modules=["rewrite", "actions"])
    subscribe(server, PAYER.org)
    for name in ("attune-billing", "attune_billing", "billing", "billing-summary"):
        server.write("htdocs/free/.htaccess", f"SetHandler {name}\n", mode=0o644)
        server.write("htdocs/free/summary", "the file")
        answer = server.get("/free/summary", headers=signed(PAYER))
        assert SUMMARY_ONLY not in answer.text
        assert answer.status in (200, 404, 500)
    for path in ("/open/summary", "/open/x" + SUMMARY):
        assert SUMMARY_ONLY not in server.get(path).text
    server.allow("AH00523", "handler")


def test_no_directive_works_from_htaccess(cluster, database, site):
    config = POLICY + GATE + '<Directory "@DOCS@">\n    AllowOverride All\n</Directory>\n'
    server = populate(site(config, database=cluster.conninfo(database)))
    for line in ("BillingRequireFeature none", 'BillingOrg "payer"', "BillingMount api /open", "BillingDenyStatus 403"):
        server.write("htdocs/paid/.htaccess", line + "\n", mode=0o644)
        answer = server.get("/paid/page.html", headers=signed(ENDED))
        assert answer.status == 500 and SECRET not in answer.text
    server.allow("not allowed here", "AH00036")


# Gates and mounts


def test_a_mount_below_a_gate_is_never_gated(cluster, database, site):
    """An org that has not paid must be able to."""
    server = site(POLICY + gate("/") + gate(API), database=cluster.conninfo(database))
    populate(server)
    assert server.get("/", headers=signed(ENDED)).status == 402
    answer = server.get(SUMMARY, headers=signed(ENDED))
    assert is_summary(answer, "ended")
    assert answer.header_all("cache-control") == ["private, no-cache"]
    assert server.get(API + "/nothing", headers=signed(ENDED)).status == 404
    assert server.post(WEBHOOK, body="{}").json["code"] == "invalid_signature"


def test_a_lookalike_of_a_mount_is_gated(cluster, database, site):
    server = populate(site(POLICY + gate("/"), database=cluster.conninfo(database)))
    for path in (API + "x/summary", API.upper() + "/summary", "/x" + SUMMARY, API.rsplit("/", 1)[0] + "/",
                 "/index.html" + SUMMARY):
        assert server.get(path, headers=signed(ENDED)).status == 402, path


def test_the_webhook_and_the_routes_of_an_open_site(cluster, database, site):
    """Require all granted, but a way to sign in: the caller's own routes ask for it, the webhook does not."""
    config = POLICY + f"""
<Location "/">
    Require all granted
</Location>
<Location "{WEBHOOK}">
    AuthType Basic
    AuthName "forgotten here"
</Location>
BillingMount metrics /metrics
"""
    server = site(config, database=cluster.conninfo(database))
    subscribe(server, PAYER.org)
    assert is_summary(server.get(SUMMARY, headers=signed(PAYER)))
    for headers in ({}, client.bearer("nonsense")):
        answer = server.get(SUMMARY, headers=headers)
        assert answer.status == 401
        assert answer.header("www-authenticate").startswith("Bearer")
    event = stripe_events.subscription_event("updated", sub="sub_payer", customer="cus_payer", org="payer")
    assert stripe_sign.deliver(server.port, WEBHOOK, event, WEBHOOK_SECRET).json["received"]
    assert server.get("/metrics").status != 401
    assert server.get("/index.html").status == 200
    server.allow("oidc_oauth")


def test_the_routes_of_a_site_under_satisfy_any(cluster, database, site):
    config = POLICY + '<Location "/">\n    Satisfy Any\n    Order allow,deny\n    Allow from all\n</Location>\n'
    server = site(config, database=cluster.conninfo(database), modules=["access_compat"])
    subscribe(server, PAYER.org)
    assert is_summary(server.get(SUMMARY, headers=signed(PAYER)))
    assert server.get(SUMMARY).status == 401


def test_a_mount_below_another_is_reached(cluster, database, site):
    config = POLICY + "BillingMount page /billing\nBillingMount admin /billing/admin\nBillingMount metrics /billing/admin/metrics\n"
    server = site(config, database=cluster.conninfo(database))
    said = {"/billing": "Billing", "/billing/": "Billing", "/billing/admin": "Health", "/billing/admin/page/orgs": "Orgs",
            "/billing/admin/health": "stateSource", "/billing/admin/metrics": "attune_billing_", "/billing/administrators": None}
    for path, words in said.items():
        answer = server.get(path, headers=signed(PAYER))
        assert answer.status == (200 if words else 404) and (words or "That did not work") in answer.text, answer


def test_a_signed_in_caller_without_an_org_is_told_so(cluster, database, site):
    server = site(POLICY, database=cluster.conninfo(database), sign_in="password")
    server.write("people", (server.root / "people").read_text().replace("carol:", "cora:"))
    answer = server.get(SUMMARY, headers=client.basic("cora", "open sesame"))
    assert (answer.status, answer.json["code"]) == (403, "no_org")
    assert server.get(SUMMARY, headers=server.who(ALICE)).json["org"]["id"] == "acme"
    assert server.get(SUMMARY, headers=client.basic("alice", "wrong")).status == 401
    server.allow("AH01617")


# Proving a domain to a certificate authority

TOKEN = "/.well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"


@pytest.fixture(scope="module")
def blocked(cluster, database, module_site, backend):
    """A whole host of an org whose subscription has ended."""
    config = POLICY + gate("/", "BillingOrg ended") + """
AddHandler cgi-script .cgi
<Directory "@DOCS@">
    Options +ExecCGI +Indexes
</Directory>
ProxyPass "/.well-known/acme-challenge/backend" "http://@BACKEND@/paid"
<Location "/.well-known/acme-challenge/handled">
    SetHandler server-status
</Location>
"""
    server = module_site(config, database=cluster.conninfo(database), sign_in=None, modules=["cgid", "proxy_http", "status"],
                         values={"BACKEND": backend.address})
    populate(server)
    server.write(f"htdocs{TOKEN}", "proof")
    for name in ("page.html", "folder/page", "script.cgi", "handled"):
        server.write(f"htdocs/.well-known/acme-challenge/{name}", SECRET)
    return server


def test_a_challenge_of_a_blocked_org_s_host_is_answered(blocked):
    assert blocked.get("/").status == 402
    assert blocked.get(TOKEN).text == "proof"
    assert blocked.request("HEAD", TOKEN).status == 200


@pytest.mark.parametrize("path", ["", "nothing", "page.html", "folder/page", "script.cgi", "backend", "handled", "../../paid/page.html",
                                  "..%2f..%2fpaid/page.html", "%2e%2e/%2e%2e/paid/page.html", "handled/x", "backend/x"])
def test_nothing_else_there_is(blocked, path):
    answer = client.raw(blocked.port, _request("/.well-known/acme-challenge/" + path, {}))
    assert answer.status in (402, 404)
    assert SECRET not in answer.text


def test_bodies_are_json(taken):
    """One look at what everybody relies on."""
    assert json.loads(taken.get(SUMMARY, headers=signed(PAYER)).text)["livemode"] is False
