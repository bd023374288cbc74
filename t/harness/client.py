# SPDX-License-Identifier: Apache-2.0
"""A small HTTP client for loopback servers, with a way to say what no well-behaved client would."""
import base64
import http.client
import json as json_module
import socket

TIMEOUT = 30


class Reply:
    def __init__(self, status, reason, headers, body):
        self.status = status
        self.reason = reason
        self.headers = headers  # (name, value) pairs, as they came
        self.body = body

    def header(self, name, default=None):
        """The first of that name."""
        values = self.header_all(name)
        return values[0] if values else default

    def header_all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def json(self):
        return json_module.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.reason} {dict(self.headers)} {self.body[:2000]!r}>"


def basic(user, password):
    """An Authorization header."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token):
    """An Authorization header."""
    return {"Authorization": f"Bearer {token}"}


class Connection:
    """Keep-alive: several requests over one connection."""

    def __init__(self, port, host="127.0.0.1", timeout=TIMEOUT, tls=None):
        """`tls`: an ssl.SSLContext."""
        if tls:
            self._http = http.client.HTTPSConnection(host, port, timeout=timeout, context=tls)
        else:
            self._http = http.client.HTTPConnection(host, port, timeout=timeout)

    def request(self, method, path, headers=None, body=None, json=None, chunked=False):
        """`headers`: a dict, or pairs where a name comes twice. `json`: sent with its content type. `chunked`: the body
        (an iterable of pieces, or one) without a length."""
        pairs = list(headers.items() if hasattr(headers, "items") else headers or [])
        if json is not None:
            body = json_module.dumps(json).encode()
            pairs.append(("Content-Type", "application/json"))
        names = {name.lower() for name, _ in pairs}
        self._http.putrequest(method, path, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in pairs:
            self._http.putheader(name, value)
        if isinstance(body, str):
            body = body.encode()
        if chunked:
            self._http.putheader("Transfer-Encoding", "chunked")
            self._http.endheaders([body] if isinstance(body, bytes) else body, encode_chunked=True)
        else:
            if "content-length" not in names and (body is not None or method in ("POST", "PUT", "PATCH")):
                self._http.putheader("Content-Length", str(len(body or b"")))
            self._http.endheaders(body)
        return _reply(self._http.getresponse())

    def close(self):
        self._http.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(port, method, path, *, host="127.0.0.1", timeout=TIMEOUT, tls=None, **options):
    """One request over a connection of its own; `options` as in Connection.request."""
    with Connection(port, host, timeout, tls) as connection:
        return connection.request(method, path, **options)


def open_socket(port, host="127.0.0.1", timeout=TIMEOUT):
    return socket.create_connection((host, port), timeout)


def raw(port, data, method="GET", host="127.0.0.1", timeout=TIMEOUT, end=False):
    """Sends bytes as they are and reads one answer; None where the server closes without one. `end`: we send nothing
    more (a body that was cut short). `method` tells whether the answer has a body."""
    with open_socket(port, host, timeout) as connection:
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        return read_reply(connection, method)


def read_reply(connection, method="GET"):
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        return _reply(response)
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return None
    finally:
        response.close()


def _reply(response):
    return Reply(response.status, response.reason, response.getheaders(), response.read())
