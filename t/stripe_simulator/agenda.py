# SPDX-License-Identifier: Apache-2.0
# What is due when: renewals, payment retries, expiries, webhook retries.
import heapq
import itertools


class Agenda:
    """Entries are never taken back. Who handles one checks that it still means something: a subscription's cycle
    counts only if the period still ends then."""

    def __init__(self):
        self._heap = []
        self._sequence = itertools.count()
        self._handlers = {}

    def on(self, kind, handler):
        """`handler(identifier, due)` runs under the simulator's lock."""
        self._handlers[kind] = handler

    def add(self, due, kind, identifier):
        heapq.heappush(self._heap, (int(due), next(self._sequence), kind, identifier))

    def next_due(self):
        return self._heap[0][0] if self._heap else None

    def run_next(self):
        due, _, kind, identifier = heapq.heappop(self._heap)
        self._handlers[kind](identifier, due)

    def clear(self):
        self._heap.clear()
