# SPDX-License-Identifier: Apache-2.0
# Renders subscriptions and invoices as API versions before 2025-03-31.basil showed them.

NEWEST = "2026-10-28.endive"
BASIL = "2025-03-31"


def is_old(version):
    return version[:10] < BASIL


def render(value, version):
    """Changes, in place, every subscription, invoice and line inside `value` to the shape of `version`."""
    if not is_old(version):
        return
    if isinstance(value, dict):
        if value.get("object") == "event":
            return  # Its shape is that of the account, whatever version asks.
        # The outer object first: it takes from its parts what they are about to lose.
        change = OLD_SHAPES.get(value.get("object"))
        if change:
            change(value)
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            render(entry, version)


def render_event(event, version):
    """As render, for what the event tells, its previous attributes included."""
    if not is_old(version):
        return
    data = event["data"]
    render(data["object"], version)
    previous = data.get("previous_attributes", {})
    if data["object"]["object"] == "subscription" and "items" in previous:
        first = previous["items"]["data"][0]
        previous.update({name: first[name] for name in ("current_period_end", "current_period_start")
                         if first.get(name) != data["object"].get(name)})
        render(previous["items"], version)


def _subscription(obj):
    items = obj["items"]["data"]
    for name in ("billing_mode", "billing_schedules", "customer_account", "status_details", "managed_payments"):
        obj.pop(name, None)
    obj["current_period_start"] = min(item["current_period_start"] for item in items)
    obj["current_period_end"] = max(item["current_period_end"] for item in items)
    obj["discount"] = None
    obj["plan"], obj["quantity"] = (items[0]["plan"], items[0].get("quantity")) if len(items) == 1 else (None, None)


def _subscription_item(obj):
    for name in ("current_period_start", "current_period_end", "current_trial"):
        obj.pop(name, None)


def _invoice(obj):
    parent = obj.pop("parent") or {}
    details = parent.get("subscription_details") or {}
    paid = obj["status"] == "paid"
    obj["subscription"] = details.get("subscription")
    obj["subscription_details"] = {"metadata": details.get("metadata")}
    obj.update(paid=paid, paid_out_of_band=False, charge=None, payment_intent=None, quote=None, discount=None,
               tax=None, total_tax_amounts=[], transfer_data=None, application_fee_amount=None)
    for name in ("payments", "confirmation_secret", "customer_account", "amount_overpaid", "total_taxes"):
        obj.pop(name, None)


def _line_item(obj):
    parent = obj.pop("parent") or {}
    details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    pricing = obj.pop("pricing") or {}
    price = (pricing.get("price_details") or {}).get("price")
    obj.update(subscription=details.get("subscription"), subscription_item=details.get("subscription_item"),
               invoice_item=details.get("invoice_item"), proration=details.get("proration", False),
               type="subscription" if parent.get("type") == "subscription_item_details" else "invoiceitem",
               price=price and {"id": price, "object": "price"}, plan=None, tax_amounts=[], tax_rates=[])
    for name in ("taxes", "quantity_decimal"):
        obj.pop(name, None)


OLD_SHAPES = {"subscription": _subscription, "subscription_item": _subscription_item, "invoice": _invoice,
              "line_item": _line_item}
