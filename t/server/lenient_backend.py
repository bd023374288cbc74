# SPDX-License-Identifier: Apache-2.0
"""A backend behind Apache that is as forgiving as backends are: it decodes, merges and resolves whatever path comes in,
answers every method with a whole page, and says SECRET wherever a path ends up below /paid."""
import base64
import hashlib
import http.server
import posixpath
import re
import threading
import urllib.parse

from gate_support import SECRET
from harness.ports import reserve_port

WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


def resolve(target, servlet=False):
    """`servlet`: path parameters are dropped before dots are resolved, as servlet containers do."""
    path = re.sub(r"^https?://[^/]*", "", target).split("?")[0]
    if servlet:
        path = re.sub(r";[^/]*", "", path)
    return posixpath.normpath("/" + urllib.parse.unquote(path).lstrip("/"))


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = resolve(self.path, self.server.servlet)
        self.server.paths.append((self.command, self.path))
        text = (SECRET if path == "/paid" or path.startswith("/paid/") else f"nothing at {path}").encode()
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._upgrade(text)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        if "X-Say-Cache-Control" in self.headers:
            self.send_header("Cache-Control", self.headers["X-Say-Cache-Control"])
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _upgrade(self, text):
        key = self.headers.get("Sec-WebSocket-Key", "").encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key + WEBSOCKET).digest()).decode())
        self.end_headers()
        self.wfile.write(bytes([0x81, len(text)]) + text)
        self.close_connection = True

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class LenientBackend:
    """Runs in a thread of ours. `paths`: (method, path) of every request so far."""

    def __init__(self, servlet=False):
        self.port = reserve_port()
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.servlet = servlet
        self._server.paths = self.paths = []
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
