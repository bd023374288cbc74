# SPDX-License-Identifier: Apache-2.0
# Sends one webhook delivery over HTTP.
import http.client
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from . import signature
from .errors import ControlError

MAX_ANSWER = 65536


class Target:
    """A kept-alive connection to one URL; opened when first used, and anew after any trouble."""

    def __init__(self, url):
        self._parts = urlsplit(url)
        self._connection = None

    @staticmethod
    def checked(url):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ControlError(f"not an http(s) URL: {url!r}")
        return url

    @property
    def path(self):
        return (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")

    def connection(self, timeout):
        if self._connection is None:
            place = (self._parts.hostname, self._parts.port)
            if self._parts.scheme == "https":
                # Test servers sign their own certificates, and nothing secret is sent.
                context = ssl.create_default_context()
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                self._connection = http.client.HTTPSConnection(*place, timeout=timeout, context=context)
            else:
                self._connection = http.client.HTTPConnection(*place, timeout=timeout)
        return self._connection

    @property
    def used(self):
        return self._connection is not None and self._connection.sock is not None

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass
class Outcome:
    status: int = None
    body: str = ""
    error: str = None
    signature: str = None


def send(target, body, secret, style, timeout, cut=False):
    """Posts `body`; redirects are not followed. `cut` sends half of it and closes. A kept-alive connection that the
    server has closed meanwhile is opened anew once."""
    stamp = int(time.time())
    headers = {"Content-Type": "application/json; charset=utf-8", "Accept": "*/*; q=0.5, application/xml",
               "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)", "Cache-Control": "no-cache"}
    if style != "missing":
        headers["Stripe-Signature"] = signature.header(secret, stamp, body, style)
    outcome = Outcome(signature=headers.get("Stripe-Signature"))
    if cut:
        _send_half(target, headers, body, timeout, outcome)
        return outcome
    for again in (target.used, False):
        try:
            connection = target.connection(timeout)
            connection.request("POST", target.path, body, headers)
            answer = connection.getresponse()
            outcome.status = answer.status
            outcome.body = answer.read(MAX_ANSWER).decode("utf-8", "replace")
            if answer.will_close or not answer.isclosed():
                target.close()
            return outcome
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as problem:
            target.close()
            outcome.error = f"{type(problem).__name__}: {problem}"
            if not again:
                return outcome
            outcome.error = None
        except (OSError, http.client.HTTPException) as problem:
            target.close()
            outcome.error = f"{type(problem).__name__}: {problem}"
            return outcome
    return outcome


def _send_half(target, headers, body, timeout, outcome):
    target.close()
    try:
        connection = target.connection(timeout)
        connection.putrequest("POST", target.path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:len(body) // 2])
        outcome.error = "cut off in mid-body on purpose"
    except OSError as problem:
        outcome.error = f"{type(problem).__name__}: {problem}"
    finally:
        target.close()
