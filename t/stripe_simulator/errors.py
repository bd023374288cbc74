# SPDX-License-Identifier: Apache-2.0
# Errors as Stripe words them, and what of them an idempotency key remembers.


class StripeError(Exception):
    """An answer with an error object. An idempotency key keeps it if it was raised while the endpoint ran, and not if
    the request was refused before."""

    def __init__(self, status, message, *, kind="invalid_request_error", code=None, param=None, headers=None, **more):
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {"type": kind, "message": message, **more}
        if code:
            self.body["code"] = code
            self.body["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param is not None:
            self.body["param"] = param


class ControlError(Exception):
    """A control call that cannot be done; its text is for the person who writes the test."""


def invalid(message, param=None, code=None, **more):
    return StripeError(400, message, param=param, code=code, **more)


def missing(noun, identifier, param=None, hint=""):
    """`param` names the parameter that referred to the object; without one the object was in the path (404)."""
    return StripeError(404 if param is None else 400, f"No such {noun}: '{identifier}'{hint}",
                       code="resource_missing", param=param or "id")


def unauthorized(message):
    return StripeError(401, message, headers={"WWW-Authenticate": 'Bearer realm="Stripe"'})


def card_declined(decline):
    """`decline` is a cards.Decline."""
    return StripeError(402, decline.message, kind="card_error", code=decline.code, param="",
                       **({"decline_code": decline.decline_code} if decline.decline_code else {}),
                       advice_code="try_again_later")
