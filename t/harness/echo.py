# SPDX-License-Identifier: Apache-2.0
"""A backend that answers with what it was asked: method, path, headers and body as JSON."""
import http.server
import json
import threading

from .ports import reserve_port


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self._read_chunks() if self.headers.get("Transfer-Encoding") else self.rfile.read(length)
        seen = {"method": self.command, "path": self.path, "headers": list(self.headers.items()),
                "body": body.decode(errors="replace")}
        self.server.seen.append(seen)
        text = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _read_chunks(self):
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b"\n", b""):
            pass
        return body

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port):
        self.seen = []
        super().__init__(("127.0.0.1", port), _Handler)


class EchoBackend:
    """Runs in a thread of ours. `seen`: every request so far, as it was echoed."""

    def __init__(self):
        self.port = reserve_port()
        self._server = _Server(self.port)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def seen(self):
        return self._server.seen

    def close(self):
        self._server.shutdown()
        self._server.server_close()
