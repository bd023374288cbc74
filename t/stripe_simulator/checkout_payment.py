# SPDX-License-Identifier: Apache-2.0
# What happens when a Checkout Session is paid, at once or later.
from . import cards, checkout, customers, invoice_lines, invoices, lifecycle, payment_methods, payments, subscriptions
from .errors import ControlError, card_declined


def schedule(sim):
    sim.agenda.on("payment_settles", lambda identifier, due: settle(sim, identifier))


def needs_payment_method(sim, session):
    """A trial or a price of nothing may go without one, if the session was made so."""
    return session["payment_status"] != "no_payment_required" or session["payment_method_collection"] == "always"


def pay(sim, session, instrument, email=None, name=None):
    """Completes an open session with an instrument of cards (None where none is needed). Raises a card error and
    leaves the session open if it is declined: Stripe makes a subscription only after its payment."""
    if session["status"] != "open":
        raise ControlError(f"the session is {session['status']}")
    if instrument and (instrument.at_once or (session["payment_status"] == "unpaid" and instrument.later
                                              and not instrument.delayed)):
        raise card_declined(instrument.at_once or instrument.later)
    customer = _customer(sim, session, email, name)
    method = None
    if instrument:
        method = payment_methods.build(sim, instrument, None, email, name)
        if customer:
            payment_methods.attach_to(sim, method, customer)
    delayed = bool(instrument and instrument.delayed and session["payment_status"] == "unpaid")
    session.update(status="complete", url=None)
    if session["payment_status"] == "unpaid":
        session["payment_status"] = "unpaid" if delayed else "paid"
    if session["mode"] == "subscription":
        _subscribe(sim, session, customer, method)
    elif session["mode"] == "setup":
        session["setup_intent"] = sim.ids.make("setup_intent")
    else:
        session["payment_intent"] = sim.ids.make("payment_intent")
        if delayed:
            sim.store.note(session["id"])["settles_with"] = instrument.later
            sim.agenda.add(sim.clock.now() + payments.SETTLE_AFTER, "payment_settles", session["id"])
    sim.events.emit("checkout.session.completed", session)
    _count_completed(sim, session)


def _customer(sim, session, email, name):
    """The session's customer, or a new one for a subscription or where the session always makes one."""
    email = email or session["customer_email"] or (session["customer_details"] or {}).get("email")
    customer = sim.store.get("customer", session["customer"]) if session["customer"] else None
    if customer is None and session["customer_creation"] == "always":
        customer = customers.build(sim, {"email": email, "name": name})
        session["customer"] = customer["id"]
    session["customer_details"] = checkout.details_of(customer["email"] if customer else email,
                                                      customer["name"] if customer else name)
    return customer


def _subscribe(sim, session, customer, method):
    note = sim.store.note(session["id"])
    data = note["subscription_data"]
    recurring = [entry for entry in note["entries"] if entry["price"]["recurring"]]
    subscription = subscriptions.build(
        sim, customer, recurring, trial_end=subscriptions.trial_end_of(sim, data), metadata=data.get("metadata"),
        method=method, billing_mode=data.get("billing_mode", {}).get("type", "flexible"),
        description=data.get("description"))
    subscriptions.apply_trial_settings(subscription, data)
    for entry in note["entries"]:
        if not entry["price"]["recurring"]:
            invoice_lines.build_item(
                sim, customer, amount=entry["price"]["unit_amount"] * entry["quantity"],
                currency=entry["price"]["currency"], price=entry["price"], quantity=entry["quantity"],
                description=sim.store.get("product", entry["price"]["product"])["name"], subscription=subscription)
    session["subscription"] = subscription["id"]
    lifecycle.start(sim, subscription, told_twice=sim.settings.incomplete_first)
    session["invoice"] = subscription["latest_invoice"]
    sim.store.note(session["invoice"])["session"] = session["id"]


def _count_completed(sim, session):
    link = sim.store.get("payment_link", session["payment_link"]) if session["payment_link"] else None
    if link and link["restrictions"]:
        completed = link["restrictions"]["completed_sessions"]
        completed["count"] += 1
        if completed["count"] >= completed["limit"]:
            link["active"] = False


def settle(sim, identifier, succeeds=None):
    """A delayed payment, of an invoice or of a session in payment mode, comes to its end. `succeeds` None: as the
    bank account that was used decides. Does nothing if it has ended before."""
    note = sim.store.note(identifier)
    if "settles_with" not in note:
        return False
    failure = note.pop("settles_with")
    if succeeds is not None:
        failure = None if succeeds else (failure or cards.BANK_FAILED)
    invoice = sim.store.get("invoice", identifier)
    session = sim.store.get("checkout.session", note.get("session", identifier))
    if invoice and invoice["status"] == "open":
        if failure:
            invoices.payment_failed(sim, invoice)
        else:
            invoices.mark_paid(sim, invoice)
    if session and session["payment_status"] == "unpaid":
        if failure is None:
            session["payment_status"] = "paid"
        sim.events.emit("checkout.session.async_payment_" + ("failed" if failure else "succeeded"), session)
    return True


def settle_session(sim, session, succeeds):
    if not settle(sim, session["invoice"] or session["id"], succeeds):
        raise ControlError("no delayed payment of this session is on its way: pay it with a bank account first")
