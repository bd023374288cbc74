# SPDX-License-Identifier: Apache-2.0
# The states that every invoice goes through: draft, open, paid, void, uncollectible.
from . import invoice_lines, lifecycle, payments

DAY = 86400
ACKNOWLEDGE_LIMIT = 72 * 3600


def schedule(sim):
    sim.agenda.on("invoice_finalize", lambda identifier, due: _finalize_by_itself(sim, identifier, due))
    sim.agenda.on("invoice_retry", lambda identifier, due: _retry(sim, identifier, due))
    sim.agenda.on("invoice_overdue", lambda identifier, due: _overdue(sim, identifier, due))


def build(sim, customer, reason, currency, **fields):
    """A draft without lines, not yet told to anyone."""
    now = sim.clock.now()
    identifier = sim.ids.make("invoice")
    invoice = {
        "id": identifier, "object": "invoice", "account_country": "US", "account_name": "Stripe simulator",
        "account_tax_ids": None, "amount_due": 0, "amount_overpaid": 0, "amount_paid": 0,
        "amount_remaining": 0, "amount_shipping": 0, "application": None, "attempt_count": 0, "attempted": False,
        "auto_advance": False,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "provider": None,
                          "status": None},
        "automatically_finalizes_at": None, "billing_reason": reason, "collection_method": "charge_automatically",
        "created": now, "currency": currency, "custom_fields": None, "customer": customer["id"],
        "customer_account": None, "customer_address": customer["address"], "customer_email": customer["email"],
        "customer_name": customer["name"], "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"], "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [], "default_payment_method": None, "default_source": None, "default_tax_rates": [],
        "description": None, "discounts": [], "due_date": None, "effective_at": None, "ending_balance": None,
        "footer": None, "from_invoice": None, "hosted_invoice_url": None, "invoice_pdf": None,
        "issuer": {"type": "self"}, "last_finalization_error": None, "latest_revision": None,
        "lines": {"object": "list", "data": [], "has_more": False,
                  "url": f"/v1/invoices/{identifier}/lines"},
        "livemode": False, "metadata": {}, "next_payment_attempt": None, "number": None, "on_behalf_of": None,
        "parent": None,
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": now, "period_start": now, "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0, "receipt_number": None, "rendering": None, "shipping_cost": None,
        "shipping_details": None, "starting_balance": 0, "statement_descriptor": None, "status": "draft",
        "status_transitions": {"finalized_at": None, "marked_uncollectible_at": None, "paid_at": None,
                               "voided_at": None},
        "subtotal": 0, "subtotal_excluding_tax": 0, "test_clock": None, "total": 0, "total_discount_amounts": [],
        "total_excluding_tax": 0, "total_pretax_credit_amounts": [], "total_taxes": [],
        "webhooks_delivered_at": None, **fields,
    }
    customer["currency"] = customer["currency"] or currency
    return sim.store.put(invoice)


def add_line(invoice, line):
    line["invoice"] = invoice["id"]
    invoice["lines"]["data"].append(line)
    _total(invoice)


def replace_line(invoice, item_id, line):
    """The line of an invoice item; None takes it off."""
    lines = invoice["lines"]["data"]
    for index, old in enumerate(lines):
        if (old["parent"]["invoice_item_details"] or {}).get("invoice_item") == item_id:
            if line:
                line["id"], line["invoice"] = old["id"], invoice["id"]
            lines[index:index + 1] = [line] if line else []
            break
    _total(invoice)


def _total(invoice):
    lines = invoice["lines"]
    total = sum(line["amount"] for line in lines["data"])
    for name in ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"):
        invoice[name] = total
    invoice["amount_due"] = invoice["amount_remaining"] = max(0, total)


def take_pending_items(sim, invoice, subscription=None):
    """Invoice items that wait: those of that subscription, or the customer's that belong to none."""
    wanted = subscription and subscription["id"]
    for item in sim.store.all("invoiceitem"):
        owner = item["parent"] and item["parent"]["subscription_details"]["subscription"]
        if item["invoice"] is None and item["customer"] == invoice["customer"] and owner == wanted and (
                item["currency"] == invoice["currency"]):
            item["invoice"] = invoice["id"]
            add_line(invoice, invoice_lines.of_invoice_item(sim, item))


def finalize(sim, invoice):
    """draft -> open, or paid at once where nothing is due."""
    now = sim.clock.now()
    customer = sim.store.get("customer", invoice["customer"])
    if invoice["number"] is None:
        number = customer.get("next_invoice_sequence", 1)
        invoice["number"] = f"{customer.get('invoice_prefix', 'DELETED')}-{number:04d}"
        customer["next_invoice_sequence"] = number + 1
    days = sim.store.note(invoice["id"]).get("days_until_due")
    if days is not None:
        invoice["due_date"] = now + days * DAY
    balance = customer.get("balance", 0)
    left = balance + invoice["total"]
    if balance or left < 0:
        customer["balance"] = min(0, left)
    invoice.update(status="open", effective_at=now, starting_balance=balance, ending_balance=min(0, left),
                   automatically_finalizes_at=None, webhooks_delivered_at=now,
                   hosted_invoice_url=f"{sim.base_url}/i/{invoice['id']}",
                   invoice_pdf=f"{sim.base_url}/i/{invoice['id']}/pdf")
    invoice["amount_due"] = invoice["amount_remaining"] = max(0, left)
    invoice["status_transitions"]["finalized_at"] = now
    if invoice["amount_due"]:
        payments.expect(sim, invoice)
    sim.events.emit("invoice.finalized", invoice)
    if invoice["due_date"] is not None:
        sim.agenda.add(invoice["due_date"], "invoice_overdue", invoice["id"])
    if invoice["amount_due"] == 0:
        mark_paid(sim, invoice)


def mark_paid(sim, invoice, out_of_band=False):
    """open or uncollectible -> paid; also of a subscription's invoice, which the subscription then hears."""
    now = sim.clock.now()
    invoice.update(status="paid", amount_paid=0 if out_of_band else invoice["amount_due"], amount_remaining=0,
                   attempted=True, auto_advance=False, next_payment_attempt=None)
    invoice["status_transitions"]["paid_at"] = now
    if out_of_band:
        invoice["amount_paid_off_stripe"] = invoice["amount_due"]
    payments.close(sim, invoice, "paid" if not out_of_band else "canceled")
    sim.events.emit("invoice.paid", invoice)
    if not out_of_band:
        sim.events.emit("invoice.payment_succeeded", invoice)
    lifecycle.invoice_paid(sim, invoice)


def collect(sim, invoice, method=None):
    """Tries to charge an open invoice. Returns None when paid or on its way, or the cards.Decline."""
    invoice["attempted"] = True
    invoice["attempt_count"] += 1
    decline = payments.charge(sim, invoice, method)
    if decline is payments.ON_ITS_WAY:
        return None
    if decline is None:
        mark_paid(sim, invoice)
    else:
        payment_failed(sim, invoice)
    return decline


def payment_failed(sim, invoice):
    """An attempt did not succeed: the next one is set, or the attempts are over."""
    attempts, days = invoice["attempt_count"], sim.settings.retry_days
    again = invoice["auto_advance"] and not lifecycle.is_first_invoice(sim, invoice) and attempts <= len(days)
    invoice["next_payment_attempt"] = sim.clock.now() + days[attempts - 1] * DAY if again else None
    if again:
        sim.agenda.add(invoice["next_payment_attempt"], "invoice_retry", invoice["id"])
    sim.events.emit("invoice.payment_failed", invoice)
    lifecycle.invoice_failed(sim, invoice)
    if not again and attempts > len(days):
        invoice["auto_advance"] = False
        lifecycle.attempts_over(sim, invoice)


def send(sim, invoice):
    """What an e-mail to the customer would tell; there is no e-mail here, as in Stripe's test mode."""
    sim.events.emit("invoice.sent", invoice)


def void(sim, invoice):
    with sim.changing("invoice.updated", invoice):
        invoice.update(status="void", auto_advance=False, next_payment_attempt=None)
        invoice["status_transitions"]["voided_at"] = sim.clock.now()
    payments.close(sim, invoice, "canceled")
    sim.events.emit("invoice.voided", invoice)


def mark_uncollectible(sim, invoice):
    with sim.changing("invoice.updated", invoice):
        invoice.update(status="uncollectible", auto_advance=False, next_payment_attempt=None)
        invoice["status_transitions"]["marked_uncollectible_at"] = sim.clock.now()
    sim.events.emit("invoice.marked_uncollectible", invoice)


def finalize_later(sim, invoice, delay):
    due = sim.clock.now() + delay
    invoice["auto_advance"] = True
    invoice["automatically_finalizes_at"] = due
    sim.agenda.add(due, "invoice_finalize", invoice["id"])


def advance(sim, invoice):
    """What auto_advance does after finalisation: charge, or send."""
    if invoice["status"] != "open" or not invoice["auto_advance"]:
        return
    if invoice["collection_method"] == "charge_automatically":
        collect(sim, invoice)
    else:
        send(sim, invoice)


def _finalize_by_itself(sim, identifier, due):
    invoice = sim.store.get("invoice", identifier)
    if not invoice or invoice["status"] != "draft" or invoice["automatically_finalizes_at"] != due:
        return
    if sim.settings.wait_for_invoice_created and due < invoice["created"] + ACKNOWLEDGE_LIMIT and any(
            event.undelivered for event in sim.events.all()
            if event.type == "invoice.created" and event.object_id == identifier):
        finalize_later(sim, invoice, 3600)
        return
    finalize(sim, invoice)
    advance(sim, invoice)


def _retry(sim, identifier, due):
    invoice = sim.store.get("invoice", identifier)
    if invoice["status"] == "open" and invoice["auto_advance"] and invoice["next_payment_attempt"] == due:
        collect(sim, invoice)


def _overdue(sim, identifier, due):
    invoice = sim.store.get("invoice", identifier)
    if invoice["status"] == "open" and invoice["due_date"] == due:
        sim.events.emit("invoice.overdue", invoice)
        lifecycle.invoice_failed(sim, invoice)
