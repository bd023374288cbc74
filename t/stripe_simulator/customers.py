# SPDX-License-Identifier: Apache-2.0
# Customers.
import re

from . import lifecycle, payment_methods
from .errors import invalid
from .metadata import merge_metadata
from .params import UNSET

SETTABLE = ("balance", "description", "email", "name", "phone", "tax_exempt", "preferred_locales", "address",
            "shipping", "invoice_prefix", "next_invoice_sequence", "business_name", "individual_name")
CLAUSE = re.compile(r"""^-?(?:metadata\[(['"])(?P<key>[^'"]+)\1\]|(?P<field>email|name|phone|created))"""
                    r"""(?P<operator>:|~|>=|<=|>|<)\s*(?P<quote>['"]?)(?P<value>.*?)(?P=quote)$""")


def build(sim, fields):
    customer = {
        "id": sim.ids.make("customer"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": sim.clock.now(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": sim.ids.capitals(8),
        "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None,
                             "rendering_options": None},
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    _apply(sim, customer, fields)
    sim.store.put(customer)
    sim.events.emit("customer.created", customer)
    return customer


def _apply(sim, customer, fields):
    for name in SETTABLE:
        if name in fields:
            customer[name] = None if fields[name] == UNSET else fields[name]
    customer["tax_exempt"] = customer["tax_exempt"] or "none"
    merge_metadata(customer, fields.get("metadata"))
    settings = fields.get("invoice_settings", {})
    method = settings.get("default_payment_method")
    if method is not None:
        param = "invoice_settings[default_payment_method]"
        if method and sim.store.find("payment_method", method, param)["customer"] != customer["id"]:
            raise invalid(f"The customer does not have a payment method with the ID {method}. The payment method must "
                          "be attached to the customer.", param=param, code="resource_missing")
        customer["invoice_settings"]["default_payment_method"] = method or None
    for name in ("custom_fields", "footer"):
        if name in settings:
            customer["invoice_settings"][name] = settings[name] or None


def create(sim, call):
    method = call.params.get("payment_method")
    resolved = payment_methods.resolve(sim, method) if method else None
    customer = build(sim, call.params)
    if resolved:
        payment_methods.attach_to(sim, resolved, customer)
    return customer


def retrieve(sim, call):
    return sim.store.find("customer", call.ids[0])


def update(sim, call):
    customer = sim.store.find_current("customer", call.ids[0])
    with sim.changing("customer.updated", customer):
        _apply(sim, customer, call.params)
    return customer


def delete(sim, call):
    return remove(sim, sim.store.find_current("customer", call.ids[0]))


def remove(sim, customer):
    """Ends the customer's subscriptions at once, then leaves {id, object, deleted} to be retrieved."""
    for subscription in sim.store.all("subscription"):
        if subscription["customer"] == customer["id"]:
            lifecycle.end(sim, subscription, reason="cancellation_requested")
    sim.events.emit("customer.deleted", customer)
    for method in sim.store.all("payment_method"):
        if method["customer"] == customer["id"]:
            method["customer"] = None
    return sim.store.put({"id": customer["id"], "object": "customer", "deleted": True})


def list_all(sim, call):
    email = call.params.get("email")
    return sim.store.page("customer", call.params, "/v1/customers", lambda customer: (
        not customer.get("deleted") and email in (None, customer["email"])))


def search(sim, call):
    """Stripe's query language as far as clients of customers use it: clauses joined by AND, or by OR, with : and ~
    on email, name, phone and metadata['key'], comparisons on created, and a leading - for not."""
    query = call.params["query"]
    joiner = any if re.search(r"\sOR\s", query) else all
    clauses = [_clause(part.strip()) for part in re.split(r"\s+(?:AND|OR)\s+", query)]
    found = [customer for customer in sim.store.newest_first("customer")
             if not customer.get("deleted") and joiner(clause(customer) for clause in clauses)]
    limit, page = call.params.get("limit", 10), call.params.get("page", 0)
    rest = found[page:]
    return {"object": "search_result", "data": rest[:limit], "has_more": len(rest) > limit,
            "next_page": str(page + limit) if len(rest) > limit else None, "url": "/v1/customers/search"}


def _clause(text):
    match = CLAUSE.match(text)
    if not match:
        raise invalid(f"We were unable to parse your search query: {text}", param="query")
    wanted = not text.startswith("-")
    operator, value = match["operator"], match["value"]

    def holds(customer):
        actual = customer["metadata"].get(match["key"]) if match["key"] else customer[match["field"]]
        return _compare(actual, operator, value) == wanted
    return holds


def _compare(actual, operator, value):
    if value == "null":
        return actual is None
    if actual is None:
        return False
    if isinstance(actual, int):
        number = int(value) if value.isdecimal() else 0
        return {":": actual == number, ">": actual > number, "<": actual < number, ">=": actual >= number,
                "<=": actual <= number}.get(operator, False)
    return value.lower() in actual.lower() if operator == "~" else actual.lower() == value.lower()
