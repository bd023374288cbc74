# SPDX-License-Identifier: Apache-2.0
# Changes what a subscription sells: another price, another quantity, more or fewer items.
from . import catalogue, invoice_lines, lifecycle, subscriptions
from .errors import invalid, missing


def apply(sim, subscription, entries, behavior=None):
    """`entries` as in items[] of an update. Prorations wait for the next invoice unless `behavior` (as
    proration_behavior) says none or always_invoice; another interval begins a new period and bills at once."""
    behavior = behavior or "create_prorations"
    items = subscription["items"]["data"]
    before = [(item["price"], item["quantity"]) for item in items]
    for index, entry in enumerate(entries):
        _apply_one(sim, subscription, entry, f"items[{index}]")
    if not items:
        raise invalid("A subscription must have at least one active plan.", param="items")
    after = [(item["price"], item["quantity"]) for item in items]
    if before == after or subscription["status"] == "trialing":
        return
    if behavior != "none":
        _prorate(sim, subscription, before, after)
    new_interval = subscriptions.interval_of(before[0][0]) != subscriptions.interval_of(after[0][0])
    if new_interval:
        subscription["billing_cycle_anchor"] = sim.clock.now()
    if new_interval or behavior == "always_invoice":
        lifecycle.bill_now(sim, subscription, begin_period=new_interval)


def _apply_one(sim, subscription, entry, param):
    items = subscription["items"]["data"]
    if "id" not in entry:
        price = catalogue.sellable_price(sim, entry, param)
        subscriptions.add_item(sim, subscription, price, entry.get("quantity", 1), entry.get("metadata"))
        return
    item = next((item for item in items if item["id"] == entry["id"]), None)
    if item is None:
        raise missing("subscription item", entry["id"], f"{param}[id]")
    if entry.get("deleted"):
        items.remove(item)
        return
    if "price" in entry or "price_data" in entry:
        price = catalogue.sellable_price(sim, entry, param)
        if not price["recurring"]:
            raise invalid("The price specified is set to `type=one_time` but this field only accepts prices with "
                          "`type=recurring`.", param=f"{param}[price]")
        item["price"], item["plan"] = dict(price), catalogue.plan_of(price)
    item["quantity"] = entry.get("quantity", item["quantity"])


def _prorate(sim, subscription, before, after):
    """A credit for the rest of the period at the old prices, a charge for it at the new ones (the charge not across
    intervals: there the new period is billed whole)."""
    first = subscription["items"]["data"][0]
    now, end = sim.clock.now(), first["current_period_end"]
    rest = max(0, end - now) / max(1, end - first["current_period_start"])
    same = subscriptions.interval_of(before[0][0]) == subscriptions.interval_of(after[0][0])
    customer = sim.store.get("customer", subscription["customer"])
    for sign, entries in ((-1, before), (1, after if same else ())):
        for price, quantity in entries:
            name = sim.store.get("product", price["product"])["name"]
            invoice_lines.build_item(
                sim, customer, amount=sign * round(price["unit_amount"] * quantity * rest), currency=price["currency"],
                description=f"{'Unused' if sign < 0 else 'Remaining'} time on {quantity} × {name}", quantity=quantity,
                price=price, period={"start": now, "end": end}, subscription=subscription, proration=True)
