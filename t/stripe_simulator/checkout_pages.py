# SPDX-License-Identifier: Apache-2.0
# The pages of Checkout, of a payment link and of an invoice.
import re

from . import checkout_payment, payment_links, portal
from .errors import StripeError
from .layout import GOOD_CARD, Redirect, alert, card_field, escape, instrument_from, lines_table, money, page

REFERENCE = re.compile(r"^[A-Za-z0-9_-]{1,200}$")
DECLINED_CARD = "4000000000000002"


def checkout(sim, identifier, form, query):
    session = sim.store.find("checkout.session", identifier)
    if session["status"] != "open":
        what = "has been paid already" if session["status"] == "complete" else "has expired"
        return page("Checkout", f"<p id=\"closed\">This Checkout Session {what}.</p>{_back(session)}")
    return _checkout_form(sim, session, {}, None) if form is None else _checkout_paid(sim, session, form)


def _checkout_paid(sim, session, form):
    declined = {**form, "card": DECLINED_CARD} if form.get("action") == "decline" else form
    instrument, problem = (None, None)
    if checkout_payment.needs_payment_method(sim, session):
        instrument, problem = instrument_from(declined)
    if problem is None and session["mode"] == "setup" and instrument.delayed:
        problem = "A bank account cannot be saved here."
    if problem is None:
        try:
            checkout_payment.pay(sim, session, instrument, _text(form, "email"), _text(form, "name"))
        except StripeError as refusal:
            problem = refusal.body["message"]
    if problem:
        return _checkout_form(sim, session, form, problem)
    if session["success_url"]:
        return Redirect(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))
    return page("Thank you", "<p id=\"paid\">The payment is made.</p>")


def _text(form, name):
    value = form.get(name)
    return value[:500] if isinstance(value, str) and value else None


def _back(session):
    if not session["cancel_url"]:
        return ""
    url = session["cancel_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
    return f"<p><a id=\"cancel\" href=\"{escape(url)}\">← Go back</a></p>"


def _checkout_form(sim, session, form, problem):
    """`form` is what was filled in before, if it comes again."""
    note = sim.store.note(session["id"])
    parts = [_back(session), alert(problem)]
    if note["lines"]:
        lines = [(f"{line['quantity']} × {line['description']}", line["amount_total"]) for line in note["lines"]]
        parts.append(lines_table(lines, session["amount_total"], session["currency"]))
    if session["mode"] == "subscription" and session["payment_status"] == "no_payment_required":
        parts.append("<p>Your trial begins now. Nothing is due today.</p>")
    fields = ""
    known = (session["customer_details"] or {}).get("email")
    if known:
        fields += f"<p>Paying as <strong>{escape(known)}</strong></p>"
    elif not session["customer"]:
        fields += ("<label for=\"email\">E-mail</label><input id=\"email\" name=\"email\" type=\"email\" "
                   f"value=\"{escape(_text(form, 'email') or '')}\" autocomplete=\"email\" required>")
    if checkout_payment.needs_payment_method(sim, session):
        fields += card_field(_text(form, "card") or GOOD_CARD)
    verb = {"subscription": "Subscribe", "setup": "Save card"}.get(session["mode"], "Pay")
    if session["payment_status"] == "unpaid" and session["amount_total"]:
        verb += f" and pay {money(session['amount_total'], session['currency'])}" if verb == "Subscribe" else (
            f" {money(session['amount_total'], session['currency'])}")
    buttons = (f"<button class=\"first\" id=\"pay\" name=\"action\" value=\"pay\">{verb}</button>"
               "<button id=\"decline\" name=\"action\" value=\"decline\">Use a card that is declined</button>")
    parts.append(f"<form method=\"post\">{fields}{buttons}</form>")
    return page("Checkout", "".join(parts))


def payment_link(sim, identifier, form, query):
    """A visit makes a session. Anyone may write a client_reference_id into the address, as at Stripe."""
    link = sim.store.find("payment_link", identifier)
    if not link["active"]:
        message = link["inactive_message"] or "This link is no longer active."
        return page("Payment link", f"<p id=\"closed\">{escape(message)}</p>")
    reference = query.get("client_reference_id", "")
    session = payment_links.open_session(sim, link, reference if REFERENCE.match(reference) else None,
                                         query.get("prefilled_email"))
    return Redirect(session["url"])


def invoice(sim, identifier, form, query):
    found = sim.store.find("invoice", identifier)
    problem = None
    if form is not None:
        instrument, problem = instrument_from(form)
        if problem is None:
            try:
                portal.pay_invoice(sim, found, instrument)
            except StripeError as refusal:
                problem = refusal.body["message"]
    return _invoice_page(found, problem)


def _invoice_page(found, problem):
    lines = [(line["description"] or "", line["amount"]) for line in found["lines"]["data"]]
    parts = [alert(problem), f"<p>Status: <strong id=\"status\">{escape(found['status'])}</strong></p>",
             lines_table(lines, found["amount_due"], found["currency"])]
    if found["status"] in ("open", "uncollectible"):
        parts.append(f"<form method=\"post\">{card_field()}<button class=\"first\" id=\"pay\">Pay "
                     f"{money(found['amount_remaining'], found['currency'])}</button></form>")
    return page(f"Invoice {found['number'] or '(draft)'}", "".join(parts))
