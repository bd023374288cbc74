# SPDX-License-Identifier: Apache-2.0
# Webhook endpoints and deliveries: in order by default, signed anew at each attempt, retried by the clock.
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from .errors import ControlError
from .events import pretty
from .post import Target, send

MAX_DELIVERIES_KEPT = 20000


@dataclass
class Endpoint:
    id: str
    url: str
    secret: str
    enabled_events: list
    api_version: str
    queue: deque = field(default_factory=deque)
    busy: bool = False
    closed: bool = False

    def wants(self, kind):
        return any(pattern in ("*", kind) for pattern in self.enabled_events)

    def show(self):
        return {"id": self.id, "url": self.url, "enabled_events": self.enabled_events,
                "api_version": self.api_version, "queued": len(self.queue)}


@dataclass
class Attempt:
    """One event on its way to one endpoint. `number` counts retries; `signature` and `cut` are faults."""
    event: object
    endpoint: Endpoint
    number: int = 0
    signature: str = "good"
    cut: bool = False


class Webhooks:
    """The simulator's lock guards queues and events; it is not held while a delivery is on its way, since whoever is
    told of an event may ask the API about it before answering."""

    def __init__(self, sim):
        self._sim = sim
        self._endpoints = {}
        self._changed = threading.Condition(sim.lock)
        self._flying = 0
        self.held = []
        self.deliveries = deque(maxlen=MAX_DELIVERIES_KEPT)
        sim.agenda.on("webhook_retry", lambda attempt, _due: self._enqueue(attempt))

    def add(self, url, secret, enabled_events=None, api_version=None):
        if not secret.startswith("whsec_"):
            raise ControlError("a webhook secret begins with whsec_")
        endpoint = Endpoint(self._sim.ids.make("webhook_endpoint"), Target.checked(url), secret,
                            enabled_events or ["*"], api_version or self._sim.settings.api_version)
        self._endpoints[endpoint.id] = endpoint
        threading.Thread(target=self._work, args=(endpoint,), daemon=True, name=endpoint.id).start()
        return endpoint

    def remove(self, identifier):
        """What waits for it is given up, as at Stripe."""
        endpoint = self._endpoints.pop(identifier, None)
        if endpoint is None:
            raise ControlError(f"no webhook endpoint {identifier}")
        self._close(endpoint)
        for event in self._sim.events.all():
            event.undelivered.discard(identifier)

    def _close(self, endpoint):
        endpoint.closed = True
        endpoint.queue.clear()
        self._changed.notify_all()

    def clear(self, endpoints):
        """Forgets deliveries, and the endpoints too if so asked."""
        for endpoint in self._endpoints.values():
            endpoint.queue.clear()
            if endpoints:
                self._close(endpoint)
        if endpoints:
            self._endpoints.clear()
        self.held.clear()
        self.deliveries.clear()
        self._changed.notify_all()

    def all(self):
        return list(self._endpoints.values())

    def interested(self, kind):
        return [endpoint for endpoint in self._endpoints.values() if endpoint.wants(kind)]

    def announce(self, event):
        """Queues a new event for those who want it, unless a fault holds, loses, doubles or spoils it."""
        for identifier in sorted(event.undelivered):
            attempt = Attempt(event, self._endpoints[identifier])
            rule = self._sim.faults.take_for_event(event.type)
            if rule is None:
                self._enqueue(attempt)
                continue
            attempt.signature, attempt.cut = rule.signature, rule.kind == "cut"
            if rule.kind == "hold":
                self.held.append(attempt)
            elif rule.kind != "lose":
                for _ in range(2 if rule.kind == "twice" else 1):
                    self._enqueue(attempt)

    def release(self, order="as_made", seed=None, count=None):
        """Lets held events go, in the order they were made, reversed, or shuffled. Returns their ids in that order."""
        batch = self.held[:count]
        del self.held[:count]
        if order == "reversed":
            batch.reverse()
        elif order == "shuffled":
            self._sim.shuffle(batch, seed)
        elif order != "as_made":
            raise ControlError("order is as_made, reversed or shuffled")
        for attempt in batch:
            self._enqueue(attempt)
        return [attempt.event.id for attempt in batch]

    def redeliver(self, events, times=1):
        """Sends events again to every endpoint that wants them, delivered or not."""
        for _ in range(times):
            for event in events:
                for endpoint in self.interested(event.type):
                    self._enqueue(Attempt(event, endpoint))

    def redeliver_at_once(self, events, threads):
        """As redeliver, but by many connections at the same moment and out of the queues; returns when all are
        answered. The caller does not hold the lock."""
        with self._sim.lock:
            waiting = deque(Attempt(event, endpoint) for event in events for endpoint in self.interested(event.type))
        start = threading.Barrier(min(threads, max(1, len(waiting))))

        def run():
            start.wait()
            while True:
                try:
                    attempt = waiting.popleft()
                except IndexError:
                    return
                self._deliver(attempt)
        workers = [threading.Thread(target=run) for _ in range(start.parties)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def send_raw(self, endpoint, body, style):
        """Any body, signed, outside all queues. The caller does not hold the lock."""
        target = Target(endpoint.url)
        outcome = send(target, body, endpoint.secret, style, self._sim.settings.webhook_timeout)
        target.close()
        return {"endpoint": endpoint.id, "status": outcome.status, "body": outcome.body, "error": outcome.error}

    def settle(self, timeout):
        """Waits until nothing is queued or on its way. The caller does not hold the lock. False: it took too long."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not any(endpoint.queue or endpoint.busy for endpoint in self._endpoints.values()), timeout)

    def _enqueue(self, attempt):
        if not attempt.endpoint.closed:
            attempt.endpoint.queue.append(attempt)
            self._changed.notify_all()

    def _work(self, endpoint):
        target = Target(endpoint.url)
        while True:
            with self._changed:
                endpoint.busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: endpoint.queue or endpoint.closed)
                if endpoint.closed:
                    break
                attempt = endpoint.queue.popleft()
                endpoint.busy = True
            self._deliver(attempt, target)
        target.close()

    def _deliver(self, attempt, target=None):
        endpoint, event = attempt.endpoint, attempt.event
        with self._sim.lock:
            body = pretty(event.render(endpoint.api_version)).encode()
            timeout = self._sim.settings.webhook_timeout
        own = target or Target(endpoint.url)
        began = time.monotonic()
        outcome = send(own, body, endpoint.secret, attempt.signature, timeout, attempt.cut)
        if target is None:
            own.close()
        with self._sim.lock:
            self._record(attempt, outcome, time.monotonic() - began)

    def _record(self, attempt, outcome, seconds):
        event, endpoint = attempt.event, attempt.endpoint
        good = outcome.status is not None and 200 <= outcome.status < 300
        self.deliveries.append({
            "event": event.id, "type": event.type, "endpoint": endpoint.id, "attempt": attempt.number,
            "status": outcome.status, "error": outcome.error, "body": outcome.body, "seconds": round(seconds, 4),
            "signature": outcome.signature, "at": self._sim.clock.now()})
        if good:
            event.undelivered.discard(endpoint.id)
        elif not endpoint.closed and endpoint.id in event.undelivered and self._sim.events.get(event.id) is event:
            schedule = self._sim.settings.webhook_retries
            if attempt.number < len(schedule):
                retry = Attempt(event, endpoint, attempt.number + 1)
                self._sim.agenda.add(self._sim.clock.now() + schedule[attempt.number], "webhook_retry", retry)
