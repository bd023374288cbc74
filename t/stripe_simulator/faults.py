# SPDX-License-Identifier: Apache-2.0
# Faults on demand: what the next API calls or webhook deliveries suffer.
import re
from dataclasses import asdict, dataclass, field

from .errors import ControlError, StripeError
from .signature import STYLES

API_KINDS = ("answer", "timeout", "drop", "cut", "slow", "delay", "garbage")
EVENT_KINDS = ("hold", "lose", "twice", "cut", "signature")


@dataclass
class Rule:
    """One fault. `on` is api or webhook; `times` counts down and None means until it is deleted.

    For API calls: `method` and `path` (a regular expression, searched in the path) choose the calls; `after` means
    that the work is done first, so that the client only misses the answer; `remember` that an idempotency key keeps
    the faulty answer. For webhooks: `types` chooses the events, none means all."""
    id: str
    on: str
    kind: str
    times: int = 1
    method: str = None
    path: str = ""
    after: bool = False
    status: int = 500
    code: str = None
    message: str = None
    retry_after: int = None
    should_retry: bool = None
    remember: bool = False
    seconds: float = 30.0
    types: list = field(default_factory=list)
    signature: str = "good"
    hits: int = 0

    def spent(self):
        return self.times is not None and self.hits >= self.times

    def error(self):
        """What an `answer` fault says."""
        kind, code, message = {
            409: ("invalid_request_error", "lock_timeout", "This object cannot be accessed right now because another "
                  "API request or Stripe process is currently accessing it."),
            429: ("invalid_request_error", "rate_limit", "Request rate limit exceeded. Learn more about rate limits."),
        }.get(self.status, ("api_error" if self.status >= 500 else "invalid_request_error", None,
                            "An unknown error occurred (on purpose: a fault of the simulator)."))
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.should_retry is not None:
            headers["Stripe-Should-Retry"] = "true" if self.should_retry else "false"
        if self.status == 429 and self.code != "lock_timeout":
            headers["Stripe-Rate-Limited-Reason"] = "global-rate"
        return StripeError(self.status, self.message or message, kind=kind, code=self.code or code, headers=headers)


class Faults:
    """Guarded by the simulator's lock. Of several rules that fit, the oldest with a hit left is used."""

    def __init__(self, sim):
        self._sim = sim
        self._rules = {}
        self.generation = 0

    def add(self, wanted):
        if wanted.get("on") not in ("api", "webhook"):
            raise ControlError("a fault has on=api or on=webhook")
        kinds = API_KINDS if wanted["on"] == "api" else EVENT_KINDS
        if wanted.get("kind") not in kinds:
            raise ControlError(f"a fault on {wanted['on']} has a kind of {', '.join(kinds)}")
        if wanted.get("signature", "good") not in STYLES:
            raise ControlError(f"a signature is one of {', '.join(STYLES)}")
        try:
            re.compile(wanted.get("path", ""))
            rule = Rule(id=self._sim.ids.make("fault"), **wanted)
        except (TypeError, re.error) as problem:
            raise ControlError(f"not a fault: {problem}") from None
        self._rules[rule.id] = rule
        return rule

    def remove(self, identifier):
        if self._rules.pop(identifier, None) is None:
            raise ControlError(f"no fault {identifier}")

    def clear(self):
        """Also ends the time-outs that are under way."""
        self._rules.clear()
        self.generation += 1

    def show(self):
        return [asdict(rule) for rule in self._rules.values()]

    def take_for_call(self, method, path):
        return self._take(lambda rule: rule.on == "api" and rule.method in (None, method)
                          and re.search(rule.path, path) is not None)

    def take_for_event(self, kind):
        return self._take(lambda rule: rule.on == "webhook" and (not rule.types or kind in rule.types))

    def _take(self, fits):
        for rule in self._rules.values():
            if not rule.spent() and fits(rule):
                rule.hits += 1
                return rule
        return None
