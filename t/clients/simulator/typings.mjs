// SPDX-License-Identifier: Apache-2.0
// Writes all that the simulator has made as TypeScript that Stripe's typings judge:
// node typings.mjs http://127.0.0.1:PORT > made.ts; tsc --noEmit --strict made.ts
import { Control } from './control.mjs';

const TYPES = {
  'billing_portal.session': 'Stripe.BillingPortal.Session',
  'checkout.session': 'Stripe.Checkout.Session',
  customer: 'Stripe.Customer',
  invoice: 'Stripe.Invoice',
  invoice_payment: 'Stripe.InvoicePayment',
  invoiceitem: 'Stripe.InvoiceItem',
  payment_link: 'Stripe.PaymentLink',
  payment_method: 'Stripe.PaymentMethod',
  price: 'Stripe.Price',
  product: 'Stripe.Product',
  subscription: 'Stripe.Subscription',
};
// The SDK turns these texts of the wire into its Decimal.
const DECIMAL = /("(?:unit_amount|amount|quantity)_decimal": )("[^"]*")/g;
const EXPANDED = [
  ['checkout.session', 'checkout/sessions', 'line_items', 'customer', 'invoice'],
  ['checkout.session', 'checkout/sessions', 'subscription.latest_invoice.payments'],
  ['subscription', 'subscriptions', 'customer', 'latest_invoice.confirmation_secret', 'default_payment_method'],
  ['subscription', 'subscriptions', 'items.data.price.product', 'latest_invoice.payments.data.invoice'],
  ['invoice', 'invoices', 'payments', 'customer', 'parent.subscription_details.subscription'],
  ['customer', 'customers', 'subscriptions', 'invoice_settings.default_payment_method'],
  ['payment_link', 'payment_links', 'line_items.data.price.product'],
];

const base = process.argv[2];
const control = new Control(base);
const lines = [
  "import Stripe from 'stripe';",
  'declare const decimal: (text: string) => Stripe.Decimal;',
  // Objects inside previous_attributes tell only what has changed, which the typings of Stripe.Event leave out.
  'type Before<T> = T extends (infer Entry)[] ? Entry[]',
  '  : T extends object ? { [Name in keyof T]?: Before<T[Name]> | null } : T;',
];

function declare(type, value) {
  const text = JSON.stringify(value, null, 1).replace(DECIMAL, '$1decimal($2)');
  lines.push(`export const made${lines.length}: ${type} = ${text};`);
}

async function retrieve(section, id, expand) {
  const query = new URLSearchParams(expand.map((path) => ['expand[]', path]));
  const answer = await fetch(`${base}/v1/${section}/${id}?${query}`, {
    headers: { authorization: 'Bearer sk_test_typings', 'stripe-version': '2026-10-28.endive' } });
  if (!answer.ok) throw new Error(`${section}/${id}: ${await answer.text()}`);
  return answer.json();
}

const { objects } = await control.get('state');
for (const [kind, made] of Object.entries(objects)) {
  for (const object of Object.values(made)) {
    declare(object.deleted ? 'Stripe.DeletedCustomer | Stripe.DeletedProduct' : TYPES[kind], object);
  }
}
for (const [kind, section, ...expand] of EXPANDED) {
  for (const object of Object.values(objects[kind])) {
    if (!object.deleted) declare(TYPES[kind], await retrieve(section, object.id, expand));
  }
}
for (const event of await control.get('events')) {
  const { previous_attributes: previous, ...data } = event.data;
  declare('Stripe.Event', { ...event, data });
  if (previous) declare(`Before<${TYPES[data.object.object]}>`, previous);
}
process.stdout.write(`${lines.join('\n')}\n`);
