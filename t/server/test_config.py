# SPDX-License-Identifier: Apache-2.0
"""What `apachectl -t` accepts and what it warns of; the database; the files of conf/; .htaccess."""
import re
import urllib.error
import urllib.request

import pytest

from configtest import (
    GATE, PLAN, TOP, ServerRoot, directive_names, feature, host, location, numbered, plan, readable, running, with_secrets,
)


@pytest.fixture
def root(tmp_path):
    return with_secrets(ServerRoot(tmp_path))


@pytest.fixture
def readable_root():
    with readable() as made:
        yield made


OPEN = '<Location "/">\nRequire valid-user\n</Location>\n'
NAMED = '<Location "{}">\n<RequireAll>\nRequire valid-user\nRequire user olivia\n</RequireAll>\n</Location>\n'
ACCEPTED = [
    # who is an operator
    OPEN + NAMED.format("/operate") + "BillingMount admin /operate",
    OPEN + NAMED.format("/oper*") + "BillingMount admin /operate",
    OPEN + NAMED.format("/").replace("Location", "LocationMatch") + "BillingMount admin /operate",
    OPEN + "BillingMount api /api\nBillingStripeWebhookSecret file:webhook",
    "BillingMount admin /operate",
    host("BillingMount admin /operate", NAMED.format("/")) + OPEN,
    '<Location "/">\nRequire all denied\n</Location>\nBillingMount admin /operate',
    # servers
    "BillingMount api /api/v1/billing\nBillingStripeWebhookSecret file:webhook",
    "BillingMount page /billing/\nBillingMount admin /billing/admin\nBillingMount METRICS /metrics",
    host("BillingMount page /a", "BillingMount admin /b") + host("BillingMount page /b", "BillingMount admin /a", number=2),
    "BillingMount page /a\n" + host("BillingMount admin /b"),
    "BillingMode test\nBillingStripeSecretKey file:test.key",
    "BillingMode Live\nBillingStripeSecretKey file:live.key",
    "BillingStripeSecretKey file:test.key\n" + host("BillingStripeSecretKey file:live.key"),
    'BillingStripeSecretKey "file:test.key"',
    "BillingStripeSecretKey env:TEST_KEY",
    "BillingStripeSecretKey exec:/bin/echo sk_test_51HnSECRETvalue",
    'BillingStripeSecretKey "exec:/bin/sh -c \'echo sk_test_51HnSECRETvalue\'"',
    "BillingStripeWebhookSecret file:webhook file:webhook.old \"exec:/bin/echo whsec_SECRETvalue\"",
    "BillingStripeWebhookSecret file:webhook\nBillingStripeWebhookSecret env:TEST_WEBHOOK",
    "BillingStripeAPIBase https://stripe.example.com/base/",
    "BillingStripeAPIBase http://127.0.0.1:12111",
    "BillingStripeAPIBase http://localhost:12111/\nBillingStripeAPIBase http://[::1]:12111",
    "BillingStripeTimeout 1s\nBillingStripeTimeout 1500ms\nBillingStripeTimeout 60",
    "BillingStripeOrgMetadata attune-org",
    "BillingInstallId eu.west:1",
    "BillingReturnURL https://app.example.com/billing?from=stripe#done",
    "BillingReturnURL http://localhost:8080/billing",
    "BillingAllowOrigin https://app.example.com http://localhost:3000\nBillingAllowOrigin https://[2001:db8::1]:8443",
    "BillingManageRoles owner org:admin",
    # the catalogue
    PLAN,
    plan('BillingPlanName "Founding member"', "BillingPrice stripe:test price_t1 price_t2", "BillingPrice stripe:live l1"),
    plan("BillingLimit a 0", "BillingLimit b 2000000000", "BillingLimit c unlimited", "BillingGrant f f g", "BillingGrant f"),
    plan("<IfModule mod_dbd.c>", "BillingGrant f", "</IfModule>"),
    feature(),
    feature("BillingEnforce off", "BillingRoles owner dispatcher", "BillingAppTypes trucking", "BillingPastDue grace=7d"),
    feature("BillingPastDue grace=0s", "BillingExcept DELETE HEAD PROPFIND X-PURGE", "BillingStale max=24h then=deny"),
    feature("BillingPastDue allow", "BillingStale then=allow"),
    feature("BillingPastDue read-only", "BillingStale max=1m"),
    feature("BillingPastDue deny", "BillingStale then=deny max=30m"),
    PLAN + feature("BillingUses trucking.maxLocations"),
    PLAN + feature("BillingEnforce enforce percent=0") + location("BillingRequireFeature trucking.dispatch"),
    PLAN + feature("BillingEnforce new-orgs percent=100", "BillingRoles a", "BillingRoles b")
    + location("BillingRequireFeature trucking.dispatch") + "\nBillingNewOrgsSince 2026-12-01",
    "BillingEnforceDefault enforce percent=50",
    feature("BillingEnforce enforce") + "\nBillingMount ofrep /ofrep",
    "BillingNewOrgsSince 2024-02-29",
    "BillingNewOrgsSince 2026-12-01T08:30:00+01:00\nBillingNewOrgsSince 2026-12-01T08:30:00.25Z",
    # the process
    "BillingCacheOrgs 1\nBillingCacheOrgs 20000000",
    "BillingCacheRefresh 50ms\nBillingCacheRefresh 1h",
    "BillingEventRetention 1d\nBillingEventRetention 3650d",
    "BillingSweep off\nBillingSweep 10m",
    # sections
    'BillingOrg "%{reqenv:OIDC_CLAIM_org_id}"\nBillingUser %{REMOTE_USER}',
    location('BillingOrg "%{SSL_CLIENT_S_DN_O}"', 'BillingRole "%{tolower:%{reqenv:OIDC_CLAIM_role}}"'),
    location('BillingOrg "acme"', "BillingAppType trucking", "BillingLocation %{reqenv:depot}", "BillingOrgCreated 2026-01-31"),
    location('BillingOrg "%{HTTP:X-Org}" trusted-proxy=10.0.0.0/8,::1,192.0.2.1'),
    location('BillingOrg "%{osenv:ORG}%{REMOTE_ADDR}"', 'BillingOrgCreated "%{note:created}"'),
    "UseCanonicalName On\n" + location('BillingOrg "%{SERVER_NAME}"'),
    PLAN + location("BillingRequireFeature trucking.dispatch trucking.dispatch"),
    PLAN + location("BillingRequireFeature none", "BillingRequireFeature trucking.dispatch"),
    PLAN + "BillingRequireFeature trucking.dispatch",
    PLAN + '<Location "/x">\n<If "true">\nBillingRequireFeature trucking.dispatch\n</If>\n</Location>',
    PLAN + location('BillingRequireLimit trucking.maxLocations "SELECT count(*) FROM l WHERE org = %s AND n LIKE \'a%%\'"'),
    PLAN + location('BillingRequireLimit trucking.maxLocations " with x AS (SELECT %s) SELECT 1" methods=POST,PUT,HEAD'),
    PLAN + location('BillingRequireLimit trucking.maxLocations "SELECT count(*) FROM l WHERE org = %s AND place = %s"'),
    PLAN + location("BillingRequireLimit trucking.maxLocations \"SELECT 'it''s', '%%s', %s, 'a'\""),
    location("BillingDenyStatus 402", "BillingForwardHeaders On"),
    location("BillingDenyStatus 403", "BillingForwardHeaders Off"),
    PLAN + location("BillingRequireFeature trucking.dispatch", "CacheEnable disk /x") + "\nCacheQuickHandler Off",
    "CacheEnable disk /",
]


@pytest.mark.parametrize("body", numbered([(0, (body,)) for body in ACCEPTED]))
def test_accepted(root, body):
    env = {"TEST_KEY": "sk_test_51HnSECRETvalue", "TEST_WEBHOOK": "whsec_SECRETvalue"}
    result = root.run(body, env=env)
    result.assert_ok()
    assert "SECRET" not in result.output


def test_the_kill_switch_may_be_absent_or_there(root):
    (root.path / "closed").mkdir(mode=0o755)
    root.run("BillingKillSwitch closed/off").assert_ok()
    root.write("closed/off", "")
    root.run(f"BillingKillSwitch {root.path}/closed/off").assert_ok()


WARNED = [
    (OPEN + "BillingMount admin /operate", "ATB0144", "BillingMount", "people of every org", '<Location "/operate">'),
    (OPEN.replace("valid-user", "all granted") + "BillingMount admin /operate", "ATB0144", "BillingMount", "operator"),
    (OPEN + NAMED.format("/elsewhere") + host("BillingMount admin /operate"), "ATB0144", "BillingMount", "operator"),
    ("BillingMount admin /operate\n" + OPEN.replace('"/"', '"/operate"') + NAMED.format("/operat"), "ATB0144", "BillingMount"),
    ("BillingStripeWebhookSecret file:public", "ATB0100", "WebhookSecret", "everybody on this machine", "chmod o-r"),
    ("BillingStripeWebhookSecret file:test-secret", "ATB0101", "WebhookSecret", "whsec_"),
    ("BillingMount api /billing", "ATB0142", "BillingMount", "refuse every delivery", "BillingStripeWebhookSecret file:"),
    (feature() + location("BillingRequireFeature trucking.dispatch"), "ATB0130", "RequireFeature", "no plan grants"),
    (feature("BillingUses no.such"), "ATB0131", "BillingUses", "no plan sets the limit no.such"),
    (location('BillingRequireLimit no.such "SELECT %s"'), "ATB0131", "RequireLimit", "no plan sets the limit"),
    (feature("BillingEnforce enforce"), "ATB0132", "BillingEnforce", "no section requires it"),
    ("BillingEnforceDefault new-orgs", "ATB0133", "EnforceDefault", "BillingNewOrgsSince"),
    (GATE + feature("BillingEnforce new-orgs"), "ATB0133", "BillingEnforce", "no org is new"),
    (feature("BillingStale max=2s"), "ATB0134", "<BillingFeature", "BillingCacheRefresh"),
    ("BillingCacheRefresh 1m\n" + feature("BillingStale max=90s"), "ATB0134", "<BillingFeature", "BillingCacheRefresh"),
    (GATE + "\nCacheEnable disk /", "ATB0150", "CacheEnable", "CacheQuickHandler Off"),
    (GATE + "\nCacheQuickHandler Off\n" + host("CacheQuickHandler On", "CacheEnable disk /"), "ATB0150", "CacheEnable"),
    (GATE + "\nCacheQuickHandler Off\nCacheEnable disk /\n" + host("CacheQuickHandler On"), "ATB0150", "CacheEnable"),
    (location('BillingOrg "%{SERVER_NAME}"'), "ATB0151", "BillingOrg", "UseCanonicalName On"),
]


@pytest.mark.parametrize("body, message_id, at, words", numbered([(1, (*case[:3], case[3:])) for case in WARNED]))
def test_warned(root, body, message_id, at, words):
    root.write("public", "whsec_SECRETvalue", mode=0o604)
    root.write("test-secret", "test_SECRETvalue")
    result = root.run(body)
    result.assert_warned(message_id, at, *words)
    assert "SECRETvalue" not in result.output


def test_what_is_inherited_is_judged_once(root):
    result = root.run("BillingMode live\nBillingStripeSecretKey file:test.key\nBillingMount api /a\nBillingMount page /a\n"
                      + host("BillingReturnURL https://a.example") + host("BillingReturnURL https://b.example", number=2))
    assert sorted(result.ids) == ["ATB0140", "ATB0141", "ATB0142"], result.output


def test_every_error_of_the_last_check_is_said_at_once(root):
    result = root.run("BillingMount api /a\nBillingMount page /a\n" + location("BillingRequireFeature x y"), database="")
    assert {"ATB0110", "ATB0121", "ATB0141"} <= set(result.ids)
    assert len(re.findall("ATB0121", result.output)) == 2


def test_every_directive_is_accepted_somewhere():
    accepted = "\n".join(ACCEPTED) + "BillingKillSwitch"
    missing = [name for name in directive_names() if not re.search(rf"{name}\b", accepted)]
    assert not missing


# The database


@pytest.mark.parametrize("body, at", [
    ("BillingMount page /billing", "BillingMount"),
    (host("BillingMount page /billing"), "BillingMount"),
    (GATE, "BillingRequireFeature"),
])
def test_whatever_needs_the_database_says_so(root, body, at):
    root.run(body, database="").assert_refused(at, "DBDriver pgsql", "DBDParams")


def test_a_gate_on_a_limit_needs_the_database(root):
    result = root.run(PLAN + location('BillingRequireLimit trucking.maxLocations "SELECT %s"'), database="")
    assert result.code == 1 and "ATB0110" in result.output


@pytest.mark.parametrize("database, body", [
    ("", "BillingSweep off"),
    ("", host("DBDriver pgsql", 'DBDParams "dbname=x"', "DBDMax 5", "BillingMount page /billing")),
    ("<IfModule mod_dbd.c>\nDBDriver pgsql\n</IfModule>\n", "BillingMount page /billing"),
    ("DBDriver pgsql\n", host("DBDriver pgsql", 'DBDParams "dbname=other"') + GATE),
])
def test_where_the_database_may_be_named(root, database, body):
    root.run(body, database=database).assert_ok()


def test_two_databases_are_refused(root):
    database = host("DBDriver pgsql") + host("DBDriver  pgsql", number=2)
    result = root.run("BillingMount page /billing", database=database)
    result.assert_refused("DBDriver  pgsql", "one database for all")


# The files of conf/, as they are


@pytest.mark.parametrize("identity", ["openidc.conf", "client-certificate.conf", "trusted-proxy.conf"])
def test_the_files_of_conf_go_together(root, identity):
    files = ["attune-billing.conf", "plans.conf", identity, "webhook.conf", "gates.conf", "logging.conf"]
    run_shipped(root, files).assert_ok()


def test_test_and_live_mode_side_by_side(root):
    run_shipped(root, ["test-and-live.conf", "plans.conf", "openidc.conf", "gates.conf"]).assert_ok()


def run_shipped(root, files):
    for name, content in {"stripe.key": "sk_test_51HnSECRETvalue", "webhook.secret": "whsec_SECRETvalue",
                          "test/stripe.key": "sk_test_51HnSECRETvalue", "test/webhook.secret": "whsec_SECRETtest",
                          "live/stripe.key": "rk_live_51HnSECRETvalue", "live/webhook.secret": "whsec_SECRETlive"}.items():
        root.write(name, content)
    assert not [name for name in files if not (TOP / "conf" / name).exists()]
    body = f"Define ATTUNE_ETC {root.path}\nDefine ATTUNE_ACCESS_LOG {root.path}/access.log\n"
    return root.run(body + "".join(f"Include {TOP}/conf/{name}\n" for name in files))


# .htaccess


@pytest.mark.bad_input
def test_no_directive_works_from_htaccess(readable_root):
    """Not even where all that can be allowed is allowed."""
    names = directive_names()
    www = readable_root.path / "www"
    for allowed in ("all", "listed"):
        for name in names:
            end = name.replace("<", "</") + ">" if name.startswith("<") else ""
            folder = f"www/{allowed}/{name.strip('<')}"
            readable_root.write(f"{folder}/.htaccess", f"{name} x{end and '>'}\n{end}\n", mode=0o644)
            readable_root.write(f"{folder}/page.html", "page", mode=0o644)
    for folder in [www, *(path for path in www.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    body = (f"DocumentRoot {www}\n<Directory {www}>\nAllowOverride All\nRequire all granted\n</Directory>\n"
            f"<Directory {www}/listed>\nAllowOverride None\nAllowOverrideList {' '.join(names)}\n</Directory>\n")
    with running(readable_root, body) as url:
        for page in [f"{url}/{allowed}/{name.strip('<')}/page.html" for allowed in ("all", "listed") for name in names]:
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(page, timeout=10)
            refused.value.close()
            assert refused.value.code == 500, page
    log = (readable_root.path / "error.log").read_text()
    assert not [name for name in names if f"{name} not allowed here" not in log]
