# SPDX-License-Identifier: Apache-2.0
# Answers one API request: key, fault, idempotency, parameters, handler, shape.
import base64
import binascii
import json
import re
import time
from dataclasses import dataclass, field
from urllib.parse import unquote

from . import forms, routes, shapes
from .errors import StripeError, invalid, unauthorized
from .expand import expand

FORM = "application/x-www-form-urlencoded"
VERSION = re.compile(r"^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$")
LIVE_REFUSED = ("This is the Stripe simulator: it refuses live keys. Use a test mode key (sk_test_… or rk_test_…). "
                "The key was not stored.")


@dataclass
class Answer:
    """What goes back over the wire; `fault` is the rule that spoils the way there."""
    status: int
    body: bytes
    headers: dict = field(default_factory=dict)
    fault: object = None


def is_live(key):
    return re.match(r"^(sk|rk|pk|ek|sk_org)_live_", key) is not None


def check_key(sim, authorization):
    """Raises what Stripe answers to a missing, unknown, publishable or live key."""
    scheme, _, value = (authorization or "").partition(" ")
    key = value.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key, validate=True).decode("ascii").partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
    elif scheme.lower() != "bearer":
        key = ""
    if not key:
        raise unauthorized("You did not provide an API key. You need to provide your API key in the Authorization "
                           "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
                           "https://stripe.com/docs/api#authentication for details, or we can help at "
                           "https://support.stripe.com/.")
    if is_live(key):
        raise unauthorized(LIVE_REFUSED)
    if key.startswith("pk_test_"):
        raise StripeError(401, "This API call cannot be made with a publishable API key. Please use a secret API key.",
                          code="secret_key_required")
    if not re.match(r"^(sk|rk)_test_\w{4,}$", key) or sim.key not in (None, key):
        raise unauthorized(f"Invalid API Key provided: {key[:8]}{'*' * 8}{key[-4:] if len(key) > 16 else ''}")


class Request:
    """A request as it came over the wire."""

    def __init__(self, method, target, headers, body):
        self.method, self.headers, self.body = method, headers, body
        self.path, _, self.query = target.partition("?")

    def header(self, name):
        return self.headers.get(name)


def answer(sim, request):
    """Runs the request. Never raises: a bug of the simulator is a 500 that says so, and no key remembers it."""
    with sim.lock:
        request_id = sim.ids.make("request")
        try:
            check_key(sim, request.header("Authorization"))
        except StripeError as problem:
            return _error(problem, {})
        call = routes.Call(request.method, request.path, {}, request_id, sim.clock.now(),
                           request.header("Stripe-Version") or sim.settings.api_version,
                           request.header("Idempotency-Key") if request.method == "POST" else None)
        headers = {"Request-Id": request_id, "Stripe-Version": call.version}
        if request.header("Stripe-Account"):
            headers["Stripe-Account"] = request.header("Stripe-Account")
        record = sim.capture.add(call, request.headers, request.query, request.body.decode("utf-8", "replace"))
        rule = sim.faults.take_for_call(call.method, call.path)
    try:
        result = _answer_with_fault(sim, request, call, headers, rule)
    except Exception as problem:  # A bug here must look like one, and not like a dead server.
        sim.report_bug(problem)
        with sim.lock:
            sim.ledger.forget(call.idempotency_key)
        result = _error(StripeError(500, f"The simulator has a bug: {problem!r}", kind="api_error"), headers)
    with sim.lock:
        record.update(status=result.status, params=call.params, fault=rule and rule.kind,
                      replayed="Idempotent-Replayed" in result.headers)
    result.fault = rule
    return result


def _answer_with_fault(sim, request, call, headers, rule):
    if rule and rule.kind == "delay" and not rule.after:
        # The key is at work meanwhile, as it is at Stripe while a request runs.
        return _run(sim, request, call, headers, lambda: time.sleep(rule.seconds))
    if rule and rule.kind in ("answer", "timeout", "drop", "garbage") and not rule.after:
        return _run(sim, request, call, headers, None, rule.error()) if rule.remember else _error(rule.error(), headers)
    result = _run(sim, request, call, headers)
    if rule and rule.kind == "answer":
        return _error(rule.error(), headers)
    return result


def _run(sim, request, call, headers, before=None, instead=None):
    """Under an idempotency key if there is one. `before` runs without the lock; `instead` is an error to give, and
    to remember, in place of the work."""
    key = call.idempotency_key
    try:
        with sim.lock:
            route = _prepare(sim, request, call)
            entry = sim.ledger.begin(key, call) if key is not None else None
        if entry:
            status, body, original = entry.answer
            return Answer(status, body, {**headers, "Idempotency-Key": key, "Original-Request": original,
                                         "Idempotent-Replayed": "true", "Stripe-Should-Retry": "false"})
    except StripeError as problem:
        return _error(problem, headers)
    if before:
        before()
    with sim.lock:
        result = _execute(sim, route, call, headers, instead)
        if key is not None:
            sim.ledger.finish(key, (result.status, result.body, call.request_id))
            result.headers.update({"Idempotency-Key": key, "Original-Request": call.request_id,
                                   "Stripe-Should-Retry": "false", **(instead.headers if instead else {})})
    return result


def _prepare(sim, request, call):
    """The route, with its parameters checked: what fails here is not remembered under the key."""
    if not VERSION.match(call.version):
        raise invalid(f"Invalid Stripe API version: {call.version}")
    content_type = (request.header("Content-Type") or FORM).partition(";")[0].strip().lower()
    if request.method == "POST" and request.body and content_type != FORM:
        raise invalid("Invalid request (check that your POST content type is application/x-www-form-urlencoded). If "
                      "you have any questions, we can help at https://support.stripe.com/.")
    route, ids = routes.match(call.method, call.path)
    if route is None:
        raise StripeError(404, f"Unrecognized request URL ({call.method}: {call.path}). Please see "
                          "https://stripe.com/docs or we can help at https://support.stripe.com/. (The simulator "
                          "has a part of Stripe's API.)")
    call.ids = tuple(unquote(identifier) for identifier in ids)
    raw = "&".join(filter(None, (request.query, _text(request.body))))
    call.params = forms.decode(raw)
    call.params = route.schema(call.params, "", call.version)
    return route


def _text(body):
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise invalid("Invalid UTF-8 in the request.") from None


def _execute(sim, route, call, headers, instead):
    """The answer, be it an error, that an idempotency key keeps from now on."""
    try:
        if instead:
            raise instead
        with sim.on_behalf_of(call.request_id, call.idempotency_key):
            value = route.handler(sim, call)
        value = expand(sim, value, call.params.get("expand", []))
        shapes.render(value, call.version)
        return Answer(200, _json(value), dict(headers))
    except StripeError as problem:
        return _error(problem, headers)


def _json(value):
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _error(problem, headers):
    body = dict(problem.body)
    if headers:
        body["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{headers['Request-Id']}"
    return Answer(problem.status, _json({"error": body}), {**headers, **problem.headers})
