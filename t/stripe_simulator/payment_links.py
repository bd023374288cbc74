# SPDX-License-Identifier: Apache-2.0
# Payment links: each visit makes a Checkout Session.
from . import checkout
from .errors import invalid
from .metadata import merge_metadata
from .params import UNSET
from .store import paginate

KEPT = ("allow_promotion_codes", "billing_address_collection", "customer_creation", "inactive_message",
        "payment_method_collection", "payment_method_types", "submit_type")


def create(sim, call):
    params = call.params
    entries, mode = checkout.resolve_entries(sim, params["line_items"])
    identifier = sim.ids.make("payment_link")
    link = {
        "id": identifier, "object": "payment_link", "active": True,
        "after_completion": {"hosted_confirmation": {"custom_message": None}, "type": "hosted_confirmation"},
        "allow_promotion_codes": False, "application": None, "application_fee_amount": None,
        "application_fee_percent": None, "automatic_tax": {"enabled": False, "liability": None},
        "billing_address_collection": "auto", "consent_collection": None, "currency": entries[0]["price"]["currency"],
        "custom_fields": [],
        "custom_text": {"after_submit": None, "shipping_address": None, "submit": None,
                        "terms_of_service_acceptance": None},
        "customer_creation": "if_required", "inactive_message": None, "invoice_creation": None, "livemode": False,
        "managed_payments": None, "metadata": {}, "on_behalf_of": None, "payment_intent_data": None,
        "payment_method_collection": "always", "payment_method_options": None, "payment_method_types": None,
        "phone_number_collection": {"enabled": False}, "restrictions": None, "shipping_address_collection": None,
        "shipping_options": [], "submit_type": "auto",
        "subscription_data": {"description": None, "invoice_settings": {
            "account_tax_ids": None, "custom_fields": None, "description": None, "footer": None,
            "issuer": {"type": "self"}}, "metadata": {}, "trial_period_days": None, "trial_settings": None}
        if mode == "subscription" else None,
        "tax_id_collection": {"enabled": False, "required": "never"}, "transfer_data": None,
        "url": f"{sim.base_url}/b/{identifier}",
    }
    note = sim.store.note(identifier)
    note.update(entries=entries, mode=mode, lines=[checkout.line_of(sim, entry) for entry in entries])
    _apply(link, params)
    return sim.store.put(link)


def _apply(link, params):
    for name in KEPT + ("active",):
        if name in params:
            link[name] = None if params[name] == UNSET else params[name]
    completion = params.get("after_completion")
    if completion:
        kind = completion["type"]
        if kind == "redirect" and "redirect" not in completion:
            raise invalid("Missing required param: after_completion[redirect].", param="after_completion[redirect]",
                          code="parameter_missing")
        link["after_completion"] = {"type": kind, kind: completion.get(kind, {"custom_message": None})}
        if kind == "hosted_confirmation":
            link["after_completion"][kind].setdefault("custom_message", None)
    if params.get("restrictions"):
        count = link["restrictions"]["completed_sessions"]["count"] if link["restrictions"] else 0
        link["restrictions"] = {"completed_sessions": {
            "count": count, "limit": params["restrictions"]["completed_sessions"]["limit"]}}
    elif params.get("restrictions") == UNSET:
        link["restrictions"] = None
    data = params.get("subscription_data")
    if data:
        if link["subscription_data"] is None:
            raise invalid("You can not pass `subscription_data` for one-time prices.", param="subscription_data")
        link["subscription_data"]["trial_period_days"] = data.get("trial_period_days")
        link["subscription_data"]["metadata"].update(data.get("metadata") or {})
    merge_metadata(link, params.get("metadata"))


def update(sim, call):
    link = sim.store.find("payment_link", call.ids[0])
    _apply(link, call.params)
    return link


def retrieve(sim, call):
    return sim.store.find("payment_link", call.ids[0])


def list_all(sim, call):
    links = [link for link in sim.store.newest_first("payment_link")
             if call.params.get("active") in (None, link["active"])]
    return paginate(links, call.params, "/v1/payment_links", "payment_link")


def open_session(sim, link, client_reference_id=None, email=None):
    """What a visit to an active link makes. Anyone may put a client_reference_id into the address."""
    note = sim.store.note(link["id"])
    fields = {"metadata": dict(link["metadata"]), "customer_creation": link["customer_creation"]}
    if client_reference_id:
        fields["client_reference_id"] = client_reference_id[:200]
    if email:
        fields["customer_email"] = email
    if link["after_completion"]["type"] == "redirect":
        fields["success_url"] = link["after_completion"]["redirect"]["url"]
    if link["subscription_data"]:
        fields["subscription_data"] = {name: value for name, value in link["subscription_data"].items()
                                       if name in ("metadata", "trial_period_days") and value}
    return checkout.build(sim, note["mode"], note["entries"], fields, payment_link=link["id"])
