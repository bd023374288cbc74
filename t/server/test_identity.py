# SPDX-License-Identifier: Apache-2.0
"""Whose org a request is: read where it can be believed, and not lost on the way."""
import pytest

from gate_support import ENDED, GATE, PAYER, POLICY, SECRET, gate, populate, signed, subscribe
from harness import client
from harness.site import ALICE, API, CAROL, token

PAGE = "/paid/page.html"
NO_ORG = token(sub="one without an org")

# The status page of one's own.
WHO = "\n".join(f'Header always set X-{name} "%{{BILLING_{name.upper()}}}e"' for name in ("Org", "Decision", "Reason"))


def org_of(answer):
    return answer.header("x-org")


# Claims and rewriting


@pytest.fixture(scope="module")
def rewriting(cluster, database, module_site):
    """Every way to another path that httpd's own modules have."""
    config = POLICY + GATE + WHO + """
DirectoryIndex index.html
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
AddLanguage en .en
AddHandler type-map .var
AddHandler cgi-script .cgi
Action shown /paid/script.cgi
FallbackResource disabled
<Directory "@DOCS@">
    Options +Includes +MultiViews +ExecCGI
    RewriteEngine On
    RewriteRule ^free/per-directory$ /paid/page.html [L]
    RewriteRule ^paid/per-directory$ /paid/page.html [L]
    RewriteRule ^free/twice$         /paid/per-directory [L]
</Directory>
RewriteEngine On
RewriteRule ^/free/server$ /paid/page.html [PT]
<Location "/paid/fallback">
    FallbackResource /paid/page.html
</Location>
<Location "/paid/acted">
    SetHandler shown
</Location>
ErrorDocument 410 /paid/page.html
Redirect gone /free/gone
"""
    server = module_site(config, database=cluster.conninfo(database),
                         modules=["rewrite", "include", "negotiation", "actions", "cgid"])
    populate(server)
    server.write("htdocs/paid/one.html.en", SECRET)
    server.write("htdocs/paid/acted/x", "")
    server.write("htdocs/paid/map.var", "URI: page.html\nContent-Type: text/html\n\n")
    server.write("htdocs/free/including.shtml", 'says: <!--#include virtual="/paid/page.html" -->')
    server.write("htdocs/paid/script.cgi", f'#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n{SECRET}"\n', mode=0o700)
    server.write("htdocs/free/location.cgi", '#!/bin/sh\nprintf "Location: /paid/page.html\\n\\n"\n', mode=0o700)
    return server


WAYS = ["/paid/page.html", "/paid/", "/free/per-directory", "/paid/per-directory", "/free/twice", "/free/server",
        "/paid/fallback/nothing", "/paid/acted/x", "/paid/one", "/paid/one.html", "/paid/map.var",
        "/free/including.shtml", "/free/location.cgi", "/paid/script.cgi", "/paid/script.cgi/more", "/free/gone"]


@pytest.mark.parametrize("path", WAYS)
def test_a_claim_is_not_lost_on_the_way(rewriting, path):
    answer = rewriting.get(path, headers=signed(PAYER))
    assert SECRET in answer.text


@pytest.mark.allowed_log("unable to include", "AH00687")
@pytest.mark.parametrize("path", WAYS)
@pytest.mark.parametrize("headers", [signed(ENDED), NO_ORG, {}], ids=["ended", "no org", "stranger"])
def test_no_way_is_open_to_others(rewriting, path, headers):
    answer = rewriting.get(path, headers=headers)
    assert SECRET not in answer.text
    # Negotiation takes what it may not serve for missing; with an org the gate has said so before.
    assert answer.status in (401, 402, 403, 410) or (path, answer.status) in (
        ("/free/including.shtml", 200), *((one, 404) for one in ("/paid/one", "/paid/one.html") if headers == NO_ORG))


def test_the_last_request_of_a_rewrite_tells_the_log(rewriting):
    answer = rewriting.get("/free/per-directory", headers=signed(PAYER))
    assert (org_of(answer), answer.header("x-decision"), answer.header("x-reason")) == ("payer", "allow", "plan")
    answer = rewriting.get("/free/twice", headers=signed(ENDED))
    assert (org_of(answer), answer.header("x-decision"), answer.header("x-reason")) == ("ended", "deny", "canceled")


# Passwords, with names that rewriting makes of them in the environment


def test_names_made_by_rewriting_count(cluster, database, site):
    server = site(POLICY + gate("/") + WHO, database=cluster.conninfo(database), sign_in="password")
    populate(server)
    subscribe(server, ALICE.org)
    for path in ("/", "/index.html", "/free/"):
        answer = server.get(path, headers=server.who(ALICE))
        assert (answer.status, org_of(answer)) == (200, "acme")
        assert server.get(path, headers=server.who(CAROL)).status == 402
    assert server.get(API + "/summary", headers=server.who(ALICE)).json["org"]["id"] == "acme"


def test_an_index_file_does_not_cost_another_sign_in(cluster, database, site):
    """A hook of ours that is not registered per configuration would have httpd check every password twice."""
    config = POLICY + gate("/") + "LogLevel authz_core:debug\n"
    server = site(config, database=cluster.conninfo(database), sign_in="password")
    subscribe(server, ALICE.org)
    before = server.log.position()
    assert server.get("/", headers=server.who(ALICE)).status == 200
    assert server.log.count("AH01626: authorization result of Require valid-user : granted", before) == 1


# The environment, where nobody signs in


EARLY = ['SetEnvIf Server_Addr "127" SITE_ORG=payer', 'SetEnvIfExpr "true" SITE_ORG=payer']
FROM_ENVIRONMENT = '<Location "/">\n    BillingOrg "%{{reqenv:SITE_ORG}}"\n    {access}\n</Location>\n{directive}\n'
MAY_SIGN_IN = "AuthType Basic\n    AuthName x\n    Require all granted"


@pytest.mark.parametrize("directive, access", [
    *((directive, access) for directive in EARLY for access in ("", "Require all granted", MAY_SIGN_IN)),
    ("SetEnv SITE_ORG payer", ""), ("SetEnv SITE_ORG payer", "Require all granted")])
def test_what_the_site_puts_in_the_environment_counts(cluster, database, site, directive, access):
    config = POLICY + GATE + FROM_ENVIRONMENT.format(access=access, directive=directive)
    server = populate(site(config, database=cluster.conninfo(database), sign_in=None))
    assert server.get(PAGE).text == SECRET
    assert server.get("/paid/").text == SECRET


@pytest.mark.parametrize("expression", [
    "%{reqenv:SITE_ORG}", "%{env:SITE_ORG}", "%{reqenv:FIRST}yer", "pa%{reqenv:LAST}", "%{reqenv:FIRST}%{reqenv:LAST}",
    "%{tolower:%{reqenv:SITE_ORG}}", "%{reqenv:NOTHING}%{reqenv:SITE_ORG}"])
def test_a_variable_alone_says_the_same_as_one_among_others(cluster, database, site, expression):
    """The first is looked up without evaluating it."""
    config = (POLICY + GATE + f'<Location "/">\n    BillingOrg "{expression}"\n    BillingRole "%{{reqenv:NOTHING}}"\n</Location>\n'
              'SetEnvIf Server_Addr "127" SITE_ORG=payer FIRST=pa LAST=yer\n')
    server = populate(site(config, database=cluster.conninfo(database), sign_in=None))
    assert server.get(PAGE).text == SECRET


def test_what_is_set_after_the_time_to_sign_in_is_asked_of_the_user(cluster, database, site):
    """mod_env sets its variables in fixups, so here the org looks as if it came from a sign-in."""
    config = POLICY + GATE + FROM_ENVIRONMENT.format(access=MAY_SIGN_IN, directive="SetEnv SITE_ORG payer")
    server = populate(site(config, database=cluster.conninfo(database), sign_in=None))
    assert server.get(PAGE).status == 401


# A proxy in front


def by_proxy(cluster, database, site, proxy):
    config = POLICY + GATE + WHO + f"""
<Location "/">
    BillingOrg "%{{req:X-Org}}" trusted-proxy={proxy}
</Location>
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
"""
    return populate(site(config, database=cluster.conninfo(database), sign_in=None, modules=["remoteip"]))


def test_a_header_of_a_trusted_proxy_counts(cluster, database, site):
    server = by_proxy(cluster, database, site, "192.0.2.1,127.0.0.0/8")
    assert server.get(PAGE, headers={"X-Org": "payer", "X-Forwarded-For": "203.0.113.9"}).text == SECRET
    assert server.get(PAGE, headers={"X-Org": "ended"}).json["reason"] == "canceled"
    assert server.get(PAGE).json["reason"] == "no_org"
    assert server.get(PAGE, headers=[("X-Org", "ended"), ("X-Org", "payer")]).json["reason"] == "no_org"
    assert server.get("/paid/", headers={"X-Org": "payer"}).text == SECRET


def test_a_header_of_anybody_else_does_not(cluster, database, site):
    """Nor does the address that mod_remoteip makes of a header."""
    server = by_proxy(cluster, database, site, "192.0.2.1")
    for more in ({}, {"X-Forwarded-For": "192.0.2.1"}, {"X-Real-IP": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}):
        answer = server.get(PAGE, headers={"X-Org": "payer", **more})
        assert (answer.status, answer.json["reason"]) == (401, "no_org")


# What a client cannot say


@pytest.mark.parametrize("headers", [
    {"OIDC_CLAIM_org_id": "payer"}, {"OIDC-CLAIM-org-id": "payer"}, {"X-Org": "payer"}, {"BILLING_ORG": "payer"},
    {"Billing-Org": "payer"}, {"Cookie": "OIDC_CLAIM_org_id=payer; org_id=payer"}, {"REDIRECT_OIDC_CLAIM_org_id": "payer"},
    {"X-Remote-User": "payer"}, {"Session": "OIDC_CLAIM_org_id=payer"}, {"X-Billing-Org": "payer"},
])
def test_a_client_s_headers_are_nobody_s_org(rewriting, headers):
    for who in (signed(ENDED), token(sub="x")):
        for path in ("/paid/page.html?org_id=payer&org=payer", "/free/twice", "/paid/"):
            answer = rewriting.get(path, headers={**who, **headers})
            assert answer.status in (402, 403)
            assert SECRET not in answer.text
    answer = rewriting.get(API + "/summary", headers={**signed(ENDED), **headers})
    assert answer.json["org"]["id"] == "ended"


@pytest.mark.parametrize("value", ["", " ", "payer ", " payer", "payer,ended", "payer\t", "Payer", "payer/../ended", "x" * 65,
                                   "payer%00", "пlayer", "<script>", "payer;ended", "*", "%"])
def test_a_claim_that_is_no_org_id_is_no_org(rewriting, value):
    answer = rewriting.get(PAGE, headers=token(sub="x", org_id=value))
    assert answer.status in (402, 403)
    assert SECRET not in answer.text


def test_a_claim_of_another_kind_is_no_org(rewriting):
    for value in (["payer"], {"id": "payer"}, None, True, 7, ["payer", "ended"]):
        answer = rewriting.get(PAGE, headers=token(sub="x", org_id=value))
        if value == ["payer"]:
            continue  # mod_auth_openidc hands a list of one on as its only word
        assert answer.status in (402, 403), value


# When an org was made


def test_a_claim_tells_a_new_org_from_an_old_one(cluster, database, site):
    config = (POLICY.replace("BillingEnforce enforce", "BillingEnforce new-orgs") + GATE + WHO + """
BillingNewOrgsSince 2026-01-01
<Location "/">
    BillingOrgCreated "%{reqenv:OIDC_CLAIM_created}"
</Location>
""")
    server = populate(site(config, database=cluster.conninfo(database)))
    for created, status in ((None, 200), ("2025-12-31", 200), ("2026-01-01", 402), ("2026-06-01T10:00:00Z", 402),
                            (1767225600, 402), (1767225600000, 402), (1700000000, 200), ("never", 200), ("", 200)):
        claims = {} if created is None else {"created": created}
        answer = server.get(PAGE, headers=signed(ENDED, **claims))
        assert answer.status == status, created
        assert answer.header("x-decision") == ("deny" if status == 402 else "would-deny")
    assert server.get(PAGE, headers=client.bearer("x")).status == 401
    server.allow("oidc_oauth")
