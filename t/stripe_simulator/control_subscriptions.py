# SPDX-License-Identifier: Apache-2.0
# Control calls that drive subscriptions into any state: POST /_sim/subscriptions[/{id}/{action}].
from . import cards, customers, lifecycle, payment_methods, plan_change, portal, subscriptions
from .errors import ControlError


def call(sim, steps, body, query):
    if not steps:
        return make(sim, body)
    if len(steps) != 2 or steps[1] not in ACTIONS:
        raise ControlError(f"POST /_sim/subscriptions/{{id}}/ACTION, with one of {', '.join(sorted(ACTIONS))}")
    subscription = sim.store.find("subscription", steps[0])
    ACTIONS[steps[1]](sim, subscription, body)
    return subscription


def make(sim, body):
    """As made in the Dashboard: price, and customer or email; metadata and customer_metadata as wanted; card (a test
    number); trial_days; billing_mode."""
    known = {"price", "customer", "email", "metadata", "customer_metadata", "card", "trial_days", "billing_mode"}
    if set(body) - known:
        raise ControlError(f"unknown: {', '.join(sorted(set(body) - known))}; known: {', '.join(sorted(known))}")
    price = sim.store.find("price", body.get("price", ""))
    if "customer" in body:
        customer = sim.store.find_current("customer", body["customer"])
    else:
        customer = customers.build(sim, {"email": body.get("email", "dashboard@example.org"),
                                         "metadata": body.get("customer_metadata")})
    payment_methods.save_for(sim, customer, instrument_of(body))
    trial = body.get("trial_days")
    subscription = subscriptions.build(
        sim, customer, [{"price": price, "quantity": 1}], metadata=body.get("metadata"),
        trial_end=sim.clock.now() + trial * subscriptions.DAY if trial else None,
        billing_mode=body.get("billing_mode", "flexible"))
    lifecycle.start(sim, subscription)
    return subscription


def instrument_of(body, default=cards.GOOD_CARD):
    instrument = cards.instrument_of(body.get("card", default))
    if isinstance(instrument, cards.Decline):
        raise ControlError(f"not a test card: {body['card']}; there are {', '.join(cards.INSTRUMENTS)}")
    return instrument


def _card(sim, subscription, number):
    customer = sim.store.get("customer", subscription["customer"])
    portal.new_card(sim, customer, cards.INSTRUMENTS[number])


def fail_next_payment(sim, subscription, body):
    """The next attempts (times) are declined, whatever the card."""
    sim.store.note(subscription["id"])["failures"] = body.get("times", 1)


def change_price(sim, subscription, body):
    item = subscription["items"]["data"][0]
    with lifecycle.updating(sim, subscription):
        plan_change.apply(sim, subscription, [{"id": item["id"], "price": body.get("price", "")}],
                          body.get("proration_behavior"))


def pause_collection(sim, subscription, body):
    with lifecycle.updating(sim, subscription):
        subscription["pause_collection"] = {"behavior": body.get("behavior", "void"), "resumes_at": None}


def unpause_collection(sim, subscription, body):
    with lifecycle.updating(sim, subscription):
        subscription["pause_collection"] = None


def set_status(sim, subscription, body):
    """Any status, one that Stripe has not invented yet included, with nothing else happening."""
    with lifecycle.updating(sim, subscription):
        subscription["status"] = body.get("status", "")


def set_metadata(sim, subscription, body):
    with lifecycle.updating(sim, subscription):
        subscription["metadata"] = dict(body.get("metadata", {}))


def touch(sim, subscription, body):
    """An updated event for nothing of interest."""
    with lifecycle.updating(sim, subscription):
        subscription["description"] = body.get("description", f"touched at {sim.clock.now()}")


ACTIONS = {
    "fail-next-payment": fail_next_payment,
    "decline-card": lambda sim, subscription, body: _card(sim, subscription, cards.FAILING_CARD),
    "good-card": lambda sim, subscription, body: _card(sim, subscription, cards.GOOD_CARD),
    "cancel": lambda sim, subscription, body: lifecycle.end(sim, subscription, "cancellation_requested"),
    "cancel-at-period-end": lambda sim, subscription, body: portal.cancel_at_period_end(sim, subscription),
    "take-back-cancellation": lambda sim, subscription, body: portal.take_back_cancellation(sim, subscription),
    "pause": lambda sim, subscription, body: lifecycle.pause(sim, subscription, "pause_requested"),
    "resume": lambda sim, subscription, body: lifecycle.resume(sim, subscription),
    "pause-collection": pause_collection,
    "unpause-collection": unpause_collection,
    "change-price": change_price,
    "status": set_status,
    "metadata": set_metadata,
    "touch": touch,
}
