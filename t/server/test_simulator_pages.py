# SPDX-License-Identifier: Apache-2.0
# The simulator's pages, as a person without scripts uses them: links, forms, redirects.
import html
import re

import pytest
from simulator_support import (_driver, customer_of, receiver, session_of, sim, status_of,  # noqa: F401
                               subscription_of)
from stripe_simulator.driver import encode

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def path_of(sim, url):
    assert url.startswith(sim.url), url
    return url[len(sim.url):]


def show(sim, url):
    reply = sim.request("GET", path_of(sim, url))
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    return reply


def submit(sim, url, **fields):
    return sim.request("POST", path_of(sim, url), encode(fields), FORM)


def target_of(text, identifier):
    return html.unescape(re.search(rf'id="{identifier}" href="([^"]*)"', text)[1])


def portal_of(sim, subscription, **params):
    reply = sim.api("POST", "billing_portal/sessions", {
        "customer": subscription["customer"], "return_url": "https://app.example.com/billing?a=1&b=2", **params})
    assert reply.status == 200, reply.text
    return reply.body["url"]


def test_every_page_says_what_it_is_and_loads_nothing_from_elsewhere(sim):
    subscription = subscription_of(sim)
    invoice = sim.api("GET", f"invoices/{subscription['latest_invoice']}").body
    link = sim.api("POST", "payment_links", {"line_items": [{"price": "price_once", "quantity": 1}]}).body
    for url in (session_of(sim)["url"], portal_of(sim, subscription), invoice["hosted_invoice_url"],
                invoice["invoice_pdf"], sim.url + "/"):
        reply = show(sim, url)
        assert reply.status == 200
        assert "Simulated Stripe – test only" in reply.text
        assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert not re.search(r"<(script|img|link|iframe)", reply.text)
        assert '<html lang="en">' in reply.text
        assert re.findall(r'<label for="(\w+)"', reply.text) == re.findall(r'<input id="(\w+)"', reply.text)
    assert sim.request("GET", path_of(sim, link["url"])).status == 303


def test_paying(sim, receiver):
    session = session_of(sim)
    page = show(sim, session["url"])
    assert "29.00 USD" in page.text
    assert target_of(page.text, "cancel") == "https://app.example.com/no"
    done = submit(sim, session["url"], email="jo@example.org", card="4242 4242 4242 4242", action="pay")
    assert (done.status, done.headers["Location"]) == (303, f"https://app.example.com/ok?s={session['id']}")
    # The person is sent on after the webhooks are answered.
    assert receiver.types[-1] == "checkout.session.completed"
    assert "paid already" in show(sim, session["url"]).text
    assert sim.api("GET", "customers").body["data"][0]["email"] == "jo@example.org"


@pytest.mark.parametrize("fields, said", [
    ({"card": "4000 0000 0000 0002"}, "Your card was declined."), ({"action": "decline"}, "Your card was declined."),
    ({"card": "4000000000009995"}, "insufficient funds"), ({"card": "1234"}, "card number is incorrect")])
def test_declines_are_said_and_can_be_tried_again(sim, receiver, fields, said):
    session = session_of(sim, customer=customer_of(sim)["id"])
    page = submit(sim, session["url"], **{"card": "4242424242424242", "action": "pay", **fields})
    assert page.status == 200
    assert re.search(r'<p role="alert"[^>]*>([^<]*)', page.text)[1].find(said.replace("'", "&#x27;")) >= 0
    if "card" in fields:
        assert f'value="{fields["card"]}"' in page.text
    assert "checkout.session.completed" not in receiver.types
    assert submit(sim, session["url"], card="4242424242424242", action="pay").status == 303


def test_a_bank_account_pays_later(sim, receiver):
    session = session_of(sim)
    submit(sim, session["url"], email="jo@example.org", card="000123456789")
    assert sim.api("GET", f"checkout/sessions/{session['id']}").body["payment_status"] == "unpaid"
    sim.advance("4d")
    assert receiver.types[-1] == "checkout.session.async_payment_succeeded"


def test_what_clients_write_is_never_markup(sim):
    evil = "<script>alert(1)</script>"
    sim.api("POST", "products", {"name": evil, "id": "prod_evil"})
    price = sim.api("POST", "prices", {"product": "prod_evil", "currency": "usd", "unit_amount": 5}).body
    session = session_of(sim, mode="payment", line_items=[{"price": price["id"], "quantity": 1}],
                         customer_email=f"{evil}@example.org", cancel_url='https://a.example/"><script>')
    subscription = subscription_of(sim, email=evil)
    for url in (session["url"], portal_of(sim, subscription), f"{sim.url}/c/pay/{evil}", f"{sim.url}/i/{evil}"):
        assert "<script" not in show(sim, url).text


def test_expired_sessions_and_unknown_pages(sim):
    session = session_of(sim)
    sim.post(f"checkout/{session['id']}/expire")
    assert "has expired" in show(sim, session["url"]).text
    assert "has expired" in submit(sim, session["url"], card="4242424242424242").text
    for path in ("/c/pay/cs_nothing", "/p/session/bps_nothing", "/i/in_nothing", "/b/plink_nothing", "/nowhere"):
        assert sim.request("GET", path).status == 404
    assert sim.request("DELETE", "/c/pay/x").status == 405


def test_a_payment_link_makes_a_session(sim, receiver):
    link = sim.api("POST", "payment_links", {
        "line_items": [{"price": "price_once", "quantity": 1}],
        "after_completion": {"type": "redirect", "redirect": {"url": "https://app.example.com/thanks"}},
        "restrictions": {"completed_sessions": {"limit": 1}}}).body
    written = "?client_reference_id=inv_7&prefilled_email=jo%40example.org"
    visit = sim.request("GET", path_of(sim, link["url"]) + written)
    assert visit.status == 303
    done = submit(sim, visit.headers["Location"], card="4242424242424242")
    assert done.headers["Location"] == "https://app.example.com/thanks"
    assert receiver.events[-1]["data"]["object"]["client_reference_id"] == "inv_7"
    assert "no longer active" in show(sim, link["url"]).text


def test_an_invoice_is_paid_on_its_page(sim, receiver):
    customer = customer_of(sim)
    invoice = sim.api("POST", "invoices", {"customer": customer["id"], "collection_method": "send_invoice",
                                           "days_until_due": 7}).body["id"]
    sim.api("POST", "invoiceitems", {"customer": customer["id"], "invoice": invoice, "amount": 700, "currency": "usd"})
    url = sim.api("POST", f"invoices/{invoice}/finalize").body["hosted_invoice_url"]
    assert "7.00 USD" in show(sim, url).text
    assert "was declined" in submit(sim, url, card="4000000000000002").text
    assert '<strong id="status">paid' in submit(sim, url, card="4242424242424242").text
    assert receiver.types[-1] == "invoice.payment_succeeded"


# The portal


def act(sim, url, subscription, action):
    done = submit(sim, url, subscription=subscription["id"], action=action)
    assert done.status == 303, done.text
    return show(sim, done.headers["Location"])


def test_cancelling_and_going_on(sim, receiver):
    subscription = subscription_of(sim)
    url = portal_of(sim, subscription)
    assert target_of(show(sim, url).text, "return") == "https://app.example.com/billing?a=1&b=2"
    page = act(sim, url, subscription, "cancel_at_period_end")
    assert "will end with its period" in page.text and "Cancels on" in page.text
    planned = receiver.events[-1]["data"]["object"]
    assert (planned["cancel_at_period_end"], planned["cancel_at"]) == (
        False, planned["items"]["data"][0]["current_period_end"])
    assert "goes on" in act(sim, url, subscription, "take_back_cancellation").text
    assert receiver.events[-1]["data"]["object"]["cancel_at"] is None
    assert "is canceled" in act(sim, url, subscription, "cancel_now").text
    assert receiver.types[-1] == "customer.subscription.deleted"
    refused = submit(sim, url, subscription=subscription["id"], action="cancel_now")
    assert "has ended" in refused.text


def test_pausing_and_resuming(sim):
    subscription = subscription_of(sim)
    url = portal_of(sim, subscription)
    assert "is paused" in act(sim, url, subscription, "pause").text
    assert status_of(sim, subscription) == "paused"
    assert "is resumed" in act(sim, url, subscription, "resume").text
    assert status_of(sim, subscription) == "active"


def test_a_new_card_that_fails_and_one_that_works(sim):
    subscription = subscription_of(sim)
    url = portal_of(sim, subscription, flow_data={"type": "payment_method_update"})
    assert "was declined" in submit(sim, url, action="card", card="4000000000000002").text
    assert submit(sim, url, action="card", card="4000000000000341").status == 303
    end = sim.api("GET", f"subscriptions/{subscription['id']}").body["items"]["data"][0]["current_period_end"]
    sim.post("clock", set=end + 3600)
    assert status_of(sim, subscription) == "past_due"
    plain = portal_of(sim, subscription)
    invoice = re.search(r'name="invoice" value="(in_\w+)"', show(sim, plain).text)[1]
    assert "was declined" in submit(sim, plain, action="pay_invoice", invoice=invoice).text
    submit(sim, url, action="card", card="4242424242424242")
    assert submit(sim, plain, action="pay_invoice", invoice=invoice).status == 303
    assert status_of(sim, subscription) == "active"


def test_flows(sim):
    subscription = subscription_of(sim)
    after = {"type": "redirect", "redirect": {"return_url": "https://app.example.com/done"}}
    url = portal_of(sim, subscription, flow_data={
        "type": "subscription_cancel", "subscription_cancel": {"subscription": subscription["id"]},
        "after_completion": after})
    assert 'id="save-card"' not in show(sim, url).text
    done = submit(sim, url, subscription=subscription["id"], action="cancel_now")
    assert done.headers["Location"] == "https://app.example.com/done"
    missing = sim.api("POST", "billing_portal/sessions", {"customer": subscription["customer"],
                                                          "flow_data": {"type": "subscription_cancel"}})
    assert missing.body["error"]["param"] == "flow_data[subscription_cancel]"


def test_nobody_touches_what_is_not_theirs(sim):
    mine, theirs = subscription_of(sim), subscription_of(sim)
    page = submit(sim, portal_of(sim, mine), subscription=theirs["id"], action="cancel_now")
    assert "another customer" in page.text
    assert status_of(sim, theirs) == "active"
