# SPDX-License-Identifier: Apache-2.0
"""What a denial looks like: status, body and headers for every reason, and how a site has its own say."""
import json
import re

import pytest

from gate_support import (DISPATCH, ENDED, GATE, NOBODY_PAID, OVERDUE, PAYER, POLICY, SECRET, feature, gate, populate,
                          signed)
from harness import client
from harness.site import token
from harness.waiting import wait_for

PAGE = "/paid/page.html"

REASONS = (POLICY + GATE
           + feature("trucking.roles", "BillingEnforce enforce", "BillingRoles owner")
           + feature("trucking.apps", "BillingEnforce enforce", "BillingAppTypes trucking")
           + feature("trucking.routing", "BillingEnforce enforce")
           + feature("trucking.refused", "BillingEnforce enforce")
           + feature("trucking.stale", "BillingEnforce enforce", "BillingStale max=1s then=deny")
           + gate("/roles", key="trucking.roles") + gate("/apps", key="trucking.apps")
           + gate("/routing", key="trucking.routing") + gate("/refused", key="trucking.refused")
           + '<Location "/">\n    BillingAppType "%{reqenv:OIDC_CLAIM_app}"\n</Location>\n'
           + gate("/forbidden", "BillingDenyStatus 403")
           + 'ErrorDocument 404 "not here"\nHeader always set Strict-Transport-Security "max-age=1"\n'
           + 'Header always set Access-Control-Allow-Origin "https://app.example.com"\n')


@pytest.fixture(scope="module")
def reasons(cluster, database, module_site):
    server = module_site(REASONS, database=cluster.conninfo(database))
    populate(server)
    cluster.psql("INSERT INTO billing.org (org_id) VALUES ('refused')", database)
    cluster.psql("INSERT INTO billing.link (org_id, livemode, provider) VALUES ('refused', false, 'stripe')", database)
    cluster.psql("INSERT INTO billing.override (org_id, livemode, kind, key) VALUES ('refused', false, 'refuse', "
                 "'trucking.refused')", database)
    for folder in ("roles", "apps", "routing", "refused", "forbidden"):
        server.write(f"htdocs/{folder}/page.html", SECRET)
    return server


def test_a_payer_passes_and_the_answer_is_private(reasons):
    answer = reasons.get(PAGE, headers=signed(PAYER))
    assert (answer.status, answer.text) == (200, SECRET)
    assert answer.header_all("cache-control") == ["private"]
    assert answer.header("expires") is None
    assert answer.header("vary") is None


@pytest.mark.parametrize("path, headers, status, reason", [
    (PAGE, signed(ENDED), 402, "canceled"),
    (PAGE, signed(OVERDUE), 402, "past_due"),
    (PAGE, signed(NOBODY_PAID), 402, "no_subscription"),
    (PAGE, token(sub="one without an org"), 403, "no_org"),
    (PAGE, token(sub="odd", org_id="no/org id"), 403, "no_org"),
    ("/routing/page.html", signed(PAYER), 402, "plan"),
    ("/roles/page.html", token(sub="b", org_id="payer", role="driver"), 403, "role"),
    ("/roles/page.html", token(sub="b", org_id="payer"), 403, "role"),
    ("/apps/page.html", signed(PAYER, app="bakery"), 403, "app_type"),
    ("/apps/page.html", signed(PAYER), 403, "app_type"),
    ("/refused/page.html", token(sub="r", org_id="refused"), 403, "override"),
    ("/forbidden/page.html", signed(ENDED), 403, "canceled"),
])
def test_a_denial_says_why(reasons, path, headers, status, reason):
    answer = reasons.get(path, headers=headers)
    assert answer.status == status
    assert answer.header("content-type") == "application/problem+json"
    assert answer.header_all("cache-control") == ["no-store"]
    problem = answer.json
    assert problem["reason"] == reason
    assert problem["status"] == status
    assert problem["type"].endswith(":" + problem["code"])
    assert problem["title"] and problem["detail"] and problem["requestId"]
    assert SECRET not in answer.text
    assert int(answer.header("content-length")) == len(answer.body)


def test_a_stranger_is_asked_to_sign_in_and_learns_nothing(reasons):
    answer = reasons.get(PAGE)
    assert answer.status == 401
    assert answer.header("www-authenticate").startswith("Bearer")
    assert "reason" not in answer.text


def test_the_way_out_is_named(reasons):
    problem = reasons.get(PAGE, headers=signed(ENDED)).json
    assert problem["feature"] == DISPATCH
    assert problem["plans"] == ["founding_monthly", "fleet_monthly"]
    assert problem["planKey"] == "founding_monthly"
    assert problem["upgradeUrl"] == "https://app.example.com/billing"
    assert "limit" not in problem and "usage" not in problem
    assert reasons.get(PAGE, headers=signed(NOBODY_PAID)).json["planKey"] is None
    routing = reasons.get("/routing/page.html", headers=signed(PAYER)).json
    assert routing["plans"] == ["fleet_monthly"]


def test_headers_that_the_site_always_sets_stay(reasons):
    answer = reasons.get(PAGE, headers=signed(ENDED))
    assert answer.header("strict-transport-security") == "max-age=1"
    assert answer.header("access-control-allow-origin") == "https://app.example.com"


def test_head_has_the_headers_of_get_and_no_body(reasons):
    get = reasons.get(PAGE, headers=signed(ENDED))
    head = reasons.request("HEAD", PAGE, headers=signed(ENDED))
    assert (head.status, head.body) == (402, b"")
    assert head.header("content-type") == get.header("content-type")


@pytest.mark.parametrize("body", [b"x" * 10, b"x" * 100_000])
def test_a_connection_survives_denials_of_every_method(reasons, body):
    with client.Connection(reasons.port) as connection:
        for method in ("POST", "HEAD", "GET", "PUT", "DELETE", "PATCH", "POST"):
            answer = connection.request(method, PAGE, headers=signed(ENDED), body=body if method[0] == "P" else None)
            assert answer.status == 402
        assert connection.request("GET", PAGE, headers=signed(PAYER)).text == SECRET


@pytest.mark.parametrize("headers", [
    {"Sec-Fetch-Mode": "navigate", "Accept": "*/*"},
    {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
])
def test_a_browser_that_navigates_gets_a_page(reasons, headers):
    answer = reasons.get(PAGE, headers={**signed(ENDED), **headers})
    assert answer.status == 402
    assert answer.header("content-type") == "text/html; charset=utf-8"
    assert answer.text.startswith("<!DOCTYPE html>")
    assert 'href="https://app.example.com/billing"' in answer.text
    assert "subscription has ended" in answer.text
    assert set(re.split(r", *", answer.header("vary"))) == {"Accept", "Sec-Fetch-Mode"}


def test_a_script_in_a_browser_gets_json(reasons):
    answer = reasons.get(PAGE, headers={**signed(ENDED), "Sec-Fetch-Mode": "cors", "Accept": "text/html"})
    assert answer.header("content-type") == "application/problem+json"


def test_conditional_requests_are_denied_like_others(reasons):
    allowed = reasons.get(PAGE, headers=signed(PAYER))
    conditions = {"If-None-Match": allowed.header("etag"), "If-Modified-Since": allowed.header("last-modified")}
    assert reasons.get(PAGE, headers={**signed(PAYER), **conditions}).status == 304
    for name, value in conditions.items():
        answer = reasons.get(PAGE, headers={**signed(ENDED), name: value})
        assert answer.status == 402
        assert answer.header("etag") is None and answer.header("last-modified") is None
    assert reasons.get(PAGE, headers={**signed(ENDED), "Range": "bytes=0-3"}).status == 402
    assert reasons.get(PAGE, headers={**signed(ENDED), "If-Match": '"x"'}).status == 402


# What a site says itself


def test_a_text_of_the_site_wins(cluster, database, site):
    server = populate(site(POLICY + GATE + 'ErrorDocument 402 "pay at the desk"\n', database=cluster.conninfo(database)))
    answer = server.get(PAGE, headers=signed(ENDED))
    assert (answer.status, answer.text) == (402, "pay at the desk")
    assert answer.header_all("cache-control") == ["no-store"]


def test_a_document_of_the_site_wins_even_inside_the_gate(cluster, database, site):
    server = populate(site(POLICY + GATE + "ErrorDocument 402 /paid/sorry.html\n", database=cluster.conninfo(database)))
    server.write("htdocs/paid/sorry.html", "sorry")
    answer = server.get(PAGE, headers=signed(ENDED))
    assert (answer.status, answer.text) == (402, "sorry")
    assert answer.header_all("cache-control") == ["no-store"]
    assert server.request("POST", PAGE, headers=signed(ENDED), body="x").text == "sorry"
    assert server.get("/paid/sorry.html", headers=signed(ENDED)).text == "sorry"


def test_a_folder_of_the_site_is_served_as_the_document_with_what_it_takes_to_find_it(cluster, database, site):
    server = populate(site(POLICY + GATE + "ErrorDocument 402 /paid/sorry/\n", database=cluster.conninfo(database)))
    server.write("htdocs/paid/sorry/index.html", "sorry")
    assert server.get(PAGE, headers=signed(ENDED)).text == "sorry"


def test_what_the_site_s_document_includes_is_gated(cluster, database, site):
    config = POLICY + GATE + """
ErrorDocument 402 /paid/sorry.shtml
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
<Directory "@DOCS@">
    Options +Includes
</Directory>
"""
    server = populate(site(config, database=cluster.conninfo(database), modules=["include"]))
    server.write("htdocs/paid/sorry.shtml", 'sorry <!--#include virtual="/paid/page.html" -->')
    server.allow("unable to include")
    answer = server.get(PAGE, headers=signed(ENDED))
    assert answer.status == 402
    assert answer.text.startswith("sorry") and SECRET not in answer.text


@pytest.mark.parametrize("document, body", [("", None), ('ErrorDocument 402 "pay at the desk"', "pay at the desk"),
                                            ("ErrorDocument 402 /free/index.html", "for everybody")])
def test_a_folder_whose_index_is_gated_says_the_same(cluster, database, site, document, body):
    config = POLICY + '<Files "gated.html">\n    BillingRequireFeature trucking.dispatch\n</Files>\n' + f"""
DirectoryIndex nothing.html gated.html
{document}
"""
    server = populate(site(config, database=cluster.conninfo(database)))
    server.write("htdocs/folder/gated.html", SECRET)
    answer = server.get("/folder/", headers=signed(ENDED))
    assert answer.status == 402
    assert answer.header_all("cache-control") == ["no-store"]
    assert answer.text == body if body else answer.json["reason"] == "canceled"
    assert server.get("/folder/", headers=signed(PAYER)).text == SECRET


def test_a_url_of_the_site_wins(cluster, database, site):
    config = POLICY + GATE + "ErrorDocument 402 https://shop.example.com/pay\n"
    server = populate(site(config, database=cluster.conninfo(database)))
    answer = server.get(PAGE, headers=signed(ENDED))
    assert (answer.status, answer.header("location")) == (302, "https://shop.example.com/pay")
    assert SECRET not in answer.text


def test_a_document_that_is_missing_leaves_the_gate_s_own_body(cluster, database, site):
    server = populate(site(POLICY + GATE + "ErrorDocument 402 /nowhere.html\n", database=cluster.conninfo(database)))
    answer = server.get(PAGE, headers=signed(ENDED))
    assert (answer.status, answer.json["reason"]) == (402, "canceled")


def test_any_other_document_in_a_gated_tree_is_gated(cluster, database, site):
    config = POLICY + GATE + "ErrorDocument 404 /paid/page.html\n"
    server = populate(site(config, database=cluster.conninfo(database)))
    for path in ("/nowhere", "/free/nowhere"):
        answer = server.get(path, headers=signed(ENDED))
        assert answer.status == 404
        assert SECRET not in answer.text
        assert server.get(path, headers=signed(PAYER)).text == SECRET


def test_401_comes_with_the_site_s_own_challenge(cluster, database, site):
    """Nobody asks for a password before the gate does, since no password would yield an org."""
    config = POLICY + gate("/paid", "Require all granted", 'BillingOrg "%{req:X-Org}" trusted-proxy=192.0.2.1')
    server = populate(site(config, database=cluster.conninfo(database), sign_in="password"))
    answer = server.get(PAGE, headers={"X-Org": PAYER.org})
    assert answer.status == 401
    assert answer.json["reason"] == "no_org"
    assert answer.header("www-authenticate") == 'Basic realm="site"'


def test_503_says_when_to_come_back(cluster, database, site):
    config = POLICY + gate("/paid") + feature("trucking.reports", "BillingEnforce enforce",
                                              "BillingStale max=24h then=deny") + gate("/stale", key="trucking.reports")
    name = cluster.conninfo(database).replace("dbname=", "dbname=no_such_")
    server = site(config, database=name)
    server.allow("AH00629", "AH00632", "AH00633", "AH00636", "ATB0202")
    server.write("htdocs/stale/page.html", SECRET)
    server.write("htdocs/paid/page.html", "fails open by its policy")
    answer = server.get("/stale/page.html", headers=signed(PAYER))
    assert (answer.status, answer.json["reason"]) == (503, "unverified")
    assert int(answer.header("retry-after")) > 0
    assert answer.header_all("cache-control") == ["no-store"]
    assert server.get("/paid/page.html", headers=signed(PAYER)).text == "fails open by its policy"


def test_the_way_out_is_the_status_page_where_there_is_one(cluster, database, site):
    config = POLICY + GATE + "BillingMount page /account/billing\n"
    server = populate(site(config, database=cluster.conninfo(database)))
    answer = server.get(PAGE, headers=signed(ENDED))
    assert answer.json["upgradeUrl"] == f"/account/billing?why=canceled&feature={DISPATCH}"
    page = server.get(PAGE, headers={**signed(ENDED), "Accept": "text/html"}).text
    assert f'href="/account/billing?why=canceled&amp;feature={DISPATCH}"' in page


def test_the_request_id_is_mod_unique_id_s_and_cannot_break_the_page(cluster, database, site):
    config = POLICY + GATE + 'LogFormat "%{UNIQUE_ID}e" id\nCustomLog "@ROOT@/ids" id\n'
    server = populate(site(config, database=cluster.conninfo(database), modules=["unique_id"]))
    answer = server.get(PAGE, headers=signed(ENDED))
    wait_for(lambda: answer.json["requestId"] in (server.root / "ids").read_text().split(), 10, "the id in the log")
    assert json.loads(answer.text)
