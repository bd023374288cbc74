# SPDX-License-Identifier: Apache-2.0
# Products and prices.
from .metadata import merge_metadata
from .errors import ControlError, invalid
from .params import CURRENCIES, UNSET

INTERVALS = ("day", "week", "month", "year")


def build_product(sim, name, fields=None, quiet=False):
    fields = fields or {}
    product = {
        "id": fields.get("id") or sim.ids.make("product"),
        "object": "product",
        "active": fields.get("active", True),
        "created": sim.clock.now(),
        "default_price": None,
        "description": fields.get("description"),
        "images": fields.get("images", []),
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": fields.get("statement_descriptor"),
        "tax_code": None,
        "tax_details": None,
        "type": "service",
        "unit_label": fields.get("unit_label"),
        "updated": sim.clock.now(),
        "url": fields.get("url"),
    }
    merge_metadata(product, fields.get("metadata"))
    sim.store.put(product)
    if not quiet:
        sim.events.emit("product.created", product)
    return product


def build_price(sim, product, fields, identifier=None, quiet=False):
    """`fields` are those of POST /v1/prices; `identifier` lets a test choose the id, as the Dashboard does not."""
    amount = fields.get("unit_amount")
    if amount is None:
        amount = int(fields.get("unit_amount_decimal", 0))
    recurring = fields.get("recurring")
    price = {
        "id": identifier or sim.ids.make("price"),
        "object": "price",
        "active": fields.get("active", True),
        "billing_scheme": "per_unit",
        "created": sim.clock.now(),
        "currency": fields["currency"],
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": fields.get("lookup_key"),
        "metadata": {},
        "nickname": fields.get("nickname"),
        "product": product["id"],
        "recurring": recurring and {
            "interval": recurring["interval"], "interval_count": recurring.get("interval_count", 1), "meter": None,
            "trial_period_days": None, "usage_type": "licensed"},
        "tax_behavior": fields.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    merge_metadata(price, fields.get("metadata"))
    sim.store.put(price)
    if not quiet:
        sim.events.emit("price.created", price)
    return price


def plan_of(price):
    """The older face of a recurring price, which Stripe still shows inside subscription items."""
    recurring = price["recurring"]
    return {"id": price["id"], "object": "plan", "active": price["active"], "amount": price["unit_amount"],
            "amount_decimal": price["unit_amount_decimal"], "billing_scheme": "per_unit", "created": price["created"],
            "currency": price["currency"], "interval": recurring["interval"],
            "interval_count": recurring["interval_count"], "livemode": False, "metadata": price["metadata"],
            "meter": None, "nickname": price["nickname"], "product": price["product"], "tiers_mode": None,
            "transform_usage": None, "trial_period_days": None, "usage_type": "licensed"}


def price_from_data(sim, data, param):
    """The price of a price_data parameter; it belongs to that one request and is not sold again."""
    if "product" in data:
        product = sim.store.find("product", data["product"], f"{param}[product]")
    elif "product_data" in data:
        product = build_product(sim, data["product_data"]["name"], data["product_data"])
    else:
        raise invalid(f"You must specify either `product` or `product_data` with `{param}`.", param=param)
    if "unit_amount" not in data and "unit_amount_decimal" not in data:
        raise invalid(f"You must specify either `unit_amount` or `unit_amount_decimal` with `{param}`.", param=param)
    price = build_price(sim, product, data)
    price["active"] = False
    return price


def sellable_price(sim, entry, param):
    """The active price that a line item names, or the one its price_data describes."""
    if ("price" in entry) == ("price_data" in entry):
        raise invalid(f"You must specify either `price` or `price_data` in `{param}`, and not both.", param=param)
    if "price_data" in entry:
        return price_from_data(sim, entry["price_data"], f"{param}[price_data]")
    price = sim.store.find("price", entry["price"], f"{param}[price]")
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.",
                      param=f"{param}[price]")
    return price


def create_product(sim, call):
    if sim.store.get("product", call.params.get("id", "")):
        raise invalid("Product already exists.", param="id", code="resource_already_exists")
    product = build_product(sim, call.params["name"], call.params)
    if "default_price_data" in call.params:
        product["default_price"] = build_price(sim, product, call.params["default_price_data"])["id"]
    return product


def update_product(sim, call):
    product = sim.store.find_current("product", call.ids[0])
    with sim.changing("product.updated", product):
        for name in ("active", "description", "images", "name", "statement_descriptor", "unit_label", "url",
                     "default_price"):
            if name in call.params:
                product[name] = None if call.params[name] == UNSET else call.params[name]
        product["images"] = product["images"] or []
        merge_metadata(product, call.params.get("metadata"))
        product["updated"] = sim.clock.now()
    return product


def delete_product(sim, call):
    product = sim.store.find_current("product", call.ids[0])
    if any(price["product"] == product["id"] for price in sim.store.all("price")):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    sim.events.emit("product.deleted", product)
    return sim.store.put({"id": product["id"], "object": "product", "deleted": True})


def create_price(sim, call):
    params = call.params
    if ("product" in params) == ("product_data" in params):
        raise invalid("You must specify either `product` or `product_data`, and not both.", param="product")
    if ("unit_amount" in params) == ("unit_amount_decimal" in params):
        raise invalid("You must specify either `unit_amount` or `unit_amount_decimal`, and not both.",
                      param="unit_amount", code="parameter_missing")
    product = (sim.store.find_current("product", params["product"], "product") if "product" in params
               else build_product(sim, params["product_data"]["name"], params["product_data"]))
    return build_price(sim, product, params)


def update_price(sim, call):
    price = sim.store.find("price", call.ids[0])
    with sim.changing("price.updated", price):
        for name in ("active", "nickname", "lookup_key", "tax_behavior"):
            if name in call.params:
                price[name] = None if call.params[name] == UNSET else call.params[name]
        merge_metadata(price, call.params.get("metadata"))
    return price


def retrieve(kind):
    def handler(sim, call):
        return sim.store.find(kind, call.ids[0])
    return handler


def list_products(sim, call):
    params = call.params
    return sim.store.page("product", params, "/v1/products", lambda product: (
        not product.get("deleted") and params.get("active") in (None, product["active"])
        and ("ids" not in params or product["id"] in params["ids"])))


def list_prices(sim, call):
    params = call.params
    return sim.store.page("price", params, "/v1/prices", lambda price: (
        all(params.get(name) in (None, price[name]) for name in ("active", "currency", "product", "type"))
        and ("lookup_keys" not in params or price["lookup_key"] in params["lookup_keys"])))


def price_from_text(sim, specification):
    """A price with a chosen id, from price_founding=2900:usd:month:Founding member (interval "once" for one-time). It
    was there before anything happened: no events."""
    identifier, _, rest = specification.partition("=")
    parts = rest.split(":", 3)
    if not identifier.startswith("price_") or len(parts) < 3 or not parts[0].isdecimal() or parts[1] not in CURRENCIES:
        raise ControlError(f"not a price: {specification!r}; write price_ID=AMOUNT:CURRENCY:INTERVAL[:PRODUCT NAME]")
    if parts[2] not in INTERVALS + ("once",):
        raise ControlError(f"not an interval: {parts[2]!r}; write day, week, month, year or once")
    if sim.store.get("price", identifier):
        raise ControlError(f"there is a price {identifier} already")
    product = build_product(sim, parts[3] if len(parts) == 4 else identifier, quiet=True)
    fields = {"unit_amount": int(parts[0]), "currency": parts[1]}
    if parts[2] != "once":
        fields["recurring"] = {"interval": parts[2]}
    return build_price(sim, product, fields, identifier, quiet=True)
