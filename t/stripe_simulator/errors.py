# SPDX-License-Identifier: Apache-2.0
# Errors as Stripe words them, and what of them an idempotency key remembers.


class StripeError(Exception):
    """An answer with an error object. `remembered` says whether an idempotency key keeps it: Stripe keeps what the
    endpoint answered once it began to run, not what was refused before."""

    def __init__(self, status, message, *, kind="invalid_request_error", code=None, param=None, remembered=True,
                 headers=None, **more):
        super().__init__(message)
        self.status = status
        self.remembered = remembered
        self.headers = headers or {}
        self.body = {"type": kind, "message": message, **more}
        if code:
            self.body["code"] = code
            self.body["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param is not None:
            self.body["param"] = param


class ControlError(Exception):
    """A control call that cannot be done; its text is for the person who writes the test."""


def invalid(message, param=None, code=None, remembered=True, **more):
    return StripeError(400, message, param=param, code=code, remembered=remembered, **more)


def missing(noun, identifier, param=None, hint=""):
    """`param` names the parameter that referred to the object; without one the object was in the path (404)."""
    return StripeError(404 if param is None else 400, f"No such {noun}: '{identifier}'{hint}",
                       code="resource_missing", param=param or "id")


def unauthorized(message):
    return StripeError(401, message, remembered=False, headers={"WWW-Authenticate": 'Bearer realm="Stripe"'})


def card_declined(decline):
    """`decline` is a cards.Decline."""
    return StripeError(402, decline.message, kind="card_error", code=decline.code, param="",
                       **({"decline_code": decline.decline_code} if decline.decline_code else {}),
                       advice_code="try_again_later")
