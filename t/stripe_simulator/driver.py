# SPDX-License-Identifier: Apache-2.0
# For tests: starts a simulator of their own, calls its API as a client would, and turns its control calls.
import http.client
import json
import pathlib
import subprocess
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from .errors import ControlError

TEST_KEY = "sk_test_simulator0000"
RUN = pathlib.Path(__file__).with_name("run")


@dataclass
class Reply:
    status: int
    headers: dict
    body: object
    text: str


def encode(params):
    """Stripe's form of nested dicts and lists."""
    pairs = []

    def walk(name, value):
        if isinstance(value, dict):
            for key, entry in value.items():
                walk(f"{name}[{key}]" if name else str(key), entry)
        elif isinstance(value, (list, tuple)):
            for index, entry in enumerate(value):
                walk(f"{name}[{index}]", entry)
        else:
            text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            pairs.append(f"{quote(name, safe='[]')}={quote(text, safe='')}")
    walk("", params)
    return "&".join(pairs)


class Driver:
    """One running simulator. Use as a context manager, or call stop()."""

    def __init__(self, url, process=None):
        self.url = url
        self._process = process
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port

    @classmethod
    def start(cls, *arguments, **popen):
        """`arguments` as on the command line; `popen` goes to subprocess, such as an account to run as."""
        process = subprocess.Popen([str(RUN), *arguments], stdout=subprocess.PIPE, text=True, **popen)
        line = process.stdout.readline()
        if not line.startswith("Stripe simulator at "):
            process.wait()
            raise ControlError(f"the simulator did not start (exit {process.returncode})")
        return cls(line.split()[-1], process)

    def stop(self):
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process.stdout.close()
            self._process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def request(self, method, path, body=None, headers=None, timeout=60):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read().decode()
            kind = answer.headers.get_content_type()
            return Reply(answer.status, answer.headers, json.loads(text) if kind == "application/json" else None, text)
        finally:
            connection.close()

    def api(self, method, path, params=None, idempotency_key=None, key=TEST_KEY, version=None, timeout=60, **headers):
        """A call of /v1/`path`; further `headers` by name with _ for -."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["Authorization"] = f"Bearer {key}"
        if idempotency_key:
            sent["Idempotency-Key"] = idempotency_key
        if version:
            sent["Stripe-Version"] = version
        form = encode(params or {})
        if method == "POST":
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            return self.request(method, f"/v1/{path}", form, sent, timeout)
        return self.request(method, f"/v1/{path}" + (f"?{form}" if form else ""), None, sent, timeout)

    def control(self, method, path, body=None):
        """A call of /_sim/`path`; its answer, or ControlError."""
        reply = self.request(method, f"/_sim/{path}", json.dumps(body or {}) if method == "POST" else None, timeout=300)
        if reply.status != 200:
            raise ControlError(reply.body["error"])
        return reply.body

    def get(self, path):
        return self.control("GET", path)

    def post(self, path, /, **body):
        return self.control("POST", path, body)

    def delete(self, path):
        return self.control("DELETE", path)

    def advance(self, duration, /, **more):
        return self.post("clock", advance=duration, **more)
