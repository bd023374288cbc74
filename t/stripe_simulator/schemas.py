# SPDX-License-Identifier: Apache-2.0
# The parameters of each request, as API version 2026-10-28.endive has them. What Stripe has and the simulator does not
# act on is `anything`: accepted, since a client may send it, and without effect.
from .params import (Fields, anything, array, boolean, choice, currency, decimal, either, integer, metadata, text,
                     unsettable, until, url)

EXPAND = {"expand": array(text(), 20)}
RANGE = either(integer(), Fields({"gt": integer(), "gte": integer(), "lt": integer(), "lte": integer()}))
PAGE = {**EXPAND, "limit": integer(1, 100), "starting_after": text(), "ending_before": text()}
TIME = integer(0, 9999999999)
QUANTITY = integer(0, 999999)
AMOUNT = integer(0, 99999999)


def accepted(names):
    return {name: anything for name in names.split()}


def listing(**more):
    return Fields({**PAGE, **more})


NOTHING = Fields({})
ONLY_EXPAND = Fields(EXPAND)
SEARCH = Fields({**EXPAND, "query!": text(), "limit": integer(1, 100), "page": integer(0)})

PRODUCT_DATA = Fields({"name!": text(), "description": text(), "images": array(text()), "metadata": metadata,
                       **accepted("tax_code tax_details unit_label active id statement_descriptor")})
RECURRING = Fields({"interval!": choice("day", "week", "month", "year"), "interval_count": integer(1, 36),
                    **accepted("meter usage_type trial_period_days")})
PRICE_DATA = Fields({"currency!": currency, "product": text(), "product_data": PRODUCT_DATA, "recurring": RECURRING,
                     "unit_amount": AMOUNT, "unit_amount_decimal": decimal, "tax_behavior": anything})
BILLING_MODE = Fields({"type!": choice("flexible", "classic"), "flexible": anything})
TRIAL_SETTINGS = Fields({"end_behavior!": Fields({
    "missing_payment_method!": choice("cancel", "create_invoice", "pause"), "billing_cycle_anchor": anything})})
CANCELLATION = Fields({"comment": unsettable(text()), "feedback": unsettable(text()), "feedback_option": text()})
INVOICE_SETTINGS = Fields({"default_payment_method": unsettable(text()), "footer": unsettable(text()),
                           "custom_fields": unsettable(array(Fields({"name!": text(40), "value!": text(140)}), 4)),
                           "rendering_options": anything})

CUSTOMER = {
    **EXPAND, "email": unsettable(text(512)), "name": unsettable(text(256)), "phone": unsettable(text(20)),
    "description": unsettable(text()), "metadata": metadata, "balance": integer(), "tax_exempt": unsettable(
        choice("none", "exempt", "reverse")), "preferred_locales": array(text()), "invoice_prefix": text(12),
    "next_invoice_sequence": integer(1), "invoice_settings": INVOICE_SETTINGS, "business_name": unsettable(text(150)),
    "individual_name": unsettable(text(150)),
    **accepted("address shipping cash_balance source tax validate"),
}
CUSTOMER_CREATE = Fields({**CUSTOMER, "payment_method": text(), **accepted("tax_id_data test_clock")})
CUSTOMER_UPDATE = Fields({**CUSTOMER, "default_source": anything})
CUSTOMER_LIST = listing(created=RANGE, email=text(512), test_clock=anything)

PRODUCT = {**EXPAND, "name": text(), "active": boolean, "description": unsettable(text()), "metadata": metadata,
           "images": unsettable(array(text(), 8)), "statement_descriptor": text(22), "unit_label": unsettable(text(12)),
           "url": unsettable(text()),
           **accepted("marketing_features package_dimensions shippable tax_code tax_details")}
PRODUCT_CREATE = Fields({**PRODUCT, "name!": text(), "id": text(), "default_price_data": PRICE_DATA, "type": anything})
PRODUCT_UPDATE = Fields({**PRODUCT, "default_price": text()})
PRODUCT_LIST = listing(active=boolean, created=RANGE, ids=array(text()), shippable=anything, type=anything,
                       url=anything)
PRICE = {**EXPAND, "active": boolean, "metadata": metadata, "nickname": unsettable(text()), "lookup_key": text(200),
         "tax_behavior": text(), "transfer_lookup_key": boolean, "currency_options": anything}
PRICE_CREATE = Fields({**PRICE, "currency!": currency, "product": text(), "product_data": PRODUCT_DATA,
                       "recurring": RECURRING, "unit_amount": AMOUNT, "unit_amount_decimal": decimal,
                       "billing_scheme": choice("per_unit")})
PRICE_UPDATE = Fields(PRICE)
PRICE_LIST = listing(active=boolean, created=RANGE, currency=currency, lookup_keys=array(text(), 10), product=text(),
                     recurring=anything, type=choice("recurring", "one_time"))

SUBSCRIPTION_DATA = Fields({
    "metadata": metadata, "description": text(500), "trial_period_days": integer(1, 730), "trial_end": TIME,
    "trial_settings": TRIAL_SETTINGS, "billing_mode": BILLING_MODE,
    **accepted("application_fee_percent billing_cycle_anchor billing_cycle_anchor_config default_tax_rates "
               "invoice_settings on_behalf_of pending_invoice_item_interval proration_behavior transfer_data")})
LINE_ITEMS = array(Fields({"price": text(), "price_data": PRICE_DATA, "quantity": QUANTITY, "metadata": metadata,
                           **accepted("adjustable_quantity tax_rates")}), 40)
SESSION_CREATE = Fields({
    **EXPAND, "mode!": choice("payment", "setup", "subscription"), "line_items": LINE_ITEMS,
    "success_url": url, "cancel_url": url, "customer": text(), "customer_email": text(800),
    "customer_creation": choice("always", "if_required"),
    "customer_update": Fields(accepted("address name shipping")), "client_reference_id": text(200),
    "metadata": metadata, "subscription_data": SUBSCRIPTION_DATA, "expires_at": TIME, "currency": currency,
    "payment_method_collection": choice("always", "if_required"), "allow_promotion_codes": boolean,
    "integration_identifier": text(), "locale": text(20), "submit_type": text(), "ui_mode": text(),
    "billing_address_collection": choice("auto", "required"), "allowed_payment_method_types": array(text(), 100),
    "payment_method_types": until("2026-09-30", array(text(), 100)),
    "automatic_tax": Fields({"enabled!": boolean, "liability": anything}),
    **accepted("adaptive_pricing after_expiration branding_settings consent_collection custom_fields custom_text "
               "customer_account discounts excluded_payment_method_types invoice_creation managed_payments "
               "name_collection optional_items origin_context payment_intent_data payment_method_configuration "
               "payment_method_data payment_method_options permissions phone_number_collection redirect_on_completion "
               "return_url saved_payment_method_options setup_intent_data shipping_address_collection "
               "shipping_options tax_id_collection wallet_options")})
SESSION_UPDATE = Fields({**EXPAND, "metadata": metadata,
                         **accepted("collected_information line_items payment_intent_data shipping_options")})
SESSION_LIST = listing(created=RANGE, customer=text(), customer_details=Fields({"email!": text()}),
                       payment_intent=text(), payment_link=text(), subscription=text(),
                       status=choice("open", "complete", "expired"), customer_account=anything)

ONE_SUBSCRIPTION = Fields({"subscription!": text(), "retention": anything})
PORTAL_CREATE = Fields({
    **EXPAND, "customer": text(), "return_url": url, "configuration": text(), "locale": text(20),
    "flow_data": Fields({
        "type!": choice("payment_method_update", "subscription_cancel", "subscription_pause", "subscription_update",
                        "subscription_update_confirm", "customer_update"),
        "subscription_cancel": ONE_SUBSCRIPTION, "subscription_pause": ONE_SUBSCRIPTION,
        "after_completion": Fields({"type!": choice("redirect", "hosted_confirmation", "portal_homepage"),
                                    "redirect": Fields({"return_url!": url}),
                                    "hosted_confirmation": anything}),
        **accepted("subscription_update subscription_update_confirm")}),
    **accepted("after_expiration customer_account on_behalf_of")})

ITEM = {"price": text(), "price_data": PRICE_DATA, "quantity": QUANTITY, "metadata": metadata,
        **accepted("billing_thresholds discounts tax_rates plan trial current_trial")}
SUBSCRIPTION = {
    **EXPAND, "metadata": metadata, "description": unsettable(text(500)), "cancel_at": unsettable(TIME),
    "cancel_at_period_end": boolean, "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": integer(0, 1000), "default_payment_method": unsettable(text()),
    "payment_behavior": choice("allow_incomplete", "default_incomplete", "error_if_incomplete",
                               "pending_if_incomplete"),
    "proration_behavior": choice("always_invoice", "create_prorations", "none"), "trial_settings": TRIAL_SETTINGS,
    **accepted("add_invoice_items application_fee_percent automatic_tax billing_cycle_anchor billing_schedules "
               "billing_thresholds default_source default_tax_rates discounts invoice_settings off_session "
               "on_behalf_of payment_settings pending_invoice_item_interval transfer_data trial_from_plan")}
SUBSCRIPTION_CREATE = Fields({
    **SUBSCRIPTION, "customer": text(), "items": array(Fields(ITEM), 20), "trial_period_days": integer(0, 730),
    "trial_end": either(lambda value, name, version: value if value == "now" else TIME(value, name, version), anything),
    "billing_mode": BILLING_MODE,
    **accepted("backdate_start_date billing_cycle_anchor_config currency customer_account")})
SUBSCRIPTION_UPDATE = Fields({
    **SUBSCRIPTION, "items": array(Fields({**ITEM, "id": text(), "deleted": boolean, "clear_usage": anything}), 20),
    "trial_end": either(lambda value, name, version: value if value == "now" else TIME(value, name, version), anything),
    "cancellation_details": CANCELLATION, "proration_date": anything,
    "pause_collection": unsettable(Fields({"behavior!": choice("keep_as_draft", "mark_uncollectible", "void"),
                                           "resumes_at": TIME}))})
SUBSCRIPTION_CANCEL = Fields({**EXPAND, "cancellation_details": CANCELLATION, "invoice_now": boolean,
                              "prorate": boolean})
SUBSCRIPTION_PAUSE = Fields({**EXPAND, **accepted("bill_for invoicing_behavior type")})
SUBSCRIPTION_RESUME = Fields({**EXPAND, **accepted("billing_cycle_anchor payment_behavior proration_behavior "
                                                   "proration_date")})
SUBSCRIPTION_LIST = listing(
    customer=text(), price=text(), created=RANGE, current_period_start=RANGE, current_period_end=RANGE,
    status=choice("active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused",
                  "trialing", "unpaid"),
    **accepted("automatic_tax collection_method customer_account plan test_clock"))
SUBSCRIPTION_ITEM_LIST = Fields({**PAGE, "subscription!": text()})

INVOICE = {
    **EXPAND, "metadata": metadata, "auto_advance": boolean, "description": unsettable(text(1500)),
    "collection_method": choice("charge_automatically", "send_invoice"), "days_until_due": integer(0, 1000),
    "due_date": TIME, "footer": unsettable(text()), "number": unsettable(text(26)), "statement_descriptor": text(22),
    "custom_fields": unsettable(array(Fields({"name!": text(40), "value!": text(140)}), 4)),
    "default_payment_method": text(),
    **accepted("account_tax_ids application_fee_amount automatic_tax automatically_finalizes_at default_source "
               "default_tax_rates discounts effective_at issuer on_behalf_of payment_settings rendering shipping_cost "
               "shipping_details transfer_data")}
INVOICE_CREATE = Fields({
    **INVOICE, "customer": text(), "currency": currency,
    "pending_invoice_items_behavior": choice("exclude", "include"),
    **accepted("customer_account from_invoice subscription")})
INVOICE_UPDATE = Fields(INVOICE)
INVOICE_FINALIZE = Fields({**EXPAND, "auto_advance": boolean})
INVOICE_PAY = Fields({**EXPAND, "paid_out_of_band": boolean, "payment_method": text(),
                      **accepted("forgive mandate off_session source")})
INVOICE_LIST = listing(created=RANGE, customer=text(), subscription=text(), due_date=anything,
                       status=choice("draft", "open", "paid", "uncollectible", "void"),
                       collection_method=choice("charge_automatically", "send_invoice"), customer_account=anything)

PERIOD = Fields({"start!": TIME, "end!": TIME})
INVOICE_ITEM = {
    **EXPAND, "amount": integer(-99999999, 99999999), "description": unsettable(text(5000)), "metadata": metadata,
    "period": PERIOD, "price_data": PRICE_DATA, "pricing": Fields({"price!": text()}), "quantity": QUANTITY,
    "unit_amount_decimal": decimal,
    **accepted("discountable discounts quantity_decimal tax_behavior tax_code tax_rates")}
INVOICE_ITEM_CREATE = Fields({**INVOICE_ITEM, "customer": text(), "invoice": text(), "currency": currency,
                              "subscription": text(), "customer_account": anything})
INVOICE_ITEM_UPDATE = Fields({**INVOICE_ITEM, "invoicing_rules": anything})
INVOICE_ITEM_LIST = listing(created=anything, customer=text(), invoice=text(), pending=boolean,
                            customer_account=anything)
INVOICE_PAYMENT_LIST = listing(created=RANGE, invoice=text(), status=choice("open", "paid", "canceled"),
                               payment=Fields({"type!": text(), "payment_intent": text(), "payment_record": text()}))

LINK = {
    **EXPAND, "active": boolean, "metadata": metadata, "allow_promotion_codes": boolean, "submit_type": text(),
    "billing_address_collection": text(), "customer_creation": choice("always", "if_required"),
    "inactive_message": unsettable(text(500)), "payment_method_collection": choice("always", "if_required"),
    "payment_method_types": unsettable(array(text())),
    "restrictions": unsettable(Fields({"completed_sessions!": Fields({"limit!": integer(1)})})),
    "after_completion": Fields({"type!": choice("redirect", "hosted_confirmation"),
                                "redirect": Fields({"url!": url}),
                                "hosted_confirmation": Fields({"custom_message": text()})}),
    "subscription_data": Fields({"metadata": metadata, "trial_period_days": integer(1, 730), "description": text(),
                                 **accepted("invoice_settings trial_settings")}),
    **accepted("application_fee_amount application_fee_percent automatic_tax consent_collection custom_fields "
               "custom_text invoice_creation name_collection optional_items payment_intent_data "
               "payment_method_options phone_number_collection shipping_address_collection shipping_options "
               "tax_id_collection")}
LINK_CREATE = Fields({**LINK, "line_items!": LINE_ITEMS,
                      **accepted("currency managed_payments on_behalf_of transfer_data")})
LINK_UPDATE = Fields({**LINK, "line_items": anything})
LINK_LIST = listing(active=boolean)

METHOD_ATTACH = Fields({**EXPAND, "customer!": text(), "customer_account": anything})
METHOD_LIST = listing(customer=text(), type=text(), allow_redisplay=anything, customer_account=anything)

EVENT_LIST = listing(type=text(), types=array(text(), 20), created=RANGE, delivery_success=boolean)
ENTITLEMENT_LIST = Fields({**PAGE, "customer!": text()})
