# SPDX-License-Identifier: Apache-2.0
# Billing portal sessions, and what a person does there.
from . import invoices, lifecycle, payment_methods, payments
from .errors import ControlError, card_declined, invalid

# The flows that the pages have; others of Stripe's are refused rather than ignored.
FLOWS = ("payment_method_update", "subscription_cancel", "subscription_pause")
OTHER_FLOWS = ("subscription_update", "subscription_update_confirm", "customer_update")


def create(sim, call):
    params = call.params
    if "customer" not in params:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = sim.store.find_current("customer", params["customer"], "customer")
    identifier = sim.ids.make("billing_portal.session")
    session = {
        "id": identifier, "object": "billing_portal.session",
        "configuration": params.get("configuration", "bpc_1SimulatedPortalDefault"), "created": sim.clock.now(),
        "customer": customer["id"], "customer_account": None,
        "flow": _flow(sim, customer, params["flow_data"]) if "flow_data" in params else None, "livemode": False,
        "locale": params.get("locale"), "on_behalf_of": None, "return_url": params.get("return_url"),
        "url": f"{sim.base_url}/p/session/{identifier}",
    }
    return sim.store.put(session)


def _flow(sim, customer, data):
    kind = data["type"]
    if kind in OTHER_FLOWS:
        raise invalid(f"The simulator's portal has no flow {kind}.", param="flow_data[type]")
    after = data.get("after_completion", {"type": "portal_homepage"})
    flow = {"after_completion": {"hosted_confirmation": None, "redirect": None, "type": after["type"]},
            "customer_update": None, "subscription_cancel": None, "subscription_pause": None,
            "subscription_update": None, "subscription_update_confirm": None, "type": kind}
    if after["type"] == "redirect":
        if "redirect" not in after:
            raise invalid("Missing required param: flow_data[after_completion][redirect].",
                          param="flow_data[after_completion][redirect]", code="parameter_missing")
        flow["after_completion"]["redirect"] = after["redirect"]
    if kind != "payment_method_update":
        if kind not in data:
            raise invalid(f"Missing required param: flow_data[{kind}].", param=f"flow_data[{kind}]",
                          code="parameter_missing")
        param = f"flow_data[{kind}][subscription]"
        subscription = sim.store.find("subscription", data[kind]["subscription"], param)
        if subscription["customer"] != customer["id"]:
            raise invalid("The subscription does not belong to the customer.", param=param)
        flow[kind] = {"subscription": subscription["id"]}
        if kind == "subscription_cancel":
            flow[kind]["retention"] = None
    return flow


def subscriptions_of(sim, customer_id):
    return [subscription for subscription in sim.store.newest_first("subscription")
            if subscription["customer"] == customer_id]


def open_invoices_of(sim, customer_id):
    return [invoice for invoice in sim.store.newest_first("invoice")
            if invoice["customer"] == customer_id and invoice["status"] == "open"]


def cancel_at_period_end(sim, subscription):
    """As the portal does it: in the flexible billing mode by a time alone, in the classic one by the flag too."""
    with lifecycle.updating(sim, subscription):
        lifecycle.plan_end(sim, subscription, lifecycle.period_end(subscription),
                           at_period_end=subscription["billing_mode"]["type"] == "classic")


def take_back_cancellation(sim, subscription):
    with lifecycle.updating(sim, subscription):
        lifecycle.plan_end(sim, subscription, None, at_period_end=False)


def new_card(sim, customer, instrument):
    """The new default, of the customer and of the subscriptions that had one of their own. Raises a card error."""
    method = payment_methods.save_for(sim, customer, instrument)
    for subscription in subscriptions_of(sim, customer["id"]):
        if subscription["default_payment_method"] and subscription["status"] not in lifecycle.ENDED:
            with lifecycle.updating(sim, subscription):
                subscription["default_payment_method"] = method["id"]


def pay_invoice(sim, invoice, instrument=None):
    """Pays an open invoice with a new card, or with what the customer has. Raises a card error."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise ControlError(f"the invoice is {invoice['status']}")
    method = None
    if instrument:
        if instrument.at_once:
            raise card_declined(instrument.at_once)
        method = payment_methods.build(sim, instrument, sim.store.get("customer", invoice["customer"]))
    decline = invoices.collect(sim, invoice, method)
    if decline is payments.NO_METHOD:
        raise ControlError("the customer has no payment method")
    if decline:
        raise card_declined(decline)
