# SPDX-License-Identifier: Apache-2.0
"""The application behind Apache. It knows nothing of billing: whether a page may be seen is decided before it is asked."""
import html
import http.server
import threading

from .pages import PAGES, frame


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.split("?")[0]
        title, body = PAGES.get(path, (None, None))
        person = html.escape(self.headers.get("X-Remote-User", ""))
        text = frame(title or "Not found", body or "<p>There is no such page.</p>", person).encode()
        self.send_response(200 if title else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class Backend:
    def __init__(self):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
