# SPDX-License-Identifier: Apache-2.0
"""BillingForwardHeaders: what a backend is told, and that a client cannot tell it."""
import pytest

from gate_support import ENDED, NOBODY_PAID, PAYER, feature, signed, stop, subscribe
from harness import client
from harness.site import CATALOGUE, token
from fcgi_echo import FcgiEcho

SPELLINGS = ["X-Billing-Org", "x-billing-org", "X_Billing_Org", "X-Billing_Org", "x_BILLING-org", "X.Billing.Org",
             "X~Billing!Org", "X-Billing-Plan", "X_BILLING_PLAN", "X-Billing-Status", "X-Billing-", "X-Billing-Anything",
             "X_billing_anything-else"]
INNOCENT = {"X-Billingham": "a town", "XBilling-Org": "other", "X-Bill": "due", "Billing-Org": "other", "X-Org": "other",
            "Y-Billing-Org": "other", "X--Billing-Org": "other", "X-Billing": "other"}

CONFIG = CATALOGUE + feature("trucking.dispatch", "BillingEnforce enforce") + """
ProxyPass "/fcgi/" "fcgi://127.0.0.1:@FCGI@/"
ProxyPass "/files/" "!"
ProxyPass "/cgi/" "!"
ProxyPass "/moved/" "!"
ProxyPass "/" "http://@ECHO@/"
SetEnvIf X-Billing-Org "^(.+)$" SPOOFED=$1
Header always set X-Spoofed "%{SPOOFED}e"
Header always set X-Seen "expr=%{req:X-Billing-Org}|%{HTTP:X_Billing_Org}"
ErrorDocument 402 /errors/402
ErrorDocument 404 /on/404
<Location "/on">
    BillingForwardHeaders On
</Location>
<Location "/on/off">
    BillingForwardHeaders Off
</Location>
<Location "/on/set">
    RequestHeader set X-Billing-Plan "from the site"
    RequestHeader unset X-Billing-Org
</Location>
<Location "/set">
    RequestHeader set X-Billing-Note "from the site"
</Location>
<Location "/gated">
    BillingRequireFeature trucking.dispatch
</Location>
<Location "/on/gated">
    BillingRequireFeature trucking.dispatch
</Location>
<Location "/fcgi">
    BillingForwardHeaders On
</Location>
<Location "/fcgi/off">
    BillingForwardHeaders Off
</Location>
<Location "/open">
    AuthType None
    Require all granted
    BillingForwardHeaders On
</Location>
ScriptAlias "/cgi/" "@DOCS@/cgi/"
ScriptSock "@ROOT@/run/cgi.sock"
<Location "/cgi/on">
    BillingForwardHeaders On
</Location>
<Directory "@DOCS@/moved">
    RewriteEngine On
    RewriteRule ^on$ /on/rewritten
    RewriteRule ^off$ /plain/rewritten
    BillingForwardHeaders On
</Directory>
"""
SCRIPT = """#!/usr/bin/python3
import json, os
print("Content-Type: application/json\\n\\n" + json.dumps(dict(os.environ)))
"""


@pytest.fixture(scope="module")
def fcgi():
    made = FcgiEcho()
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(cluster, database, echo, fcgi, module_site):
    made = module_site(CONFIG, database=cluster.conninfo(database), values={"ECHO": echo.address, "FCGI": fcgi.port},
                       modules=["proxy_http", "proxy_fcgi", "cgid", "rewrite"], start=False)
    for name in ("on", "off"):
        made.write(f"htdocs/cgi/{name}", SCRIPT, mode=0o755)
    made.write("htdocs/moved/on", "")
    made.write("htdocs/moved/off", "")
    made.write("htdocs/files/here", "file")
    made.start()
    subscribe(made, PAYER.org)
    subscribe(made, ENDED.org, "canceled")
    yield made
    stop(made)


def told(answer):
    """What the backend was told, by the names it came under."""
    assert answer.status == 200, answer
    return {name: value for name, value in answer.json["headers"] if "billing" in name.lower()}


def told_environment(answer):
    assert answer.status == 200, answer
    return {name: value for name, value in answer.json.items() if "BILLING" in name and name.startswith("HTTP_")}


def facts(org=PAYER.org, plan="founding_monthly", status="active"):
    return {"X-Billing-Org": org, "X-Billing-Plan": plan, "X-Billing-Status": status}


ENVIRONMENT = {"HTTP_X_BILLING_ORG": PAYER.org, "HTTP_X_BILLING_PLAN": "founding_monthly", "HTTP_X_BILLING_STATUS": "active"}


# What is told


@pytest.mark.parametrize("person, expected", [
    (PAYER, facts()), (ENDED, facts(ENDED.org, status="canceled")),
    (NOBODY_PAID, {"X-Billing-Org": NOBODY_PAID.org, "X-Billing-Status": "none"}),
])
def test_a_backend_is_told(server, person, expected):
    assert told(server.get("/on/x", headers=signed(person))) == expected


@pytest.mark.parametrize("path", ["/x", "/on/off/x", "/gated/x"])
def test_only_where_it_is_switched_on(server, path):
    assert told(server.get(path, headers=signed(PAYER))) == {}


def test_without_an_org_nothing_is_told(server):
    assert told(server.get("/on/x", headers=token(sub="nobody"))) == {}
    assert told(server.get("/open/x")) == {}


def test_behind_a_gate(server):
    assert told(server.get("/on/gated/x", headers=signed(PAYER))) == facts()


def test_the_sites_own_lines_on_these_names_come_before(server):
    """RequestHeader acts in fixups, and we speak after them."""
    assert told(server.get("/on/set/x", headers=signed(PAYER))) == facts()
    assert told(server.get("/set/x", headers=signed(PAYER))) == {"X-Billing-Note": "from the site"}


def test_backends_that_get_an_environment(server):
    for on, off in (("/fcgi/x", "/fcgi/off/x"), ("/cgi/on", "/cgi/off")):
        assert told_environment(server.get(on, headers=signed(PAYER))) == ENVIRONMENT
        assert told_environment(server.get(off, headers=signed(PAYER))) == {}


def test_after_a_rewrite_the_new_section_counts(server):
    assert told(server.get("/moved/on", headers=signed(PAYER))) == facts()
    assert told(server.get("/moved/off", headers=signed(PAYER))) == {}


@pytest.mark.parametrize("named", ["X-Billing-Plan", "x-billing-org, X-Billing-Status, x-billing-plan", "close, X-Billing-Org"])
def test_a_connection_header_strips_nothing(server, named):
    assert told(server.get("/on/x", headers={**signed(PAYER), "Connection": named})) == facts()


# What a client says


def spoofed():
    return [(name, f"globex{number}") for number, name in enumerate(SPELLINGS)]


@pytest.mark.bad_input
@pytest.mark.parametrize("path, expected", [("/x", {}), ("/on/x", facts()), ("/on/off/x", {}), ("/gated/x", {}),
                                            ("/on/gated/x", facts()), ("/moved/on", facts()), ("/moved/off", {})])
def test_no_spelling_reaches_a_backend(server, path, expected):
    answer = server.get(path, headers=[*signed(PAYER).items(), *spoofed(), *spoofed()])
    assert told(answer) == expected
    assert answer.header("x-spoofed") == "(null)"
    assert answer.header("x-seen") == expected.get("X-Billing-Org", "") + "|"


@pytest.mark.bad_input
@pytest.mark.parametrize("name", SPELLINGS)
def test_each_spelling_alone(server, name):
    assert told(server.get("/x", headers=[*signed(PAYER).items(), (name, "globex")])) == {}
    assert told(server.get("/open/x", headers=[(name, "globex")])) == {}


def test_other_names_are_left_alone(server):
    headers = dict(server.get("/x", headers={**signed(PAYER), **INNOCENT}).json["headers"])
    assert {name: headers.get(name) for name in INNOCENT} == INNOCENT


@pytest.mark.bad_input
def test_a_preflight_carries_nothing_in(server, echo):
    before = len(echo.seen)
    headers = [("Origin", "https://app.example.com"), ("Access-Control-Request-Method", "GET"), *spoofed()]
    for path in ("/open/x", "/open/on"):
        assert server.request("OPTIONS", path, headers=headers).status == 200
    assert len(echo.seen) == before + 2
    assert not [name for seen in echo.seen[before:] for name, _ in seen["headers"] if "billing" in name.lower()]


@pytest.mark.bad_input
@pytest.mark.allowed_log("oidc_oauth")
def test_an_error_document_of_a_backend_hears_nothing_from_the_client(server, echo):
    before = len(echo.seen)
    server.get("/gated/x", headers=[*signed(ENDED).items(), *spoofed()])
    server.get("/files/nothing", headers=[*signed(PAYER).items(), *spoofed()])
    paths = {seen["path"]: {name: value for name, value in seen["headers"] if "billing" in name.lower()}
             for seen in echo.seen[before:]}
    assert paths["/errors/402"] == {}
    assert paths["/on/404"] == facts()


@pytest.mark.bad_input
@pytest.mark.parametrize("path", ["/fcgi/off/x", "/cgi/off"])
def test_no_environment_can_be_spoofed(server, path):
    answer = server.get(path, headers=[*signed(PAYER).items(), *spoofed()])
    assert told_environment(answer) == {}
    assert not [value for name, value in answer.json.items() if value.startswith("globex")]


MERGED = CATALOGUE + """
MergeTrailers On
ProxyPass "/fcgi/" "fcgi://127.0.0.1:@FCGI@/"
ProxyPass "/" "http://@ECHO@/"
<Location "/on">
    BillingForwardHeaders On
</Location>
<Location "/fcgi/on">
    BillingForwardHeaders On
</Location>
"""
CHUNKED = """POST {path} HTTP/1.1\r
Host: localhost\r
Authorization: {bearer}\r
Transfer-Encoding: chunked\r
Trailer: X-Billing-Org\r
Connection: close\r
\r
2\r
hi\r
0\r
X-Billing-Org: globex\r
X_Billing_Plan: everything\r
X-Trailer: merged\r
\r
"""


@pytest.mark.bad_input
def test_merged_trailers_spoof_nothing(site, cluster, database, echo, fcgi):
    server = site(MERGED, database=cluster.conninfo(database), values={"ECHO": echo.address, "FCGI": fcgi.port},
                  modules=["proxy_http", "proxy_fcgi"])
    subscribe(server, PAYER.org)

    def post(path):
        return client.raw(server.port, CHUNKED.format(path=path, bearer=signed(PAYER)["Authorization"]).encode(), method="POST")
    assert [told(post(path)) for path in ("/x", "/on/x")] == [{}, facts()]
    off, on = post("/fcgi/x"), post("/fcgi/on/x")
    assert [answer.json["HTTP_X_TRAILER"] for answer in (off, on)] == ["merged", "merged"]  # so others' do arrive
    assert [told_environment(off), told_environment(on)] == [{}, ENVIRONMENT]
