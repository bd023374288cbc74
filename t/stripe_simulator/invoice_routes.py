# SPDX-License-Identifier: Apache-2.0
# The invoice routes of the API.
from . import invoices, payment_methods, payments
from .metadata import merge_metadata
from .errors import StripeError, card_declined, invalid
from .params import UNSET

PLAIN = ("auto_advance", "collection_method", "custom_fields", "description", "due_date", "footer",
         "statement_descriptor", "number")


def create(sim, call):
    params = call.params
    if "customer" not in params:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = sim.store.find_current("customer", params["customer"], "customer")
    _check_due(params, params.get("collection_method", "charge_automatically"))
    currency = params.get("currency") or customer["currency"] or "usd"
    invoice = invoices.build(sim, customer, "manual", currency)
    _apply(sim, invoice, params)
    if params.get("pending_invoice_items_behavior") == "include":
        invoices.take_pending_items(sim, invoice)
    if invoice["auto_advance"]:
        invoices.finalize_later(sim, invoice, sim.settings.finalize_delay)
    sim.events.emit("invoice.created", invoice)
    return invoice


def _check_due(params, method):
    dated = "days_until_due" in params or "due_date" in params
    if dated and method != "send_invoice":
        raise invalid("You can only set `days_until_due` or `due_date` if `collection_method` is `send_invoice`.",
                      param="days_until_due" if "days_until_due" in params else "due_date")
    if method == "send_invoice" and not dated:
        raise invalid("If invoice `collection_method` is `send_invoice` then you must specify one of `due_date` or "
                      "`days_until_due`.", param="days_until_due", code="parameter_missing")


def _apply(sim, invoice, params):
    for name in PLAIN:
        if name in params:
            invoice[name] = None if params[name] == UNSET else params[name]
    if "days_until_due" in params:
        sim.store.note(invoice["id"])["days_until_due"] = params["days_until_due"]
        invoice["due_date"] = sim.clock.now() + params["days_until_due"] * invoices.DAY
    if "default_payment_method" in params:
        method = sim.store.find("payment_method", params["default_payment_method"], "default_payment_method")
        invoice["default_payment_method"] = method["id"]
    merge_metadata(invoice, params.get("metadata"))


def _find(sim, call):
    return sim.store.find("invoice", call.ids[0])


def retrieve(sim, call):
    return _find(sim, call)


def update(sim, call):
    invoice = _find(sim, call)
    if invoice["status"] != "draft" and set(call.params) - {"metadata", "auto_advance", "description", "expand"}:
        raise invalid("Finalized invoices can't be updated in this way", code="invoice_not_editable")
    with sim.changing("invoice.updated", invoice):
        _apply(sim, invoice, call.params)
        if call.params.get("auto_advance") and invoice["status"] == "draft":
            invoices.finalize_later(sim, invoice, sim.settings.finalize_delay)
        elif call.params.get("auto_advance") is False:
            invoice["automatically_finalizes_at"] = None
    return invoice


def delete(sim, call):
    invoice = _find(sim, call)
    if invoice["status"] != "draft" or payments.subscription_of(sim, invoice):
        raise invalid("You can only delete draft invoices that no subscription made.", code="invoice_not_editable")
    sim.events.emit("invoice.deleted", invoice)
    for item in sim.store.all("invoiceitem"):
        if item["invoice"] == invoice["id"]:
            sim.store.remove(item)
    sim.store.remove(invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


def finalize(sim, call):
    invoice = _find(sim, call)
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.",
                      code="invoice_not_editable")
    if "auto_advance" in call.params:
        invoice["auto_advance"] = call.params["auto_advance"]
    invoices.finalize(sim, invoice)
    invoices.advance(sim, invoice)
    return invoice


def send(sim, call):
    invoice = _find(sim, call)
    if invoice["collection_method"] != "send_invoice":
        raise invalid("You can only manually send an invoice if its collection method is 'send_invoice'.")
    if invoice["status"] == "draft":
        invoices.finalize(sim, invoice)
    if invoice["status"] not in ("open", "uncollectible", "paid"):
        raise invalid("You can only send an open invoice.")
    invoices.send(sim, invoice)
    return invoice


def pay(sim, call):
    invoice, params = _find(sim, call), call.params
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid")
    if invoice["status"] == "void":
        raise invalid("You cannot pay an invoice that is void.")
    if invoice["status"] == "draft":
        invoices.finalize(sim, invoice)
        if invoice["status"] == "paid":
            return invoice
    if params.get("paid_out_of_band"):
        invoices.mark_paid(sim, invoice, out_of_band=True)
        return invoice
    method = payment_methods.resolve(sim, params["payment_method"]) if "payment_method" in params else None
    decline = invoices.collect(sim, invoice, method)
    if decline is payments.NO_METHOD:
        raise StripeError(400, decline.message, code=decline.code)
    if decline:
        raise card_declined(decline)
    return invoice


def void(sim, call):
    invoice = _find(sim, call)
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid("You can only void an invoice that is open or uncollectible.")
    invoices.void(sim, invoice)
    return invoice


def mark_uncollectible(sim, call):
    invoice = _find(sim, call)
    if invoice["status"] != "open":
        raise invalid("You can only pass in open invoices. This invoice isn't open.")
    invoices.mark_uncollectible(sim, invoice)
    return invoice


def list_all(sim, call):
    params = call.params

    def wanted(invoice):
        subscription = (invoice["parent"] or {}).get("subscription_details", {}).get("subscription")
        return (params.get("customer") in (None, invoice["customer"])
                and params.get("status") in (None, invoice["status"])
                and params.get("collection_method") in (None, invoice["collection_method"])
                and params.get("subscription") in (None, subscription))
    return sim.store.page("invoice", params, "/v1/invoices", wanted)
