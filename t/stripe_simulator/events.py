# SPDX-License-Identifier: Apache-2.0
# Events: made once, never changed, listed for thirty days.
import json
import re
from collections import OrderedDict

from . import shapes
from .errors import missing
from .store import in_range, paginate

WINDOW = 30 * 86400
EMPTY_ARRAY = re.compile(r"^( *)(.*)\[\](,?)$", re.MULTILINE)


def pretty(value):
    """JSON laid out as Stripe sends it, empty arrays over three lines included. A line of indented JSON that ends in
    [] is an empty array and never text, since text ends in a quotation mark."""
    laid_out = json.dumps(value, indent=2, ensure_ascii=False)
    return EMPTY_ARRAY.sub(r"\1\2[\n\n\1]\3", laid_out)


class Event:
    """`snapshot` is the text of data as it was; `undelivered` holds the ids of endpoints that wait for it."""

    def __init__(self, head, data, endpoints):
        self.head = head
        self.snapshot = json.dumps(data)
        self.object_id = data["object"].get("id")
        self.undelivered = {endpoint.id for endpoint in endpoints}

    @property
    def id(self):
        return self.head["id"]

    @property
    def type(self):
        return self.head["type"]

    def render(self, version):
        event = {**self.head, "data": json.loads(self.snapshot), "pending_webhooks": len(self.undelivered)}
        event["api_version"] = version
        shapes.render_event(event, version)
        return {key: event[key] for key in sorted(event, key=ORDER.index)}


ORDER = ["id", "object", "account", "api_version", "created", "data", "livemode", "pending_webhooks", "request", "type"]


class Events:
    def __init__(self, sim):
        self._sim = sim
        self._events = OrderedDict()

    def clear(self):
        self._events.clear()

    def get(self, identifier):
        return self._events.get(identifier)

    def all(self):
        return list(self._events.values())

    def emit(self, kind, obj, previous=None, **special):
        """Records that something happened to `obj` and hands it to the webhook endpoints. `special` overrides parts
        of the envelope: id, created, livemode, account."""
        sim = self._sim
        data = {"object": obj}
        if previous:
            data["previous_attributes"] = previous
        head = {"id": sim.ids.make("event"), "object": "event", "created": sim.clock.now(), "livemode": False,
                "request": dict(sim.origin), "type": kind, **special}
        event = Event(head, data, sim.webhooks.interested(kind))
        self._prune()
        self._events[event.id] = event
        sim.webhooks.announce(event)
        return event

    def _prune(self):
        """Forgets what no list can show any more, looking at the oldest only."""
        horizon = self._sim.clock.now() - WINDOW
        while self._events:
            oldest = next(iter(self._events.values()))
            if oldest.head["created"] >= horizon:
                return
            self._events.popitem(last=False)

    def _visible(self):
        horizon = self._sim.clock.now() - WINDOW
        return [event for event in reversed(self._events.values()) if event.head["created"] >= horizon]

    def page(self, params, version):
        types = params.get("types") or ([params["type"]] if "type" in params else None)
        delivered = params.get("delivery_success")
        heads = [event.head for event in self._visible() if (
            in_range(event.head["created"], params) and _matches(types, event.type)
            and (delivered is None or delivered == (not event.undelivered)))]
        page = paginate(heads, params, "/v1/events", "event")
        page["data"] = [self._events[head["id"]].render(version) for head in page["data"]]
        return page

    def retrieve(self, identifier, version):
        event = self._events.get(identifier)
        if event is None or event.head["created"] < self._sim.clock.now() - WINDOW:
            raise missing("event", identifier)
        return event.render(version)


def _matches(patterns, kind):
    """invoice.* stands for all that begin so."""
    return patterns is None or any(
        pattern == kind or pattern == "*" or (pattern.endswith(".*") and kind.startswith(pattern[:-1]))
        for pattern in patterns)


def list_all(sim, call):
    return sim.events.page(call.params, sim.settings.api_version)


def retrieve(sim, call):
    return sim.events.retrieve(call.ids[0], sim.settings.api_version)
