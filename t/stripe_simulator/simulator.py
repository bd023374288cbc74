# SPDX-License-Identifier: Apache-2.0
# The simulated Stripe account: one lock around all of its state.
import copy
import random
import sys
import threading
import traceback
from contextlib import contextmanager

from . import checkout, checkout_payment, invoices, lifecycle
from .agenda import Agenda
from .capture import Capture
from .changes import previous_attributes
from .clock import Clock
from .errors import ControlError
from .events import Events
from .faults import Faults
from .idempotency import Ledger
from .ids import Ids
from .settings import Settings
from .store import Store
from .webhooks import Webhooks

NOBODY = {"id": None, "idempotency_key": None}
SETTLE_TIMEOUT = 60.0


class Simulator:
    """`lock` guards everything below; handlers of API and control calls hold it, deliveries and waits do not."""

    def __init__(self, settings=None, seed=1, start=None, frozen=False):
        self.lock = threading.RLock()
        self.settings = settings or Settings()
        self.base_url = ""
        self.key = None
        self._seed = seed
        self._resets = 0
        self._turning = threading.Lock()
        self.clock = Clock(start, frozen)
        self.ids = Ids(seed)
        self.store = Store()
        self.agenda = Agenda()
        self.faults = Faults(self)
        self.events = Events(self)
        self.webhooks = Webhooks(self)
        self.ledger = Ledger(self.clock)
        self.capture = Capture()
        self.origin = NOBODY
        self.bugs = []
        for subject in (checkout, checkout_payment, invoices, lifecycle):
            subject.schedule(self)

    @contextmanager
    def on_behalf_of(self, request_id, idempotency_key):
        """Events made inside name the API request that caused them."""
        self.origin = {"id": request_id, "idempotency_key": idempotency_key}
        try:
            yield
        finally:
            self.origin = NOBODY

    @contextmanager
    def changing(self, event_type, obj):
        """Emits `event_type` afterwards, with the previous attributes, if anything about `obj` has changed."""
        before = copy.deepcopy(obj)
        yield
        previous = previous_attributes(before, obj)
        if previous:
            self.events.emit(event_type, obj, previous)

    def report_bug(self, problem):
        """Keeps the traceback of a bug of the simulator for GET /_sim/state, and shows it."""
        text = "".join(traceback.format_exception(problem))
        self.bugs.append(text)
        print(text, file=sys.stderr, flush=True)

    def shuffle(self, items, seed=None):
        if seed is None:
            self.ids.shuffle(items)
        else:
            random.Random(seed).shuffle(items)

    def turn_to(self, moment, step_by_step=True):
        """Turns the clock forward. What falls due on the way happens at its own time, and with `step_by_step` its
        webhooks are answered before the next thing happens. Returns how many things happened."""
        happened = 0
        with self._turning:
            while True:
                if step_by_step and not self.webhooks.settle(SETTLE_TIMEOUT):
                    raise ControlError(f"webhooks were not answered within {SETTLE_TIMEOUT:.0f} s")
                if not self._run_one_due(moment):
                    break
                happened += 1
            with self.lock:
                self.clock.set(moment)
        return happened

    def run_due(self):
        """What has fallen due by the clock's own flow."""
        if self._turning.acquire(blocking=False):
            try:
                while self._run_one_due(self.clock.now()):
                    pass
            finally:
                self._turning.release()

    def _run_one_due(self, moment):
        with self.lock:
            due = self.agenda.next_due()
            if due is None or due > moment:
                return False
            self.clock.set(due)
            self.agenda.run_next()
            return True

    def reset(self, keep_webhooks=True):
        """A new account: nothing left but the settings, the clock and, if so asked, the webhook endpoints."""
        self.faults.clear()
        self.agenda.clear()
        self.events.clear()
        self.webhooks.clear(endpoints=not keep_webhooks)
        self.store = Store()
        self.ledger.clear()
        self.capture.clear()
        self.bugs.clear()
        self._resets += 1
        self.ids = Ids(f"{self._seed}/{self._resets}")
