# SPDX-License-Identifier: Apache-2.0
"""billing('KEY'), BILLING_ORG, BILLING_PLAN and BILLING_STATUS in httpd's expressions, before and after sign-in."""
import pytest

from configtest import GATE, PLAN, ServerRoot, feature as section, location, readable, running
from gate_support import ENDED, NOBODY_PAID, OVERDUE, PAYER, feature, signed, stop, subscribe
from harness import client
from harness.site import CATALOGUE, Person, token
from harness.waiting import wait_for

POLICY = CATALOGUE + feature("trucking.dispatch", "BillingEnforce enforce", "BillingPastDue deny") + feature(
    "trucking.reports", "BillingEnforce enforce", "BillingRoles owner") + feature("trucking.watched", "BillingEnforce monitor")
DISPATCHER = Person("dan", PAYER.org, "dispatcher")

SHOW = """
Header always set X-Org      "expr=%{BILLING_ORG}"
Header always set X-Plan     "expr=%{BILLING_PLAN}"
Header always set X-Status   "expr=%{BILLING_STATUS}"
Header always set X-Dispatch "expr=%{billing:trucking.dispatch}"
Header always set X-Reports  "on" "expr=-T billing('trucking.reports')"
Header always set X-Watched  "on" "expr=-n billing('trucking.watched')"
"""


def populate(server):
    subscribe(server, PAYER.org)
    subscribe(server, ENDED.org, "canceled")
    subscribe(server, OVERDUE.org, "past_due")
    return server


def shown(answer):
    return [answer.header(name) for name in ("x-org", "x-plan", "x-status", "x-dispatch")]


# After sign-in


@pytest.fixture(scope="module")
def server(cluster, database, module_site):
    config = POLICY + SHOW + """
<Location "/early">
    <If "-T billing('trucking.dispatch')">
        Header set X-If paid
    </If>
    <ElseIf "%{BILLING_ORG} != ''">
        Header set X-If unpaid
    </ElseIf>
    <Else>
        Header set X-If nobody
    </Else>
</Location>
<Location "/expr">
    Require expr "-T billing('trucking.dispatch')"
</Location>
<Location "/exprlate">
    Require expr "-T billing('trucking.dispatch') && %{REMOTE_USER} != ''"
</Location>
<Location "/rewrite">
    RewriteEngine On
    RewriteCond expr "! -T billing('trucking.dispatch')"
    RewriteRule ^ - [R=410]
    RewriteCond expr "%{BILLING_STATUS} == 'past_due'"
    RewriteRule ^ - [E=WARN:overdue]
    Header set X-Warn "%{WARN}e" env=WARN
</Location>
LogFormat "%{X-Log}o" nothing
CustomLog "@ROOT@/paying.log" "%U %u" "expr=-T billing('trucking.dispatch')"
ErrorDocument 410 "pay"
"""
    made = populate(module_site(config, database=cluster.conninfo(database), modules=["rewrite"]))
    for name in ("early", "expr", "exprlate", "rewrite"):
        made.write(f"htdocs/{name}/page.html", "page")
    yield made
    stop(made)


@pytest.mark.parametrize("person, expected", [
    (PAYER, [PAYER.org, "founding_monthly", "active", "1"]),
    (DISPATCHER, [PAYER.org, "founding_monthly", "active", "1"]),
    (OVERDUE, [OVERDUE.org, "founding_monthly", "past_due", ""]),
    (ENDED, [ENDED.org, "founding_monthly", "canceled", ""]),
    (NOBODY_PAID, [NOBODY_PAID.org, "", "none", ""]),
])
def test_headers_on_a_path_without_a_gate(server, person, expected):
    assert shown(server.get("/", headers=signed(person))) == expected


def test_roles_and_enforcement_count(server):
    assert [server.get("/", headers=signed(person)).header("x-reports") for person in (PAYER, DISPATCHER)] == ["on", None]
    assert [server.get("/", headers=signed(person)).header("x-watched") for person in (PAYER, ENDED)] == ["on", "on"]


def test_who_is_signed_in_without_an_org(server):
    assert shown(server.get("/", headers=token(sub="nobody"))) == ["", "", "", ""]


@pytest.mark.allowed_log("oidc_oauth")
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
def test_who_is_refused_has_no_org(server, headers):
    answer = server.get("/", headers=headers)
    assert (answer.status, shown(answer)) == (401, ["", "", "", ""])


def test_rewriting_in_a_section_runs_after_sign_in(server):
    assert server.get("/rewrite/page.html", headers=signed(PAYER)).text == "page"
    assert server.get("/rewrite/page.html", headers=signed(ENDED)).text == "pay"


def test_a_log_may_hold_payers_alone(server):
    for person in (PAYER, ENDED):
        server.get("/early/page.html?log", headers=signed(person))
    log = server.root / "paying.log"
    wait_for(lambda: "/early/page.html pat" in log.read_text(), 5, "the log line")
    assert "eva" not in log.read_text()


# Before sign-in


@pytest.mark.parametrize("person", [PAYER, ENDED])
def test_an_if_comes_before_sign_in_so_nobody_has_an_org(server, person):
    assert server.get("/early/page.html", headers=signed(person)).header("x-if") == "nobody"


@pytest.mark.allowed_log("AH01629", "AH01630", "AH01631")
def test_require_expr_is_asked_after_sign_in_where_it_names_the_user(server):
    assert server.get("/expr/page.html", headers=signed(PAYER)).status == 403
    assert server.get("/exprlate/page.html", headers=signed(PAYER)).status == 200
    assert server.get("/exprlate/page.html", headers=signed(ENDED)).status in (401, 403)


def test_an_org_that_needs_no_sign_in_is_there_for_an_if(site, cluster, database):
    config = POLICY + """
<VirtualHost *:@PORT@>
    ServerName paid
    <Location "/">
        BillingOrg payer
        <If "-T billing('trucking.dispatch')">
            Header always set X-If "paid"
        </If>
    </Location>
    RewriteEngine On
    RewriteCond expr "%{BILLING_PLAN} == 'founding_monthly'"
    RewriteRule ^/plan$ - [R=410]
</VirtualHost>
<VirtualHost *:@PORT@>
    ServerName ended
    <Location "/">
        BillingOrg ended
        <If "! -T billing('trucking.dispatch')">
            Header always set X-If "unpaid"
        </If>
    </Location>
</VirtualHost>
"""
    server = populate(site(config, database=cluster.conninfo(database), sign_in=None, modules=["rewrite"]))
    assert server.get("/", headers={"Host": "paid"}).header("x-if") == "paid"
    assert server.get("/", headers={"Host": "ended"}).header("x-if") == "unpaid"
    assert server.get("/plan", headers={"Host": "paid"}).status == 410


@pytest.mark.allowed_log("AH01617", "AH01618")
def test_a_name_that_failed_its_password_is_nobody_in_an_error_document(site, cluster, database):
    config = POLICY + SHOW + 'ErrorDocument 401 /401.html\n<Location "/">\n    BillingOrg "%{REMOTE_USER}"\n</Location>\n'
    server = site(config, database=cluster.conninfo(database), sign_in="password")
    subscribe(server, "alice")
    server.write("htdocs/401.html", "sign in")
    assert shown(server.get("/", headers=server.who(Person("alice", "", "")))) == ["alice", "founding_monthly", "active", "1"]
    for path in ("/", "/401.html"):
        refused = server.get(path, headers=client.basic("alice", "wrong"))
        assert (refused.status, shown(refused)) == (401, ["", "", "", ""])


# A database that is away


@pytest.mark.allowed_log("ATB0202", "AH00629", "AH00633", "AH00636")
def test_without_a_database_the_status_is_unknown_and_stale_policies_count(site):
    config = POLICY + feature("trucking.strict", "BillingEnforce enforce", "BillingStale then=deny") + SHOW + \
        'Header always set X-Strict "on" "expr=-T billing(\'trucking.strict\')"\n'
    server = site(config, database="host=127.0.0.1 port=1 dbname=nothing user=nobody")
    answer = server.get("/", headers=signed(PAYER))
    assert shown(answer) == [PAYER.org, "", "unknown", "1"]
    assert answer.header("x-strict") is None


# Configuration


@pytest.fixture
def root(tmp_path):
    return ServerRoot(tmp_path)


ACCEPTED = [
    "<If \"-T billing('trucking.dispatch')\">\n</If>",
    "<If \"-n billing('trucking.dispatch') && billing('trucking.dispatch') == '1'\">\n</If>",
    "<If \"-T BILLING('trucking.dispatch') || %{billing:trucking.dispatch} -eq 1\">\n</If>",
    "<If \"%{BILLING_STATUS} in {'active', 'past_due'} && %{billing_plan} != '' && %{BILLING_ORG} =~ /^a/\">\n</If>",
    "Require expr \"-T billing('trucking.dispatch')\"",
]
REFUSED = [
    ("<If \"-T billing('no.such')\">\n</If>", "no.such", "neither declared nor granted"),
    ("<If \"-T billing(%{HTTP_HOST})\">\n</If>", "billing(", "feature key as it is"),
    ("<If \"-T billing('a' . 'b')\">\n</If>", "billing(", "feature key as it is"),
    ("<If \"-T billing('')\">\n</If>", "billing(", "feature key as it is"),
    ("<If \"-T billing('tru king')\">\n</If>", "billing(", "feature key as it is"),
    ('BillingOrg "%{BILLING_ORG}"', "BILLING_ORG", "itself found by way of"),
    ('BillingRole "%{billing:trucking.dispatch}"', "billing:", "itself found by way of"),
    ('BillingLocation "%{tolower:%{BILLING_PLAN}}"', "BILLING_PLAN", "itself found by way of"),
]


@pytest.mark.parametrize("line", ACCEPTED)
def test_accepted(root, line):
    root.run(PLAN + location(line)).assert_ok()


@pytest.mark.bad_input
@pytest.mark.parametrize("line, at, words", REFUSED)
def test_refused(root, line, at, words):
    root.run(PLAN + location(line)).assert_refused(at, words)


@pytest.mark.parametrize("line", ["<If \"%{BILLING_ORG} == 'a'\">\n</If>", "<If \"-T billing('trucking.dispatch')\">\n</If>"])
def test_each_needs_the_database(root, line):
    result = root.run(PLAN + location(line), database="")
    assert result.code == 1 and "ATB0110" in result.output


def test_an_expression_in_htaccess_sees_what_the_site_configured(site, cluster, database):
    config = POLICY + '<Directory "@DOCS@/own">\n    AllowOverride All\n    AllowOverrideList All\n</Directory>\n'
    server = populate(site(config, database=cluster.conninfo(database)))
    server.write("htdocs/own/page.html", "page", mode=0o644)
    server.write("htdocs/own/.htaccess", "Header set X-Paid \"expr=%{billing:trucking.dispatch}\"\n"
                 "Header set X-None \"expr=[%{billing:no.such}]\"\n", mode=0o644)
    for person, paid in ((PAYER, "1"), (ENDED, "")):
        answer = server.get("/own/page.html", headers=signed(person))
        assert (answer.header("x-paid"), answer.header("x-none")) == (paid, "[]")
