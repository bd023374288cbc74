# SPDX-License-Identifier: Apache-2.0
"""The billing status page as a browser without scripts meets it: what it says, what it offers, and what it refuses."""
import pytest
from harness.site import token
from page_support import PAGE, SITE, page_of
from shop_support import module_stripe, new_org, open_shop, org  # noqa: F401

OWN = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def _page_shop(module_site, cluster, database, module_stripe):
    return open_shop(module_site, cluster, database, module_stripe, SITE)


@pytest.fixture
def shop(_page_shop):
    yield _page_shop
    _page_shop.heal()
    _page_shop.stripe.post("deliver")


def look(shop, org, query="", role="owner", status=200):
    return page_of(shop.server.get(PAGE + query, headers=token(org_id=org, role=role)), status)


def press(shop, org, form, role="owner", headers=OWN):
    method, action, fields = form
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    return shop.server.request(method.upper(), action, headers={**token(org_id=org, role=role), **headers}, body=body)


def bought(shop, org, plan="founding_monthly", **how):
    assert shop.buy(org, plan).status == 200
    shop.pay(shop.open_session(org), **how)
    return shop.subscriptions(org)[-1]["id"]


def status(shop, org, role="owner"):
    reply = shop.server.get(PAGE + "/status.json", headers=token(org_id=org, role=role))
    assert reply.status == 200, reply
    return reply.json


def test_nothing_bought_yet_and_the_way_to_it(shop, org):
    page = look(shop, org)
    assert "You have no subscription yet." in page.text and "Test mode" in page.text
    assert [(form[1], form[2]) for form in page.forms] == [
        (PAGE + "/checkout", {"plan": "founding_monthly"}), (PAGE + "/checkout", {"plan": "fleet_monthly"})]
    assert ["trucking.dispatch", "In the plans Founding member, Fleet"] in page.rows
    assert status(shop, org)["kind"] == "none"
    reply = press(shop, org, page.forms[1])
    assert reply.status == 303 and reply.header("location").startswith(shop.stripe.url), reply
    assert shop.open_session(org)["url"] == reply.header("location")
    page = look(shop, org)
    assert "Continue the checkout" in page.text and page.links[1] == reply.header("location")


def test_an_active_plan_its_features_and_limits(shop, org):
    bought(shop, org)
    page = look(shop, org, "/")
    assert "Your plan is Founding member." in page.text and "It renews on" in page.text
    assert ["trucking.dispatch", "Included"] in page.rows and ["trucking.maxLocations", "5"] in page.rows
    assert ["trucking.routing", "In the plan Fleet"] in page.rows
    assert page.forms == [("post", PAGE + "/portal", {})]
    reply = press(shop, org, page.forms[0])
    assert reply.status == 303 and reply.header("location").startswith(shop.stripe.url)


def test_back_from_checkout_before_the_webhook(shop, org):
    """Nobody is offered to pay again; a browser without scripts comes again, but not for ever."""
    shop.hold_webhooks()
    shop.fault("drop", "/v1/checkout/sessions", times=None)
    waiting = look(shop, org, "?checkout=success&session_id=cs_test_1")
    assert "being confirmed" in waiting.text and not waiting.forms
    assert [meta["content"] for meta in waiting.elements("meta") if meta.get("http-equiv") == "refresh"] == [
        f"5; url={PAGE}?checkout=success&try=1"]
    late = look(shop, org, "?checkout=success&try=12")
    assert "Do not pay again" in late.text and not late.forms and "refresh" not in late.reply.text
    shop.heal()
    bought(shop, org)
    shop.release_webhooks()
    page = look(shop, org, "?checkout=success")
    assert "Your payment is confirmed." in page.text and "Your plan is" in page.text
    assert "Nothing was charged" in look(shop, new_org(), "?checkout=cancelled").text


def test_each_status_has_its_sentence_and_its_button(shop, org):
    subscription = bought(shop, org)

    def turned(kind, sentence, *labels, action="status", **change):
        shop.stripe.post(f"subscriptions/{subscription}/{action}", **change)
        page = look(shop, org)
        assert sentence in page.text, page.text
        assert all(label in page.text for label in labels), page.text
        assert status(shop, org)["kind"] == kind
        return page

    turned("ending", "Your plan Founding member ends on", "Keep the plan", action="cancel-at-period-end")
    turned("active", "Your plan is Founding member.", "Manage billing", action="take-back-cancellation")
    turned("trialing", "You are trying Founding member.", "The trial ends on", status="trialing")
    page = turned("past_due", "The last payment failed.", "Update the payment method by", status="past_due")
    assert page.forms[0] == ("post", PAGE + "/portal", {"flow": "payment_method_update"})
    assert any(row[0] == "trucking.dispatch" and "unless the payment is made" in row[1] for row in page.rows if row)
    turned("unpaid", "A payment is overdue.", "See the open invoice", status="unpaid")
    turned("paused", "Your subscription is paused.", "Resume", status="paused")
    turned("incomplete", "The first payment is not complete.", "Complete the payment", status="incomplete")
    turned("canceled", "Your subscription has ended.", "Subscribe to Fleet", "Past invoices", action="cancel")


def test_why_somebody_was_sent_here(shop, org):
    reply = shop.server.get("/dispatch/", headers=token(org_id=org, role="owner"))
    upgrade = reply.json["upgradeUrl"]
    page = page_of(shop.server.get(upgrade, headers=token(org_id=org, role="owner")))
    assert "A subscription is needed" in page.text and "It was about trucking.dispatch." in page.text
    bought(shop, org)
    page = page_of(shop.server.get(upgrade, headers=token(org_id=org, role="owner")))
    assert "trucking.dispatch is open to you now." in page.text
    assert "limit is reached" in look(shop, org, "?why=limit&limit=trucking.maxLocations").text
    for query in ("?why=plan", "?why=plan&feature=trucking.unheard", "?why=<b>&feature=trucking.dispatch",
                  "?why=grace&feature=trucking.dispatch", "?why=%zz&feature=trucking.dispatch", "?&&==&why"):
        assert "trucking.unheard" not in (page := look(shop, org, query)).text and "It was about" not in page.text


def test_who_may_not_act_is_told_who_may(shop, org):
    page = look(shop, org, role="dispatcher")
    assert not page.forms and "who is owner or admin" in page.text
    reply = press(shop, org, ("post", PAGE + "/checkout", {"plan": "fleet_monthly"}), role="dispatcher")
    assert "Your role may not manage billing." in page_of(reply, 403).text
    assert shop.sessions(org) == []


@pytest.mark.parametrize("headers", [
    {}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"},
    {"Origin": "https://evil.example"}], ids=str)
def test_another_sites_form_opens_nothing(shop, org, headers):
    form = ("post", PAGE + "/checkout", {"plan": "fleet_monthly"})
    reply = press(shop, org, form, headers={"Content-Type": OWN["Content-Type"], **headers})
    assert "own pages only" in page_of(reply, 403).text
    assert shop.sessions(org) == []


def test_what_goes_wrong_is_a_page_that_leads_back(shop, org):
    def refused(form, code, words, **more):
        page = page_of(press(shop, org, form, **more), code)
        assert words in page.text and PAGE in page.links, page.text
        return page

    checkout = (PAGE + "/checkout")
    refused(("post", checkout, {"plan": "nothing"}), 400, "no such plan")
    refused(("post", checkout, {"what": "ever"}), 400, "does not know")
    refused(("post", checkout, {}), 415, "Send application", headers={**OWN, "Content-Type": "text/plain"})
    refused(("get", checkout, {}), 405, "Use one of the methods")
    refused(("get", PAGE + "/nowhere", {}), 404, "no such route")
    shop.fault("drop", times=None)
    page = refused(("post", checkout, {"plan": "fleet_monthly"}), 503, "Nothing was charged")
    assert page.reply.header("retry-after")
    shop.heal()
    bought(shop, org)
    refused(("post", checkout, {"plan": "fleet_monthly"}), 409, "There is a subscription already")


def test_styles_and_scripts_are_kept_by_their_version(shop, org):
    page = look(shop, org)
    style, script = page.elements("link")[1]["href"], page.elements("script")[0]["src"]
    for path, kind in ((style, "text/css; charset=utf-8"), (script, "text/javascript; charset=utf-8")):
        reply = shop.server.get(path, headers=token(org_id=org))
        assert reply.status == 200 and reply.header("content-type") == kind and len(reply.body) > 500
        assert reply.header("cache-control") == "public, max-age=31536000, immutable"
        name = path.rsplit("/", 1)[1]
        for loose in (f"{PAGE}/assets/{name}", f"{PAGE}/assets/0ld/{name}"):
            again = shop.server.get(loose, headers=token(org_id=org))
            assert again.status == 200 and again.header("cache-control") == "no-cache" and again.body == reply.body
            assert shop.server.get(loose, headers={**token(org_id=org), "If-None-Match": again.header("etag")}
                                   ).status == 304
    assert shop.server.get(PAGE + "/assets/nothing.js", headers=token(org_id=org)).status == 404


def test_the_same_as_json_with_an_etag(shop, org):
    headers = token(org_id=org, role="owner")
    reply = shop.server.get(PAGE + "/status.json", headers=headers)
    assert reply.status == 200 and reply.header("etag")
    again = shop.server.get(PAGE + "/status.json", headers={**headers, "If-None-Match": reply.header("etag")})
    assert again.status == 304
    nobody = shop.server.get(PAGE + "/status.json", headers=token(sub="erin"))
    assert nobody.status == 403 and nobody.json["code"] == "no_org"
    assert "to no organisation" in page_of(shop.server.get(PAGE, headers=token(sub="erin")), 403).text
