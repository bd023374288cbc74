# SPDX-License-Identifier: Apache-2.0
"""What becomes of gated answers on the way out: caches, preflights, and what the log is told."""
import pytest

from gate_support import ENDED, GATE, NOBODY_PAID, PAYER, POLICY, SECRET, feature, gate, populate, signed
from lenient_backend import LenientBackend
from harness.waiting import wait_for

PAGE = "/paid/page.html"

# mod_cache stores nothing for requests with Authorization, so the org comes from a proxy.
BY_PROXY = '<Location "/">\n    BillingOrg "%{req:X-Org}" trusted-proxy=127.0.0.1\n</Location>\n'

# As greedy as mod_cache can be told to be.
CACHE = """
CacheRoot "@ROOT@/cache"
CacheEnable disk /
CacheDefaultExpire 3600
CacheMinExpire 3600
CacheIgnoreNoLastMod On
CacheIgnoreCacheControl On
CacheStoreExpired On
CacheStorePrivate On
CacheStoreNoStore On
CacheIgnoreHeaders X-Org
CacheHeader On
ExpiresActive On
ExpiresDefault "access plus 1 hour"
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
<Directory "@DOCS@">
    Options +Includes +MultiViews
    RewriteEngine On
    RewriteRule ^free/rewritten$ /paid/page.html [L]
</Directory>
<Location "/free/fallback">
    FallbackResource /paid/page.html
</Location>
<Files "variant.html.en">
    BillingRequireFeature trucking.dispatch
</Files>
<Files "gated-index.html">
    BillingRequireFeature trucking.dispatch
</Files>
<Location "/free/index">
    DirectoryIndex gated-index.html
</Location>
AddLanguage en .en
<Location "/paid/public">
    Header set Cache-Control "public, max-age=600"
</Location>
ProxyPass "/paid/backend" "http://@BACKEND@/paid"
"""


@pytest.fixture(scope="module")
def backend():
    made = LenientBackend()
    yield made
    made.close()


@pytest.fixture(scope="module", params=["On", "Off"], ids=["quick handler", "normal handler"])
def caching(request, cluster, database, module_site, backend):
    config = POLICY + BY_PROXY + GATE + gate("/watched", key="trucking.watched") + \
        feature("trucking.watched", "BillingEnforce monitor") + CACHE + f"CacheQuickHandler {request.param}\n"
    server = module_site(config, database=cluster.conninfo(database), sign_in=None, start=False,
                         modules=["cache_disk", "expires", "include", "rewrite", "negotiation", "proxy_http"],
                         values={"BACKEND": backend.address})
    (server.root / "cache").mkdir()
    server.scratch.account.own(server.root / "cache")
    server.start()
    populate(server)
    for path in ("paid/public/page.html", "free/index/gated-index.html", "free/variant.html.en", "watched/page.html"):
        server.write(f"htdocs/{path}", SECRET)
    server.write("htdocs/free/including.shtml", '<!--#include virtual="/paid/page.html" -->')
    return server


GATED = [PAGE, "/paid/", "/paid/public/page.html", "/free/rewritten", "/free/fallback/x", "/free/index/",
         "/free/variant", "/free/including.shtml", "/paid/backend/x", "/watched/page.html"]


def ask(server, path, org, **headers):
    return server.get(path, headers={"X-Org": org, **headers})


def test_the_cache_does_cache(caching):
    ask(caching, "/free/index.html", "payer")
    assert ask(caching, "/free/index.html", "ended").header("x-cache").startswith("HIT")


@pytest.mark.allowed_log("unable to include", "AH00687")
@pytest.mark.parametrize("path", GATED)
def test_nothing_gated_is_stored_or_served_to_another(caching, path):
    first = ask(caching, path, "payer")
    assert (first.status, first.text) == (200, SECRET)
    for _ in range(2):
        again = ask(caching, path, "payer")
        assert again.text == SECRET
        assert not (again.header("x-cache") or "MISS").startswith("HIT")
        if path != "/watched/page.html":
            for org in ("ended", "nothing", ""):
                assert SECRET not in ask(caching, path, org).text
    stored = [file for file in (caching.root / "cache").rglob("*.data") if SECRET in file.read_text()]
    assert not stored


@pytest.mark.parametrize("path, expected", [
    (PAGE, "private"), ("/paid/", "private"), ("/free/rewritten", "private"), ("/free/fallback/x", "private"),
    ("/free/index/", "private"), ("/free/variant", "private"), ("/paid/backend/x", "private"),
    ("/watched/page.html", "private"), ("/paid/public/page.html", "public, max-age=600"),
])
def test_silent_answers_are_private(cluster, database, site, backend, path, expected):
    config = POLICY + BY_PROXY + GATE + gate("/watched", key="trucking.watched") + \
        feature("trucking.watched", "BillingEnforce monitor") + CACHE
    config = "".join(line for line in config.splitlines(keepends=True) if not line.startswith(("Cache", "Expires")))
    server = site(config, database=cluster.conninfo(database), sign_in=None,
                  modules=["include", "rewrite", "negotiation", "proxy_http"], values={"BACKEND": backend.address})
    populate(server)
    for name in ("paid/public/page.html", "free/index/gated-index.html", "free/variant.html.en", "watched/page.html"):
        server.write(f"htdocs/{name}", SECRET)
    answer = ask(server, path, "payer")
    assert (answer.text, answer.header_all("cache-control")) == (SECRET, [expected])
    assert answer.header("expires") is None
    assert ask(server, "/free/index.html", "payer").header("cache-control") is None
    if path == "/paid/backend/x":
        said = ask(server, path, "payer", **{"X-Say-Cache-Control": "max-age=7"})
        assert said.header_all("cache-control") == ["max-age=7"]
        head = server.request("HEAD", path, headers={"X-Org": "payer"})
        assert head.header_all("cache-control") == ["private"]


# Preflights

PREFLIGHT = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}


@pytest.fixture(scope="module")
def open_site(cluster, database, module_site, backend):
    config = POLICY + GATE + """
<Location "/">
    Require all granted
</Location>
ProxyPass "/paid/backend" "http://@BACKEND@/paid"
Header always set Access-Control-Allow-Origin "https://app.example.com"
AddHandler cgi-script .cgi
<Directory "@DOCS@">
    Options +ExecCGI
</Directory>
ErrorDocument 405 /paid/page.html
<Location "/paid/refusing">
    AllowMethods GET
</Location>
LogFormat "%m %>s %U [%{BILLING_ORG}n|%{BILLING_STATUS}n|%{BILLING_PLAN}n|%{BILLING_FEATURE}n|%{BILLING_DECISION}n|\
%{BILLING_REASON}n|%{BILLING_AGE}n] [%{BILLING_ORG}e|%{BILLING_STATUS}e|%{BILLING_PLAN}e|%{BILLING_FEATURE}e|\
%{BILLING_DECISION}e|%{BILLING_REASON}e|%{BILLING_AGE}e]" billing
CustomLog "@ROOT@/billing.log" billing
""" + gate("/watched", key="trucking.watched") + feature("trucking.watched", "BillingEnforce monitor") + \
        gate("/paid/both", key="trucking.watched") + gate("/asking", "Require valid-user", key="trucking.watched")
    server = module_site(config, database=cluster.conninfo(database), modules=["proxy_http", "cgid", "allowmethods"],
                         values={"BACKEND": backend.address})
    populate(server)
    server.write("htdocs/paid/script.cgi",
                 f'#!/bin/sh\nprintf "Content-Type: text/plain\\nETag: \\"x\\"\\nX-Own: yes\\n\\n{SECRET}"\n', mode=0o700)
    for folder in ("watched", "asking", "paid/both", "paid/refusing"):
        server.write(f"htdocs/{folder}/page.html", SECRET)
    return server


@pytest.mark.allowed_log("AH01264")
@pytest.mark.parametrize("path", [PAGE, "/paid/script.cgi", "/paid/backend/x", "/paid/", "/paid/nothing.cgi"])
def test_a_preflight_passes_without_a_body(open_site, path):
    answer = open_site.request("OPTIONS", path, headers=PREFLIGHT)
    assert answer.status in (200, 404)
    assert answer.body == b""
    assert answer.header("etag") is None
    assert answer.header("access-control-allow-origin") == "https://app.example.com"
    assert open_site.request("GET", path, headers=PREFLIGHT).status == 401


def test_a_script_s_own_headers_for_a_preflight_stay(open_site):
    assert open_site.request("OPTIONS", "/paid/script.cgi", headers=PREFLIGHT).header("x-own") == "yes"


@pytest.mark.allowed_log("AH01623")
def test_a_preflight_whose_error_has_a_gated_document_says_nothing(open_site):
    answer = open_site.request("OPTIONS", "/paid/refusing/page.html", headers=PREFLIGHT)
    assert (answer.status, answer.body) == (405, b"")


@pytest.mark.parametrize("headers", [
    {}, {"Origin": "https://app.example.com"}, {"Access-Control-Request-Method": "POST"},
    {"Access-Control-Request-Headers": "x", "Origin": "https://app.example.com"},
])
def test_options_alone_is_no_preflight(open_site, headers):
    for path in (PAGE, "/paid/script.cgi", "/paid/backend/x"):
        assert open_site.request("OPTIONS", path, headers=headers).status == 401
        assert open_site.request("OPTIONS", path, headers={**headers, **signed(ENDED)}).status == 402


def test_what_looks_like_a_preflight_is_none(open_site):
    for method in ("GET", "HEAD", "POST", "options", "OPTION", "OPTIONSX"):
        answer = open_site.request(method, "/paid/backend/x", headers={**PREFLIGHT, **signed(ENDED)})
        assert answer.status == 402


# What the log is told


def logged(server, path, **options):
    position = (server.root / "billing.log").stat().st_size
    server.request(options.pop("method", "GET"), path, **options)
    return wait_for(lambda: (server.root / "billing.log").read_text()[position:].strip(), 10, "the access log").split("\n")[-1]


@pytest.mark.parametrize("path, who, words", [
    (PAGE, PAYER, "payer|active|founding_monthly|trucking.dispatch|allow|plan"),
    (PAGE, ENDED, "ended|canceled|founding_monthly|trucking.dispatch|deny|canceled"),
    (PAGE, NOBODY_PAID, "nothing|none||trucking.dispatch|deny|no_subscription"),
    ("/asking/page.html", ENDED, "ended|canceled|founding_monthly|trucking.watched|would-deny|canceled"),
    ("/asking/page.html", PAYER, "payer|active|founding_monthly|trucking.watched|would-deny|plan"),
    ("/paid/both/page.html", PAYER, "payer|active|founding_monthly|trucking.watched|would-deny|plan"),
    ("/paid/both/page.html", ENDED, "ended|canceled|founding_monthly|trucking.dispatch|deny|canceled"),
    ("/free/index.html", PAYER, "-|-|-|-|-|-"),
])
def test_the_log_is_told(open_site, path, who, words):
    line = logged(open_site, path, headers=signed(who))
    notes, environment = [part.split("]")[0] for part in line.split("[")[1:]]
    if words.startswith("-"):
        assert notes == environment == words + "|-"
        return
    words = words.replace("||", "|-|") if "|none|" in words else words
    for found in (notes, environment):
        assert found.rpartition("|")[0].replace("||", "|-|") == words
        assert 0 <= int(found.rpartition("|")[2]) < 60


def test_without_an_org_the_log_is_told_so(open_site):
    line = logged(open_site, "/watched/page.html")
    assert "|trucking.watched|would-deny|no_org|" in line


def test_the_document_of_a_denial_is_told_too(cluster, database, site):
    config = POLICY + GATE + """
ErrorDocument 402 /free/index.html
LogFormat "%>s %{BILLING_ORG}n %{BILLING_DECISION}n %{BILLING_REASON}n %{BILLING_ORG}e" billing
CustomLog "@ROOT@/billing.log" billing
"""
    server = populate(site(config, database=cluster.conninfo(database)))
    assert logged(server, PAGE, headers=signed(ENDED)) == "402 ended deny canceled ended"


# Who reads the environment without a word in the configuration


def test_scripts_see_the_environment(cluster, database, site):
    config = POLICY + GATE + """
AddHandler cgi-script .cgi
<Directory "@DOCS@">
    Options +ExecCGI
</Directory>
ErrorDocument 402 /paid/script.cgi
"""
    server = populate(site(config, database=cluster.conninfo(database), modules=["cgid"]))
    server.write("htdocs/paid/script.cgi", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nenv\n", mode=0o700)
    said = server.get("/paid/script.cgi", headers=signed(PAYER)).text.split("\n")
    for line in ("BILLING_ORG=payer", "BILLING_STATUS=active", "BILLING_PLAN=founding_monthly", "BILLING_DECISION=allow",
                 "BILLING_FEATURE=trucking.dispatch", "BILLING_REASON=plan"):
        assert line in said
    said = server.get(PAGE, headers=signed(ENDED)).text.split("\n")
    for line in ("BILLING_DECISION=deny", "REDIRECT_BILLING_REASON=canceled", "BILLING_ORG=ended"):
        assert line in said


def test_htaccess_sees_the_environment(cluster, database, site):
    config = POLICY + GATE + '<Directory "@DOCS@">\n    AllowOverride FileInfo\n</Directory>\n'
    server = populate(site(config, database=cluster.conninfo(database)))
    server.write("htdocs/paid/.htaccess", 'Header set X-Plan "%{BILLING_PLAN}e"\n', mode=0o644)
    assert server.get(PAGE, headers=signed(PAYER)).header("x-plan") == "founding_monthly"


def test_included_pages_see_the_environment(cluster, database, site):
    config = POLICY + GATE + """
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
<Directory "@DOCS@">
    Options +Includes
</Directory>
"""
    server = populate(site(config, database=cluster.conninfo(database), modules=["include"]))
    server.write("htdocs/paid/page.shtml", '<!--#echo var="BILLING_PLAN" -->')
    assert server.get("/paid/page.shtml", headers=signed(PAYER)).text == "founding_monthly"
