# SPDX-License-Identifier: Apache-2.0
"""Require billing-feature, billing-plan and billing-status: what they grant, to whom, and how they compose."""
import pytest

from configtest import GATE, PLAN, ServerRoot, feature as section, location, numbered, readable, running
from gate_support import ENDED, NOBODY_PAID, OVERDUE, PAYER, SECRET, TOKEN_SIGN_IN_UNASKED, feature, signed, stop, subscribe
from harness import client
from harness.site import ALICE, BOB, CAROL, CATALOGUE, PASSWORD, Person, token

DISPATCHER = Person("dan", PAYER.org, "dispatcher")

POLICY = CATALOGUE + feature("trucking.dispatch", "BillingEnforce enforce", "BillingPastDue deny") + feature(
    "trucking.reports", "BillingEnforce enforce", "BillingRoles owner") + feature(
    "trucking.watched", "BillingEnforce monitor") + feature("trucking.off", "BillingEnforce off")
SHOW = 'Header always set X-Org "%{BILLING_ORG}e"\n'


def place(path, *lines):
    return f'<Location "{path}">\n' + "".join(f"    {line}\n" for line in lines) + "</Location>\n"


PLACES = {
    "feature": ["Require billing-feature trucking.dispatch"],
    "role": ["Require billing-feature trucking.reports"],
    "watched": ["Require billing-feature trucking.watched"],
    "off": ["Require billing-feature trucking.off"],
    "plan": ["Require billing-plan founding_monthly"],
    "otherplan": ["Require billing-plan fleet_monthly"],
    "plans": ["Require billing-plan fleet_monthly founding_monthly"],
    "active": ["Require billing-status active"],
    "live": ["Require billing-status active past_due"],
    "none": ["Require billing-status none"],
    "notcanceled": ["<RequireAll>", "Require all granted", "Require not billing-status canceled", "</RequireAll>"],
    "any": ["<RequireAny>", "Require ip 192.0.2.1", "Require billing-feature trucking.dispatch", "</RequireAny>"],
    "anyip": ["<RequireAny>", "Require billing-feature trucking.dispatch", "Require ip 127.0.0.1", "</RequireAny>"],
    "all": ["<RequireAll>", "Require billing-status active", "Require billing-feature trucking.reports", "</RequireAll>"],
    "allip": ["<RequireAll>", "Require billing-status active", "Require ip 192.0.2.1", "</RequireAll>"],
    "nofeature": ["<RequireAll>", "Require valid-user", "<RequireNone>", "Require billing-feature trucking.dispatch",
                  "</RequireNone>", "</RequireAll>"],
    "alias": ["Require paying"],
    "notalias": ["<RequireAll>", "Require all granted", "Require not ended", "</RequireAll>"],
    "both": ["Require billing-status active", "BillingRequireFeature trucking.reports"],
}
ALIASES = """
<AuthzProviderAlias billing-status paying "active past_due">
</AuthzProviderAlias>
<AuthzProviderAlias billing-status ended canceled>
</AuthzProviderAlias>
"""


def populate(server):
    subscribe(server, PAYER.org)
    subscribe(server, ENDED.org, "canceled")
    subscribe(server, OVERDUE.org, "past_due")
    for name in [*PLACES, "inner"]:
        server.write(f"htdocs/{name}/page.html", SECRET)
    return server


@pytest.fixture(scope="module")
def servers(cluster, database, module_site):
    def connected(config, **options):
        return module_site(config, database=cluster.conninfo(database), **options)
    made = by_token_made(connected), by_password_made(connected)
    yield made
    stop(*made)


@pytest.fixture(scope="module")
def server(servers):
    return servers[0]


@pytest.fixture(scope="module")
def by_password(servers):
    return servers[1]


def by_token_made(connected):
    config = POLICY + ALIASES + SHOW + "".join(place(f"/{name}", *lines) for name, lines in PLACES.items())
    return populate(connected(config))


def status(server, name, person, **claims):
    answer = server.get(f"/{name}/page.html", headers=signed(person, **claims))
    assert (answer.status == 200) == (SECRET in answer.text)
    return answer.status


# PAYER, ENDED, OVERDUE and NOBODY_PAID
EXPECTED = {
    "feature": (200, 403, 403, 403),
    "role": (200, 403, 200, 403),
    "watched": (200, 200, 200, 200),
    "off": (200, 200, 200, 200),
    "plan": (200, 200, 200, 403),  # the plan that the org has, or had
    "otherplan": (403, 403, 403, 403),
    "plans": (200, 200, 200, 403),
    "active": (200, 403, 403, 403),
    "live": (200, 403, 200, 403),
    "none": (403, 403, 403, 200),
    "notcanceled": (200, 403, 200, 200),
    "any": (200, 403, 403, 403),
    "anyip": (200, 200, 200, 200),
    "all": (200, 403, 403, 403),
    "allip": (403, 403, 403, 403),
    "nofeature": (403, 200, 200, 200),
    "alias": (200, 401, 200, 401),
    "notalias": (200, 401, 200, 200),
    "both": (200, 403, 403, 403),
}


@pytest.mark.allowed_log("AH01630", "AH01631")
@pytest.mark.parametrize("name", PLACES)
def test_what_is_granted_to_whom(server, name):
    """An alias does not know its sections, so there mod_authz_core's own 401 stays."""
    assert tuple(status(server, name, person) for person in (PAYER, ENDED, OVERDUE, NOBODY_PAID)) == EXPECTED[name]


@pytest.mark.allowed_log("AH01631")
def test_the_role_counts(server):
    assert status(server, "role", DISPATCHER) == 403
    assert status(server, "feature", DISPATCHER) == 200


@pytest.mark.allowed_log("AH01631")
def test_a_user_without_an_org_meets_nothing(server):
    nobody = token(sub="nobody")
    for name in ("feature", "plan", "active", "none", "live"):
        assert server.get(f"/{name}/page.html", headers=nobody).status == 403, name
    for name in ("watched", "off", "nofeature"):
        assert server.get(f"/{name}/page.html", headers=nobody).status == 200, name


@pytest.mark.allowed_log("AH01629", "AH01630", "oidc_oauth")
@pytest.mark.parametrize("name", [name for name in PLACES if name not in ("anyip", "allip")])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}], ids=["nobody", "nonsense"])
def test_never_granted_without_a_user_whatever_the_enforcement(server, name, headers):
    answer = server.get(f"/{name}/page.html", headers=headers)
    assert answer.status == 401
    assert answer.header("www-authenticate").startswith("Bearer")
    assert SECRET not in answer.text


@pytest.mark.allowed_log("AH01630")
def test_conditions_that_no_user_changes_are_not_asked_to_sign_in(server):
    assert server.get("/anyip/page.html").status == 200
    assert server.get("/allip/page.html").status == 403


@pytest.mark.allowed_log("AH01630", "AH01631")
@pytest.mark.parametrize("path", ["//feature/page.html", "/./feature/page.html", "/x/../feature/page.html",
                                  "/f%65ature/page.html", "/feature//page.html"])
def test_spellings_of_a_path(server, path):
    assert server.get(path, headers=signed(ENDED)).status == 403
    assert server.get(path, headers=signed(PAYER)).status == 200


# By password: a wrong one, and httpd's own 401


def by_password_made(connected):
    config = (CATALOGUE + feature("trucking.dispatch", "BillingEnforce enforce")
              + feature("trucking.watched", "BillingEnforce monitor")
              + place("/feature", "Require billing-feature trucking.dispatch")
              + place("/watched", "Require billing-feature trucking.watched")
              + place("/prompting", "Require billing-feature trucking.dispatch", "AuthzSendForbiddenOnFailure Off")
              + place("/notcanceled", *PLACES["notcanceled"])
              + place("/inner", "AuthType None", "Require all granted")
              + 'ErrorDocument 401 /feature/page.html\nErrorDocument 403 /inner/page.html\n'
              + '<Location "/">\n    BillingOrg "%{tolower:%{REMOTE_USER}}"\n</Location>\n')
    server = connected(config, sign_in="password")
    subscribe(server, ALICE.name)
    for name in ("feature", "watched", "prompting", "notcanceled"):
        server.write(f"htdocs/{name}/page.html", SECRET)
    server.write("htdocs/inner/page.html", "refused")
    return server


@pytest.mark.allowed_log("AH01617", "AH01618", "AH01631", "AH01629")
@pytest.mark.parametrize("name", ["watched", "notcanceled", "prompting"])
@pytest.mark.parametrize("password", ["wrong", "", PASSWORD + "x"])
def test_a_wrong_password_is_no_user(by_password, name, password):
    """ErrorDocument 401 lies in a tree that the claimed name could see."""
    answer = by_password.get(f"/{name}/page.html", headers=client.basic(ALICE.name, password))
    assert answer.status == 401
    assert SECRET not in answer.text


@pytest.mark.allowed_log("AH01631")
def test_a_signed_in_user_who_is_refused_gets_403_unless_the_site_says_otherwise(by_password):
    assert by_password.get("/feature/page.html", headers=by_password.who(ALICE)).text == SECRET
    refused = by_password.get("/feature/page.html", headers=by_password.who(CAROL))
    assert (refused.status, refused.text, refused.header("www-authenticate")) == (403, "refused", None)
    prompting = by_password.get("/prompting/page.html", headers=by_password.who(CAROL))
    assert prompting.status == 401
    assert prompting.header("www-authenticate").startswith("Basic")


# Sites that cannot authenticate, or let everybody in


@pytest.mark.allowed_log("AH01630")
@pytest.mark.parametrize("auth", ["", "AuthType None"])
def test_without_sign_in_an_org_that_needs_none_counts(site, cluster, database, auth):
    config = (POLICY + place("/", 'SetEnvIf X-Who "^(.*)$" WHO=$1', "Require all granted", 'BillingOrg "%{reqenv:WHO}"', auth)
              + "".join(place(f"/{name}", *lines) for name, lines in PLACES.items() if "alias" not in name and name != "nofeature")
              + place("/vhost", "BillingOrg payer", "Require billing-feature trucking.dispatch")
              + place("/vhostended", "BillingOrg ended", "Require billing-feature trucking.dispatch"))
    server = populate(site(config, database=cluster.conninfo(database), sign_in=None))
    for name in ("vhost", "vhostended"):
        server.write(f"htdocs/{name}/page.html", SECRET)
    for name in ("feature", "watched", "off", "plans", "active", "live", "none", "notcanceled", "any", "anyip", "all"):
        if name == "all":
            continue  # asks for a role
        for person, expected in zip((PAYER, ENDED, OVERDUE, NOBODY_PAID), EXPECTED[name]):
            answer = server.get(f"/{name}/page.html", headers={"X-Who": person.org})
            assert answer.status == expected, (name, person)
    assert server.get("/feature/page.html").status == 403
    assert server.get("/watched/page.html").status == 200
    assert [server.get(f"/{name}/page.html").status for name in ("vhost", "vhostended")] == [200, 403]


@pytest.mark.allowed_log("AH01629", "AH01630", "AH01631", "oidc_oauth")
def test_a_fixed_org_grants_nobody_who_has_not_signed_in(site, cluster, database):
    config = POLICY + place("/", "BillingOrg payer") + place("/feature", "Require billing-feature trucking.dispatch")
    server = site(config, database=cluster.conninfo(database))
    server.write("htdocs/feature/page.html", SECRET)
    subscribe(server, PAYER.org)
    assert server.get("/feature/page.html").status == 401
    assert server.get("/feature/page.html", headers=token(sub="anyone")).status == 200


@pytest.mark.allowed_log("AH01629", "AH01630", "AH01631", "AH01797", "oidc_oauth")
def test_satisfy_any_asks_the_condition_where_the_address_does_not_satisfy(site, cluster, database):
    config = (POLICY + TOKEN_SIGN_IN_UNASKED.split("OIDCOAuthRemoteUserClaim sub")[1]
              + place("/denied", "Satisfy Any", "Order allow,deny", "Deny from all", "Require billing-feature trucking.dispatch")
              + place("/watched", "Satisfy Any", "Order allow,deny", "Deny from all", "Require billing-feature trucking.watched")
              + place("/allowed", "Satisfy Any", "Order allow,deny", "Allow from all", "Require billing-feature trucking.dispatch"))
    server = site(config, database=cluster.conninfo(database), modules=["access_compat"])
    for name in ("denied", "watched", "allowed"):
        server.write(f"htdocs/{name}/page.html", SECRET)
    subscribe(server, PAYER.org)
    subscribe(server, ENDED.org, "canceled")
    assert [server.get("/denied/page.html", headers=headers).status for headers in ({}, signed(PAYER), signed(ENDED))] == [401, 200, 403]
    assert [server.get("/watched/page.html", headers=headers).status for headers in ({}, signed(ENDED))] == [401, 200]
    # The address satisfies: then httpd asks no condition. A gate (BillingRequireFeature) is asked all the same.
    assert server.get("/allowed/page.html").status == 200


# Internal requests


@pytest.mark.allowed_log("AH01630", "AH01631")
def test_rewrites_fallbacks_and_index_files(site, cluster, database):
    config = (POLICY + place("/feature", "Require billing-feature trucking.dispatch")
              + 'FallbackResource /feature/page.html\nRewriteEngine On\nRewriteRule ^/moved$ /feature/page.html [PT]\n'
              + 'DirectoryIndex page.html\n<Directory "@DOCS@/rewritten">\nRewriteEngine On\n'
              + 'RewriteRule ^page.html$ /feature/page.html\n</Directory>\n')
    server = site(config, database=cluster.conninfo(database), modules=["rewrite"])
    populate(server)
    server.write("htdocs/rewritten/page.html", "nothing")
    for path in ("/moved", "/feature/", "/nothing", "/rewritten/page.html"):
        assert server.get(path, headers=signed(PAYER)).text == SECRET, path
        assert server.get(path, headers=signed(ENDED)).status == 403, path


# The kill switch, and a database that is away


@pytest.mark.allowed_log("AH01631")
def test_the_kill_switch_softens_features_and_not_facts(site, cluster, database):
    config = (POLICY + place("/feature", *PLACES["feature"]) + place("/active", *PLACES["active"])
              + 'BillingKillSwitch "@ROOT@/switch/off"\n')
    server = site(config, database=cluster.conninfo(database), start=False)
    (server.root / "switch").mkdir(mode=0o755)
    (server.root / "switch/off").touch()
    populate(server.start())
    assert (status(server, "feature", ENDED), status(server, "active", ENDED)) == (200, 403)
    assert server.get("/feature/page.html").status == 401


@pytest.mark.allowed_log("AH01631", "ATB0202", "AH00629", "AH00633", "AH00636")
def test_what_is_not_known_is_no_fact(site, cluster):
    server = site(POLICY + place("/feature", *PLACES["feature"]) + place("/none", *PLACES["none"])
                  + place("/notcanceled", *PLACES["notcanceled"]),
                  database="host=127.0.0.1 port=1 dbname=nothing user=nobody")
    for name in ("feature", "none", "notcanceled"):
        server.write(f"htdocs/{name}/page.html", SECRET)
    assert (status(server, "feature", PAYER), status(server, "none", PAYER)) == (200, 403)
    assert status(server, "notcanceled", PAYER) == 200


# Configuration


@pytest.fixture
def root(tmp_path):
    return ServerRoot(tmp_path)


ACCEPTED = [
    "Require billing-feature trucking.dispatch", "Require not billing-feature trucking.dispatch",
    'Require billing-feature "trucking.dispatch"', "Require billing-plan basic", "Require billing-plan basic basic",
    "Require billing-status active past_due canceled none",
    "<Limit GET POST>\nRequire billing-feature trucking.dispatch\n</Limit>",
]
REFUSED = [
    ("Require billing-feature", "one feature key"),
    ("Require billing-feature trucking.dispatch trucking.reports", "one feature key"),
    ("Require billing-feature tru%king", "tru%king"),
    ("Require billing-feature none", "none"),
    ("Require billing-feature no.such", "neither declared nor granted"),
    ("Require billing-plan", "plan keys"),
    ("Require billing-plan no.such", "there is no plan"),
    ("Require billing-plan b/d", "b/d"),
    ("Require billing-status", "active"),
    ("Require billing-status actve", "actve"),
    ("Require billing-status trialing", "trialing"),
]


@pytest.mark.parametrize("line", ACCEPTED)
def test_accepted(root, line):
    root.run(PLAN + location("<RequireAll>", "Require all granted", line, "</RequireAll>")).assert_ok()


@pytest.mark.bad_input
@pytest.mark.parametrize("line, words", REFUSED)
def test_refused(root, line, words):
    root.run(PLAN + location(line)).assert_refused(line, words)


@pytest.mark.parametrize("line", ["Require billing-feature trucking.dispatch", "Require billing-plan basic",
                                  "Require billing-status active"])
def test_each_needs_the_database(root, line):
    result = root.run(PLAN + location(line), database="")
    assert result.code == 1 and "ATB0110" in result.output


@pytest.mark.bad_input
@pytest.mark.parametrize("line", ["billing-feature trucking.dispatch", "billing-plan basic", "billing-status active"])
def test_not_from_htaccess(line):
    with readable() as root:
        root.write("www/.htaccess", f"Require {line}\n", mode=0o644)
        root.write("www/page.html", "page", mode=0o644)
        (root.path / "www").chmod(0o755)
        body = (f"DocumentRoot {root.path}/www\n<Directory {root.path}/www>\nAllowOverride All\nRequire all granted\n"
                "</Directory>\n")
        with running(root, body) as url:
            answer = client.request(int(url.rsplit(":", 1)[1]), "GET", "/page.html")
        assert answer.status == 500
        assert "cannot occur within htaccess" in (root.path / "error.log").read_text()
