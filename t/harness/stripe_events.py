# SPDX-License-Identifier: Apache-2.0
"""Minimal Stripe events of every handled type, in the shape since API version 2025-03-31 (the default) or, with
legacy=True, the one before. What is not given gets a new id or a sensible value."""
import itertools
import os
import time

CURRENT_VERSION = "2026-10-28.endive"
LEGACY_VERSION = "2024-06-20"
MONTH = 30 * 86400
ORG_KEY = "attune_org"
INSTALLATION_KEY = "attune_install"

_numbers = itertools.count(1)
_process = os.urandom(4).hex()  # two test runs at once never make the same id


def new_id(prefix):
    """Unique; ids of one process sort as they were made."""
    return f"{prefix}_{_process}{next(_numbers):08d}"


def now():
    return int(time.time())


def event(kind, obj, *, id=None, created=None, livemode=False, legacy=False, account=None, previous=None):
    """Any event about an object. `account`: it belongs to a connected account. `previous`: previous_attributes."""
    data = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    envelope = {"id": id or new_id("evt"), "object": "event", "api_version": LEGACY_VERSION if legacy else CURRENT_VERSION,
                "created": now() if created is None else created, "data": data, "livemode": livemode,
                "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None}, "type": kind}
    if account:
        envelope["account"] = account
    return envelope


def metadata(org=None, installation=None):
    return {key: value for key, value in ((ORG_KEY, org), (INSTALLATION_KEY, installation)) if value}


def subscription(*, sub=None, customer=None, org=None, status="active", price="price_founding_monthly", started=None,
                 period_end=None, cancel_at=None, cancel_at_period_end=False, installation=None, livemode=False,
                 legacy=False):
    """A subscription object. `price`: an id or several. `started`: its creation at Stripe."""
    sub = sub or new_id("sub")
    started = now() if started is None else started
    period = {"current_period_start": started, "current_period_end": started + MONTH if period_end is None else period_end}
    prices = [price] if isinstance(price, str) else price
    items = [{"id": f"si_{sub}_{number}", "object": "subscription_item", "quantity": 1, "subscription": sub,
              "metadata": {}, "price": {"id": each, "object": "price", "active": True, "livemode": livemode,
                                        "currency": "usd", "unit_amount": 4900, "type": "recurring"},
              **({} if legacy else period)} for number, each in enumerate(prices)]
    return {"id": sub, "object": "subscription", "status": status, "customer": customer or new_id("cus"),
            "created": started, "cancel_at": cancel_at, "cancel_at_period_end": cancel_at_period_end,
            "canceled_at": None, "ended_at": started if status in ("canceled", "incomplete_expired") else None,
            "collection_method": "charge_automatically", "currency": "usd", "livemode": livemode,
            "metadata": metadata(org, installation), "pause_collection": None, "trial_end": None,
            "items": {"object": "list", "data": items, "has_more": False,
                      "url": f"/v1/subscription_items?subscription={sub}"},
            **(period if legacy else {})}


def subscription_event(kind="updated", *, id=None, created=None, account=None, previous=None, livemode=False,
                       legacy=False, **fields):
    """`kind`: created, updated, deleted, paused, resumed. `fields` as in subscription(); a deleted one is canceled and a
    paused one paused unless told otherwise."""
    usual = {"deleted": "canceled", "paused": "paused"}.get(kind)
    if usual:
        fields.setdefault("status", usual)
    obj = subscription(livemode=livemode, legacy=legacy, **fields)
    return event(f"customer.subscription.{kind}", obj, id=id, created=created, livemode=livemode, legacy=legacy,
                 account=account, previous=previous)


def invoice_event(kind="paid", *, id=None, created=None, invoice=None, sub=None, customer=None, org=None,
                  installation=None, amount=4900, currency="usd", status=None, price="price_founding_monthly",
                  livemode=False, legacy=False, account=None):
    """`kind`: paid, payment_succeeded, payment_failed, finalized, … `sub`: None for a one-off invoice."""
    paid = kind in ("paid", "payment_succeeded")
    status = status or {"voided": "void", "marked_uncollectible": "uncollectible", "created": "draft"}.get(
        kind, "paid" if paid else "open")
    obj = {"id": invoice or new_id("in"), "object": "invoice", "customer": customer or new_id("cus"), "currency": currency,
           "amount_due": amount, "amount_paid": amount if paid else 0, "amount_remaining": 0 if paid else amount,
           "total": amount, "status": status, "collection_method": "charge_automatically", "attempt_count": 1,
           "billing_reason": "subscription_cycle" if sub else "manual", "created": now() if created is None else created,
           "livemode": livemode, "metadata": {} if sub else metadata(org, installation),
           "lines": {"object": "list", "data": [_invoice_line(sub, amount, currency, price, legacy)], "has_more": False}}
    about_subscription = metadata(org, installation)
    if legacy:
        obj.update(subscription=sub, paid=paid,
                   subscription_details={"metadata": about_subscription if sub else None})
    else:
        obj["parent"] = {"type": "subscription_details", "quote_details": None, "subscription_details":
                         {"subscription": sub, "metadata": about_subscription}} if sub else None
    return event(f"invoice.{kind}", obj, id=id, created=created, livemode=livemode, legacy=legacy, account=account)


def _invoice_line(sub, amount, currency, price, legacy):
    line = {"id": new_id("il"), "object": "line_item", "amount": amount, "currency": currency, "quantity": 1}
    if legacy:
        return {**line, "type": "subscription" if sub else "invoiceitem", "subscription": sub,
                "price": {"id": price, "object": "price"}}
    details = {"subscription": sub, "proration": False} if sub else None
    return {**line, "parent": {"type": "subscription_item_details", "subscription_item_details": details} if sub else None,
            "pricing": {"type": "price_details", "price_details": {"price": price, "product": "prod_harness"}}}


def checkout_event(kind="completed", *, id=None, created=None, session=None, sub=None, customer=None, org=None,
                   client_reference=None, payment_status=None, mode="subscription", installation=None, payment_link=None,
                   livemode=False, legacy=False, account=None):
    """`kind`: completed, async_payment_succeeded, async_payment_failed, expired."""
    usual = {"completed": "paid", "async_payment_succeeded": "paid"}.get(kind, "unpaid")
    status = "expired" if kind == "expired" else "complete"
    obj = {"id": session or new_id("cs_live" if livemode else "cs_test"), "object": "checkout.session", "mode": mode,
           "status": status, "payment_status": payment_status or usual, "customer": customer or new_id("cus"),
           "subscription": sub, "invoice": None, "client_reference_id": client_reference, "payment_link": payment_link,
           "created": now() if created is None else created, "livemode": livemode, "url": None,
           "metadata": metadata(org, installation), "amount_total": 4900, "currency": "usd"}
    return event(f"checkout.session.{kind}", obj, id=id, created=created, livemode=livemode, legacy=legacy,
                 account=account)


def customer_deleted(customer, *, id=None, created=None, org=None, installation=None, livemode=False, legacy=False,
                     account=None):
    obj = {"id": customer, "object": "customer", "created": now(), "email": None, "livemode": livemode,
           "metadata": metadata(org, installation)}
    return event("customer.deleted", obj, id=id, created=created, livemode=livemode, legacy=legacy, account=account)


def thin_event(kind="v1.customer.subscription.updated", *, id=None, sub=None, livemode=False):
    """An event destination's notification: no object, and `created` is text."""
    sub = sub or new_id("sub")
    return {"id": id or new_id("evt_test"), "object": "v2.core.event", "type": kind, "livemode": livemode,
            "created": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()), "context": None,
            "related_object": {"id": sub, "type": "subscription", "url": f"/v1/subscriptions/{sub}"}}
