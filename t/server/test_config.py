# SPDX-License-Identifier: Apache-2.0
"""What `apachectl -t` accepts, refuses and warns of. Every refusal names file and line, and what to do."""
import pathlib
import re
import shutil
import tempfile
import time
import urllib.error
import urllib.request

import pytest

from configtest import TOP, ServerRoot, directive_names, running

PLAN = """
<BillingPlan basic>
BillingPrice stripe price_basic
BillingGrant trucking.dispatch
BillingLimit trucking.maxLocations 5
</BillingPlan>
"""
MANY = " ".join(f"METHOD{chr(65 + i // 26)}{chr(65 + i % 26)}" for i in range(64))
ORG = "8yn0iYCKYHlIj4-BwPqk"  # these two have one FNV-1a hash
TWIN = "GReLUrM4wMqfg9yzV3KQ"


@pytest.fixture
def root(tmp_path):
    made = ServerRoot(tmp_path)
    made.write("test.key", "sk_test_51HnSECRETvalue\n")
    made.write("live.key", "rk_live_51HnSECRETvalue\n")
    made.write("webhook", "whsec_SECRETvalue\n")
    made.write("webhook.old", "whsec_SECRETolder")
    return made


def plan(*lines):
    return "<BillingPlan basic>\n" + "\n".join(lines) + "\n</BillingPlan>\n"


def feature(*lines):
    return "<BillingFeature trucking.dispatch>\n" + "\n".join(lines) + "\n</BillingFeature>\n"


def location(*lines):
    return '<Location "/x">\n' + "\n".join(lines) + "\n</Location>\n"


def host(*lines, number=1):
    return f"<VirtualHost 127.0.0.{number}:80>\nServerName h{number}\n" + "\n".join(lines) + "\n</VirtualHost>\n"


ACCEPTED = [
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
    feature("BillingPastDue read-only", "BillingStale max=1s"),
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
    location("BillingDenyStatus 402", "BillingForwardHeaders On"),
    location("BillingDenyStatus 403", "BillingForwardHeaders Off"),
    PLAN + location("BillingRequireFeature trucking.dispatch", "CacheEnable disk /x") + "\nCacheQuickHandler Off",
    "CacheEnable disk /",
]


def numbered(cases):
    """Parameters named by their number and the line that matters: bodies are too long for names."""
    return [pytest.param(*case, id=f"{number}-{case[at].strip()[:40]}") for number, (at, case) in enumerate(cases)]


@pytest.mark.parametrize("body", numbered([(0, (body,)) for body in ACCEPTED]))
def test_accepted(root, body):
    env = {"TEST_KEY": "sk_test_51HnSECRETvalue", "TEST_WEBHOOK": "whsec_SECRETvalue"}
    result = root.run(body, env=env)
    result.assert_ok()
    assert "SECRET" not in result.output


# The configuration, a word of the line that is to blame, and words of the message.
REFUSED = [
    # mounts
    ("BillingMount app /billing", "BillingMount", "none of api, page"),
    ("BillingMount api billing", "BillingMount", "begins with /"),
    ("BillingMount api /", "BillingMount", "more than /"),
    ("BillingMount api ///", "BillingMount", "more than /"),
    ("BillingMount api /a/../b", "BillingMount", "segment"),
    ("BillingMount api /a/.", "BillingMount", "segment"),
    ("BillingMount api /a//b", "BillingMount", "segment"),
    ("BillingMount api /a%20b", "BillingMount", "unescaped"),
    ("BillingMount api /a?b", "BillingMount", "query"),
    ("BillingMount api", "BillingMount", "two arguments"),
    ("BillingMount page /a\nBillingMount admin /a/", "admin", "taken twice", "own path"),
    ("BillingMount page /a\n" + host("BillingMount admin /a"), "admin", "taken twice"),
    (location("BillingMount page /a"), "BillingMount", "not allowed"),
    # mode and keys
    ("BillingMode sandbox", "BillingMode", "neither test nor live"),
    ("BillingMode live\nBillingStripeSecretKey file:test.key", "SecretKey", "test mode", "BillingMode is live"),
    ("BillingMode test\nBillingStripeSecretKey file:live.key", "SecretKey", "live mode", "BillingMode is test"),
    ("BillingStripeSecretKey file:test.key\n" + host("BillingMode live"), "SecretKey", "test mode"),
    ("BillingMode test\n" + host("BillingStripeSecretKey file:live.key"), "SecretKey", "live mode"),
    ("BillingStripeSecretKey sk_live_LITERALSECRET", "SecretKey", "never written in httpd.conf", "file:/path"),
    ("BillingStripeSecretKey LITERALSECRET", "SecretKey", "never written in httpd.conf"),
    ("BillingStripeSecretKey sk_live_LITERALSECRET two", "SecretKey", "one source"),
    ("BillingStripeSecretKey", "SecretKey", "takes a source"),
    ("BillingStripeSecretKey file:test.key file:live.key", "SecretKey", "one source"),
    ("BillingStripeSecretKey file:", "SecretKey", "path"),
    ("BillingStripeSecretKey file:missing.key", "SecretKey", "missing.key cannot be read"),
    ("BillingStripeSecretKey file:folder", "SecretKey", "not a regular file"),
    ("BillingStripeSecretKey file:empty", "SecretKey", "empty"),
    ("BillingStripeSecretKey file:blank", "SecretKey", "white space"),
    ("BillingStripeSecretKey file:spaced", "SecretKey", "white space"),
    ("BillingStripeSecretKey file:two-lines", "SecretKey", "one line"),
    ("BillingStripeSecretKey file:nul", "SecretKey", "no secret has"),
    ("BillingStripeSecretKey file:long", "SecretKey", "longer than 4096"),
    ("BillingStripeSecretKey file:publishable", "SecretKey", "publishable", "sk_test_"),
    ("BillingStripeSecretKey file:webhook", "SecretKey", "BillingStripeWebhookSecret"),
    ("BillingStripeSecretKey file:nomode", "SecretKey", "not a key for Stripe"),
    ("BillingStripeSecretKey file:stub", "SecretKey", "not a key for Stripe"),
    ("BillingStripeSecretKey env:TEST_UNSET", "SecretKey", "TEST_UNSET is not set"),
    ("BillingStripeSecretKey env:TEST_EMPTY", "SecretKey", "empty"),
    ("BillingStripeSecretKey env:A=B", "SecretKey", "name of an environment variable"),
    ("BillingStripeSecretKey exec:/missing/program", "SecretKey", "cannot be run"),
    ("BillingStripeSecretKey exec:", "SecretKey", "program's path"),
    ("BillingStripeSecretKey exec:/bin/sh -c 'echo sk_test_LITERALSECRET; exit 3'", "SecretKey", "/bin/sh ended with status 3"),
    ("BillingStripeSecretKey exec:/bin/sh -c 'kill -9 $$'", "SecretKey", "signal 9"),
    ("BillingStripeSecretKey exec:/usr/bin/yes sk_test_LITERALSECRET", "SecretKey", "more than 4096 bytes"),
    ("BillingStripeSecretKey exec:/bin/true", "SecretKey", "empty"),
    # webhook secrets
    ("BillingStripeWebhookSecret", "WebhookSecret", "one or more sources"),
    ('BillingStripeWebhookSecret ""', "WebhookSecret", "never written"),
    ("BillingStripeWebhookSecret whsec_LITERALSECRET", "WebhookSecret", "never written"),
    ("BillingStripeWebhookSecret file:webhook file:empty", "WebhookSecret", "empty"),
    ("BillingStripeWebhookSecret file:blank", "WebhookSecret", "white space"),
    ("BillingStripeWebhookSecret file:test.key", "WebhookSecret", "signing secret"),
    ("BillingStripeWebhookSecret" + 9 * " file:webhook", "WebhookSecret", "more than 8"),
    (host("BillingMode test", "BillingStripeWebhookSecret file:webhook")
     + host("BillingMode live", "BillingStripeWebhookSecret file:linked", number=2), "file:webhook", "test mode", "live mode"),
    ("BillingStripeWebhookSecret file:webhook\nBillingMode test\n" + host("BillingMode live"), "file:webhook", "live mode"),
    # addresses
    ("BillingStripeAPIBase http://api.stripe.com", "APIBase", "https://"),
    ("BillingStripeAPIBase http://127.0.0.1.example.com", "APIBase", "https://"),
    ("BillingStripeAPIBase http://localhost.example.com", "APIBase", "https://"),
    ("BillingStripeAPIBase http://localhost@example.com", "APIBase", "user"),
    ("BillingStripeAPIBase ftp://localhost", "APIBase", "http://"),
    ("BillingStripeAPIBase api.stripe.com", "APIBase", "not an absolute URL"),
    ("BillingStripeAPIBase https://api.stripe.com/?a=b", "APIBase", "query"),
    ("BillingStripeAPIBase https://localhost:70000", "APIBase", "port"),
    ("BillingStripeAPIBase https://localhost:x", "APIBase", "URL"),
    ("BillingStripeAPIBase https:///path", "APIBase", "host"),
    ("BillingReturnURL http://app.example.com/", "ReturnURL", "https://"),
    ("BillingReturnURL /billing", "ReturnURL", "absolute"),
    ("BillingReturnURL https://user:password@app.example.com/", "ReturnURL", "user"),
    ("BillingReturnURL \"https://app.example.com/a b\"", "ReturnURL", "white space"),
    ("BillingReturnURL javascript:alert(1)", "ReturnURL", "URL"),
    ("BillingReturnURL https://app.example.com/" + 2100 * "x", "ReturnURL", "URL"),
    ("BillingAllowOrigin *", "AllowOrigin", "name each origin"),
    ("BillingAllowOrigin https://*.example.com", "AllowOrigin", "name each origin"),
    ("BillingAllowOrigin null", "AllowOrigin", "name each origin"),
    ("BillingAllowOrigin https://app.example.com/", "AllowOrigin", "more than an origin"),
    ("BillingAllowOrigin app.example.com", "AllowOrigin", "URL"),
    ("BillingAllowOrigin", "AllowOrigin", "one or more"),
    # the rest of a server
    ("BillingStripeTimeout 0", "Timeout", "1s to 60s"),
    ("BillingStripeTimeout 2m", "Timeout", "1s to 60s"),
    ("BillingStripeTimeout -1s", "Timeout", "not a duration"),
    ("BillingStripeTimeout 10sec", "Timeout", "not a duration", "250ms"),
    ("BillingStripeTimeout 99999999999999999999s", "Timeout", "not a duration"),
    ("BillingStripeTimeout 999999999999999999d", "Timeout", "not a duration"),
    ("BillingStripeOrgMetadata attune[org]", "OrgMetadata", "metadata key"),
    ("BillingStripeOrgMetadata " + 41 * "x", "OrgMetadata", "40"),
    ('BillingStripeOrgMetadata "a b"', "OrgMetadata", "visible"),
    ("BillingInstallId a/b", "InstallId", "1 to 64"),
    ("BillingInstallId " + 65 * "x", "InstallId", "1 to 64"),
    ("BillingManageRoles", "ManageRoles", "at least one"),
    ("BillingManageRoles owner,admin", "ManageRoles", "without commas"),
    # plans
    (PLAN + PLAN, "<BillingPlan basic>", "defined twice", "first at"),
    ("<BillingPlan>\n</BillingPlan>", "<BillingPlan>", "takes one plan key"),
    ("<BillingPlan a b>\n</BillingPlan>", "<BillingPlan", "takes one plan key"),
    ("<BillingPlan a/b>\n</BillingPlan>", "<BillingPlan", "cannot be a plan key"),
    (f"<BillingPlan {65 * 'x'}>\n</BillingPlan>", "<BillingPlan", "1 to 64"),
    ("<BillingPlan a\n</BillingPlan>", "<BillingPlan a", '">"'),
    (host("<BillingPlan a>", "</BillingPlan>"), "<BillingPlan", "one for all virtual hosts", "outside"),
    (location("<BillingPlan a>", "</BillingPlan>"), "<BillingPlan", "one for all virtual hosts"),
    (plan("ServerName x.example"), "ServerName x.example", "no place in this section", "BillingPrice"),
    (plan("<If true>", "BillingGrant a", "</If>"), "<If true>", "no place in this section"),
    (plan("BillingRoles owner"), "BillingRoles", "no place in this section"),
    ("BillingPlanName x", "BillingPlanName", "inside a <BillingPlan>"),
    ("BillingPrice stripe x", "BillingPrice", "inside a <BillingPlan>"),
    ("BillingGrant x", "BillingGrant", "inside a <BillingPlan>"),
    ("BillingLimit x 1", "BillingLimit", "inside a <BillingPlan>"),
    (plan("BillingPlanName " + 201 * "x"), "BillingPlanName", "200 bytes"),
    (plan("BillingPrice paddle x"), "BillingPrice", "stripe:test"),
    (plan("BillingPrice stripe:sandbox x"), "BillingPrice", "no provider"),
    (plan("BillingPrice stripe"), "BillingPrice", "price ids"),
    (plan('BillingPrice stripe "a b"'), "BillingPrice", "not a price id"),
    (plan("BillingPrice stripe a a"), "BillingPrice", "already stands for the plan basic"),
    (PLAN + "<BillingPlan other>\nBillingPrice stripe:live price_basic\n</BillingPlan>", "stripe:live", "plan basic"),
    (plan("BillingGrant"), "BillingGrant", "one or more feature keys"),
    (plan("BillingGrant a,b"), "BillingGrant", "cannot be a feature key"),
    (plan("BillingGrant none"), "BillingGrant", "called none"),
    (plan("BillingLimit a -1"), "BillingLimit", "unlimited"),
    (plan("BillingLimit a 2000000001"), "BillingLimit", "2000000000"),
    (plan("BillingLimit a 1.5"), "BillingLimit", "whole number"),
    (plan("BillingLimit a 1", "BillingLimit a 2"), "BillingLimit a 2", "set twice"),
    # features
    (feature() + "\n" + feature(), "<BillingFeature", "defined twice", "first at"),
    ("<BillingFeature none>\n</BillingFeature>", "<BillingFeature", "called none"),
    (host("<BillingFeature a>", "</BillingFeature>"), "<BillingFeature", "one for all virtual hosts"),
    (location("<BillingFeature a>", "</BillingFeature>"), "<BillingFeature", "one for all virtual hosts"),
    (feature("BillingGrant a"), "BillingGrant", "no place in this section", "BillingEnforce"),
    ("BillingEnforce enforce", "BillingEnforce", "inside a <BillingFeature>"),
    ("BillingRoles x", "BillingRoles", "inside a <BillingFeature>"),
    ("BillingAppTypes x", "BillingAppTypes", "inside a <BillingFeature>"),
    ("BillingPastDue deny", "BillingPastDue", "inside a <BillingFeature>"),
    ("BillingUses x", "BillingUses", "inside a <BillingFeature>"),
    ("BillingExcept DELETE", "BillingExcept", "inside a <BillingFeature>"),
    ("BillingStale then=deny", "BillingStale", "inside a <BillingFeature>"),
    (feature("BillingEnforce on"), "BillingEnforce", "none of off, monitor"),
    (feature("BillingEnforce monitor percent=10"), "BillingEnforce", "new-orgs and enforce only"),
    (feature("BillingEnforce off percent=100"), "BillingEnforce", "new-orgs and enforce only"),
    (feature("BillingEnforce enforce percent=101"), "BillingEnforce", "from 0 to 100"),
    (feature("BillingEnforce enforce percent=1%"), "BillingEnforce", "from 0 to 100"),
    (feature("BillingEnforce enforce 50"), "BillingEnforce", "percent=N"),
    (feature("BillingRoles"), "BillingRoles", "at least one"),
    (feature("BillingRoles owner, dispatcher"), "BillingRoles", "without commas"),
    (feature("BillingAppTypes " + 65 * "x"), "BillingAppTypes", "1 to 64"),
    (feature("BillingPastDue never"), "BillingPastDue", "read-only"),
    (feature("BillingPastDue grace=1w"), "BillingPastDue", "not a duration"),
    (feature("BillingPastDue grace=500ms"), "BillingPastDue", "whole seconds"),
    (feature("BillingPastDue grace=36526d"), "BillingPastDue", "out of range"),
    (feature("BillingUses a/b"), "BillingUses", "cannot be a limit key"),
    (feature("BillingExcept"), "BillingExcept", "one or more methods"),
    (feature("BillingExcept delete"), "BillingExcept", "capitals"),
    (feature('BillingExcept ""'), "BillingExcept", "capitals"),
    (feature("BillingExcept " + MANY), "BillingExcept", "no room"),
    (feature("BillingStale"), "BillingStale", "max=DURATION"),
    (feature("BillingStale max=0"), "BillingStale", "1s to"),
    (feature("BillingStale then=maybe"), "BillingStale", "then=allow"),
    (feature("BillingStale max=1h then=allow 3"), "BillingStale", "or both"),
    # the process
    ("BillingEnforceDefault sometimes", "EnforceDefault", "none of off, monitor"),
    ("BillingEnforceDefault monitor percent=5", "EnforceDefault", "new-orgs and enforce only"),
    ("BillingNewOrgsSince 2026-13-01", "NewOrgsSince", "not a date", "2026-12-01"),
    ("BillingNewOrgsSince 2026-02-29", "NewOrgsSince", "not a date"),
    ("BillingNewOrgsSince 01.12.2026", "NewOrgsSince", "not a date"),
    ("BillingNewOrgsSince 2026-12-01T08:30:00", "NewOrgsSince", "zone"),
    ("BillingNewOrgsSince 2026-12-01T25:00:00Z", "NewOrgsSince", "not a date"),
    ("BillingNewOrgsSince 2026-12-01T08:30:00+1:00", "NewOrgsSince", "not a date"),
    ("BillingKillSwitch missing/folder/off", "KillSwitch", "cannot be seen"),
    ("BillingKillSwitch test.key/off", "KillSwitch", "KillSwitch"),
    ("BillingKillSwitch folder", "KillSwitch", "is a folder"),
    ("BillingKillSwitch world/off", "KillSwitch", "chmod go-w"),
    ("BillingKillSwitch group/off", "KillSwitch", "chmod go-w"),
    ("BillingKillSwitch sticky/off", "KillSwitch", "chmod go-w"),
    ("BillingCacheOrgs 0", "CacheOrgs", "from 1 to 20000000"),
    ("BillingCacheOrgs 20000001", "CacheOrgs", "from 1 to 20000000"),
    ("BillingCacheOrgs 1e6", "CacheOrgs", "whole number"),
    ("BillingCacheRefresh 49ms", "CacheRefresh", "50ms to 1h"),
    ("BillingCacheRefresh 61m", "CacheRefresh", "50ms to 1h"),
    ("BillingEventRetention 23h", "EventRetention", "at least 1d"),
    ("BillingSweep 0", "Sweep", "or off"),
    ("BillingSweep never", "Sweep", "not a duration"),
    *[(host(line), line, "one for all virtual hosts") for line in (
        "BillingEnforceDefault off", "BillingNewOrgsSince 2026-12-01", "BillingKillSwitch off", "BillingCacheOrgs 5",
        "BillingCacheRefresh 1s", "BillingEventRetention 5d", "BillingSweep off")],
    # identity
    *[(location(f'BillingOrg "{text}"'), "BillingOrg", name, "authentication module", "trusted-proxy=") for text, name in (
        ("%{HTTP:X-Org}", "HTTP:X-Org"), ("%{http:X-Org}", "http:X-Org"), ("%{req:Cookie}", "req:Cookie"),
        ("%{REQ_NOVARY:X-Org}", "X-Org"), ("%{tolower:%{HTTP:X-Org}}", "HTTP:X-Org"),
        ("%{HTTP:%{reqenv:name}}", "HTTP"), ("a-%{toupper:%{unescape:%{QUERY_STRING}}}", "QUERY_STRING"),
        ("%{HTTP_HOST}", "HTTP_HOST"), ("%{http_cookie}", "http_cookie"), ("%{THE_REQUEST}", "THE_REQUEST"),
        ("%{REQUEST_URI}", "REQUEST_URI"), ("%{REQUEST_FILENAME}", "REQUEST_FILENAME"),
        ("%{SCRIPT_FILENAME}", "SCRIPT_FILENAME"), ("%{PATH_INFO}", "PATH_INFO"), ("%{DOCUMENT_URI}", "DOCUMENT_URI"),
        ("%{REQUEST_METHOD}", "REQUEST_METHOD"), ("%{CONTENT_TYPE}", "CONTENT_TYPE"), ("%{REMOTE_IDENT}", "REMOTE_IDENT"),
        ("%{reqenv:HTTP_X_ORG}", "reqenv:HTTP_X_ORG"), ("%{env:QUERY_STRING}", "env:QUERY_STRING"),
        ("%{reqenv:MATCH_ORG}", "reqenv:MATCH_ORG"))],
    *[(location(f'{name} "%{{HTTP:X}}"'), name, "HTTP:X") for name in (
        "BillingUser", "BillingRole", "BillingAppType", "BillingLocation", "BillingOrgCreated")],
    (location('BillingOrg "%{unknown:x}"'), "BillingOrg", "not an expression"),
    (location('BillingOrg "%{NO_SUCH_VARIABLE}"'), "BillingOrg", "NO_SUCH_VARIABLE"),
    (location('BillingOrg "%{reqenv:a"'), "BillingOrg", "not an expression"),
    (location("BillingOrg a/b"), "BillingOrg", "no org id"),
    (location("BillingOrgCreated yesterday"), "BillingOrgCreated", "no date"),
    (location("BillingOrg"), "BillingOrg", "1-2 arguments"),
    (location("BillingOrg %{reqenv:a} x"), "BillingOrg", "trusted-proxy="),
    (location("BillingOrg %{HTTP:a} trusted-proxy="), "BillingOrg", "not a network"),
    (location("BillingOrg %{HTTP:a} trusted-proxy=proxy.example.com"), "BillingOrg", "not a network"),
    (location("BillingOrg %{HTTP:a} trusted-proxy=10.0.0.0/33"), "BillingOrg", "not a network"),
    (location("BillingOrg %{HTTP:a} trusted-proxy=10.0.0.1,"), "BillingOrg", "not a network"),
    (location("BillingOrg %{HTTP:a} trusted-proxy=0.0.0.0/0"), "BillingOrg", "every client"),
    (location("BillingOrg %{HTTP:a} trusted-proxy=::/00"), "BillingOrg", "every client"),
    # requirements
    (location("BillingRequireFeature"), "RequireFeature", "or none"),
    (location("BillingRequireFeature no.such"), "RequireFeature", "neither declared nor granted", "<BillingFeature no.such>"),
    (PLAN + location("BillingRequireFeature trucking.dispatch no.such"), "RequireFeature", "feature no.such"),
    (PLAN + location("BillingRequireFeature trucking.dispatch none"), "RequireFeature", "stands alone"),
    (location("BillingRequireFeature a,b"), "RequireFeature", "cannot be a feature key"),
    (PLAN + location("<Limit POST>", "BillingRequireFeature trucking.dispatch", "</Limit>"), "RequireFeature", "<Limit>"),
    (location('BillingRequireLimit a "DELETE FROM x WHERE org = %s"'), "RequireLimit", "SELECT or WITH"),
    (location('BillingRequireLimit a "SELECTED %s"'), "RequireLimit", "SELECT or WITH"),
    (location('BillingRequireLimit a "SELECT 1"'), "RequireLimit", "exactly one %s"),
    (location('BillingRequireLimit a "SELECT %s, %s"'), "RequireLimit", "exactly one %s"),
    (location('BillingRequireLimit a "SELECT %d"'), "RequireLimit", "write %%"),
    (location('BillingRequireLimit a "SELECT %s %"'), "RequireLimit", "write %%"),
    (location('BillingRequireLimit a "SELECT %s; DROP TABLE x"'), "RequireLimit", "semicolon"),
    (location(f'BillingRequireLimit a "SELECT %s {4096 * "x"}"'), "RequireLimit", "4096"),
    (location('BillingRequireLimit a "SELECT %s" POST'), "RequireLimit", "methods="),
    (location('BillingRequireLimit a "SELECT %s" methods=POST,,PUT'), "RequireLimit", "capitals"),
    (location("BillingRequireLimit a"), "RequireLimit", "two or three arguments"),
    (location("BillingDenyStatus 404"), "DenyStatus", "402 nor 403"),
    (location("BillingForwardHeaders maybe"), "ForwardHeaders", "On or Off"),
    # collisions
    (plan(f"BillingGrant {ORG} {TWIN}"), "<BillingPlan", "feature keys", "rename one"),
    (plan(f"BillingLimit {ORG} 1", f"BillingLimit {TWIN} 2"), "<BillingPlan", "limit keys"),
    (f"<BillingPlan {ORG}>\n</BillingPlan>\n<BillingPlan {TWIN}>\n</BillingPlan>", TWIN, "plan keys"),
]


@pytest.mark.bad_input
@pytest.mark.parametrize("body, at, words", numbered([(1, (case[0], case[1], case[2:])) for case in REFUSED]))
def test_refused(root, body, at, words):
    for name, content in {
        "empty": "", "blank": " \n", "spaced": "sk_test_LITERAL SECRET\n", "two-lines": "sk_test_LITERAL\nSECRET",
        "nul": "sk_test_LITERAL\0SECRET", "long": "sk_test_" + 4096 * "SECRET", "publishable": "pk_test_LITERALSECRET",
        "nomode": "sk_LITERALSECRET", "stub": "sk_test_",
    }.items():
        root.write(name, content)
    for name, mode in {"folder": 0o755, "world": 0o757, "group": 0o775, "sticky": 0o1777}.items():
        (root.path / name).mkdir()
        (root.path / name).chmod(mode)
    (root.path / "linked").symlink_to("webhook")
    result = root.run(body, env={"TEST_EMPTY": ""})
    result.assert_refused(at, *words)
    assert "LITERAL" not in result.output and "SECRET" not in result.output


GATE = PLAN + location("BillingRequireFeature trucking.dispatch")

WARNED = [
    ("BillingStripeWebhookSecret file:public", "ATB0100", "WebhookSecret", "everybody on this machine", "chmod o-r"),
    ("BillingStripeWebhookSecret file:test-secret", "ATB0101", "WebhookSecret", "whsec_"),
    ("BillingMount api /billing", "ATB0142", "BillingMount", "refuse every delivery", "BillingStripeWebhookSecret file:"),
    (feature() + location("BillingRequireFeature trucking.dispatch"), "ATB0130", "RequireFeature", "no plan grants"),
    (feature("BillingUses no.such"), "ATB0131", "BillingUses", "no plan sets the limit no.such"),
    (location('BillingRequireLimit no.such "SELECT %s"'), "ATB0131", "RequireLimit", "no plan sets the limit"),
    (feature("BillingEnforce enforce"), "ATB0132", "BillingEnforce", "no section requires it"),
    ("BillingEnforceDefault new-orgs", "ATB0133", "EnforceDefault", "BillingNewOrgsSince"),
    (GATE + feature("BillingEnforce new-orgs"), "ATB0133", "BillingEnforce", "no org is new"),
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


def test_a_program_that_hangs_is_ended(root):
    begun = time.monotonic()
    result = root.run("BillingStripeSecretKey exec:/bin/sleep 50")
    result.assert_refused("SecretKey", "took longer than 10 s")
    assert time.monotonic() - begun < 40


def test_a_program_gets_no_input(root):
    root.write("print-input", "#!/bin/sh\ncat\necho sk_test_51HnSECRETvalue\n", mode=0o700)
    root.run("BillingStripeSecretKey exec:print-input", typed=b"nothing to do with it\n").assert_ok()


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


# What is kept back


def test_the_kill_switch_may_be_absent_or_there(root):
    (root.path / "closed").mkdir(mode=0o755)
    root.run("BillingKillSwitch closed/off").assert_ok()
    root.write("closed/off", "")
    root.run(f"BillingKillSwitch {root.path}/closed/off").assert_ok()


EVERY_SOURCE = """
BillingStripeSecretKey file:test.key
BillingStripeWebhookSecret file:webhook env:TEST_WEBHOOK "exec:program with arguments"
BillingMount api /billing
"""


@pytest.mark.parametrize("arguments", [
    ["-t"], ["-t", "-DDUMP_CONFIG"], ["-S"], ["-M"], ["-t", "-DDUMP_RUN_CFG"], ["-t", "-e", "debug"],
])
def test_no_secret_is_shown(root, arguments):
    root.write("program", "#!/bin/sh\necho whsec_SECRETfromprogram\n", mode=0o700)
    result = root.run(EVERY_SOURCE, *arguments, env={"TEST_WEBHOOK": "whsec_SECRETfromenvironment"})
    assert result.code == 0, result.output
    assert "SECRET" not in result.output
    if "-DDUMP_CONFIG" in arguments:
        assert "file:test.key" in result.output


@pytest.mark.parametrize("arguments", [["-t", "-DDUMP_CONFIG"], ["-S"], ["-M"]])
def test_showing_the_configuration_reads_no_secret(root, arguments):
    result = root.run("BillingStripeSecretKey file:missing\nBillingMode live\n"
                      "BillingStripeWebhookSecret \"exec:/bin/sh -c 'touch ran'\" env:TEST_UNSET", *arguments)
    assert result.code == 0, result.output
    assert not (root.path / "ran").exists()


@pytest.mark.bad_input
def test_a_literal_secret_is_not_shown_by_a_dump(root):
    result = root.run("BillingStripeSecretKey sk_live_LITERALSECRET", "-t", "-DDUMP_CONFIG")
    result.assert_refused("SecretKey", "never written")
    assert "LITERAL" not in result.output


def test_a_program_s_arguments_are_not_repeated(root):
    result = root.run("BillingMode live\nBillingStripeSecretKey exec:/bin/sh -c 'echo sk_test_51HnSECRETvalue' CONFIDENTIAL")
    result.assert_refused("SecretKey", "exec:/bin/sh")
    assert "CONFIDENTIAL" not in result.output and "SECRET" not in result.output


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


# What needs httpd itself


@pytest.fixture
def open_root():
    """A ServerRoot that the account which httpd runs as can read."""
    root = ServerRoot(pathlib.Path(tempfile.mkdtemp(prefix="attune-config-")))
    root.path.chmod(0o755)
    yield root
    shutil.rmtree(root.path)


def test_neither_the_log_nor_mod_info_shows_a_secret(open_root):
    open_root.write("test.key", "sk_test_51HnSECRETvalue\n")
    open_root.write("webhook", "whsec_SECRETvalue\n")
    open_root.write("program", "#!/bin/sh\necho whsec_SECRETfromprogram\n", mode=0o700)
    body = f'{EVERY_SOURCE}DBDriver pgsql\nLogLevel trace8\n<Location "/info">\nSetHandler server-info\n</Location>\n'
    with running(open_root, body, {"TEST_WEBHOOK": "whsec_SECRETfromenvironment"}) as url:
        with urllib.request.urlopen(f"{url}/info", timeout=10) as answer:
            page = answer.read().decode()
    assert "file:test.key" in page
    assert "SECRET" not in page + (open_root.path / "error.log").read_text()


@pytest.mark.bad_input
def test_no_directive_works_from_htaccess(open_root):
    """Not even where all that can be allowed is allowed."""
    names = directive_names()
    www = open_root.path / "www"
    for allowed in ("all", "listed"):
        for name in names:
            end = name.replace("<", "</") + ">" if name.startswith("<") else ""
            folder = f"www/{allowed}/{name.strip('<')}"
            open_root.write(f"{folder}/.htaccess", f"{name} x{end and '>'}\n{end}\n", mode=0o644)
            open_root.write(f"{folder}/page.html", "page", mode=0o644)
    for folder in [www, *(path for path in www.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    body = (f"DocumentRoot {www}\n<Directory {www}>\nAllowOverride All\nRequire all granted\n</Directory>\n"
            f"<Directory {www}/listed>\nAllowOverride None\nAllowOverrideList {' '.join(names)}\n</Directory>\n")
    with running(open_root, body) as url:
        for page in [f"{url}/{allowed}/{name.strip('<')}/page.html" for allowed in ("all", "listed") for name in names]:
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(page, timeout=10)
            refused.value.close()
            assert refused.value.code == 500, page
    log = (open_root.path / "error.log").read_text()
    assert not [name for name in names if f"{name} not allowed here" not in log]
