# SPDX-License-Identifier: Apache-2.0
# The API requests of late, for tests to look at. Never the key they came with.
import re
from collections import deque

MAX_REQUESTS = 2000
MAX_BODY = 16384


class Capture:
    def __init__(self):
        self._requests = deque(maxlen=MAX_REQUESTS)
        self._count = 0

    def add(self, call, headers, raw_query, raw_body):
        """Returns the record, to which the outcome is added when it is known."""
        self._count += 1
        shown = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        record = {"number": self._count, "at": call.at, "method": call.method, "path": call.path, "query": raw_query,
                  "headers": shown, "body": raw_body[:MAX_BODY], "params": call.params,
                  "idempotency_key": call.idempotency_key, "version": call.version, "request_id": call.request_id,
                  "status": None, "replayed": False, "fault": None}
        self._requests.append(record)
        return record

    def find(self, since=0, method=None, path=None, limit=None):
        found = [record for record in self._requests if record["number"] > since
                 and method in (None, record["method"]) and (path is None or re.search(path, record["path"]))]
        return found[-limit:] if limit else found

    def clear(self):
        self._requests.clear()
