# SPDX-License-Identifier: Apache-2.0
# The routes of the simulated API.
import re
from dataclasses import dataclass, field

from . import (catalogue, checkout, customers, events, invoice_lines, invoice_routes, payment_links, payment_methods,
               payments, portal, schemas, subscriptions)


@dataclass
class Call:
    """One API request: its parameters are decoded text until the route's schema has checked them."""
    method: str
    path: str
    params: dict
    request_id: str
    at: int
    version: str
    idempotency_key: str = None
    ids: tuple = ()


@dataclass
class Route:
    method: str
    pattern: str
    handler: object
    schema: object = schemas.ONLY_EXPAND
    ids: re.Pattern = field(init=False)

    def __post_init__(self):
        self.ids = re.compile("^/v1/" + self.pattern.replace("{}", "([^/]+)") + "$")


def no_entitlements(sim, call):
    """The account sells no entitlements."""
    sim.store.find_current("customer", call.params["customer"], "customer")
    return {"object": "list", "data": [], "has_more": False, "url": "/v1/entitlements/active_entitlements"}


ROUTES = [Route(*row) for row in (
    ("POST", "customers", customers.create, schemas.CUSTOMER_CREATE),
    ("GET", "customers", customers.list_all, schemas.CUSTOMER_LIST),
    ("GET", "customers/search", customers.search, schemas.SEARCH),
    ("GET", "customers/{}", customers.retrieve),
    ("POST", "customers/{}", customers.update, schemas.CUSTOMER_UPDATE),
    ("DELETE", "customers/{}", customers.delete, schemas.NOTHING),
    ("GET", "customers/{}/payment_methods", payment_methods.list_of_customer, schemas.METHOD_LIST),
    ("GET", "customers/{}/payment_methods/{}", payment_methods.retrieve_of_customer),
    ("GET", "payment_methods", payment_methods.list_all, schemas.METHOD_LIST),
    ("GET", "payment_methods/{}", payment_methods.retrieve),
    ("POST", "payment_methods/{}/attach", payment_methods.attach, schemas.METHOD_ATTACH),
    ("POST", "payment_methods/{}/detach", payment_methods.detach),
    ("POST", "products", catalogue.create_product, schemas.PRODUCT_CREATE),
    ("GET", "products", catalogue.list_products, schemas.PRODUCT_LIST),
    ("GET", "products/{}", catalogue.retrieve("product")),
    ("POST", "products/{}", catalogue.update_product, schemas.PRODUCT_UPDATE),
    ("DELETE", "products/{}", catalogue.delete_product, schemas.NOTHING),
    ("POST", "prices", catalogue.create_price, schemas.PRICE_CREATE),
    ("GET", "prices", catalogue.list_prices, schemas.PRICE_LIST),
    ("GET", "prices/{}", catalogue.retrieve("price")),
    ("POST", "prices/{}", catalogue.update_price, schemas.PRICE_UPDATE),
    ("POST", "checkout/sessions", checkout.create, schemas.SESSION_CREATE),
    ("GET", "checkout/sessions", checkout.list_all, schemas.SESSION_LIST),
    ("GET", "checkout/sessions/{}", checkout.retrieve),
    ("POST", "checkout/sessions/{}", checkout.update, schemas.SESSION_UPDATE),
    ("POST", "checkout/sessions/{}/expire", checkout.expire_call),
    ("GET", "checkout/sessions/{}/line_items", checkout.list_lines("checkout.session"), schemas.listing()),
    ("POST", "billing_portal/sessions", portal.create, schemas.PORTAL_CREATE),
    ("POST", "subscriptions", subscriptions.create, schemas.SUBSCRIPTION_CREATE),
    ("GET", "subscriptions", subscriptions.list_all, schemas.SUBSCRIPTION_LIST),
    ("GET", "subscriptions/{}", subscriptions.retrieve),
    ("POST", "subscriptions/{}", subscriptions.update, schemas.SUBSCRIPTION_UPDATE),
    ("DELETE", "subscriptions/{}", subscriptions.cancel, schemas.SUBSCRIPTION_CANCEL),
    ("POST", "subscriptions/{}/pause", subscriptions.pause, schemas.SUBSCRIPTION_PAUSE),
    ("POST", "subscriptions/{}/resume", subscriptions.resume, schemas.SUBSCRIPTION_RESUME),
    ("GET", "subscription_items", subscriptions.list_items, schemas.SUBSCRIPTION_ITEM_LIST),
    ("POST", "invoices", invoice_routes.create, schemas.INVOICE_CREATE),
    ("GET", "invoices", invoice_routes.list_all, schemas.INVOICE_LIST),
    ("GET", "invoices/{}", invoice_routes.retrieve),
    ("POST", "invoices/{}", invoice_routes.update, schemas.INVOICE_UPDATE),
    ("DELETE", "invoices/{}", invoice_routes.delete, schemas.NOTHING),
    ("GET", "invoices/{}/lines", invoice_lines.list_of_invoice, schemas.listing()),
    ("POST", "invoices/{}/finalize", invoice_routes.finalize, schemas.INVOICE_FINALIZE),
    ("POST", "invoices/{}/send", invoice_routes.send),
    ("POST", "invoices/{}/pay", invoice_routes.pay, schemas.INVOICE_PAY),
    ("POST", "invoices/{}/void", invoice_routes.void),
    ("POST", "invoices/{}/mark_uncollectible", invoice_routes.mark_uncollectible),
    ("POST", "invoiceitems", invoice_lines.create, schemas.INVOICE_ITEM_CREATE),
    ("GET", "invoiceitems", invoice_lines.list_all, schemas.INVOICE_ITEM_LIST),
    ("GET", "invoiceitems/{}", invoice_lines.retrieve),
    ("POST", "invoiceitems/{}", invoice_lines.update, schemas.INVOICE_ITEM_UPDATE),
    ("DELETE", "invoiceitems/{}", invoice_lines.delete, schemas.NOTHING),
    ("GET", "invoice_payments", payments.list_all, schemas.INVOICE_PAYMENT_LIST),
    ("GET", "invoice_payments/{}", payments.retrieve),
    ("POST", "payment_links", payment_links.create, schemas.LINK_CREATE),
    ("GET", "payment_links", payment_links.list_all, schemas.LINK_LIST),
    ("GET", "payment_links/{}", payment_links.retrieve),
    ("POST", "payment_links/{}", payment_links.update, schemas.LINK_UPDATE),
    ("GET", "payment_links/{}/line_items", checkout.list_lines("payment_link"), schemas.listing()),
    ("GET", "events", events.list_all, schemas.EVENT_LIST),
    ("GET", "events/{}", events.retrieve),
    ("GET", "entitlements/active_entitlements", no_entitlements, schemas.ENTITLEMENT_LIST),
)]


def match(method, path):
    """The route and the ids in the path, still percent-encoded; (None, ()) if there is none."""
    for route in ROUTES:
        found = route.method == method and route.ids.match(path)
        if found:
            return route, found.groups()
    return None, ()
