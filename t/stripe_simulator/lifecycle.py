# SPDX-License-Identifier: Apache-2.0
# How subscriptions live: begin, renew, fall behind, recover, pause and end.
from . import invoice_lines, invoices, payments
from .clock import add_interval

DAY = 86400
INCOMPLETE_LIFE = 23 * 3600
TRIAL_NOTICE = 3 * DAY
ENDED = ("canceled", "incomplete_expired")
BEHIND = ("past_due", "unpaid")


def schedule(sim):
    sim.agenda.on("subscription_cycle", lambda identifier, due: _cycle_due(sim, identifier, due))
    sim.agenda.on("subscription_end", lambda identifier, due: _end_due(sim, identifier, due))
    sim.agenda.on("subscription_incomplete", lambda identifier, due: _expire_incomplete(sim, identifier))
    sim.agenda.on("trial_will_end", lambda identifier, due: _trial_will_end(sim, identifier, due))


def updating(sim, subscription):
    return sim.changing("customer.subscription.updated", subscription)


def period_end(subscription):
    return subscription["items"]["data"][0]["current_period_end"]


def set_period(sim, subscription, start, end):
    for item in subscription["items"]["data"]:
        item["current_period_start"], item["current_period_end"] = start, end
    sim.agenda.add(end, "subscription_cycle", subscription["id"])


def _draft(sim, subscription, reason, free=False, lines=True):
    customer = sim.store.get("customer", subscription["customer"])
    items = subscription["items"]["data"]
    invoice = invoices.build(
        sim, customer, reason, subscription["currency"], collection_method=subscription["collection_method"],
        period_start=items[0]["current_period_start"], period_end=items[0]["current_period_end"],
        parent={"quote_details": None, "subscription_details": {
            "metadata": dict(subscription["metadata"]), "subscription": subscription["id"]},
            "type": "subscription_details"})
    if subscription["collection_method"] == "send_invoice":
        sim.store.note(invoice["id"])["days_until_due"] = subscription["days_until_due"] or 30
    for item in items if lines else ():
        invoices.add_line(invoice, invoice_lines.of_subscription_item(sim, subscription, item, free))
    invoices.take_pending_items(sim, invoice, subscription)
    subscription["latest_invoice"] = invoice["id"]
    sim.store.note(subscription["id"]).setdefault("invoices", []).append(invoice)
    return invoice


def start(sim, subscription, unpaid_on_purpose=False, told_twice=False):
    """The first invoice and the first status. `unpaid_on_purpose` leaves the invoice open for the client to pay;
    `told_twice` announces the subscription as incomplete even though it is paid a moment later."""
    trial = subscription["trial_end"] is not None
    invoice = _draft(sim, subscription, "subscription_create", free=trial)
    charged = invoice["total"] > 0 and subscription["collection_method"] == "charge_automatically"
    invoice["auto_advance"] = True
    foreseen = payments.foresee(sim, subscription["customer"], subscription) if charged else None
    if trial:
        subscription["status"] = "trialing"
    elif charged and (unpaid_on_purpose or told_twice):
        subscription["status"] = "incomplete"
    elif foreseen is payments.ON_ITS_WAY:
        subscription["status"] = sim.settings.delayed_status
    else:
        subscription["status"] = "incomplete" if foreseen else "active"
    sim.events.emit("customer.subscription.created", subscription)
    sim.events.emit("invoice.created", invoice)
    invoices.finalize(sim, invoice)
    if not unpaid_on_purpose:
        invoices.advance(sim, invoice)
    if subscription["status"] == "incomplete":
        sim.agenda.add(sim.clock.now() + INCOMPLETE_LIFE, "subscription_incomplete", subscription["id"])
    if trial:
        notice = max(sim.clock.now(), subscription["trial_end"] - TRIAL_NOTICE)
        sim.agenda.add(notice, "trial_will_end", subscription["id"])
    sim.agenda.add(period_end(subscription), "subscription_cycle", subscription["id"])


def is_first_invoice(sim, invoice):
    """No retries are made for the payment that a subscription begins with."""
    subscription = payments.subscription_of(sim, invoice)
    return subscription is not None and subscription["status"] == "incomplete"


def invoice_paid(sim, invoice):
    subscription = payments.subscription_of(sim, invoice)
    if subscription is None:
        return
    latest = subscription["latest_invoice"] == invoice["id"]
    if subscription["status"] == "incomplete" or (subscription["status"] in BEHIND and latest):
        with updating(sim, subscription):
            subscription["status"] = "active"
    elif subscription["status"] == "paused" and sim.store.note(subscription["id"]).get("resumes_with") == invoice["id"]:
        _resumed(sim, subscription)


def invoice_failed(sim, invoice):
    subscription = payments.subscription_of(sim, invoice)
    if subscription is not None and subscription["status"] == "active":
        with updating(sim, subscription):
            subscription["status"] = "past_due"


def attempts_over(sim, invoice):
    """All retries failed: what the account's settings say happens."""
    subscription = payments.subscription_of(sim, invoice)
    if subscription is None or subscription["status"] != "past_due":
        return
    if sim.settings.final_action == "cancel":
        end(sim, subscription, reason="payment_failed")
    elif sim.settings.final_action == "unpaid":
        with updating(sim, subscription):
            subscription["status"] = "unpaid"


def _cycle_due(sim, identifier, due):
    subscription = sim.store.get("subscription", identifier)
    if subscription["status"] not in ENDED + ("paused", "incomplete") and period_end(subscription) == due:
        cycle(sim, subscription)


def cycle(sim, subscription):
    """The period is over: the subscription ends, or the next period and its invoice begin."""
    if subscription["cancel_at"] is not None and subscription["cancel_at"] <= period_end(subscription):
        end(sim, subscription, reason=None)
        return
    if subscription["status"] == "trialing" and not _goes_on_after_trial(sim, subscription):
        return
    with updating(sim, subscription):
        if subscription["status"] == "trialing":
            subscription["status"] = "active"
        invoice = _next_period(sim, subscription, period_end(subscription), "subscription_cycle")
    sim.events.emit("invoice.created", invoice)
    paused = subscription["pause_collection"]
    if paused and paused["behavior"] != "keep_as_draft":
        invoices.finalize(sim, invoice)
        if invoice["status"] == "open":
            (invoices.void if paused["behavior"] == "void" else invoices.mark_uncollectible)(sim, invoice)


def _next_period(sim, subscription, begin, reason):
    price = subscription["items"]["data"][0]["price"]["recurring"]
    set_period(sim, subscription, begin, add_interval(begin, price["interval"], price["interval_count"],
                                                      subscription["billing_cycle_anchor"]))
    invoice = _draft(sim, subscription, reason)
    if not subscription["pause_collection"] and subscription["status"] != "unpaid":
        invoices.finalize_later(sim, invoice, sim.settings.finalize_delay)
    return invoice


def bill_now(sim, subscription, begin_period):
    """An invoice at once, for a new period that begins now or for what is pending alone."""
    if begin_period:
        invoice = _next_period(sim, subscription, sim.clock.now(), "subscription_update")
    else:
        invoice = _draft(sim, subscription, "subscription_update", lines=False)
        invoice["auto_advance"] = True
    sim.events.emit("invoice.created", invoice)
    invoices.finalize(sim, invoice)
    invoices.advance(sim, invoice)


def _goes_on_after_trial(sim, subscription):
    if payments.method_for(sim, subscription["customer"], subscription) is not None:
        return True
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if behavior == "cancel":
        end(sim, subscription, reason=None)
    elif behavior == "pause":
        pause(sim, subscription, "trial_end_without_payment_method")
    return behavior == "create_invoice"


def _trial_will_end(sim, identifier, due):
    subscription = sim.store.get("subscription", identifier)
    if subscription["status"] == "trialing" and due >= subscription["trial_end"] - TRIAL_NOTICE:
        sim.events.emit("customer.subscription.trial_will_end", subscription)


def plan_end(sim, subscription, at, at_period_end):
    """Sets or takes back (None) an end in the future. The portal's flexible style is a time without the flag."""
    now = sim.clock.now()
    subscription["cancel_at"] = at
    subscription["cancel_at_period_end"] = bool(at) and at_period_end
    subscription["canceled_at"] = now if at else None
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if at else None
    if at:
        sim.agenda.add(max(at, now), "subscription_end", subscription["id"])


def _end_due(sim, identifier, due):
    subscription = sim.store.get("subscription", identifier)
    if subscription["status"] not in ENDED and subscription["cancel_at"] in (due, due - 1):
        end(sim, subscription, reason=None)


def end(sim, subscription, reason):
    """Over at once. `reason` None keeps the one that was given when the end was planned."""
    if subscription["status"] in ENDED:
        return
    now = sim.clock.now()
    subscription["status"] = "canceled"
    subscription["ended_at"] = now
    subscription["canceled_at"] = subscription["canceled_at"] or now
    if reason:
        subscription["cancellation_details"]["reason"] = reason
    for invoice in sim.store.note(subscription["id"])["invoices"]:
        if invoice["status"] in ("draft", "open"):
            invoice.update(auto_advance=False, next_payment_attempt=None, automatically_finalizes_at=None)
    sim.events.emit("customer.subscription.deleted", subscription)


def _expire_incomplete(sim, identifier):
    subscription = sim.store.get("subscription", identifier)
    if subscription["status"] != "incomplete":
        return
    with updating(sim, subscription):
        subscription["status"] = "incomplete_expired"
        subscription["ended_at"] = sim.clock.now()
    invoice = sim.store.get("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        invoices.void(sim, invoice)


def pause(sim, subscription, why):
    with updating(sim, subscription):
        subscription["status"] = "paused"
        subscription["status_details"] = {"paused": {
            "transitioned_at": sim.clock.now(), "type": "subscription", "subscription": {"type": why}}}
    sim.events.emit("customer.subscription.paused", subscription)


def resume(sim, subscription):
    """A new period begins now; the subscription is active again when its invoice is paid."""
    before = sim.clock.now()
    invoice = _next_period(sim, subscription, before, "subscription_cycle")
    subscription["billing_cycle_anchor"] = before
    sim.store.note(subscription["id"])["resumes_with"] = invoice["id"]
    sim.events.emit("invoice.created", invoice)
    invoices.finalize(sim, invoice)
    invoices.advance(sim, invoice)


def _resumed(sim, subscription):
    with updating(sim, subscription):
        subscription["status"] = "active"
        subscription.pop("status_details", None)
    sim.events.emit("customer.subscription.resumed", subscription)
