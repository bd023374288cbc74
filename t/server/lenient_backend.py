# SPDX-License-Identifier: Apache-2.0
"""A backend behind Apache that is as forgiving as the worst: it decodes, merges and resolves whatever path comes in, obeys
every method override, answers every method with a whole page, and says SECRET wherever a path ends up below /paid."""
import http.server
import posixpath
import threading
import urllib.parse

from gate_support import SECRET
from harness.ports import reserve_port


def resolve(path):
    path = urllib.parse.urlsplit(path).path if path.startswith(("http:", "https:")) else path.split("?")[0]
    for _ in range(3):
        path = urllib.parse.unquote(path)
    return posixpath.normpath("/" + path.replace("\\", "/").replace("//", "/").lstrip("/"))


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = resolve(self.path)
        self.server.paths.append((self.command, self.path))
        text = (SECRET if path == "/paid" or path.startswith("/paid/") else f"nothing at {path}").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        if "X-Say-Cache-Control" in self.headers:
            self.send_header("Cache-Control", self.headers["X-Say-Cache-Control"])
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class LenientBackend:
    """Runs in a thread of ours. `paths`: (method, path) of every request so far."""

    def __init__(self):
        self.port = reserve_port()
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.paths = self.paths = []
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
