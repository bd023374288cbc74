# SPDX-License-Identifier: Apache-2.0
"""A FastCGI backend, as PHP is one, that answers with its environment as JSON."""
import json
import socketserver
import struct
import threading

from harness.ports import reserve_port

HEADER = struct.Struct(">BBHHBx")  # version, type, request id, content length, padding length
BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        params = b""
        while True:
            head = self.rfile.read(HEADER.size)
            if len(head) < HEADER.size:
                return
            _, kind, request, length, padding = HEADER.unpack(head)
            content = self.rfile.read(length)
            self.rfile.read(padding)
            if kind == PARAMS:
                params += content
            if kind == STDIN and not length:
                break
        text = json.dumps(_pairs(params)).encode()
        self._send(STDOUT, request, b"Status: 200 OK\r\nContent-Type: application/json\r\n\r\n" + text)
        self._send(STDOUT, request, b"")
        self._send(END, request, bytes(8))

    def _send(self, kind, request, content):
        self.wfile.write(HEADER.pack(1, kind, request, len(content), 0) + content)


def _pairs(data):
    found, at = {}, 0
    while at < len(data):
        lengths = []
        for _ in range(2):
            wide = data[at] & 0x80
            lengths.append(struct.unpack_from(">I", data, at)[0] & 0x7FFFFFFF if wide else data[at])
            at += 4 if wide else 1
        name, value = data[at:at + lengths[0]], data[at + lengths[0]:at + sum(lengths)]
        found[name.decode()] = value.decode()
        at += sum(lengths)
    return found


class FcgiEcho:
    """Runs in a thread of ours."""

    def __init__(self):
        self.port = reserve_port()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), _Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
