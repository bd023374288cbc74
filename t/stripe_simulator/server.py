# SPDX-License-Identifier: Apache-2.0
# The HTTP server: API, control calls and pages on one loopback port.
import socket
import sys
import threading
import time
import traceback
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import api, control, pages

MAX_BODY = 1 << 20
MAX_DISCARDED = 16 << 20
IDLE_SECONDS = 75
TICK_SECONDS = 0.5


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, sim, host="127.0.0.1", port=0):
        super().__init__((host, port), Handler)
        self.sim = sim
        self.stopping = threading.Event()
        sim.base_url = sim.base_url or f"http://{host}:{self.server_address[1]}"
        threading.Thread(target=self._tick, daemon=True, name="clock").start()

    def _tick(self):
        while not self.stopping.wait(TICK_SECONDS):
            try:
                self.sim.run_due()
            except Exception as problem:  # The clock goes on; the bug is told.
                self.sim.report_bug(problem)

    def handle_error(self, request, client_address):
        """A client that goes away is none of our trouble."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            traceback.print_exc()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "StripeSimulator"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    # One write for head and body; flushed after each request.
    wbufsize = -1

    def do_GET(self):
        self._serve()

    do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_GET

    def log_message(self, format, *args):
        """Silent: what came is at /_sim/requests."""

    def date_time_string(self, timestamp=None):
        """The Date header follows the simulator's clock, as everything else that Stripe says about time."""
        return formatdate(self.server.sim.clock.now(), usegmt=True)

    def _serve(self):
        body = self._read_body()
        if body is None:
            return
        request = api.Request(self.command, self.path, dict(self.headers.items()), body)
        request.header = self.headers.get
        if request.path.startswith("/v1/") or request.path == "/v1":
            self._send_api(api.answer(self.server.sim, request))
        elif request.path.startswith("/_sim/"):
            self._send(*control.answer(self.server.sim, request))
        else:
            self._send(*pages.answer(self.server.sim, request))

    def _read_body(self):
        if self.headers.get("Transfer-Encoding"):
            return self._refuse(411, b"Content-Length required\n")
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal():
            return self._refuse(400, b"bad Content-Length\n")
        if int(length) > MAX_BODY:
            # Read past some of it, so that the client hears the refusal instead of a broken connection.
            left = min(int(length), MAX_DISCARDED)
            while left > 0 and (piece := self.rfile.read(min(left, 65536))):
                left -= len(piece)
            return self._refuse(413, b"too large\n")
        return self.rfile.read(int(length))

    def _refuse(self, status, body):
        self.close_connection = True
        self._send(status, {"Content-Type": "text/plain", "Connection": "close"}, body)

    def _send(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_api(self, answer):
        """As _send, unless a fault spoils it."""
        kind = answer.fault.kind if answer.fault else None
        if kind == "timeout":
            self._wait_for_client(answer.fault.seconds)
        if kind in ("timeout", "drop"):
            self._hang_up()
            return
        if kind == "delay" and answer.fault.after:
            time.sleep(answer.fault.seconds)
        body, headers = answer.body, {"Content-Type": "application/json", **answer.headers}
        status = answer.status
        if kind == "garbage":
            status, body = 200, b"<html>not what you asked for</html>\n"
        if kind not in ("cut", "slow"):
            self._send(status, headers, body)
            return
        self.send_response(status)
        for name, value in {**headers, "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if kind == "cut":
            self.wfile.write(body[:len(body) // 2])
            self.wfile.flush()
            self._hang_up()
        else:
            self._drip(body, answer.fault.seconds)

    def _wait_for_client(self, seconds):
        """Until the client hangs up, the faults are cleared, or `seconds` are over."""
        faults, generation = self.server.sim.faults, self.server.sim.faults.generation
        deadline = time.monotonic() + seconds
        self.connection.settimeout(0.05)
        while time.monotonic() < deadline and faults.generation == generation and not self.server.stopping.is_set():
            try:
                if self.connection.recv(1, socket.MSG_PEEK) == b"":
                    return
                time.sleep(0.05)
            except TimeoutError:
                continue
            except OSError:
                return

    def _drip(self, body, seconds):
        pieces = 20
        size = max(1, -(-len(body) // pieces))
        for start in range(0, len(body), size):
            self.wfile.write(body[start:start + size])
            self.wfile.flush()
            time.sleep(seconds / pieces)

    def _hang_up(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
