# SPDX-License-Identifier: Apache-2.0
# What the simulator's own tests share: a simulator, reset for each test, and an endpoint that keeps what it is told.
import hashlib
import hmac
import json
import pathlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "t"))

from stripe_simulator.driver import Driver  # noqa: E402

SECRET = "whsec_simulator"
MONTHLY = "price_monthly=2900:usd:month:Founding member"
YEARLY = "price_yearly=29000:usd:year:Founding member, yearly"
BIGGER = "price_bigger=5900:usd:month:Fleet"
ONCE = "price_once=1500:usd:once:Setup"


class Receiver:
    """`answers` are the statuses of the next deliveries, 200 when they are used up."""

    def __init__(self):
        self.bodies, self.headers, self.answers = [], [], []
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one segment for head and body, or Nagle's algorithm makes each delivery take 40 ms

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    receiver._keep(None)
                    self.close_connection = True
                    return
                receiver._keep(body, self.headers)
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhook"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def events(self):
        return [json.loads(body) for body in self.bodies if body]

    @property
    def types(self):
        return [event["type"] for event in self.events]

    def wait_for(self, count):
        """Until that many deliveries have come, those that were cut off included."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.bodies) >= count, 20), f"{len(self.bodies)} of {count} came"

    def _keep(self, body, headers=None):
        with self._came:
            self.bodies.append(body)
            if headers:
                self.headers.append(headers)
            self._came.notify_all()

    def forget(self):
        del self.bodies[:], self.headers[:]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def signed_well(header, body, secret=SECRET):
    """Judged by hand, by what Stripe documents."""
    parts = [part.split("=", 1) for part in header.split(",")]
    stamp = dict(parts)["t"]
    good = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return good in [value for name, value in parts if name == "v1"]


@pytest.fixture(scope="module")
def _driver():
    with Driver.start("--price", MONTHLY) as driver:
        yield driver


@pytest.fixture
def sim(_driver):
    """A simulator without objects but four prices; its bugs are the test's failures."""
    _driver.post("reset", keep_webhooks=False, settings={})
    _driver.post("clock", freeze=False)
    for price in (MONTHLY, YEARLY, BIGGER, ONCE):
        _driver.post("prices", price=price)
    yield _driver
    assert _driver.get("state")["bugs"] == []


@pytest.fixture
def receiver(sim):
    made = Receiver()
    sim.post("webhooks", url=made.url, secret=SECRET)
    yield made
    made.close()


def customer_of(sim, **fields):
    """A new customer, of whom all webhooks have told."""
    customer = sim.api("POST", "customers", {"email": "jo@example.org", **fields}).body
    sim.post("settle")
    return customer


def session_of(sim, **fields):
    reply = sim.api("POST", "checkout/sessions", {
        "mode": "subscription", "line_items": [{"price": "price_monthly", "quantity": 1}],
        "success_url": "https://app.example.com/ok?s={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://app.example.com/no", **fields})
    assert reply.status == 200, reply.text
    return reply.body


def subscription_of(sim, **fields):
    """As made in the Dashboard: active, paid with a good card."""
    return sim.post("subscriptions", price="price_monthly", **fields)


def status_of(sim, subscription):
    return sim.api("GET", f"subscriptions/{subscription['id']}").body["status"]


def error_of(reply, status):
    assert reply.status == status, reply.text
    return reply.body["error"]
