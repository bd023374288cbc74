# SPDX-License-Identifier: Apache-2.0
# Payment methods: saved cards and bank accounts of customers.
from . import cards
from .errors import card_declined, missing

NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def build(sim, instrument, customer=None, email=None, name=None):
    """A new payment method of a customer dict, or of nobody yet."""
    method = {
        "id": sim.ids.make("payment_method"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": dict(NO_ADDRESS), "email": email, "name": name, "phone": None, "tax_id": None},
        "created": sim.clock.now(),
        "customer": customer["id"] if customer else None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "us_bank_account" if instrument.delayed else "card",
    }
    method[method["type"]] = _bank(instrument) if instrument.delayed else _card(sim, instrument)
    sim.store.note(method["id"])["instrument"] = instrument
    return sim.store.put(method)


def _card(sim, instrument):
    return {
        "brand": instrument.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": instrument.brand,
        "exp_month": 12,
        "exp_year": 2099,
        "fingerprint": sim.ids.word(16),
        "funding": "credit",
        "generated_from": None,
        "last4": instrument.number[-4:],
        "networks": {"available": [instrument.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _bank(instrument):
    return {
        "account_holder_type": "company",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": None,
        "last4": instrument.number[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": None,
    }


def resolve(sim, identifier, param="payment_method"):
    """A payment method by id, or a new one from one of Stripe's test names."""
    if identifier in cards.TOKENS:
        instrument = cards.INSTRUMENTS[cards.TOKENS[identifier]]
        if instrument.at_once:
            raise card_declined(instrument.at_once)
        return build(sim, instrument)
    return sim.store.find("payment_method", identifier, param)


def attach_to(sim, method, customer):
    if method["customer"] == customer["id"]:
        return method
    method["customer"] = customer["id"]
    sim.events.emit("payment_method.attached", method)
    return method


def save_for(sim, customer, instrument, default=True):
    """What a person does on a page: a new payment method of the customer, used from now on. Raises a card error."""
    if instrument.at_once:
        raise card_declined(instrument.at_once)
    method = build(sim, instrument, email=customer["email"], name=customer["name"])
    attach_to(sim, method, customer)
    if default:
        with sim.changing("customer.updated", customer):
            customer["invoice_settings"]["default_payment_method"] = method["id"]
    return method


def attach(sim, call):
    customer = sim.store.find_current("customer", call.params["customer"], "customer")
    return attach_to(sim, resolve(sim, call.ids[0]), customer)


def detach(sim, call):
    method = sim.store.find("payment_method", call.ids[0], "payment_method")
    owner = sim.store.get("customer", method["customer"])
    if owner and owner["invoice_settings"]["default_payment_method"] == method["id"]:
        with sim.changing("customer.updated", owner):
            owner["invoice_settings"]["default_payment_method"] = None
    with sim.changing("payment_method.detached", method):
        method["customer"] = None
    return method


def retrieve(sim, call):
    return sim.store.find("payment_method", call.ids[0])


def list_all(sim, call):
    return _list(sim, call, call.params.get("customer"), "/v1/payment_methods")


def list_of_customer(sim, call):
    customer = sim.store.find_current("customer", call.ids[0])
    return _list(sim, call, customer["id"], f"/v1/customers/{customer['id']}/payment_methods")


def retrieve_of_customer(sim, call):
    sim.store.find_current("customer", call.ids[0])
    method = sim.store.find("payment_method", call.ids[1])
    if method["customer"] != call.ids[0]:
        raise missing("PaymentMethod", call.ids[1])
    return method


def _list(sim, call, customer, url):
    kind = call.params.get("type")
    return sim.store.page("payment_method", call.params, url, lambda method: (
        (customer is None or method["customer"] == customer) and kind in (None, method["type"])))
