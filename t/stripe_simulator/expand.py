# SPDX-License-Identifier: Apache-2.0
# The expand parameter: ids in an answer replaced by the objects they name.
import copy

from . import checkout
from .errors import invalid

MAX_DEPTH = 4
# object -> member -> the kind of object that its id names; None: never more than an id here
LINKS = {
    "checkout.session": {"customer": "customer", "subscription": "subscription", "invoice": "invoice",
                         "payment_link": "payment_link"},
    "subscription": {"customer": "customer", "latest_invoice": "invoice", "default_payment_method": "payment_method",
                     "schedule": None, "pending_setup_intent": None, "default_source": None},
    "invoice": {"customer": "customer", "default_payment_method": "payment_method", "default_source": None},
    "invoice_payment": {"invoice": "invoice"},
    "invoiceitem": {"customer": "customer", "invoice": "invoice"},
    "price": {"product": "product"},
    "plan": {"product": "product"},
    "product": {"default_price": "price"},
    "payment_method": {"customer": "customer"},
    "customer": {"default_source": None},
    "customer_invoice_settings": {"default_payment_method": "payment_method"},
    # Parts without a name of their own: an invoice's parent, a line's pricing.
    None: {"subscription": "subscription", "price": "price", "payment_intent": None},
}
# Lists of ids or objects that Stripe can expand and that are always empty or whole here.
WHOLE = {"subscription": ("discounts", "items"), "invoice": ("discounts", "total_discount_amounts", "lines",
                                                             "total_taxes", "account_tax_ids"),
         "checkout.session": ("discounts",)}


def expand(sim, answer, paths):
    """A copy of `answer` with the paths expanded; the stored objects stay as they are."""
    answer = copy.deepcopy(answer)
    for path in paths:
        steps = path.split(".")
        if len(steps) > MAX_DEPTH + (steps[0] == "data"):
            raise invalid(f"You cannot expand more than {MAX_DEPTH} levels of a property (was trying to expand "
                          f"{path}).", param="expand")
        _walk(sim, answer, steps, path)
    return answer


def _walk(sim, value, steps, path):
    if value is None or not steps:
        return
    if isinstance(value, list):
        for entry in value:
            _walk(sim, entry, steps, path)
        return
    if not isinstance(value, dict):
        raise _refused(path)
    step, kind = steps[0], value.get("object")
    if kind == "customer" and step == "invoice_settings":
        value["invoice_settings"].setdefault("object", "customer_invoice_settings")
        _walk(sim, value["invoice_settings"], steps[1:], path)
        del value["invoice_settings"]["object"]
        return
    included = INCLUDED.get((kind, step))
    if included:
        value.setdefault(step, copy.deepcopy(included(sim, value)))
    elif step in LINKS.get(kind, {}) and step in value:
        wanted = LINKS[kind][step]
        if wanted and isinstance(value[step], str):
            value[step] = copy.deepcopy(sim.store.get(wanted, value[step]))
    elif (len(steps) == 1 and step not in WHOLE.get(kind, ())) or step not in value:
        raise _refused(path)
    _walk(sim, value[step], steps[1:], path)


def _refused(path):
    return invalid(f"This property cannot be expanded ({path}).", param="expand[0]")


def _payments(sim, invoice):
    found = [payment for payment in sim.store.newest_first("invoice_payment") if payment["invoice"] == invoice["id"]]
    return {"object": "list", "data": found, "has_more": False, "url": "/v1/invoices/payments"}


def _secret(sim, invoice):
    secret = sim.store.note(invoice["id"]).get("secret")
    return {"client_secret": secret, "type": "payment_intent"} if secret else None


def _subscriptions(sim, customer):
    found = [subscription for subscription in sim.store.newest_first("subscription")
             if subscription["customer"] == customer["id"] and subscription["status"] != "canceled"]
    return {"object": "list", "data": found, "has_more": False,
            "url": f"/v1/customers/{customer['id']}/subscriptions"}


def _nothing(section):
    return lambda sim, customer: {"object": "list", "data": [], "has_more": False,
                                  "url": f"/v1/customers/{customer['id']}/{section}"}


# Members that an answer has only when asked to expand them.
INCLUDED = {
    ("checkout.session", "line_items"): checkout.lines_of,
    ("payment_link", "line_items"): checkout.lines_of,
    ("invoice", "payments"): _payments,
    ("invoice", "confirmation_secret"): _secret,
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "sources"): _nothing("sources"),
    ("customer", "tax_ids"): _nothing("tax_ids"),
}
