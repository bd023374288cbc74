# SPDX-License-Identifier: Apache-2.0
# Where the simulated objects live, with Stripe's list pages and "No such …" answers.
from collections import defaultdict

from .errors import invalid, missing

NOUNS = {"checkout.session": "checkout.session", "payment_method": "PaymentMethod", "invoiceitem": "invoiceitem"}
LIVE_HINT = ("; a similar object exists in live mode, but a test mode key was used to make this request.")


class Store:
    """Not thread-safe: the simulator's lock is held by whoever calls."""

    def __init__(self):
        self._tables = defaultdict(dict)
        self._notes = defaultdict(dict)
        self.live_ids = set()

    def put(self, obj):
        self._tables[obj["object"]][obj["id"]] = obj
        return obj

    def get(self, kind, identifier):
        return self._tables[kind].get(identifier)

    def find(self, kind, identifier, param=None):
        """`param` names the parameter that referred to it; None where it stood in the path."""
        obj = self.get(kind, identifier)
        if obj is None:
            hint = LIVE_HINT if identifier in self.live_ids else ""
            raise missing(NOUNS.get(kind, kind), identifier, param, hint)
        return obj

    def find_current(self, kind, identifier, param=None):
        """As find, but a deleted object is not found."""
        obj = self.find(kind, identifier, param)
        if obj.get("deleted"):
            raise missing(NOUNS.get(kind, kind), identifier, param)
        return obj

    def remove(self, obj):
        del self._tables[obj["object"]][obj["id"]]

    def all(self, kind):
        return list(self._tables[kind].values())

    def newest_first(self, kind):
        return reversed(self._tables[kind].values())

    def note(self, identifier):
        """What the simulator knows about an object and never shows in the API."""
        return self._notes[identifier]

    def kinds(self):
        return sorted(kind for kind, table in self._tables.items() if table)

    def page(self, kind, params, url, wanted=lambda obj: True):
        items = [obj for obj in self.newest_first(kind) if wanted(obj) and in_range(obj["created"], params)]
        return paginate(items, params, url, kind)


def in_range(moment, params, name="created"):
    bound = params.get(name)
    if bound is None:
        return True
    if isinstance(bound, int):
        return moment == bound
    return (moment > bound.get("gt", moment - 1) and moment >= bound.get("gte", moment)
            and moment < bound.get("lt", moment + 1) and moment <= bound.get("lte", moment))


def paginate(items, params, url, kind):
    """`items` newest first. With ending_before the page is the one right before that object, still newest first."""
    limit = params.get("limit", 10)
    after, before = params.get("starting_after"), params.get("ending_before")
    if after is not None and before is not None:
        raise invalid("You cannot parameterize both ending_before and starting_after.", param="ending_before")
    if before is not None:
        items = items[:_position(items, before, "ending_before", kind)]
        return {"object": "list", "data": items[-limit:], "has_more": len(items) > limit, "url": url}
    if after is not None:
        items = items[_position(items, after, "starting_after", kind) + 1:]
    return {"object": "list", "data": items[:limit], "has_more": len(items) > limit, "url": url}


def _position(items, identifier, param, kind):
    for index, item in enumerate(items):
        if item["id"] == identifier:
            return index
    raise missing(NOUNS.get(kind, kind), identifier, param)
