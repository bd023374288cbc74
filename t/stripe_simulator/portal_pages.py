# SPDX-License-Identifier: Apache-2.0
# The pages of the billing portal.
from . import lifecycle, portal
from .errors import ControlError, StripeError
from .layout import Redirect, alert, card_field, day, escape, instrument_from, money, page


def portal_session(sim, identifier):
    session = sim.store.find("billing_portal.session", identifier)
    return session, sim.store.find_current("customer", session["customer"])


def portal_view(sim, session, customer, problem=None, done=None):
    flow = session["flow"]
    back = session["return_url"]
    parts = [f"<p><a id=\"return\" href=\"{escape(back)}\">← Return</a></p>" if back else "", alert(problem),
             f"<p role=\"status\" id=\"done\">{escape(done)}</p>" if done else "",
             f"<p>Signed in as <strong>{escape(customer['email'] or customer['id'])}</strong></p>"]
    only = flow and next((flow[kind]["subscription"] for kind in ("subscription_cancel", "subscription_pause")
                          if flow[kind]), None)
    if not flow or only:
        wanted = [subscription for subscription in portal.subscriptions_of(sim, customer["id"])
                  if only in (None, subscription["id"])]
        parts += [_subscription(subscription) for subscription in wanted] or ["<p>There is no subscription.</p>"]
    if not flow or flow["type"] == "payment_method_update":
        parts.append("<section><h2>Payment method</h2><form method=\"post\">" + card_field() +
                     "<button class=\"first\" id=\"save-card\" name=\"action\" value=\"card\">Save</button></form>"
                     "</section>")
    if not flow:
        parts += [_invoice(invoice) for invoice in portal.open_invoices_of(sim, customer["id"])]
    return page("Billing", "".join(parts))


def _button(action, label, first=False):
    return f"<button name=\"action\" value=\"{action}\"{' class=first' if first else ''}>{label}</button>"


def _subscription(subscription):
    item = subscription["items"]["data"][0]
    price = item["price"]
    buttons = ""
    if subscription["status"] not in lifecycle.ENDED:
        if subscription["cancel_at"]:
            buttons += _button("take_back_cancellation", "Do not cancel", first=True)
        else:
            buttons += _button("cancel_at_period_end", "Cancel at the end of the period")
        buttons += _button("cancel_now", "Cancel now")
        buttons += (_button("resume", "Resume", first=True) if subscription["status"] == "paused"
                    else _button("pause", "Pause"))
    ends = f"<p>Cancels on <strong>{day(subscription['cancel_at'])}</strong></p>" if subscription["cancel_at"] and (
        subscription["status"] not in lifecycle.ENDED) else ""
    return (f"<section data-subscription=\"{subscription['id']}\"><h2>Subscription</h2>"
            f"<p>Status: <strong class=\"status\">{escape(subscription['status'])}</strong></p>"
            f"<p>{money(price['unit_amount'] * item['quantity'], price['currency'])} each "
            f"{escape(price['recurring']['interval'])}; this period ends on {day(item['current_period_end'])}</p>{ends}"
            f"<form method=\"post\"><input type=\"hidden\" name=\"subscription\" value=\"{subscription['id']}\">"
            f"{buttons}</form></section>")


def _invoice(invoice):
    return (f"<section><h2>Open invoice {escape(invoice['number'])}</h2><p>Due: "
            f"{money(invoice['amount_remaining'], invoice['currency'])}</p><form method=\"post\">"
            f"<input type=\"hidden\" name=\"invoice\" value=\"{invoice['id']}\">"
            + _button("pay_invoice", "Pay with the saved payment method", first=True) + "</form></section>")


def _cancel_now(sim, subscription):
    lifecycle.end(sim, subscription, "cancellation_requested")


def _pause(sim, subscription):
    if subscription["status"] not in ("active", "trialing", "past_due"):
        raise ControlError(f"a subscription that is {subscription['status']} cannot be paused")
    lifecycle.pause(sim, subscription, "pause_requested")


# action of a form -> what it does to the subscription, and what the page says then
ACTIONS = {
    "cancel_now": (_cancel_now, "The subscription is canceled."),
    "cancel_at_period_end": (portal.cancel_at_period_end, "The subscription will end with its period."),
    "take_back_cancellation": (portal.take_back_cancellation, "The subscription goes on."),
    "pause": (_pause, "The subscription is paused."),
    "resume": (lifecycle.resume, "The subscription is resumed."),
}


def portal_page(sim, identifier, form, query):
    session, customer = portal_session(sim, identifier)
    if form is None:
        return portal_view(sim, session, customer, done=DONE.get(query.get("done")))
    try:
        done = _act(sim, session, customer, form)
    except StripeError as refusal:
        return portal_view(sim, session, customer, refusal.body["message"])
    except ControlError as refusal:
        return portal_view(sim, session, customer, str(refusal))
    after = session["flow"] and session["flow"]["after_completion"]["redirect"]
    return Redirect(after["return_url"] if after else f"{session['url']}?done={done}")


DONE = {**{action: said for action, (_, said) in ACTIONS.items()}, "card": "The payment method is saved.",
        "pay_invoice": "The invoice is paid."}


def _act(sim, session, customer, form):
    action = form.get("action")
    if action == "card":
        instrument, problem = instrument_from(form)
        if problem:
            raise ControlError(problem)
        portal.new_card(sim, customer, instrument)
    elif action == "pay_invoice":
        invoice = sim.store.find("invoice", str(form.get("invoice")))
        _owned(invoice, customer)
        portal.pay_invoice(sim, invoice)
    elif action in ACTIONS:
        subscription = sim.store.find("subscription", str(form.get("subscription")))
        _owned(subscription, customer)
        if subscription["status"] in lifecycle.ENDED:
            raise ControlError("the subscription has ended")
        ACTIONS[action][0](sim, subscription)
    else:
        raise ControlError("the portal cannot do that")
    return action


def _owned(obj, customer):
    if obj["customer"] != customer["id"]:
        raise ControlError("that belongs to another customer")
