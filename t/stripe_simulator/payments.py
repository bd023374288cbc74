# SPDX-License-Identifier: Apache-2.0
# Charges of invoices: which payment method, what comes of it, and the record of it.
from . import cards

ON_ITS_WAY = object()
SETTLE_AFTER = 4 * 86400
NO_METHOD = cards.Decline("resource_missing", "There is no default payment method set for this invoice.")


def subscription_of(sim, invoice):
    details = (invoice["parent"] or {}).get("subscription_details")
    return sim.store.get("subscription", details["subscription"]) if details else None


def method_for(sim, customer_id, subscription=None, invoice=None):
    """The payment method that Stripe would use: the invoice's, the subscription's, the customer's."""
    customer = sim.store.get("customer", customer_id)
    holders = (invoice, subscription, customer.get("invoice_settings"))
    chosen = next((holder["default_payment_method"] for holder in holders
                   if holder and holder["default_payment_method"]), None)
    return sim.store.get("payment_method", chosen) if chosen else None


def foresee(sim, customer_id, subscription=None, method=None, invoice=None):
    """What a charge would come to: None (paid), ON_ITS_WAY, or a cards.Decline."""
    if subscription and sim.store.note(subscription["id"]).get("failures"):
        return cards.GENERIC
    method = method or method_for(sim, customer_id, subscription, invoice)
    if method is None:
        return NO_METHOD
    instrument = sim.store.note(method["id"])["instrument"]
    if instrument.delayed:
        return ON_ITS_WAY
    return instrument.later or instrument.at_once


def charge(sim, invoice, method=None):
    """As foresee, and done: a failure that a test ordered is used up, a bank debit settles later by the clock."""
    subscription = subscription_of(sim, invoice)
    result = foresee(sim, invoice["customer"], subscription, method, invoice)
    note = sim.store.note(subscription["id"]) if subscription else {}
    if note.get("failures"):
        note["failures"] -= 1
    if result is ON_ITS_WAY:
        method = method or method_for(sim, invoice["customer"], subscription, invoice)
        sim.store.note(invoice["id"])["settles_with"] = sim.store.note(method["id"])["instrument"].later
        sim.store.note(invoice["id"])["on_its_way"] = True
        sim.agenda.add(sim.clock.now() + SETTLE_AFTER, "payment_settles", invoice["id"])
    return result


def expect(sim, invoice):
    """The open payment that a finalised invoice has."""
    intent = sim.ids.make("payment_intent")
    payment = sim.store.put({
        "id": sim.ids.make("invoice_payment"), "object": "invoice_payment", "amount_paid": None,
        "amount_requested": invoice["amount_due"], "created": sim.clock.now(), "currency": invoice["currency"],
        "invoice": invoice["id"], "is_default": True, "livemode": False,
        "payment": {"payment_intent": intent, "type": "payment_intent"}, "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None}})
    sim.store.note(invoice["id"]).update(payment=payment["id"], secret=f"{intent}_secret_{sim.ids.word(25)}")


def close(sim, invoice, status):
    """Ends the open payment as paid or canceled."""
    payment = sim.store.get("invoice_payment", sim.store.note(invoice["id"]).get("payment"))
    if payment is None or payment["status"] != "open":
        return
    payment["status"] = status
    payment["status_transitions"]["paid_at" if status == "paid" else "canceled_at"] = sim.clock.now()
    if status == "paid":
        payment["amount_paid"] = payment["amount_requested"]
        sim.events.emit("invoice_payment.paid", payment)


def list_all(sim, call):
    params = call.params
    intent = params.get("payment", {}).get("payment_intent")
    return sim.store.page("invoice_payment", params, "/v1/invoice_payments", lambda payment: (
        params.get("invoice") in (None, payment["invoice"]) and params.get("status") in (None, payment["status"])
        and intent in (None, payment["payment"]["payment_intent"])))


def retrieve(sim, call):
    return sim.store.find("invoice_payment", call.ids[0])
