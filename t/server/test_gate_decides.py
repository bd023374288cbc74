# SPDX-License-Identifier: Apache-2.0
"""Where and when the gate decides: before sign-in, after it, whatever the site asks of its visitors."""
import ssl

import pytest

from gate_support import ENDED, GATE, NOBODY_PAID, OVERDUE, PAYER, POLICY, SECRET, feature, gate, populate, signed, subscribe
from harness import client
from harness.site import ALICE, API, CAROL, PASSWORD
from harness.tls import TLS_VHOST, Authority
from harness.waiting import wait_for

PAGE = "/paid/page.html"
OPEN = '<Location "/">\n    Require all granted\n</Location>\n'
SATISFY_ANY = '<Location "{path}">\n    Satisfy Any\n    Order allow,deny\n    {rule}\n</Location>\n'


def standing(cluster, database, module_site, config, **options):
    return populate(module_site(config, database=cluster.conninfo(database), **options))


# Sites that let everybody in


@pytest.fixture(scope="module")
def lenient(cluster, database, module_site):
    config = (POLICY + OPEN + GATE + feature("trucking.watched", "BillingEnforce monitor")
              + feature("trucking.off", "BillingEnforce off") + gate("/watched", key="trucking.watched")
              + gate("/off", key="trucking.off")
              + SATISFY_ANY.format(path="/paid/any", rule="Allow from all")
              + SATISFY_ANY.format(path="/paid/none", rule="Deny from all")
              + SATISFY_ANY.format(path="/watched/any", rule="Allow from all")
              + '<Location "/paid/noauth">\n    AuthType None\n</Location>\n'
              + 'LogFormat "%U %>s %{BILLING_DECISION}e" seen\nCustomLog "@ROOT@/seen" seen\n')
    server = standing(cluster, database, module_site, config, modules=["access_compat"])
    for folder in ("paid/any", "paid/none", "paid/noauth", "watched", "watched/any", "off"):
        server.write(f"htdocs/{folder}/page.html", SECRET)
    return server


@pytest.mark.allowed_log("AH01797", "oidc_oauth")
@pytest.mark.parametrize("path", [PAGE, "/paid/any/page.html", "/paid/none/page.html"])
def test_the_gate_makes_httpd_authenticate(lenient, path):
    allowed = lenient.get(path, headers=signed(PAYER))
    assert (allowed.status, allowed.text) == (200, SECRET)
    assert allowed.header("www-authenticate") is None
    assert lenient.get(path, headers=signed(ENDED)).status == 402
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        stranger = lenient.get(path, headers=headers)
        assert stranger.status == 401
        assert stranger.header("www-authenticate").startswith("Bearer")
        assert SECRET not in stranger.text


def test_ungated_paths_stay_open(lenient):
    assert lenient.get("/free/").text == "for everybody"


@pytest.mark.parametrize("path", ["/watched/page.html", "/watched/any/page.html", "/off/page.html"])
@pytest.mark.parametrize("headers", [{}, signed(ENDED), signed(NOBODY_PAID)], ids=["stranger", "ended", "nothing"])
def test_watching_never_changes_an_answer(lenient, path, headers):
    answer = lenient.get(path, headers=headers)
    assert (answer.status, answer.text) == (200, SECRET)
    assert answer.header("www-authenticate") is None


def test_without_a_way_to_sign_in_the_gate_is_shut(lenient):
    for headers in ({}, signed(PAYER)):
        answer = lenient.get("/paid/noauth/page.html", headers=headers)
        assert (answer.status, answer.json["reason"]) == (401, "no_org")
        assert answer.header("www-authenticate") is None


def test_without_any_sign_in_at_all_the_gate_is_shut(cluster, database, site):
    config = POLICY + GATE + '<Location "/">\n    BillingOrg "%{REMOTE_USER}"\n</Location>\n'
    server = site(config, database=cluster.conninfo(database), sign_in=None)
    server.write("htdocs/paid/page.html", SECRET)
    for headers in ({}, client.basic("payer", "x")):
        answer = server.get(PAGE, headers=headers)
        assert (answer.status, answer.json["reason"]) == (401, "no_org")


def test_without_billing_org_the_gate_is_shut(cluster, database, site):
    server = site(POLICY + GATE, database=cluster.conninfo(database), sign_in=None)
    server.write("htdocs/paid/page.html", SECRET)
    assert server.get(PAGE).status == 401


PASSING = """
OIDCProviderIssuer                https://login.example.com
OIDCProviderAuthorizationEndpoint https://login.example.com/authorize
OIDCProviderTokenEndpoint         https://login.example.com/token
OIDCClientID     site
OIDCClientSecret secret
OIDCRedirectURI  https://localhost/back
<Location "/">
    AuthType openid-connect
    OIDCUnAuthAction pass
</Location>
"""


def test_who_is_let_pass_unauthenticated_is_not_signed_in(cluster, database, site):
    """mod_auth_openidc then names the user with nothing, and httpd takes that for valid."""
    server = populate(site(POLICY + GATE + PASSING, database=cluster.conninfo(database)))
    assert server.get("/free/").status == 200
    answer = server.get(PAGE)
    assert (answer.status, answer.json["reason"]) == (401, "no_org")
    assert server.get(API + "/summary").status == 401


# A password that is wrong


@pytest.fixture(scope="module")
def by_password(cluster, database, module_site):
    """Everything is gated, and every refusal shows a document of the gated tree with the same configuration."""
    config = (POLICY + gate("/")
              + "ErrorDocument 401 /page.html\nErrorDocument 403 /page.html\nRedirect 403 /forbidden\n")
    server = module_site(config, database=cluster.conninfo(database), sign_in="password")
    populate(server)
    subscribe(server, ALICE.org)
    server.write("htdocs/page.html", SECRET)
    return server


def test_the_right_password_opens(by_password):
    assert by_password.get("/page.html", headers=by_password.who(ALICE)).text == SECRET
    assert by_password.get("/page.html", headers=by_password.who(CAROL)).status == 402


@pytest.mark.allowed_log("AH01617")
@pytest.mark.parametrize("path", ["/page.html", "/", "/nothing", "/forbidden", "/paid/", "/paid/page.html"])
def test_a_wrong_password_never_yields_an_org(by_password, path):
    for password in ("wrong", "", PASSWORD + "x"):
        answer = by_password.get(path, headers=client.basic(ALICE.name, password))
        assert answer.status in (401, 403)
        assert SECRET not in answer.text


# The kill switch


def test_the_kill_switch_opens_without_a_reload_and_shuts_again(cluster, database, site):
    config = POLICY + OPEN + GATE + 'BillingKillSwitch "@ROOT@/switch/off"\n'
    server = site(config, database=cluster.conninfo(database), start=False)
    folder = server.root / "switch"
    folder.mkdir(mode=0o755)
    populate(server.start())
    assert server.get(PAGE).status == 401
    (folder / "off").touch()
    # Each child looks once a second, so for a second they may differ.
    wait_for(lambda: all(server.get(PAGE, headers=signed(ENDED)).text == SECRET for _ in range(16)), 10, "the gate to open")
    wait_for(lambda: all(server.get(PAGE).status == 200 for _ in range(16)), 10, "every child to see it")
    (folder / "off").unlink()
    wait_for(lambda: all(server.get(PAGE).status == 401 for _ in range(16)), 10, "the gate to shut")
    wait_for(lambda: server.get(PAGE, headers=signed(ENDED)).status == 402, 10, "the gate to shut for everybody")


# An org that no sign-in changes


def test_an_org_of_a_virtual_host_needs_no_sign_in(cluster, database, site):
    config = POLICY + GATE + '<Location "/">\n    BillingOrg ended\n</Location>\n'
    server = site(config, database=cluster.conninfo(database), sign_in=None)
    populate(server)
    assert server.get(PAGE).json["reason"] == "canceled"


def test_a_stranger_learns_nothing_of_a_virtual_host_s_org(cluster, database, site):
    config = POLICY + GATE + '<Location "/">\n    BillingOrg ended\n</Location>\n'
    server = populate(site(config, database=cluster.conninfo(database)))
    stranger = server.get(PAGE)
    assert stranger.status == 401 and "canceled" not in stranger.text
    assert server.get(PAGE, headers=signed(PAYER)).json["reason"] == "canceled"


def test_a_role_of_the_user_is_asked_for_even_where_the_org_is_known(cluster, database, site):
    config = (POLICY + OPEN + feature("trucking.reports", "BillingEnforce enforce", "BillingRoles owner")
              + gate("/paid", key="trucking.reports") + '<Location "/">\n    BillingOrg payer\n</Location>\n')
    server = populate(site(config, database=cluster.conninfo(database)))
    assert server.get(PAGE).status == 401
    assert server.get(PAGE, headers=signed(PAYER)).text == SECRET


# Client certificates


@pytest.fixture(scope="module")
def authority(scratch):
    made = Authority(scratch)
    for name in ("payer", "ended", "nothing"):
        made.issue(name, f"/O={name}/CN={name}")
    made.issue("forged", "/O=payer/CN=payer", trusted=False)
    return made


CERTIFICATE = '<Location "/">\n    BillingOrg "%{SSL_CLIENT_S_DN_O}"\n</Location>\n'


def with_certificates(cluster, database, site, authority, vhost, config="", **options):
    values = {"TLS": authority.port, "CERTIFICATES": authority.folder}
    server = site(POLICY + GATE + config + TLS_VHOST.format(lines=vhost), database=cluster.conninfo(database),
                         modules=["ssl"], values=values, **options)
    return populate(server)


def ask(authority, path=PAGE, certificate=None, version=None, method="GET", **options):
    return client.request(authority.port, method, path, tls=authority.context(certificate, version), **options)


@pytest.fixture(params=["optional", "optional_no_ca"])
def certified(request, cluster, database, authority, site):
    """Sign-in by password too, to see what comes first."""
    return with_certificates(cluster, database, site, authority, f"SSLVerifyClient {request.param}",
                             CERTIFICATE + '<Location "/free">\n    Require all granted\n</Location>\n',
                             sign_in="password")


def test_a_certificate_decides_before_sign_in(certified, authority):
    denied = ask(authority, certificate="ended")
    assert (denied.status, denied.json["reason"]) == (402, "canceled")
    assert ask(authority, certificate="nothing").json["reason"] == "no_subscription"
    assert ask(authority, certificate="payer").status == 401  # the site's own Require valid-user
    assert ask(authority, certificate="payer", headers=certified.who(ALICE)).text == SECRET


def test_a_certificate_that_does_not_verify_is_nobody_s(cluster, database, site, authority):
    server = with_certificates(cluster, database, site, authority, "SSLVerifyClient optional_no_ca", CERTIFICATE,
                               sign_in=None)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert ask(authority, certificate="payer", version=version).text == SECRET
        assert ask(authority, certificate="forged", version=version).json["reason"] == "no_org"
        assert ask(authority, version=version).json["reason"] == "no_org"
    server.allow("AH02037", "AH02276")


def test_a_certificate_asked_for_by_the_gated_location_alone_counts(cluster, database, site, authority):
    location = '<Location "/paid">\n    SSLVerifyClient require\n</Location>'
    with_certificates(cluster, database, site, authority, location, CERTIFICATE, sign_in=None)
    assert ask(authority, certificate="payer", version=ssl.TLSVersion.TLSv1_2).text == SECRET
    assert ask(authority, certificate="ended", version=ssl.TLSVersion.TLSv1_2).json["reason"] == "canceled"


def test_a_user_named_by_an_unverified_certificate_is_nobody(cluster, database, site, authority):
    """SSLUserName sets r->user without any authentication."""
    config = '<Location "/">\n    BillingOrg "%{REMOTE_USER}"\n</Location>\n'
    with_certificates(cluster, database, site, authority,
                      "SSLVerifyClient optional_no_ca\n    SSLUserName SSL_CLIENT_S_DN_O", config, sign_in=None)
    assert ask(authority, certificate="payer").text == SECRET
    assert ask(authority, certificate="forged").json["reason"] == "no_org"


# Several features, and methods


@pytest.fixture(scope="module")
def several(cluster, database, module_site):
    config = (POLICY + feature("trucking.routing", "BillingEnforce enforce", "BillingExcept DELETE")
              + feature("trucking.reports", "BillingEnforce enforce", "BillingPastDue read-only")
              + gate("/one") + gate("/one/more", key="trucking.routing") + gate("/one/clear", key="none")
              + gate("/reports", key="trucking.reports"))
    server = standing(cluster, database, module_site, config)
    for folder in ("one", "one/more", "one/clear", "reports"):
        server.write(f"htdocs/{folder}/page.html", SECRET)
    return server


def test_all_features_are_needed(several):
    assert several.get("/one/page.html", headers=signed(PAYER)).text == SECRET
    answer = several.get("/one/more/page.html", headers=signed(PAYER))
    assert (answer.status, answer.json["feature"]) == (402, "trucking.routing")
    answer = several.get("/one/more/page.html", headers=signed(ENDED))
    assert (answer.status, answer.json["feature"]) == (402, "trucking.dispatch")
    assert several.get("/one/clear/page.html", headers=signed(ENDED)).text == SECRET


OVERRIDES = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x-http-method-override"]


def test_an_excepted_method_passes_but_not_one_that_pretends(several):
    assert several.request("DELETE", "/one/more/page.html", headers=signed(PAYER)).status == 405
    for name in OVERRIDES:
        headers = {**signed(PAYER), name: "GET"}
        assert several.request("DELETE", "/one/more/page.html", headers=headers).status == 402
    assert several.request("DELETE", "/one/more/page.html", headers=signed(ENDED)).status == 402


def test_read_only_lets_reading_pass_but_not_one_that_pretends(several):
    assert several.get("/reports/page.html", headers=signed(OVERDUE)).text == SECRET
    assert several.request("HEAD", "/reports/page.html", headers=signed(OVERDUE)).status == 200
    for method in ("POST", "PUT", "DELETE", "PATCH", "PROPFIND", "OPTIONS", "MADEUP"):
        assert several.request(method, "/reports/page.html", headers=signed(OVERDUE)).status == 402
    for name in OVERRIDES:
        assert several.get("/reports/page.html", headers={**signed(OVERDUE), name: "POST"}).status == 402
