# SPDX-License-Identifier: Apache-2.0
# Control calls that do what a person does on the pages of Checkout and of a payment link.
from . import cards, checkout, checkout_payment, payment_links
from .control_subscriptions import instrument_of
from .errors import ControlError, StripeError


def call_session(sim, steps, body, query):
    """POST /_sim/checkout/{id}/pay|decline|async|expire."""
    if len(steps) != 2 or steps[1] not in ACTIONS:
        raise ControlError(f"POST /_sim/checkout/{{id}}/ACTION, with one of {', '.join(sorted(ACTIONS))}")
    session = sim.store.find("checkout.session", steps[0])
    ACTIONS[steps[1]](sim, session, body)
    return session


def call_link(sim, steps, body, query):
    """POST /_sim/payment_links/{id}/open|pay with client_reference_id, email, card."""
    if len(steps) != 2 or steps[1] not in ("open", "pay"):
        raise ControlError("POST /_sim/payment_links/{id}/open or /pay")
    link = sim.store.find("payment_link", steps[0])
    if not link["active"]:
        raise ControlError("the payment link is inactive")
    session = payment_links.open_session(sim, link, body.get("client_reference_id"), body.get("email"))
    if steps[1] == "pay":
        pay(sim, session, {"email": "payer@example.org", **body})
    return session


def pay(sim, session, body):
    """card: a test number; async: true for a bank debit that settles later."""
    card = body.get("card", cards.GOOD_BANK if body.get("async") else cards.GOOD_CARD)
    needed = "card" in body or checkout_payment.needs_payment_method(sim, session)
    checkout_payment.pay(sim, session, instrument_of({"card": card}) if needed else None, body.get("email"),
                         body.get("name"))


def decline(sim, session, body):
    """A card that is declined: the session stays open."""
    try:
        pay(sim, session, {"card": "4000000000000002", **body})
    except StripeError as problem:
        if problem.status != 402:
            raise


def settle(sim, session, body):
    outcome = body.get("outcome", "succeeded")
    if outcome not in ("succeeded", "failed"):
        raise ControlError("outcome is succeeded or failed")
    checkout_payment.settle_session(sim, session, outcome == "succeeded")


def expire(sim, session, body):
    if session["status"] != "open":
        raise ControlError(f"the session is {session['status']}")
    checkout.expire(sim, session)


ACTIONS = {"pay": pay, "decline": decline, "async": settle, "expire": expire}
