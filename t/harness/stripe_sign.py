# SPDX-License-Identifier: Apache-2.0
"""Stripe-Signature headers, and events delivered with them as Stripe does."""
import hashlib
import hmac
import json
import time

from . import client


def mac(body, secret, timestamp):
    """HMAC-SHA256 over "<timestamp>.<body>", keyed with the whole whsec_… text; hex."""
    return hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()


def signature_header(body, secret, *, timestamp=None, age=0, v0=False):
    """The header's value. `secret`: one, or several while one is being replaced. `age`: seconds since it was signed;
    negative: signed in the future. `v0`: with the fake signature that Stripe adds to test events."""
    secrets = [secret] if isinstance(secret, str) else secret
    if timestamp is None:
        timestamp = int(time.time()) - age
    elements = [f"t={timestamp}", *(f"v1={mac(body, each, timestamp)}" for each in secrets)]
    if v0:
        elements.append(f"v0={mac(body, 'whsec_fake', timestamp)}")
    return ",".join(elements)


def encode(event):
    """As Stripe prints it: two spaces of indent. Bytes stay as they are, for what is no event at all."""
    return event if isinstance(event, bytes) else json.dumps(event, indent=2, ensure_ascii=False).encode()


def headers(body, secret, **signing):
    return {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Accept": "*/*; q=0.5, application/xml", "Stripe-Signature": signature_header(body, secret, **signing)}


def deliver(port, path, event, secret, *, connection=None, **signing):
    """Posts an event (a dict, or bytes); over `connection`, a client.Connection, where one is given. The reply."""
    body = encode(event)
    request = {"headers": headers(body, secret, **signing), "body": body}
    if connection:
        return connection.request("POST", path, **request)
    return client.request(port, "POST", path, **request)
