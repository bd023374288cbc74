# SPDX-License-Identifier: Apache-2.0
"""The operators' pages as a browser without scripts meets them: what they show, what their forms do, what they refuse."""
import base64
import re
import urllib.parse

import pytest
from harness import client, stripe_events
from harness.site import ALICE, PASSWORD, token
from harness.tls import TLS_VHOST, Authority
from operate_support import ADMIN, SITE, start_account
from page_support import page_of

from harness.site import WEBHOOK, WEBHOOK_SECRET

CONFIG = SITE + """
<BillingFeature trucking.routing>
    BillingUses trucking.maxLocations
</BillingFeature>
BillingAllowOrigin https://app.example.com
<Location "/reports">
    BillingRequireFeature trucking.reports
</Location>
"""
OLGA = token(sub="olga")
OWN = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
HOSTILE = '"><script>alert(1)</script>'


class Operated:
    def __init__(self, server, stripe, cluster, database):
        self.server, self.stripe, self._cluster, self._database = server, stripe, cluster, database

    def sql(self, text):
        return self._cluster.psql(text, self._database)

    def look(self, path, status=200, headers=OLGA):
        return page_of(self.server.get(ADMIN + path, headers=headers), status)

    def send(self, path, fields=(), headers=OWN):
        return self.server.post(ADMIN + path, headers={**OLGA, **headers}, body=urllib.parse.urlencode(fields))

    def press(self, path, fields=()):
        """The form's effect, and the page that it leads to."""
        reply = self.send(path, fields)
        assert reply.status == 303 and reply.header("location").startswith(ADMIN), reply
        return page_of(self.server.get(reply.header("location"), headers=OLGA))

    def subscribed(self, org, **more):
        event = stripe_events.subscription_event("created", sub=f"sub_{org}", customer=f"cus_{org}", org=org,
                                                 **{"status": "active", "price": "price_founding_monthly", **more})
        assert self.server.deliver(event).status == 200
        return event


@pytest.fixture(scope="module")
def operated(module_site, cluster, database):
    with start_account() as stripe:
        server = module_site(CONFIG, database=cluster.conninfo(database), values={"STRIPE": stripe.url})
        server.write("htdocs/reports/index.html", "reports")
        stripe.post("webhooks", url=f"http://127.0.0.1:{server.port}{WEBHOOK}", secret=WEBHOOK_SECRET)
        yield Operated(server, stripe, cluster, database)


@pytest.mark.allowed_log("ATB0403")
def test_health_says_what_waits(operated):
    operated.subscribed("acme")
    page = operated.look("/")
    assert "Health" in page.text and "customer.subscription.created" in page.text and "Signed in as olga" in page.text
    operated.server.deliver(stripe_events.subscription_event("created", sub="sub_bad", customer="cus_bad", org="no org"))
    page = operated.look("")
    assert "1 event is dead." in page.text and f"{ADMIN}/page/events?outcome=dead" in page.links
    assert "The sweep is over." in operated.press("/page/sweep").text


@pytest.mark.allowed_log("ATB0621")
def test_verification_and_its_drift(operated):
    operated.subscribed("drifter")
    page = operated.press("/page/verify")
    assert "The verification is over." in page.text and "Differences from the provider" in page.text
    assert any("sub_drifter" in row for row in page.rows)


def test_orgs_are_listed_and_found(operated):
    for org in ("list-a", "list-b"):
        operated.subscribed(org)
    operated.subscribed("list-owing", status="past_due")
    page = operated.look("/page/orgs?prefix=list-&status=active")
    assert [row[0] for row in page.rows[1:]] == ["list-a", "list-b"] and page.rows[1][1:3] == ["active", "founding_monthly"]
    assert [row[0] for row in operated.look("/page/orgs?prefix=list-&status=past_due").rows[1:]] == ["list-owing"]
    assert "No org here fits." in operated.look("/page/orgs?prefix=nowhere").text
    first = operated.look("/page/orgs?limit=1&prefix=list-")
    (after,) = [link for link in first.links if "after=" in link]
    assert [row[0] for row in page_of(operated.server.get(after, headers=OLGA)).rows[1:2]] == ["list-b"]


def test_an_orgs_page_and_its_overrides(operated):
    operated.subscribed("umbrella")
    page = operated.look("/page/orgs/umbrella")
    assert "sub_umbrella" in page.text and "cus_umbrella" in page.text and "No overrides." in page.text
    page = operated.press("/page/orgs/umbrella/overrides",
                          {"effect": "grant trucking.routing", "note": HOSTILE, "expires": "2999-01-31", "value": ""})
    assert "The override is in force" in page.text and HOSTILE in page.text and "2999-01-31 00:00" in page.text
    operated.press("/page/orgs/umbrella/overrides", {"effect": "refuse trucking.dispatch"})
    operated.press("/page/orgs/umbrella/overrides", {"effect": "limit trucking.maxLocations", "value": "7"})
    operated.press("/page/orgs/umbrella/overrides", {"effect": "limit trucking.maxLocations"})
    assert operated.sql("select kind, key, limit_value, author from billing.override where org_id = 'umbrella' order by 1, 3") == [
        ["grant", "trucking.routing", "", "olga"], ["limit", "trucking.maxLocations", "-1", "olga"],
        ["limit", "trucking.maxLocations", "7", "olga"], ["refuse", "trucking.dispatch", "", "olga"]]
    number = operated.sql("select override_id from billing.override where org_id = 'umbrella' and kind = 'refuse'")[0][0]
    assert "The override is gone." in operated.press(f"/page/orgs/umbrella/overrides/{number}").text
    assert operated.sql("select count(*) from billing.override where org_id = 'umbrella'") == [["3"]]
    for fields in ({"effect": "limit trucking.maxLocations", "value": "many"}, {"effect": "grant"}, {"what": "ever"}, {}):
        page = page_of(operated.send("/page/orgs/umbrella/overrides", fields), 400)
        assert "That did not work" in page.text
    assert operated.sql("select count(*) from billing.override where org_id = 'umbrella'") == [["3"]]


def test_the_shadow_report_and_grandfathering(operated):
    for org in ("globex", "initech"):
        assert operated.server.get("/reports/", headers=token(org_id=org, role="owner")).status == 200
    page = operated.look("/page/shadow")
    assert "Orgs: 2. Requests that would have been denied: 2." in page.text
    (link,) = [link for link in page.links if "/page/grandfather?feature=trucking.reports" in link]
    page = page_of(operated.server.get(link, headers=OLGA))
    assert "2 orgs will be granted the feature" in page.text and ["globex", "1"] == page.rows[1][:2]
    assert operated.sql("select count(*) from billing.override where source = 'grandfather'") == [["0"]]
    (form,) = [form for form in page.forms if form[0] == "post"]
    page = operated.press(form[1].removeprefix(ADMIN), form[2])
    assert "The orgs have their grants." in page.text and "Grandfathered so far" in page.text
    assert operated.sql("select org_id, author from billing.override where source = 'grandfather' order by 1") == [
        ["globex", "olga"], ["initech", "olga"]]
    (undo,) = [form for form in page.forms if form[1].endswith("/undo")]
    assert "The batch was undone" in operated.press(undo[1].removeprefix(ADMIN)).text
    assert operated.sql("select count(*) from billing.override where source = 'grandfather'") == [["0"]]
    page_of(operated.server.get(ADMIN + "/page/grandfather?feature=trucking.reports&days=x", headers=OLGA), 400)
    csv = operated.server.get(ADMIN + "/shadow?format=csv", headers=OLGA)
    assert csv.status == 200 and csv.header("content-type").startswith("text/csv")


@pytest.mark.allowed_log("ATB0403")
def test_events_and_their_replay(operated):
    event = operated.subscribed("eventful")
    page = operated.look("/page/events?org=eventful")
    assert page.rows[1][:3] == [event["id"], "customer.subscription.created", "eventful"]
    page = operated.look(f"/page/events/{event['id']}")
    assert '"object": "event"' in page.text and "applied" in page.text
    assert "It had its effect before." in operated.press(f"/page/events/{event['id']}/replay").text
    dead = stripe_events.subscription_event("created", sub="sub_dead", customer="cus_dead", org=HOSTILE)
    operated.server.deliver(dead)
    page = operated.look("/page/events?outcome=dead")
    assert "Replay all dead events" in page.text
    assert "All dead events were replayed." in operated.press("/page/replay").text
    assert "dead again" in operated.press(f"/page/events/{dead['id']}/replay").text


def test_a_decision_is_explained(operated):
    operated.subscribed("aperture")
    page = operated.look("/page/explain?org=aperture")
    assert "The rules, in the order they are asked" not in page.text
    page = operated.look("/page/explain?org=aperture&feature=trucking.dispatch&role=&appType=&method=&usage=&location=")
    assert "Allowed" in page.text and "the plan" in page.text and "Is there an override?" in page.text
    page = operated.look("/page/explain?org=nobody-yet&feature=trucking.dispatch")
    assert "Denied" in page.text and "no subscription" in page.text
    assert re.search(r"httpd\.conf, line \d+", page.text)
    operated.look("/page/explain?feature=no.such", 404)


def test_forms_of_other_sites_do_nothing(operated):
    operated.subscribed("victim")
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"},
                    {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site", "Origin": "https://app.example.com"},
                    {"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example.com"}):
        for path, fields in (("/page/orgs/victim/overrides", {"effect": "grant trucking.routing"}), ("/page/sweep", {}),
                             ("/page/verify", {"repair": "yes"}), ("/page/replay", {}),
                             ("/page/grandfather", {"feature": "trucking.reports", "days": "30"})):
            reply = operated.send(path, fields, {"Content-Type": OWN["Content-Type"], **headers})
            assert "own pages only" in page_of(reply, 403).text
    assert operated.sql("select count(*) from billing.override where org_id = 'victim'") == [["0"]]


@pytest.mark.parametrize("body", [b"effect=refuse+trucking.routing&note=x\0&expires=2999-01-31",
                                  b"effect=refuse+trucking.routing&note=%FF", b"effect=refuse+trucking.routing&note=a%00b"])
def test_a_form_that_is_no_text_does_nothing(operated, body):
    """What follows a NUL must not be as if it had not been sent."""
    operated.subscribed("spectre")
    page_of(operated.server.post(ADMIN + "/page/orgs/spectre/overrides", headers={**OLGA, **OWN}, body=body), 400)
    assert operated.sql("select count(*) from billing.override where org_id = 'spectre'") == [["0"]]


def test_what_is_wrong_is_a_page_and_nothing_of_it_is_markup(operated):
    quoted = urllib.parse.quote(HOSTILE.replace("/", ""), safe="")
    for path, status in ((f"/page/orgs/{quoted}", 400), (f"/page/orgs?prefix={quoted}", 400), (f"/page/events/{quoted}", 404),
                         (f"/page/events?org={quoted}", 400), (f"/page/explain?feature={quoted}", 404),
                         ("/page/orgs/nobody", 404), ("/page/nothing", 404), ("/page/orgs?x=1", 400),
                         (f"/page/explain?org={quoted}", 200), ("/?done=" + quoted, 200), ("/page/sweep", 405)):
        page = operated.look(path, status)
        assert [attributes for attributes in page.elements("script") if "src" not in attributes] == [], path
        assert "<script>alert" not in page.reply.text, path
    operated.server.deliver(stripe_events.subscription_event("created", sub=HOSTILE, customer=HOSTILE, org="hostile"))
    for path in ("/page/orgs/hostile", "/page/events?org=hostile"):
        assert "<script>alert" not in operated.look(path).reply.text


def test_nobody_who_is_not_signed_in_sees_any(site, cluster, database):
    server = site(CONFIG, database=cluster.conninfo(database), sign_in=None, values={"STRIPE": "http://127.0.0.1:9"})
    for path in ("/", "/page/orgs", "/page/explain"):
        page = page_of(server.get(ADMIN + path), 401)
        assert "signed-in operators alone" in page.text and "Health" not in page.words[:6]


@pytest.mark.allowed_log("AH01617", "AH01618")
def test_a_failed_sign_in_is_nobodys_even_in_an_error_document(site, cluster, database):
    """httpd hands the name that was claimed on to the document of the refusal."""
    config = CONFIG + f'<Location "{ADMIN}">\n    ErrorDocument 401 {ADMIN}/page/orgs\n</Location>\n'
    server = site(config, database=cluster.conninfo(database), sign_in="password", values={"STRIPE": "http://127.0.0.1:9"})
    for name in ("alice", "mallory"):
        page = page_of(server.get(ADMIN + "/", headers=client.basic(name, "wrong")), 401)
        assert "signed-in operators alone" in page.text and name not in page.text
    assert server.get(ADMIN + "/", headers=server.who(ALICE)).status == 200


def test_an_operator_whose_name_is_no_utf8_may_act(site, cluster, database):
    server = site(CONFIG, database=cluster.conninfo(database), sign_in="password", values={"STRIPE": "http://127.0.0.1:9"})
    people = (server.root / "people").read_bytes()
    (server.root / "people").write_bytes(people.replace(b"alice:", b"j\xfcrgen:"))
    name = base64.b64encode(b"j\xfcrgen:" + PASSWORD.encode()).decode()
    reply = server.post(ADMIN + "/page/orgs/tyrell/overrides", headers={**OWN, "Authorization": f"Basic {name}"},
                        body="effect=grant+trucking.routing")
    assert reply.status == 303, reply
    assert cluster.psql("select author from billing.override where org_id = 'tyrell'", database) == [["j?rgen"]]


@pytest.mark.allowed_log("AH02037", "AH02276")
def test_a_certificate_that_does_not_verify_is_nobodys(site, scratch, cluster, database):
    """SSLUserName makes a user of any."""
    authority = Authority(scratch)
    authority.issue("olga", "/O=olga")
    authority.issue("forged", "/O=olga", trusted=False)
    lines = "SSLVerifyClient optional_no_ca\n    SSLUserName SSL_CLIENT_S_DN_O"
    site(CONFIG + TLS_VHOST.format(lines=lines), database=cluster.conninfo(database), sign_in=None, modules=["ssl"],
         values={"STRIPE": "http://127.0.0.1:9", "TLS": authority.port, "CERTIFICATES": authority.folder})
    for certificate, status in (("olga", 200), ("forged", 401), (None, 401)):
        page = page_of(client.request(authority.port, "GET", ADMIN + "/", tls=authority.context(certificate)), status)
        assert ("Signed in as olga" in page.text) == (status == 200)


@pytest.mark.allowed_log("ATB0202", "ATB0203", "AH006")
def test_while_the_database_is_away(operated, cluster):
    cluster.freeze()
    try:
        page = operated.look("/", 503)
        assert "gates serve what is known" in page.text and "Age" in page.text and page.reply.header("retry-after")
    finally:
        cluster.thaw()
