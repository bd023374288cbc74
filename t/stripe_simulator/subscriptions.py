# SPDX-License-Identifier: Apache-2.0
# Subscriptions: the object and its API routes.
from . import catalogue, lifecycle, payment_methods, payments, plan_change
from .clock import add_interval
from .metadata import merge_metadata
from .errors import StripeError, card_declined, invalid, missing
from .params import UNSET
from .store import in_range, paginate

ENDED = ("canceled", "incomplete_expired")
DAY = 86400
CHANGEABLE_WHEN_ENDED = {"metadata", "cancellation_details", "expand"}


def build(sim, customer, entries, *, trial_end=None, metadata=None, method=None, billing_mode="flexible",
          collection_method="charge_automatically", **fields):
    """A subscription of `entries` ({"price": dict, "quantity": n}), not yet begun. `fields` override the rest."""
    now = sim.clock.now()
    identifier = sim.ids.make("subscription")
    subscription = {
        "id": identifier, "object": "subscription", "application": None, "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": trial_end or now, "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"} if billing_mode == "flexible" else None,
                         "type": billing_mode, "updated_at": now},
        "billing_schedules": [], "billing_thresholds": None, "cancel_at": None, "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "feedback_option": None, "reason": None},
        "collection_method": collection_method, "created": now, "currency": entries[0]["price"]["currency"],
        "customer": customer["id"], "customer_account": None, "days_until_due": None,
        "default_payment_method": method and method["id"], "default_source": None, "default_tax_rates": [],
        "description": None, "discounts": [], "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "custom_fields": None, "description": None, "footer": None,
                             "issuer": {"type": "self"}},
        "items": {"object": "list", "data": [], "has_more": False,
                  "url": f"/v1/subscription_items?subscription={identifier}"},
        "latest_invoice": None, "livemode": False, "managed_payments": None, "metadata": {},
        "next_pending_invoice_item_invoice": None, "on_behalf_of": None, "pause_collection": None,
        "payment_settings": {"payment_method_options": None, "payment_method_types": None,
                             "save_default_payment_method": "off"},
        "pending_invoice_item_interval": None, "pending_setup_intent": None, "pending_update": None,
        "schedule": None, "start_date": now, "status": "incomplete", "test_clock": None, "transfer_data": None,
        "trial_end": trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice",
                                            "billing_cycle_anchor": None}},
        "trial_start": now if trial_end else None, **fields,
    }
    for entry in entries:
        add_item(sim, subscription, entry["price"], entry.get("quantity", 1), entry.get("metadata"))
    merge_metadata(subscription, metadata)
    return sim.store.put(subscription)


def add_item(sim, subscription, price, quantity, metadata=None):
    if not price["recurring"]:
        raise invalid("The price specified is set to `type=one_time` but this field only accepts prices with "
                      "`type=recurring`.", param="items[0][price]")
    now, items = sim.clock.now(), subscription["items"]
    if items["data"]:
        first = items["data"][0]
        start, end = first["current_period_start"], first["current_period_end"]
        if (first["price"]["currency"], interval_of(first["price"])) != (price["currency"], interval_of(price)):
            raise invalid("The simulator keeps all items of a subscription in one currency and interval.",
                          param="items")
    else:
        start = now
        end = subscription["trial_end"] or add_interval(now, *interval_of(price), now)
    item = {
        "id": sim.ids.make("subscription_item"), "object": "subscription_item", "billing_thresholds": None,
        "created": now, "current_period_end": end, "current_period_start": start, "current_trial": None,
        "discounts": [], "metadata": {}, "plan": catalogue.plan_of(price), "price": dict(price),
        "quantity": quantity, "subscription": subscription["id"], "tax_rates": [],
    }
    merge_metadata(item, metadata)
    items["data"].append(item)
    return item


def interval_of(price):
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def trial_end_of(sim, params):
    """The end of the trial that trial_end or trial_period_days asks for, or None."""
    if "trial_end" in params and "trial_period_days" in params:
        raise invalid("You may only specify one of these parameters: trial_end, trial_period_days.", param="trial_end")
    if params.get("trial_period_days"):
        return sim.clock.now() + params["trial_period_days"] * DAY
    end = params.get("trial_end")
    if isinstance(end, int) and end <= sim.clock.now():
        raise invalid("Timestamp must be in the future", param="trial_end")
    return end if isinstance(end, int) else None


def create(sim, call):
    params = call.params
    for name in ("customer", "items"):
        if not params.get(name):
            raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
    customer = sim.store.find_current("customer", params["customer"], "customer")
    entries = [{**entry, "price": catalogue.sellable_price(sim, entry, f"items[{index}]")}
               for index, entry in enumerate(params["items"])]
    method = _method(sim, customer, params)
    trial_end = trial_end_of(sim, params)
    behavior = params.get("payment_behavior", "allow_incomplete")
    collection = params.get("collection_method", "charge_automatically")
    charged = collection == "charge_automatically" and trial_end is None and any(
        entry["price"]["unit_amount"] for entry in entries)
    foreseen = payments.foresee(sim, customer["id"], method=method) if charged else None
    if foreseen is payments.NO_METHOD and behavior != "default_incomplete":
        raise StripeError(400, "This customer has no attached payment source or default payment method. Please "
                          "consider adding a default payment method.", code="resource_missing")
    if behavior == "error_if_incomplete" and foreseen not in (None, payments.ON_ITS_WAY):
        raise card_declined(foreseen)
    subscription = build(sim, customer, entries, trial_end=trial_end, metadata=params.get("metadata"), method=method,
                         collection_method=collection,
                         billing_mode=params.get("billing_mode", {}).get("type", "flexible"))
    for name in ("days_until_due", "description"):
        subscription[name] = params.get(name)
    _apply_cancel(sim, subscription, params)
    apply_trial_settings(subscription, params)
    lifecycle.start(sim, subscription, unpaid_on_purpose=behavior == "default_incomplete")
    return subscription


def apply_trial_settings(subscription, params):
    wanted = params.get("trial_settings", {}).get("end_behavior", {}).get("missing_payment_method")
    if wanted:
        subscription["trial_settings"]["end_behavior"]["missing_payment_method"] = wanted


def _method(sim, customer, params):
    if not params.get("default_payment_method"):
        return None
    method = payment_methods.resolve(sim, params["default_payment_method"], "default_payment_method")
    if method["customer"] not in (None, customer["id"]):
        raise invalid(f"The customer does not have a payment method with the ID {method['id']}.",
                      param="default_payment_method", code="resource_missing")
    return payment_methods.attach_to(sim, method, customer)


def retrieve(sim, call):
    return sim.store.find("subscription", call.ids[0])


def find_running(sim, identifier):
    """A subscription that has ended is as good as missing to whoever wants to end, pause or resume it."""
    subscription = sim.store.find("subscription", identifier)
    if subscription["status"] in ENDED:
        raise missing("subscription", identifier)
    return subscription


def update(sim, call):
    params = call.params
    subscription = sim.store.find("subscription", call.ids[0])
    if subscription["status"] in ENDED and set(params) - CHANGEABLE_WHEN_ENDED:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.",
                      code="invalid_canceled_subscription_fields")
    customer = sim.store.get("customer", subscription["customer"])
    method = _method(sim, customer, params)
    with sim.changing("customer.subscription.updated", subscription):
        if "default_payment_method" in params:
            subscription["default_payment_method"] = method and method["id"]
        for name in ("description", "pause_collection", "days_until_due", "collection_method"):
            if name in params:
                subscription[name] = None if params[name] == UNSET else params[name]
        if subscription["pause_collection"]:
            subscription["pause_collection"].setdefault("resumes_at", None)
        for name, value in params.get("cancellation_details", {}).items():
            subscription["cancellation_details"][name] = value or None
        merge_metadata(subscription, params.get("metadata"))
        apply_trial_settings(subscription, params)
        _apply_cancel(sim, subscription, params)
        _apply_trial_end(sim, subscription, params)
        if "items" in params:
            plan_change.apply(sim, subscription, params["items"], params.get("proration_behavior"))
    if params.get("trial_end") == "now" and subscription["status"] == "trialing":
        lifecycle.cycle(sim, subscription)
    return subscription


def _apply_cancel(sim, subscription, params):
    if "cancel_at" in params and params.get("cancel_at_period_end"):
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.",
                      param="cancel_at")
    if "cancel_at_period_end" in params:
        at = lifecycle.period_end(subscription) if params["cancel_at_period_end"] else None
        lifecycle.plan_end(sim, subscription, at, at_period_end=params["cancel_at_period_end"])
    elif "cancel_at" in params:
        lifecycle.plan_end(sim, subscription, params["cancel_at"] or None, at_period_end=False)


def _apply_trial_end(sim, subscription, params):
    end = params.get("trial_end")
    if end is None:
        return
    if end == "now":
        end = sim.clock.now()
    elif end <= sim.clock.now():
        raise invalid("Timestamp must be in the future", param="trial_end")
    else:
        subscription["status"] = "trialing"
    subscription["trial_start"] = subscription["trial_start"] or sim.clock.now()
    subscription["trial_end"] = subscription["billing_cycle_anchor"] = end
    lifecycle.set_period(sim, subscription, subscription["items"]["data"][0]["current_period_start"], end)


def cancel(sim, call):
    subscription = find_running(sim, call.ids[0])
    for name, value in call.params.get("cancellation_details", {}).items():
        subscription["cancellation_details"][name] = value or None
    lifecycle.end(sim, subscription, reason="cancellation_requested")
    return subscription


def pause(sim, call):
    subscription = find_running(sim, call.ids[0])
    if subscription["status"] not in ("active", "trialing", "past_due"):
        raise invalid(f"You cannot pause a subscription whose status is {subscription['status']}.")
    if subscription["billing_mode"]["type"] != "flexible":
        raise invalid("Only subscriptions with billing_mode=flexible can be paused.")
    lifecycle.pause(sim, subscription, "pause_requested")
    return subscription


def resume(sim, call):
    subscription = find_running(sim, call.ids[0])
    if subscription["status"] != "paused":
        raise invalid("You can only resume a subscription that is paused.")
    lifecycle.resume(sim, subscription)
    return subscription


def list_all(sim, call):
    params = call.params
    status = params.get("status")

    def wanted(subscription):
        if status is None or status == "all":
            fits = status == "all" or subscription["status"] != "canceled"
        elif status == "ended":
            fits = subscription["status"] in ENDED
        else:
            fits = subscription["status"] == status
        items = subscription["items"]["data"]
        return (fits and params.get("customer") in (None, subscription["customer"])
                and ("price" not in params or any(item["price"]["id"] == params["price"] for item in items))
                and all(in_range(items[0][name], params, name)
                        for name in ("current_period_start", "current_period_end")))
    return sim.store.page("subscription", params, "/v1/subscriptions", wanted)


def list_items(sim, call):
    subscription = sim.store.find("subscription", call.params["subscription"], "subscription")
    return paginate(subscription["items"]["data"], call.params, subscription["items"]["url"], "subscription_item")
