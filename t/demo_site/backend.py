# SPDX-License-Identifier: Apache-2.0
"""The application behind Apache. It knows nothing of billing: whether a page may be seen is decided before it is asked."""
import html
import http.server
import threading

from .pages import PAGES, STYLE, frame


POLICY = "default-src 'self'; img-src data:"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/style.css":
            self._answer(200, "text/css", STYLE)
            return
        title, body = self.server.pages.get(path, (None, None))
        person = html.escape(self.headers.get("X-Remote-User", ""))
        self._answer(200 if title else 404, "text/html; charset=utf-8",
                     frame(title or "Not found", body or "<p>There is no such page.</p>", person))

    def _answer(self, status, content_type, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class Backend:
    def __init__(self):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.pages = dict(PAGES)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, path, title, body):
        self._server.pages[path] = (title, body)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
