# SPDX-License-Identifier: Apache-2.0
# Checkout Sessions: made by the API or by a payment link, paid or declined by a person or a test, expired by the clock.
from . import catalogue, subscriptions
from .errors import invalid
from .metadata import merge_metadata
from .store import paginate

SHORTEST_LIFE, LONGEST_LIFE = 30 * 60, 24 * 3600


def schedule(sim):
    sim.agenda.on("session_expires", lambda identifier, due: _expire_due(sim, identifier))


def build(sim, mode, entries, fields, payment_link=None):
    """An open session. `entries` are {"price": dict, "quantity": n}; `fields` those of the create call."""
    now = sim.clock.now()
    identifier = sim.ids.make("checkout.session")
    customer = sim.store.get("customer", fields["customer"]) if "customer" in fields else None
    trial = mode == "subscription" and subscriptions.trial_end_of(sim, fields.get("subscription_data", {})) is not None
    total = 0 if trial else sum(entry["price"]["unit_amount"] * entry["quantity"] for entry in entries)
    currency = entries[0]["price"]["currency"] if entries else fields.get("currency")
    session = {
        "id": identifier, "object": "checkout.session", "adaptive_pricing": {"enabled": False},
        "after_expiration": None, "allow_promotion_codes": fields.get("allow_promotion_codes"),
        "allowed_payment_method_types": fields.get("allowed_payment_method_types"),
        "amount_subtotal": total if entries else None, "amount_total": total if entries else None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": fields.get("billing_address_collection"),
        "cancel_url": fields.get("cancel_url"), "client_reference_id": fields.get("client_reference_id"),
        "client_secret": None,
        "collected_information": {"business_name": None, "individual_name": None, "shipping_details": None},
        "consent": None, "consent_collection": None, "created": now, "currency": currency,
        "currency_conversion": None, "custom_fields": [],
        "custom_text": {"after_submit": None, "shipping_address": None, "submit": None,
                        "terms_of_service_acceptance": None},
        "customer": fields.get("customer"), "customer_account": None,
        "customer_creation": None if customer else {"subscription": "always"}.get(
            mode, fields.get("customer_creation", "if_required")),
        "customer_details": details_of(customer["email"], customer["name"]) if customer else (
            details_of(fields["customer_email"], None) if "customer_email" in fields else None),
        "customer_email": fields.get("customer_email"), "discounts": [],
        "expires_at": fields.get("expires_at", now + LONGEST_LIFE),
        "integration_identifier": fields.get("integration_identifier"), "invoice": None, "invoice_creation": None,
        "livemode": False, "locale": fields.get("locale"), "managed_payments": None, "metadata": {}, "mode": mode,
        "origin_context": None, "payment_intent": None, "payment_link": payment_link,
        "payment_method_collection": fields.get("payment_method_collection", "always"),
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card", "us_bank_account"],
        "payment_status": "unpaid" if total else "no_payment_required", "permissions": None,
        "phone_number_collection": {"enabled": False}, "recovered_from": None,
        "saved_payment_method_options": None, "setup_intent": None, "shipping_address_collection": None,
        "shipping_cost": None, "shipping_options": [], "status": "open", "submit_type": fields.get("submit_type"),
        "subscription": None, "success_url": fields.get("success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0} if entries else None,
        "ui_mode": "hosted_page", "url": f"{sim.base_url}/c/pay/{identifier}", "wallet_options": None,
    }
    merge_metadata(session, fields.get("metadata"))
    note = sim.store.note(identifier)
    note["entries"] = entries
    note["lines"] = [line_of(sim, entry) for entry in entries]
    note["subscription_data"] = fields.get("subscription_data", {})
    sim.agenda.add(session["expires_at"], "session_expires", identifier)
    return sim.store.put(session)


def details_of(email, name):
    return {"address": None, "business_name": None, "email": email, "individual_name": None, "name": name,
            "phone": None, "tax_exempt": "none", "tax_ids": None}


def line_of(sim, entry):
    price, amount = entry["price"], entry["price"]["unit_amount"] * entry["quantity"]
    return {"id": sim.ids.make("item"), "object": "item", "adjustable_quantity": None, "amount_discount": 0,
            "amount_subtotal": amount, "amount_tax": 0, "amount_total": amount, "currency": price["currency"],
            "description": sim.store.get("product", price["product"])["name"], "metadata": {}, "price": price,
            "quantity": entry["quantity"]}


def lines_of(sim, obj):
    """The line items of a session or a payment link."""
    section = "checkout/sessions" if obj["object"] == "checkout.session" else "payment_links"
    return {"object": "list", "data": sim.store.note(obj["id"])["lines"], "has_more": False,
            "url": f"/v1/{section}/{obj['id']}/line_items"}


def resolve_entries(sim, items, mode=None):
    """Line items as given, with their prices; refuses what does not fit the mode. Returns (entries, mode)."""
    if not items:
        raise invalid("Missing required param: line_items.", param="line_items", code="parameter_missing")
    entries = []
    for index, item in enumerate(items):
        if "quantity" not in item:
            raise invalid(f"Quantity is required. Add `quantity` to `line_items[{index}]`",
                          param=f"line_items[{index}]")
        entries.append({"price": catalogue.sellable_price(sim, item, f"line_items[{index}]"),
                        "quantity": item["quantity"]})
    recurring = any(entry["price"]["recurring"] for entry in entries)
    mode = mode or ("subscription" if recurring else "payment")
    if mode == "payment" and recurring:
        raise invalid("You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode "
                      "or use only one-time prices.", param="line_items")
    if mode == "subscription" and not recurring:
        raise invalid("You must provide at least one recurring price in `subscription` mode when using prices.",
                      param="line_items")
    if len({entry["price"]["currency"] for entry in entries}) > 1:
        raise invalid("All prices of a session must have the same currency.", param="line_items")
    return entries, mode


def create(sim, call):
    params = call.params
    _check(sim, params)
    if params["mode"] == "setup":
        if "line_items" in params:
            raise invalid("You cannot pass `line_items` in `setup` mode.", param="line_items")
        return build(sim, "setup", [], params)
    entries, mode = resolve_entries(sim, params.get("line_items"), params["mode"])
    return build(sim, mode, entries, params)


def _check(sim, params):
    mode, now = params["mode"], sim.clock.now()
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise invalid("The simulator has the hosted page alone: leave ui_mode out.", param="ui_mode")
    if "success_url" not in params:
        raise invalid("Missing required param: success_url.", param="success_url", code="parameter_missing")
    if "customer" in params and "customer_email" in params:
        raise invalid("You may only specify one of these parameters: customer, customer_email.", param="customer")
    if "customer" in params:
        sim.store.find_current("customer", params["customer"], "customer")
    elif "customer_update" in params:
        raise invalid("`customer_update` can only be used with `customer`.", param="customer_update")
    if mode == "subscription" and "customer_creation" in params:
        raise invalid("`customer_creation` can only be used in `payment` and `setup` mode.", param="customer_creation")
    if mode != "subscription":
        for name in ("subscription_data", "payment_method_collection"):
            if name in params:
                raise invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    trial_end = params.get("subscription_data", {}).get("trial_end")
    if trial_end is not None and trial_end < now + 48 * 3600:
        raise invalid("The `trial_end` date has to be at least 2 days in the future.",
                      param="subscription_data[trial_end]")
    expires = params.get("expires_at")
    if expires is not None and not now + SHORTEST_LIFE <= expires <= now + LONGEST_LIFE:
        raise invalid("The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session "
                      "creation.", param="expires_at")


def retrieve(sim, call):
    return sim.store.find("checkout.session", call.ids[0])


def update(sim, call):
    session = sim.store.find("checkout.session", call.ids[0])
    merge_metadata(session, call.params.get("metadata"))
    return session


def expire_call(sim, call):
    session = sim.store.find("checkout.session", call.ids[0])
    if session["status"] != "open":
        raise invalid(f"Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a "
                      f"status of {session['status']}")
    expire(sim, session)
    return session


def expire(sim, session):
    session["status"], session["url"] = "expired", None
    sim.events.emit("checkout.session.expired", session)


def _expire_due(sim, identifier):
    session = sim.store.get("checkout.session", identifier)
    if session["status"] == "open":
        expire(sim, session)


def list_all(sim, call):
    params = call.params
    email = params.get("customer_details", {}).get("email")
    return sim.store.page("checkout.session", params, "/v1/checkout/sessions", lambda session: (
        all(params.get(name) in (None, session[name])
            for name in ("customer", "payment_intent", "payment_link", "status", "subscription"))
        and (email is None or (session["customer_details"] or {}).get("email") == email)))


def list_lines(kind):
    def handler(sim, call):
        lines = lines_of(sim, sim.store.find(kind, call.ids[0]))
        return paginate(lines["data"], call.params, lines["url"], "item")
    return handler
