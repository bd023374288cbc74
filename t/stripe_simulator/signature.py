# SPDX-License-Identifier: Apache-2.0
# The Stripe-Signature header of a delivery, right or wrong on purpose.
import hashlib
import hmac


def mac(secret, timestamp, body):
    return hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256).hexdigest()


def header(secret, timestamp, body, style="good"):
    """`style` says what is wrong with it: good, wrong (another secret), v0 (only the scheme to ignore), old (signed
    ten minutes ago), rolled (the new secret's signature stands after one with another secret)."""
    if style == "old":
        timestamp -= 600
    good = mac(secret, timestamp, body)
    bad = mac("whsec_not_this_one", timestamp, body)
    if style == "wrong":
        return f"t={timestamp},v1={bad}"
    if style == "v0":
        return f"t={timestamp},v0={good}"
    if style == "rolled":
        return f"t={timestamp},v1={bad},v1={good}"
    return f"t={timestamp},v1={good},v0={bad}"


STYLES = ("good", "wrong", "v0", "old", "rolled", "missing")
