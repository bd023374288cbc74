# SPDX-License-Identifier: Apache-2.0
# The pages that a person sees: which path shows what, and what a form does.
from urllib.parse import parse_qs

from . import checkout_pages, forms, portal_pages
from .errors import ControlError, StripeError
from .layout import Redirect, escape, page

HTML = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff"}
HOME = ("<p>This is a simulated Stripe account. Nothing here costs anything. A program that uses it talks to "
        "<code>/v1/</code>; its state is at <a href='/_sim/state'>/_sim/state</a>.</p>")
# first steps of the path -> handler(sim, id, form or None, query) -> html text or Redirect
PAGES = {
    ("c", "pay"): checkout_pages.checkout,
    ("b",): checkout_pages.payment_link,
    ("i",): checkout_pages.invoice,
    ("p", "session"): portal_pages.portal_page,
}


def answer(sim, request):
    """(status, headers, body)."""
    steps = request.path.strip("/").split("/")
    if request.path == "/" and request.method == "GET":
        return 200, HTML, page("Stripe simulator", HOME).encode()
    if request.method not in ("GET", "POST"):
        return 405, {**HTML, "Allow": "GET, POST"}, page("Not allowed", "<p>GET and POST alone.</p>").encode()
    for length in (1, 2):
        handler = PAGES.get(tuple(steps[:length]))
        if handler and len(steps) > length:
            return _show(sim, handler, steps[length], request)
    return 404, HTML, page("Not found", "<p>There is no such page here.</p>").encode()


def _show(sim, handler, identifier, request):
    try:
        form = forms.decode(request.body.decode("utf-8", "replace")) if request.method == "POST" else None
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        with sim.lock:
            result = handler(sim, identifier, form, query)
        if form is not None:
            # Stripe waits for the webhook's answer before it sends the person on.
            sim.webhooks.settle(sim.settings.page_wait)
    except (StripeError, ControlError) as problem:
        status = problem.status if isinstance(problem, StripeError) else 400
        return status, HTML, page("Something is wrong", f"<p>{escape(problem)}</p>").encode()
    except Exception as problem:  # A bug here must look like one.
        sim.report_bug(problem)
        return 500, HTML, page("The simulator has a bug", "<p>See its output.</p>").encode()
    if isinstance(result, Redirect):
        return 303, {"Location": result.url, "Cache-Control": "no-store"}, b""
    return 200, HTML, result.encode()
