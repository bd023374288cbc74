# SPDX-License-Identifier: Apache-2.0
# Idempotency keys of the API v1: the first answer is kept for a day of the simulator's clock and given again.
import hashlib
import json
from dataclasses import dataclass

from .errors import StripeError

LIFETIME = 24 * 3600
MAX_KEY = 255


@dataclass
class Entry:
    fingerprint: str
    since: int
    request_id: str
    answer: tuple = None


class Ledger:
    """Guarded by the simulator's lock. An entry without an answer is a request still at work."""

    def __init__(self, clock):
        self._clock = clock
        self._entries = {}

    def clear(self):
        self._entries.clear()

    def __len__(self):
        return len(self._entries)

    def begin(self, key, call):
        """None: run the request, then `finish` or `forget` it. Otherwise the entry whose answer is to be given
        again. Raises for a key at work, used for something else, or too long."""
        if len(key) > MAX_KEY:
            raise StripeError(400, f"Idempotency keys can be at most {MAX_KEY} characters long.",
                              kind="idempotency_error")
        self._forget_old()
        fingerprint = hashlib.sha256(json.dumps([call.method, call.path, call.params], sort_keys=True).encode())
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = Entry(fingerprint.hexdigest(), self._clock.now(), call.request_id)
            return None
        if entry.fingerprint != fingerprint.hexdigest():
            raise StripeError(400, "Keys for idempotent requests can only be used with the same parameters they were "
                              f"first used with. Try using a key other than '{key}' if you meant to execute a "
                              "different request.", kind="idempotency_error")
        if entry.answer is None:
            raise StripeError(409, "There is currently another in-progress request using this Idempotent Key (that "
                              f"probably means you submitted twice, and the other request is still going through): "
                              f"{key}", code="idempotency_key_in_use")
        return entry

    def finish(self, key, answer):
        if key in self._entries:
            self._entries[key].answer = answer

    def forget(self, key):
        """The request never began to run, or its answer is not kept."""
        entry = self._entries.get(key)
        if entry is not None and entry.answer is None:
            del self._entries[key]

    def _forget_old(self):
        """Entries are in the order of their age."""
        horizon = self._clock.now() - LIFETIME
        for key, entry in list(self._entries.items()):
            if entry.since > horizon:
                return
            if entry.answer is not None:
                del self._entries[key]
