# SPDX-License-Identifier: Apache-2.0
# The control calls below /_sim/: what tests turn, order and look at. JSON in and out.
import json
from urllib.parse import parse_qs

from . import catalogue, control_checkout, control_subscriptions, customers
from .clock import parse_duration
from .errors import ControlError, StripeError
from .settings import Settings

WAIT_SECONDS = 60.0


def answer(sim, request):
    """(status, headers, body). A POST waits until the webhooks it caused are answered: up to "wait" seconds, or not
    at all where that is false."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    try:
        body = json.loads(request.body) if request.body else {}
        if not isinstance(body, dict):
            raise ControlError("the body is a JSON object")
        wait = body.pop("wait", WAIT_SECONDS)
        wait = WAIT_SECONDS if wait is True else wait
        if not isinstance(wait, (int, float)):
            raise ControlError("wait is true, false or a number of seconds")
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        value = _run(sim, request.method, request.path[len("/_sim/"):].strip("/").split("/"), body, query)
        if request.method == "POST" and wait and not sim.webhooks.settle(wait):
            raise ControlError(f"done, but webhooks were not answered within {wait} s")
        return 200, headers, _json(value if value is not None else {"ok": True})
    except json.JSONDecodeError as problem:
        return 400, headers, _json({"error": f"not JSON: {problem}"})
    except ControlError as problem:
        return 400, headers, _json({"error": str(problem)})
    except StripeError as problem:
        return problem.status, headers, _json({"error": problem.body["message"], "stripe": problem.body})
    except Exception as problem:  # A bug here must look like one.
        sim.report_bug(problem)
        return 500, headers, _json({"error": f"the simulator has a bug: {problem!r}"})


def _json(value):
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _run(sim, method, steps, body, query):
    handler = CALLS.get((method, steps[0]))
    if handler is None:
        known = sorted({f"{verb} /_sim/{name}" for verb, name in CALLS})
        raise ControlError(f"no control call {method} /_sim/{'/'.join(steps)}; there are: {', '.join(known)}")
    if handler in UNLOCKED:
        return handler(sim, steps[1:], body, query)
    with sim.lock:
        return handler(sim, steps[1:], body, query)


def take(body, /, **defaults):
    """The members of `body` by name; refuses others, so that a typing mistake in a test is not silent."""
    unknown = set(body) - set(defaults)
    if unknown:
        raise ControlError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(defaults) or 'nothing'}")
    return [body.get(name, default) for name, default in defaults.items()]


def need(body, name):
    if name not in body:
        raise ControlError(f"missing: {name}")
    return body[name]


def show_clock(sim, steps, body, query):
    return {"now": sim.clock.now(), "frozen": sim.clock.frozen, "next_due": sim.agenda.next_due()}


def turn_clock(sim, steps, body, query):
    """advance: a duration; set: a time; freeze: true or false; step: false lets all happen before any webhook."""
    advance, moment, freeze, step = take(body, advance=None, set=None, freeze=None, step=True)
    if freeze is True:
        sim.clock.freeze()
    elif freeze is False:
        sim.clock.thaw()
    happened = 0
    if advance is not None or moment is not None:
        target = sim.clock.exact() + parse_duration(advance) if advance is not None else moment
        if not isinstance(target, (int, float)) or target < sim.clock.now():
            raise ControlError("the clock never runs backwards")
        happened = sim.turn_to(target, step)
    return {**show_clock(sim, steps, body, query), "happened": happened}


def show_state(sim, steps, body, query):
    """The oracle: every object by kind (or one kind, or one object), and what went wrong in the simulator."""
    if len(steps) == 2:
        return sim.store.find(steps[0], steps[1])
    kinds = steps or sim.store.kinds()
    state = {kind: {obj["id"]: obj for obj in sim.store.all(kind)} for kind in kinds}
    return state if steps else {"now": sim.clock.now(), "objects": state, "events": len(sim.events.all()),
                                "held": len(sim.webhooks.held), "bugs": sim.bugs}


def show_events(sim, steps, body, query):
    """All events, oldest first, those that no API list shows any more included."""
    return [event.render(sim.settings.api_version) for event in sim.events.all()]


def show_requests(sim, steps, body, query):
    return sim.capture.find(int(query.get("since", 0)), query.get("method"), query.get("path"),
                            int(query["limit"]) if "limit" in query else None)


def forget_requests(sim, steps, body, query):
    sim.capture.clear()


def reset(sim, steps, body, query):
    keep_webhooks, settings = take(body, keep_webhooks=True, settings=None)
    sim.reset(keep_webhooks)
    if settings is not None:
        sim.settings = Settings()
        sim.settings.change(settings)


def show_settings(sim, steps, body, query):
    return sim.settings.show()


def change_settings(sim, steps, body, query):
    sim.settings.change(body)
    return sim.settings.show()


def show_webhooks(sim, steps, body, query):
    return [endpoint.show() for endpoint in sim.webhooks.all()]


def add_webhook(sim, steps, body, query):
    url, secret, enabled, version = take(body, url=None, secret=None, enabled_events=None, api_version=None)
    return sim.webhooks.add(need(body, "url"), need(body, "secret"), enabled, version).show()


def remove_webhook(sim, steps, body, query):
    if not steps:
        raise ControlError("DELETE /_sim/webhooks/{id}")
    sim.webhooks.remove(steps[0])


def show_deliveries(sim, steps, body, query):
    return [delivery for delivery in sim.webhooks.deliveries
            if query.get("event") in (None, delivery["event"]) and query.get("type") in (None, delivery["type"])]


def deliver(sim, steps, body, query):
    order, seed, count = take(body, order="as_made", seed=None, count=None)
    return {"released": sim.webhooks.release(order, seed, count)}


def _chosen_events(sim, body):
    """By event: one id; by events: ids; by type; failed: those not delivered; or all."""
    event, several, kind, failed = body.get("event"), body.get("events"), body.get("type"), body.get("failed")
    wanted = [event] if event else several
    if wanted is not None:
        found = [sim.events.get(identifier) for identifier in wanted]
        if None in found:
            raise ControlError(f"no event {wanted[found.index(None)]}")
        return found
    return [event for event in sim.events.all()
            if kind in (None, event.type) and (not failed or event.undelivered)]


def redeliver(sim, steps, body, query):
    """Sends events again: event, events, type or failed choose them; times; shuffle (a seed); threads sends them
    over that many connections at once."""
    _, _, _, _, times, shuffle, threads = take(body, event=None, events=None, type=None, failed=None, times=1,
                                               shuffle=None, threads=None)
    with sim.lock:
        chosen = _chosen_events(sim, body) * times
        if shuffle is not None:
            sim.shuffle(chosen, shuffle)
        if threads is None:
            sim.webhooks.redeliver(chosen)
    if threads is not None:
        sim.webhooks.redeliver_at_once(chosen, threads)
    return {"sent": len(chosen)}


def make_event(sim, steps, body, query):
    """An event that nothing caused: type, and object (JSON) or ref (an id in the state); id, created, livemode,
    account and previous_attributes as wanted. `times` makes separate events of one fact."""
    kind, obj, ref, previous, times, special = (need(body, "type"), body.get("object"), body.get("ref"),
                                                body.get("previous_attributes"), body.get("times", 1), {})
    take(body, type=None, object=None, ref=None, previous_attributes=None, times=1, id=None, created=None,
         livemode=None, account=None)
    if ref is not None:
        obj = next((sim.store.get(name, ref) for name in sim.store.kinds() if sim.store.get(name, ref)), None)
    if not isinstance(obj, dict):
        raise ControlError("object is a JSON object, or ref the id of one that there is")
    for name in ("id", "created", "livemode", "account"):
        if name in body:
            special[name] = body[name]
    if "livemode" in special:
        obj = {**obj, "livemode": special["livemode"]}
    made = [sim.events.emit(kind, obj, previous, **special) for _ in range(times)]
    return {"events": [event.id for event in made]}


def send_raw(sim, steps, body, query):
    """Any text, signed, to every endpoint at once: for thin events and for what Stripe would never send. Returns the
    answers."""
    text, style = take(body, body="", signature="good")
    with sim.lock:
        endpoints = sim.webhooks.all()
    return [sim.webhooks.send_raw(endpoint, text.encode(), style) for endpoint in endpoints]


def settle(sim, steps, body, query):
    """Waiting is what every POST does."""
    take(body)


def show_faults(sim, steps, body, query):
    return sim.faults.show()


def add_fault(sim, steps, body, query):
    return {"id": sim.faults.add(body).id}


def remove_faults(sim, steps, body, query):
    sim.faults.remove(steps[0]) if steps else sim.faults.clear()


def add_price(sim, steps, body, query):
    """A price with an id of the test's choice: price = price_x=2900:usd:month:Name."""
    return catalogue.price_from_text(sim, need(body, "price"))


def add_live_ids(sim, steps, body, query):
    """Ids that exist in live mode only: naming one is refused as Stripe does it."""
    sim.store.live_ids.update(need(body, "ids"))


def customer_call(sim, steps, body, query):
    """POST customers/{id}/delete, as the Dashboard does."""
    if len(steps) != 2 or steps[1] != "delete":
        raise ControlError("POST /_sim/customers/{id}/delete")
    return customers.remove(sim, sim.store.find_current("customer", steps[0]))


CALLS = {
    ("GET", "clock"): show_clock, ("POST", "clock"): turn_clock, ("GET", "state"): show_state,
    ("GET", "events"): show_events, ("POST", "events"): make_event, ("GET", "requests"): show_requests,
    ("DELETE", "requests"): forget_requests, ("POST", "reset"): reset, ("GET", "settings"): show_settings,
    ("POST", "settings"): change_settings, ("GET", "webhooks"): show_webhooks, ("POST", "webhooks"): add_webhook,
    ("DELETE", "webhooks"): remove_webhook, ("GET", "deliveries"): show_deliveries, ("POST", "deliver"): deliver,
    ("POST", "redeliver"): redeliver, ("POST", "raw"): send_raw, ("POST", "settle"): settle,
    ("GET", "faults"): show_faults, ("POST", "faults"): add_fault, ("DELETE", "faults"): remove_faults,
    ("POST", "prices"): add_price, ("POST", "live_ids"): add_live_ids, ("POST", "customers"): customer_call,
    ("POST", "subscriptions"): control_subscriptions.call, ("POST", "checkout"): control_checkout.call_session,
    ("POST", "payment_links"): control_checkout.call_link,
}
# These wait for webhooks or send them themselves, and take the lock where they need it.
UNLOCKED = (turn_clock, redeliver, send_raw, settle)
