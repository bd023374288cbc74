# SPDX-License-Identifier: Apache-2.0
"""Access tokens (JWT, RFC 7519) signed with HS256, as an identity provider would hand them out."""
import base64
import hashlib
import hmac
import json
import time


def _encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def sign_token(key, **claims):
    """Valid for an hour unless `exp` says otherwise."""
    now = int(time.time())
    claims = {"iss": "https://login.example.com", "sub": "someone", "iat": now, "exp": now + 3600, **claims}
    header = {"alg": "HS256", "typ": "JWT"}
    signed = _encode(json.dumps(header).encode()) + b"." + _encode(json.dumps(claims).encode())
    return (signed + b"." + _encode(hmac.new(key.encode(), signed, hashlib.sha256).digest())).decode()
