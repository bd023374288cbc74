# SPDX-License-Identifier: Apache-2.0
# Lines of invoices, and the invoice items that become lines.
from . import catalogue, invoices
from .metadata import merge_metadata
from .errors import invalid, missing
from .params import UNSET
from .store import paginate

NOT_EDITABLE = "This invoice is no longer editable"


def _pricing(price):
    return {"price_details": {"price": price["id"], "product": price["product"]}, "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"]}


def _line(sim, amount, currency, description, period, pricing, quantity, parent, metadata):
    return {
        "id": sim.ids.make("line_item"), "object": "line_item", "amount": amount, "currency": currency,
        "description": description, "discount_amounts": [], "discountable": True, "discounts": [], "invoice": None,
        "livemode": False, "metadata": metadata, "parent": parent, "period": period, "pretax_credit_amounts": [],
        "pricing": pricing, "quantity": quantity, "quantity_decimal": str(quantity), "subtotal": amount,
        "subscription": None, "taxes": [],
    }


def of_subscription_item(sim, subscription, item, free=False):
    """The line of one period of a subscription item; `free` for a trial."""
    price, quantity = item["price"], item["quantity"]
    amount = 0 if free else price["unit_amount"] * quantity
    name = sim.store.get("product", price["product"])["name"]
    text = (f"Trial period for {name}" if free else
            f"{quantity} × {name} (at ${price['unit_amount'] / 100:.2f} / {price['recurring']['interval']})")
    parent = {"invoice_item_details": None, "subscription_item_details": {
        "invoice_item": None, "proration": False, "proration_details": {"credited_items": None},
        "subscription": subscription["id"], "subscription_item": item["id"]}, "type": "subscription_item_details"}
    period = {"end": item["current_period_end"], "start": item["current_period_start"]}
    line = _line(sim, amount, price["currency"], text, period, _pricing(price), quantity, parent,
                 dict(subscription["metadata"]))
    line["subscription"] = subscription["id"]
    return line


def of_invoice_item(sim, item):
    subscription = item["parent"] and item["parent"]["subscription_details"]["subscription"]
    parent = {"invoice_item_details": {
        "invoice_item": item["id"], "proration": item["proration"], "proration_details": {"credited_items": None},
        "subscription": subscription}, "subscription_item_details": None, "type": "invoice_item_details"}
    line = _line(sim, item["amount"], item["currency"], item["description"], dict(item["period"]), item["pricing"],
                 item["quantity"], parent, dict(item["metadata"]))
    line["subscription"] = subscription
    return line


def build_item(sim, customer, *, amount, currency, description=None, quantity=1, price=None, invoice=None,
               metadata=None, period=None, subscription=None, proration=False):
    """An invoice item; without an invoice it waits for the customer's (or the subscription's) next one."""
    now = sim.clock.now()
    if price is None:
        # As at Stripe, a bare amount gets a price of its own, which nobody can buy.
        product = catalogue.build_product(sim, description or "Invoice item")
        price = catalogue.build_price(sim, product, {"currency": currency, "unit_amount": amount, "active": False})
    item = {
        "id": sim.ids.make("invoiceitem"), "object": "invoiceitem", "amount": amount, "currency": currency,
        "customer": customer["id"], "customer_account": None, "date": now, "description": description,
        "discountable": not proration, "discounts": [], "invoice": invoice and invoice["id"], "livemode": False,
        "metadata": {}, "net_amount": amount,
        "parent": subscription and {"subscription_details": {"subscription": subscription["id"]},
                                    "type": "subscription_details"},
        "period": period or {"end": now, "start": now}, "pricing": _pricing(price), "proration": proration,
        "quantity": quantity, "quantity_decimal": str(quantity), "tax_rates": [], "test_clock": None,
    }
    merge_metadata(item, metadata)
    sim.store.put(item)
    sim.events.emit("invoiceitem.created", item)
    return item


def _draft(sim, identifier):
    invoice = sim.store.find("invoice", identifier, "invoice")
    if invoice["status"] != "draft":
        raise invalid(NOT_EDITABLE, param="invoice", code="invoice_not_editable")
    return invoice


def create(sim, call):
    params = call.params
    invoice = _draft(sim, params["invoice"]) if "invoice" in params else None
    customer_id = params.get("customer") or (invoice and invoice["customer"])
    if not customer_id:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = sim.store.find_current("customer", customer_id, "customer")
    if invoice and invoice["customer"] != customer["id"]:
        raise invalid("The customer of the invoice item and of its invoice differ.", param="invoice")
    fields = _amounts(sim, params, invoice)
    subscription = (sim.store.find("subscription", params["subscription"], "subscription")
                    if "subscription" in params else None)
    item = build_item(sim, customer, **fields, description=params.get("description"), invoice=invoice,
                      metadata=params.get("metadata"), period=params.get("period"), subscription=subscription)
    if invoice:
        with sim.changing("invoice.updated", invoice):
            invoices.add_line(invoice, of_invoice_item(sim, item))
    return item


def _amounts(sim, params, invoice):
    """Amount, currency, quantity and price: by amount, by price, by price_data or by unit_amount_decimal."""
    ways = [name for name in ("amount", "pricing", "price_data", "unit_amount_decimal") if name in params]
    if len(ways) != 1:
        raise invalid("You must specify exactly one of `amount`, `pricing`, `price_data` and `unit_amount_decimal`.",
                      param="amount", code="parameter_missing" if not ways else None)
    quantity = params.get("quantity", 1)
    if ways[0] in ("amount", "unit_amount_decimal"):
        currency = params.get("currency") or (invoice and invoice["currency"])
        if not currency:
            raise invalid("Missing required param: currency.", param="currency", code="parameter_missing")
        amount = params["amount"] if ways[0] == "amount" else int(params["unit_amount_decimal"]) * quantity
        fields = {"amount": amount, "currency": currency, "quantity": 1 if ways[0] == "amount" else quantity}
    else:
        entry = params["pricing"] if ways[0] == "pricing" else {"price_data": params["price_data"]}
        price = catalogue.sellable_price(sim, entry, "pricing")
        if price["recurring"]:
            raise invalid("The price specified is set to `type=recurring` but this field only accepts prices with "
                          "`type=one_time`.", param="pricing[price]")
        fields = {"amount": price["unit_amount"] * quantity, "currency": price["currency"], "quantity": quantity,
                  "price": price}
    if invoice and invoice["currency"] != fields["currency"]:
        raise invalid(f"The currency of the invoice item ({fields['currency']}) and of its invoice "
                      f"({invoice['currency']}) differ.", param="currency")
    return fields


def update(sim, call):
    item, params = sim.store.find("invoiceitem", call.ids[0]), call.params
    invoice = _draft(sim, item["invoice"]) if item["invoice"] else None
    if any(name in params for name in ("amount", "pricing", "price_data", "unit_amount_decimal")):
        fields = _amounts(sim, {"currency": item["currency"], **params}, invoice)
        item.update(amount=fields["amount"], net_amount=fields["amount"], quantity=fields["quantity"],
                    quantity_decimal=str(fields["quantity"]))
    if "description" in params:
        item["description"] = None if params["description"] == UNSET else params["description"]
    item["period"] = params.get("period", item["period"])
    merge_metadata(item, params.get("metadata"))
    if invoice:
        with sim.changing("invoice.updated", invoice):
            invoices.replace_line(invoice, item["id"], of_invoice_item(sim, item))
    return item


def delete(sim, call):
    item = sim.store.find("invoiceitem", call.ids[0])
    invoice = _draft(sim, item["invoice"]) if item["invoice"] else None
    if invoice:
        with sim.changing("invoice.updated", invoice):
            invoices.replace_line(invoice, item["id"], None)
    sim.events.emit("invoiceitem.deleted", item)
    sim.store.remove(item)
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}


def retrieve(sim, call):
    return sim.store.find("invoiceitem", call.ids[0])


def list_all(sim, call):
    params = call.params
    items = [item for item in sim.store.newest_first("invoiceitem") if (
        params.get("customer") in (None, item["customer"]) and params.get("invoice") in (None, item["invoice"])
        and params.get("pending") in (None, item["invoice"] is None))]
    return paginate(items, params, "/v1/invoiceitems", "invoiceitem")


def list_of_invoice(sim, call):
    invoice = sim.store.get("invoice", call.ids[0])
    if invoice is None:
        raise missing("invoice", call.ids[0])
    return paginate(invoice["lines"]["data"], call.params, invoice["lines"]["url"], "line_item")
